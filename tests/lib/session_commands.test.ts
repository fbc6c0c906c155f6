// What a caller can ask of a session besides joining and speaking, and what it can look at.

import { assertEquals, assertGreater, assertThrows } from "@std/assert";
import test from "node:test";
import { LocalProtocolError } from "../../lib/errors.ts";
import type { Input } from "../../lib/io.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../lib/rtp_header.ts";
import { GATEWAY_LIMIT } from "../../lib/signalling.ts";
import {
  actionsOf,
  ADDRESS,
  CHANNEL,
  channelsOf,
  DIRECT,
  Driver,
  driveTo,
  ENDPOINT,
  eventsOf,
  GUILD,
  JOIN,
  MODES,
  sentBy,
  SESSION_ID,
  shakeHands,
  SSRC,
  STEPS,
  TOKEN,
  URL_V8,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { hex } from "../tools/vectors.ts";

const RECONNECT: Input = { type: "reconnect" };
const CONNECT: Input = { type: "connect" };
const REQUEST: Input = { type: "requestVoice" };

/** What a packet that is sent now has: SSRC, sequence number, timestamp, nonce. */
function packetOf({ session }: Driver): number[] | undefined {
  const into = new Uint8Array(35);
  if (session.packetize(hex("f8fffe"), into) === 0) return undefined;
  const header = new RtpHeader();
  parseRtpHeader(into, header);
  return [header.ssrc, header.sequence, header.timestamp, readU32(into, 31)];
}

function closed(driver: Driver): Driver {
  driver.feed({ type: "leave" });
  return driver;
}

/** A command is refused with these words, and nothing has changed. */
function assertRefused(driver: Driver, input: Input, message: string): void {
  const { state } = driver.session;
  const timeout = driver.session.pollTimeout();
  const error = assertThrows(() => driver.feed(input), LocalProtocolError);
  assertEquals(error.message, message);
  assertEquals(driver.session.pollOutput(), undefined);
  assertEquals([driver.session.state, driver.session.pollTimeout()], [state, timeout]);
}

/** A connection that was lost twice: the second Resume is due within a second, not yet. */
function lostTwice(): Driver {
  const driver = driveTo("reconnecting");
  driver.close(1006);
  assertGreater(driver.session.pollTimeout()!, driver.now);
  assertEquals(driver.session.state, "reconnecting");
  return driver;
}

// Reconnect

test("VoiceSession reconnects: 1012, then Resume; SSRC, key, counters and UDP are kept", () => {
  const driver = driveTo("connected");
  driver.wait(0);
  driver.message(18, { user_id: "8", flags: 0 }, 41);
  const [ssrc, sequence, timestamp, nonce] = packetOf(driver)!;
  const { mode, address } = driver.session;
  assertEquals(driver.feed(RECONNECT), [
    { type: "closeWebSocket", id: 1, code: 1012 },
    { type: "event", event: { type: "disconnected", code: 1012, reason: "", bySelf: true } },
    { type: "event", event: { type: "state", from: "connected", to: "reconnecting" } },
  ]);
  assertEquals(packetOf(driver), undefined);
  assertEquals(driver.wait(0), [{ type: "openWebSocket", id: 3, url: URL_V8 }]);
  assertEquals(sentBy(driver.open()), [{
    op: 7,
    d: { server_id: GUILD, session_id: SESSION_ID, token: TOKEN, seq_ack: 41 },
  }]);
  const events = eventsOf(driver.message(9, null));
  assertEquals(events, [{ type: "resumed" }]);
  assertEquals([driver.session.state, driver.session.mode], ["connected", mode]);
  assertEquals(driver.session.address, address);
  assertEquals(packetOf(driver), [ssrc, sequence + 1 & 0xffff, timestamp + 960 >>> 0, nonce + 1]);
  assertEquals(driver.log.some(({ output }) => output.type === "closeUdp"), false);
});

test("VoiceSession reconnects as often as it is asked, and spends no attempt on it", () => {
  const driver = driveTo("connected");
  for (let i = 0; i < 50; i++) {
    driver.feed(RECONNECT);
    driver.wait(0);
    driver.open();
    driver.message(9, null);
  }
  driver.close(1006);
  const actions = actionsOf(driver.wait(0));
  assertEquals(actions.map(({ type }) => type), ["openWebSocket"]);
});

test("VoiceSession recovers as ever where the server fails after a reconnect", () => {
  for (const [code, state] of [[1006, "reconnecting"], [4006, "signalling"], [4014, "waiting"]]) {
    const driver = driveTo("connected");
    driver.feed(RECONNECT);
    driver.wait(0);
    driver.close(code as number);
    assertEquals(driver.session.state, state);
  }
});

test("VoiceSession asked twice to reconnect opens one WebSocket", () => {
  const driver = driveTo("connected");
  driver.wait(0);
  driver.feed(RECONNECT);
  for (const command of [RECONNECT, CONNECT, RECONNECT]) assertEquals(driver.feed(command), []);
  assertEquals(driver.wait(0).map(({ type }) => type), ["openWebSocket"]);
  for (const command of [RECONNECT, CONNECT]) assertEquals(driver.feed(command), []);
  assertEquals(driver.wait(100), []);
});

for (const command of [RECONNECT, CONNECT]) {
  const { type } = command;

  test(`VoiceSession.${type} does nothing to a step that is under way`, () => {
    const joining = new Driver();
    joining.feed(JOIN);
    const waiting = driveTo("connected");
    waiting.close(4014);
    const steps = STEPS.filter((step) => step !== "connected").map((step) => driveTo(step));
    for (const driver of [joining, waiting, ...steps]) {
      driver.wait(0);
      const { state } = driver.session;
      const timeout = driver.session.pollTimeout();
      assertEquals(driver.feed(command), [], state);
      assertEquals([driver.session.state, driver.session.pollTimeout()], [state, timeout]);
    }
  });

  test(`VoiceSession.${type} cuts the wait of a recovery short`, () => {
    const driver = lostTwice();
    assertEquals(driver.feed(command), []);
    assertEquals(driver.session.pollTimeout(), driver.now);
    assertEquals(driver.wait(0), [{ type: "openWebSocket", id: 4, url: URL_V8 }]);
    assertEquals(sentBy(driver.open()).map(({ op }) => op), [7]);
  });

  test(`VoiceSession.${type} cuts the wait for a fresh join short, inside the limit of op 4`, () => {
    const driver = driveTo("connected");
    driver.close(4006);
    const before = driver.now;
    driver.feed(command);
    assertEquals(channelsOf(driver.wait(0)), [null, CHANNEL]);
    assertEquals(driver.now, before);
    const spent = driveTo("connected");
    const start = spent.now;
    for (let i = 0; i < 3; i++) spent.feed(REQUEST);
    spent.close(4006);
    for (let i = 0; i < 5; i++) {
      spent.feed(command);
      assertEquals(channelsOf(spent.wait(11_000)), []);
    }
    spent.feed(command);
    spent.wait(start + 60_000 - spent.now - 1);
    assertEquals(channelsOf(spent.log.map(({ output }) => output)).length, 4);
    assertEquals(channelsOf(spent.wait(1)), [null, CHANNEL]);
  });

  test(`VoiceSession.${type} is refused before a join and after the end`, () => {
    assertRefused(new Driver(), command, `Cannot ${type}: the session is idle`);
    for (const step of STEPS) {
      const driver = closed(driveTo(step));
      assertRefused(driver, command, `Cannot ${type}: the session is closed`);
    }
  });
}

test("VoiceSession.connect leaves a connection alone", () => {
  const driver = driveTo("connected");
  driver.wait(0);
  assertEquals([driver.feed(CONNECT), driver.wait(100)], [[], []]);
  assertEquals([driver.session.state, driver.websocketId], ["connected", 1]);
});

// Request a voice server

test("VoiceSession.requestVoice sends op 4 for the channel that it is in, and goes on", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    driver.feed(voiceState("5"));
    const own = { guild_id: GUILD, channel_id: "5", self_mute: false, self_deaf: false };
    assertEquals(driver.feed(REQUEST), [
      { type: "sendGateway", payload: { op: 4, d: own } },
      {
        type: "event",
        event: {
          type: "message",
          direction: "sent",
          channel: "gateway",
          name: "Voice State (join)",
        },
      },
    ]);
    assertEquals(driver.session.state, step);
  }
});

test("VoiceSession follows the voice server that requestVoice brought, if it is another one", () => {
  const driver = driveTo("connected");
  driver.feed(REQUEST);
  assertEquals(actionsOf([...driver.feed(voiceState()), ...driver.feed(voiceServer())]), []);
  assertEquals(driver.session.state, "connected");
  assertEquals(actionsOf(driver.feed(voiceServer("new"))).map(({ type }) => type), [
    "closeWebSocket",
    "closeUdp",
    "openWebSocket",
  ]);
});

test("VoiceSession.requestVoice is refused beyond five op 4 a minute, and free after it", () => {
  const driver = driveTo("connected");
  const start = driver.now;
  // The join was one, and one is kept for leaving.
  for (let i = 2; i < GATEWAY_LIMIT; i++) assertEquals(channelsOf(driver.feed(REQUEST)), [CHANNEL]);
  const message = "Cannot request a voice server: 5 op 4 a minute are the limit";
  assertRefused(driver, REQUEST, message);
  driver.now = start + 59_999;
  assertRefused(driver, REQUEST, message);
  driver.now = start + 60_000;
  assertEquals(channelsOf(driver.feed(REQUEST)), [CHANNEL]);
  assertEquals(channelsOf(driver.feed({ type: "leave" })), [null]);
});

test("VoiceSession.join is refused beyond five op 4 a minute, one of which is for leaving", () => {
  const message = "Cannot join: 5 op 4 a minute are the limit";
  const driver = new Driver();
  const start = driver.now;
  for (let i = 0; i < 4; i++) {
    const outputs = driver.feed({ ...JOIN, channelId: `${i}` });
    assertEquals(channelsOf(outputs), [`${i}`]);
  }
  for (const now of [start, start + 59_999]) {
    driver.now = now;
    assertRefused(driver, { ...JOIN, channelId: "5" }, message);
    assertEquals(driver.session.channelId, "3");
  }
  driver.now = start + 60_000;
  assertEquals(channelsOf(driver.feed({ ...JOIN, channelId: "5" })), ["5"]);
  assertEquals(channelsOf(driver.feed({ type: "leave" })), [null]);
});

test("VoiceSession.join of a channel that one is in needs room for three op 4", () => {
  const message = "Cannot join: 5 op 4 a minute are the limit";
  for (const [requests, free] of [[1, true], [2, false]] as const) {
    const driver = driveTo("connected");
    const { sessionId, server, mode } = driver.session;
    for (let i = 0; i < requests; i++) driver.feed(REQUEST);
    if (free) assertEquals(channelsOf(driver.feed(JOIN)), [null, CHANNEL]);
    else {
      assertRefused(driver, JOIN, message);
      const { session } = driver;
      assertEquals([session.sessionId, session.server, session.mode], [sessionId, server, mode]);
      // For another channel there is room.
      assertEquals(channelsOf(driver.feed({ ...JOIN, channelId: "5" })), ["5"]);
    }
    assertEquals(channelsOf(driver.feed({ type: "leave" })), [null]);
  }
});

test("VoiceSession.join with a voice server is free of the limit of op 4", () => {
  const driver = driveTo("connected");
  for (let i = 0; i < 3; i++) driver.feed(REQUEST);
  for (let i = 0; i < 9; i++) driver.feed(DIRECT);
  assertEquals(driver.session.state, "connecting");
});

test("VoiceSession.requestVoice is refused where the caller gave the server", () => {
  const driver = new Driver();
  driver.feed(DIRECT);
  const message = "Cannot request a voice server: the caller signals";
  assertRefused(driver, REQUEST, message);
  shakeHands(driver);
  assertRefused(driver, REQUEST, message);
});

test("VoiceSession.requestVoice is refused before a join and after the end", () => {
  assertRefused(new Driver(), REQUEST, "Cannot request a voice server: the session is idle");
  const message = "Cannot request a voice server: the session is closed";
  for (const step of STEPS) assertRefused(closed(driveTo(step)), REQUEST, message);
});

test("VoiceSession.requestVoice is refused while a recovery waits for its turn to ask", () => {
  const driver = driveTo("connected");
  for (let i = 0; i < 3; i++) driver.feed(REQUEST);
  driver.close(4006);
  assertRefused(driver, REQUEST, "Cannot request a voice server: the session is signalling");
  driver.wait(59_999);
  const channels = () => channelsOf(driver.log.map(({ output }) => output));
  assertEquals(channels(), Array(4).fill(CHANNEL));
  driver.wait(1);
  assertEquals(channels().slice(4), [null, CHANNEL]);
});

// Leave

// The core takes whatever its caller has checked.
for (const code of [0, 1, 1000, 1006, 3000, 4014, 4999]) {
  test(`VoiceSession leaves with close code ${code}`, () => {
    const driver = driveTo("connected");
    assertEquals(actionsOf(driver.feed({ type: "leave", code })).slice(1), [
      { type: "closeWebSocket", id: 1, code },
      { type: "closeUdp", id: 2 },
    ]);
    const events = driver.events.slice(-2);
    assertEquals(events, [
      { type: "disconnected", code, reason: "", bySelf: true },
      { type: "closed" },
    ]);
    assertEquals(driver.session.pollTimeout(), undefined);
  });
}

test("VoiceSession tells that it closed a WebSocket itself, where that was open", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    const told = eventsOf(driver.feed({ type: "leave" })).filter(({ type }) =>
      type === "disconnected"
    );
    const isOpen = step !== "connecting" && step !== "reconnecting";
    const event = { type: "disconnected" as const, code: 1000, reason: "", bySelf: true };
    assertEquals(told, isOpen ? [event] : [], step);
  }
});

test("VoiceSession tells of each WebSocket that it is open and that it is not, once", () => {
  const driver = driveTo("connected");
  driver.close(1006);
  driver.wait(0);
  driver.open();
  driver.message(9, null);
  driver.feed(voiceServer("new"));
  shakeHands(driver);
  driver.close(4017);
  const told = driver.events.flatMap((event) => {
    if (event.type === "connected") return ["open"];
    return event.type === "disconnected" ? [`${event.code} ${event.bySelf}`] : [];
  });
  assertEquals(told, ["open", "1006 false", "open", "1000 true", "open", "4017 false"]);
});

// A voice server of the caller's

test("VoiceSession swaps the voice server that the caller gave for another one", () => {
  const driver = new Driver();
  driver.feed(DIRECT);
  shakeHands(driver);
  const before = packetOf(driver)!;
  const server = { endpoint: "b.discord.media:443", token: "new", sessionId: "s2" };
  assertEquals(actionsOf(driver.feed({ ...DIRECT, server })), [
    { type: "closeWebSocket", id: 1, code: 1000 },
    { type: "closeUdp", id: 2 },
    { type: "openWebSocket", id: 3, url: "wss://b.discord.media:443/?v=8" },
  ]);
  const from = driver.log.length;
  shakeHands(driver);
  const [{ op, d }] = driver.sent(from);
  assertEquals([op, d.token, d.session_id], [0, "new", "s2"]);
  const after = packetOf(driver)!;
  assertEquals(after[3], before[3] + 1);
});

test("VoiceSession finds its way out of a wait by a server that the caller gives", () => {
  const driver = new Driver();
  driver.feed(DIRECT);
  shakeHands(driver);
  driver.close(4014);
  assertEquals(driver.session.state, "waiting");
  assertEquals(actionsOf(driver.feed(DIRECT)).map(({ type }) => type), ["openWebSocket"]);
  shakeHands(driver);
  assertEquals(channelsOf(driver.log.map(({ output }) => output)), []);
});

// What can be looked at

function shown({ session }: Driver): unknown[] {
  const { channelId, sessionId, server, address, seqAck, ssrc, mode } = session;
  return [
    channelId,
    sessionId,
    server?.endpoint,
    server?.token.reveal(),
    address,
    seqAck,
    ssrc,
    mode,
  ];
}

test("VoiceSession shows what it knows, as soon as it knows it", () => {
  const driver = new Driver();
  const nothing = [undefined, undefined, undefined];
  assertEquals(shown(driver), [undefined, ...nothing, ...nothing.slice(1), 0, undefined]);
  driver.feed(JOIN);
  assertEquals(shown(driver), [CHANNEL, ...nothing, ...nothing.slice(1), 0, undefined]);
  driver.feed(voiceServer());
  assertEquals(driver.session.server, undefined);
  driver.feed(voiceState());
  const signalled = [CHANNEL, SESSION_ID, ENDPOINT, TOKEN];
  assertEquals(shown(driver), [...signalled, undefined, undefined, 0, undefined]);
  shakeHands(driver);
  driver.message(13, { user_id: "8" }, 65_535);
  assertEquals(shown(driver), [...signalled, ADDRESS, 65_535, SSRC, MODES[0]]);
  assertEquals(driver.session.server?.host, ENDPOINT.split(":")[0]);
});

test("VoiceSession shows the channel and the server that it was moved to", () => {
  const driver = driveTo("connected");
  driver.message(13, { user_id: "8" }, 7);
  const data = { guild_id: GUILD, user_id: USER, channel_id: "5", session_id: "s2" };
  driver.feed({ type: "voiceState", data });
  driver.feed(voiceServer("new", "b.discord.media"));
  const { channelId, sessionId, server, address } = driver.session;
  assertEquals([channelId, sessionId, server?.endpoint], ["5", "s2", "b.discord.media"]);
  assertEquals([server?.token.reveal(), address], ["new", undefined]);
  assertEquals(driver.session.seqAck, 7);
  driver.open();
  assertEquals(driver.session.seqAck, undefined);
});

test("VoiceSession shows the counters of the next packet", () => {
  const driver = driveTo("connected");
  const next = () => {
    const { ssrc, sequence, timestamp, nonce } = driver.session;
    return [ssrc, sequence, timestamp, nonce];
  };
  for (let i = 0; i < 3; i++) {
    const expected = next();
    assertEquals(next(), expected);
    assertEquals(packetOf(driver), expected);
  }
  assertEquals(driver.session.nonce, 3);
});

test("VoiceSession's sequence number goes from 65535 to 0", () => {
  const driver = driveTo("connected", new Driver({ random: (into) => into.fill(0xff) }));
  assertEquals([driver.session.sequence, driver.session.timestamp], [65_535, 0xffff_ffff]);
  packetOf(driver);
  assertEquals([driver.session.sequence, driver.session.timestamp], [0, 959]);
});
