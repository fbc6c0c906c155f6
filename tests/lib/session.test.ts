import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { nobleAead } from "../../lib/aead.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";
import type { Input, Output, SessionEvent } from "../../lib/io.ts";
import { DISCOVERY_FORMS, discoveryRequest, discoveryResponse } from "../../lib/ip_discovery.ts";
import { keepaliveReply, parseKeepalive } from "../../lib/keepalive.ts";
import { NonceCounter } from "../../lib/nonce.ts";
import { type EncryptionMode, PacketCipher, SEALING_MODES } from "../../lib/packet.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../lib/rtp_header.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { type SessionOptions, VoiceSession } from "../../lib/session.ts";
import type { State } from "../../lib/state.ts";
import {
  ackOf,
  actionsOf,
  ADDRESS,
  answerHeartbeats,
  CHANNEL,
  channelsOf,
  DESCRIPTION,
  DIRECT,
  Driver,
  driveTo,
  ENDPOINT,
  eventsOf,
  GUILD,
  JOIN,
  KEY,
  MODES,
  READY,
  ScriptedServer,
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
import { bitFlips, byId, hex, loadVectors, toHex, truncations } from "../tools/vectors.ts";
import type { TransportVectors } from "../tools/vectors.ts";

const { negative } = loadVectors<TransportVectors>("transport.json");
const SILENCE = hex("f8fffe");

function packetize({ session }: Driver): Uint8Array {
  const into = new Uint8Array(35);
  return into.subarray(0, session.packetize(SILENCE, into));
}

function rtpOf(datagram: Uint8Array): { sequence: number; timestamp: number; nonce: number } {
  const header = new RtpHeader();
  assertEquals(parseRtpHeader(datagram, header), undefined);
  const { sequence, timestamp } = header;
  return { sequence, timestamp, nonce: readU32(datagram, datagram.length - 4) };
}

/** A packet from another user, under the session's key. */
function packetFrom(ssrc: number, sequence: number, key: readonly number[] = KEY): Uint8Array {
  const cipher = new PacketCipher(MODES[0] as EncryptionMode, Uint8Array.from(key), nobleAead);
  const packet = new Uint8Array(35);
  packet.set([
    0x80,
    0x78,
    sequence >>> 8,
    sequence,
    0,
    0,
    0,
    0,
    0,
    0,
    ssrc >>> 8,
    ssrc,
    ...SILENCE,
  ]);
  cipher.seal(packet, 12, 3);
  return packet;
}

function state(from: State, to: State): Output {
  return { type: "event", event: { type: "state", from, to } };
}

function trace(
  direction: "sent" | "received",
  channel: "gateway" | "websocket" | "udp",
  name: string,
): Output {
  return { type: "event", event: { type: "message", direction, channel, name } };
}

function send(id: number, op: number, d: unknown): Output {
  return { type: "sendWebSocket", id, data: JSON.stringify({ op, d }) };
}

function opcodesOf(outputs: readonly Output[]): number[] {
  return sentBy(outputs).map(({ op }) => op);
}

function errorOf(driver: Driver): VoiceConnectError {
  const closed = driver.events.filter(({ type }) => type === "closed");
  assertEquals(closed.length, 1);
  const { error } = closed[0] as Extract<SessionEvent, { type: "closed" }>;
  assertInstanceOf(error, VoiceConnectError);
  return error;
}

// The handshake

test("VoiceSession goes through the handshake with exactly these outputs", () => {
  const driver = new Driver();
  const own = { guild_id: GUILD, channel_id: CHANNEL, self_mute: false, self_deaf: false };
  assertEquals(driver.feed(JOIN), [
    state("idle", "signalling"),
    { type: "sendGateway", payload: { op: 4, d: own } },
    trace("sent", "gateway", "Voice State (join)"),
  ]);
  assertEquals(driver.feed(voiceState()), [trace("received", "gateway", "VOICE_STATE_UPDATE")]);
  assertEquals(driver.feed(voiceServer()), [
    trace("received", "gateway", "VOICE_SERVER_UPDATE"),
    state("signalling", "connecting"),
    { type: "openWebSocket", id: 1, url: URL_V8 },
  ]);
  assertEquals(driver.open(), [
    state("connecting", "identifying"),
    { type: "event", event: { type: "connected" } },
    send(1, 0, {
      server_id: GUILD,
      session_id: SESSION_ID,
      token: TOKEN,
      user_id: USER,
      max_dave_protocol_version: 0,
    }),
    trace("sent", "websocket", "Identify"),
  ]);
  assertEquals(driver.message(8, { v: 8, heartbeat_interval: 13_750 }), [
    trace("received", "websocket", "Hello"),
  ]);
  assertEquals(driver.message(2, READY), [
    trace("received", "websocket", "Ready"),
    state("identifying", "discovering"),
    { type: "openUdp", id: 2, address: READY.ip, port: READY.port },
  ]);
  assertEquals(driver.feed({ type: "udpOpen", id: 2 }), [
    { type: "transmit", id: 2, datagram: discoveryRequest(SSRC) },
    trace("sent", "udp", "IP Discovery"),
  ]);
  assertEquals(driver.datagram(discoveryResponse(SSRC, ADDRESS)), [
    trace("received", "udp", "IP Discovery"),
    state("discovering", "selecting"),
    send(1, 1, { protocol: "udp", data: { ...ADDRESS, mode: MODES[0] } }),
    trace("sent", "websocket", "SelectProtocol"),
  ]);
  assertEquals(driver.message(4, DESCRIPTION), [
    trace("received", "websocket", "SessionDescription"),
    state("selecting", "connected"),
    { type: "event", event: { type: "ready", ssrc: SSRC, mode: MODES[0] as EncryptionMode } },
    send(1, 3, { t: 1 }),
    trace("sent", "websocket", "Heartbeat"),
  ]);
  const { session } = driver;
  assertEquals([session.state, session.ssrc, session.mode], ["connected", SSRC, MODES[0]]);
});

for (const where of ["after Identify", "after Ready", "before Session Description", "never"]) {
  test(`VoiceSession connects with Hello ${where}`, () => {
    const driver = driveTo("connecting");
    const hello = (here: string) => here === where && driver.message(8, { heartbeat_interval: 9 });
    driver.open();
    hello("after Identify");
    driver.message(2, READY);
    hello("after Ready");
    driver.feed({ type: "udpOpen", id: driver.udpId });
    driver.datagram(discoveryResponse(SSRC, ADDRESS));
    hello("before Session Description");
    driver.message(4, DESCRIPTION);
    assertEquals(driver.session.state, "connected");
  });
}

test("VoiceSession takes the gateway's updates in either order", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  assertEquals(actionsOf(driver.feed(voiceServer())), []);
  assertEquals(driver.session.state, "signalling");
  assertEquals(actionsOf(driver.feed(voiceState())), [
    { type: "openWebSocket", id: 1, url: URL_V8 },
  ]);
});

test("VoiceSession ignores updates of other users and other guilds", () => {
  const others: Input[] = [
    voiceState(CHANNEL, "852892297661906993"),
    voiceState(null, "852892297661906993"),
    { type: "voiceServer", data: { guild_id: "1", token: TOKEN, endpoint: ENDPOINT } },
    { type: "voiceServer", data: { guild_id: null, token: TOKEN, endpoint: null } },
    {
      type: "voiceState",
      data: { guild_id: "1", user_id: USER, channel_id: null, session_id: SESSION_ID },
    },
  ];
  const signalling = new Driver();
  signalling.feed(JOIN);
  for (const driver of [new Driver(), signalling, ...STEPS.map((step) => driveTo(step))]) {
    const { state } = driver.session;
    for (const input of others) assertEquals(driver.feed(input), [], state);
    assertEquals(driver.session.state, state);
  }
});

test("VoiceSession ignores an update that says nothing new", () => {
  const driver = driveTo("connected");
  assertEquals(actionsOf(driver.feed(voiceState())), []);
  assertEquals(actionsOf(driver.feed(voiceServer())), []);
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession asks for the client's preference among the modes", () => {
  const driver = driveTo("discovering", new Driver({ modes: [MODES[1] as EncryptionMode] }));
  const [{ op, d }] = sentBy(driver.datagram(discoveryResponse(SSRC, ADDRESS)));
  assertEquals([op, (d.data as { mode: string }).mode], [1, MODES[1]]);
  driver.message(4, { mode: MODES[1], secret_key: KEY });
  assertEquals(driver.session.mode, MODES[1]);
});

test("VoiceSession has no plain packets: neither asked for nor offered", () => {
  for (const modes of [["plain"], [MODES[0], "plain"]] as EncryptionMode[][]) {
    const { message } = assertThrows(() => new Driver({ modes }), RangeError);
    assertEquals(message, `Cannot use modes plain: it is one of ${SEALING_MODES.join(", ")}`);
  }
  const offered = driveTo("identifying");
  offered.message(2, { ...READY, modes: ["plain"] });
  assertEquals(errorOf(offered).code, "no-shared-mode");
  const all = driveTo("discovering", new Driver({ modes: SEALING_MODES, aead: nobleCiphers }));
  all.datagram(discoveryResponse(SSRC, ADDRESS));
  all.message(4, { mode: "plain", secret_key: KEY });
  assertEquals(errorOf(all).code, "no-shared-mode");
});

test("VoiceSession takes every choice of its options, and refuses anything else", () => {
  const make = (options: object) => new Driver(options as Partial<SessionOptions>);
  for (const gatewayVersion of GATEWAY_VERSIONS) make({ gatewayVersion });
  for (const mode of SEALING_MODES) make({ modes: [mode], aead: nobleCiphers });
  make({ modes: SEALING_MODES, aead: nobleCiphers });
  for (const discovery of DISCOVERY_FORMS) make({ discovery });
  const choice = { gatewayVersion: undefined, modes: undefined, discovery: undefined };
  make({ ...choice, keepalive: undefined });
  const wrong: readonly [option: string, values: readonly unknown[]][] = [
    ["gatewayVersion", [0, 10, -1, 8.5, NaN, "8", null, true]],
    ["discovery", ["", "75", "70", "74 ", 74, null]],
  ];
  for (const [option, values] of wrong) {
    for (const value of values) {
      const { message } = assertThrows(() => make({ [option]: value }), RangeError);
      assert(message.startsWith(`Cannot use ${option} ${value}: it is one of `), message);
    }
  }
  for (const mode of ["", "aes", "AEAD_AES256_GCM_RTPSIZE", "constructor", 1, null, undefined]) {
    for (const modes of [[mode], [MODES[0], mode]]) {
      assertThrows(() => make({ modes }), RangeError, `Cannot use modes ${mode}: it is one of `);
    }
  }
  assertThrows(() => make({ modes: [] }), RangeError, "Cannot use modes: the list is empty");
});

test("VoiceSession closes where no mode is shared, and shows both lists", () => {
  const driver = driveTo("identifying");
  driver.message(2, { ...READY, modes: ["xsalsa20_poly1305"] });
  const error = errorOf(driver);
  assertEquals([error.code, error.phase], ["no-shared-mode", "identifying"]);
  assert(error.message.includes("[xsalsa20_poly1305]") && error.message.includes(MODES[0]));
  const selecting = driveTo("selecting");
  selecting.message(4, { mode: "plain", secret_key: KEY });
  assertEquals([errorOf(selecting).code, errorOf(selecting).phase], [
    "no-shared-mode",
    "selecting",
  ]);
});

test("VoiceSession joins a server it is given without op 4, whatever happens then", () => {
  for (
    const [code, ending] of [[4014, "disconnected"], [4006, "closed"], [4004, "closed"]] as const
  ) {
    const driver = new Driver();
    assertEquals(actionsOf(driver.feed(DIRECT)), [{ type: "openWebSocket", id: 1, url: URL_V8 }]);
    const identify = sentBy(driver.open())[0].d;
    assertEquals([identify.session_id, identify.token], [SESSION_ID, TOKEN]);
    driver.message(2, READY);
    driver.close(code);
    driver.wait(300_000);
    assertEquals([driver.session.state, errorOf(driver).code], ["closed", ending]);
    assertEquals(driver.log.filter(({ output }) => output.type === "sendGateway"), []);
  }
  const leaving = new Driver();
  leaving.feed(DIRECT);
  assertEquals(actionsOf(leaving.feed({ type: "leave" })).map(({ type }) => type), [
    "closeWebSocket",
  ]);
});

test("VoiceSession says op 4 with the mute and deaf that are asked for", () => {
  const driver = new Driver();
  const [output] = actionsOf(driver.feed({ ...JOIN, selfMute: true, selfDeaf: true }));
  assert(output.type === "sendGateway");
  assertEquals([output.payload.d.self_mute, output.payload.d.self_deaf], [true, true]);
});

test("VoiceSession gives up where the gateway does not answer, and says what is missing", () => {
  for (
    const [input, missing] of [
      [undefined, "nothing came"],
      [voiceState(), "a voice state came from the main gateway, but no voice server"],
      [voiceServer(), "a voice server came from the main gateway, but no voice state"],
    ] as const
  ) {
    const driver = new Driver();
    driver.feed(JOIN);
    if (input !== undefined) driver.feed(input);
    driver.wait(14_999);
    assertEquals(driver.session.state, "signalling");
    const outputs = driver.wait(1);
    const error = errorOf(driver);
    assertEquals([error.code, error.phase, error.message.includes(missing)], [
      "timeout",
      "signalling",
      true,
    ]);
    assertEquals(actionsOf(outputs).map(({ type }) => type), ["sendGateway"]);
  }
});

test("VoiceSession waits 30 seconds, once, where a server is withdrawn before it was named", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.wait(1_000);
  driver.feed(voiceServer(TOKEN, null));
  assertEquals(driver.session.state, "signalling");
  for (let i = 0; i < 29; i++) {
    assertEquals(actionsOf(driver.wait(1_000)), [], `${i}`);
    assertEquals(actionsOf(driver.feed(voiceServer(TOKEN, null))), []);
  }
  driver.wait(999);
  assertEquals(driver.session.state, "signalling");
  assertEquals(actionsOf(driver.wait(1)).map(({ type }) => type), ["sendGateway"]);
  const { code, phase, message } = errorOf(driver);
  assertEquals([code, phase], ["timeout", "signalling"]);
  assert(message.includes("nothing came"), message);
});

test("VoiceSession connects to the server that is named after one was withdrawn in signalling", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.feed(voiceServer(TOKEN, null));
  assertEquals(actionsOf(driver.wait(29_999)), []);
  assertEquals(actionsOf(driver.feed(voiceServer())).map(({ type }) => type), ["openWebSocket"]);
  assertEquals(driver.session.state, "connecting");
});

// Commands

test("VoiceSession leaves from every state, closes what is open, and is closed", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    const actions = actionsOf(driver.feed({ type: "leave" })).map(({ type }) => type);
    assertEquals(actions[0], "sendGateway", step);
    assertEquals(actions.includes("closeWebSocket"), true, step);
    const hasUdp = !["connecting", "identifying"].includes(step);
    assertEquals(actions.includes("closeUdp"), hasUdp, step);
    assertEquals(driver.session.state, "closed");
    assertEquals(driver.events.at(-1), { type: "closed" });
    assertEquals(driver.session.pollTimeout(), undefined);
    assertEquals(packetize(driver).length, 0);
  }
  const idle = new Driver();
  assertEquals(idle.feed({ type: "leave" }), [
    state("idle", "closed"),
    { type: "event", event: { type: "closed" } },
  ]);
});

test("VoiceSession refuses commands once it is closed, and changes nothing", () => {
  const driver = driveTo("connected");
  driver.feed({ type: "leave" });
  for (
    const [command, message] of [
      [JOIN, "Cannot join: the session is closed"],
      [DIRECT, "Cannot join: the session is closed"],
      [{ type: "speak", flags: 1 }, "Cannot speak: the session is closed"],
      [{ type: "leave" }, "Cannot leave: the session is closed"],
      [{ type: "send", data: "{}" }, "Cannot send: the session is closed"],
    ] as const
  ) {
    const error = assertThrows(() => driver.feed(command), LocalProtocolError);
    assertEquals(error.message, message);
    assertEquals(driver.session.pollOutput(), undefined);
    assertEquals([driver.session.state, driver.session.pollTimeout()], ["closed", undefined]);
  }
});

test("VoiceSession refuses a malformed join or speak and changes nothing", () => {
  for (const step of ["idle", "connecting", "connected", "reconnecting"] as const) {
    const driver = step === "idle" ? new Driver() : driveTo(step);
    const { state, ssrc } = driver.session;
    const timeout = driver.session.pollTimeout();
    const server = { ...DIRECT.server!, endpoint: "http://x" };
    assertThrows(() => driver.feed({ ...DIRECT, server }), RangeError, "Cannot use the endpoint");
    for (const flags of [-1, 0.5, NaN]) {
      assertThrows(() => driver.feed({ type: "speak", flags }), RangeError, "must be a bit mask");
    }
    assertEquals(driver.session.pollOutput(), undefined);
    assertEquals([driver.session.state, driver.session.ssrc], [state, ssrc]);
    assertEquals(driver.session.pollTimeout(), timeout);
  }
});

test("VoiceSession refuses a time that is none", () => {
  for (const now of [NaN, Infinity, 1e300]) {
    const { session } = new Driver();
    assertThrows(() => session.handleInput({ type: "timeout" }, now), RangeError);
  }
});

test("VoiceSession moves to another channel: the old sockets close, op 4 asks for the new one", () => {
  const driver = driveTo("connected");
  const actions = actionsOf(driver.feed({ ...JOIN, channelId: "5" }));
  assertEquals(actions.slice(0, 2), [
    { type: "closeWebSocket", id: 1, code: 1000 },
    { type: "closeUdp", id: 2 },
  ]);
  assert(actions[2].type === "sendGateway" && actions[2].payload.d.channel_id === "5");
  assertEquals([driver.session.state, driver.session.mode], ["signalling", undefined]);
  driver.feed(voiceState("5"));
  assertEquals(driver.session.state, "signalling");
  driver.feed(voiceServer("new"));
  assertEquals(sentBy(driver.open())[0].d.token, "new");
});

test("VoiceSession follows when it is moved: a new voice server, a new WebSocket", () => {
  const driver = driveTo("connected");
  assertEquals(actionsOf(driver.feed(voiceState("5"))), []);
  const actions = actionsOf(driver.feed(voiceServer("new", "b.discord.media")));
  assertEquals(actions, [
    { type: "closeWebSocket", id: 1, code: 1000 },
    { type: "closeUdp", id: 2 },
    { type: "openWebSocket", id: 3, url: "wss://b.discord.media/?v=8" },
  ]);
  assertEquals(driver.session.state, "connecting");
  assertEquals(sentBy(driver.open()).map(({ op, d }) => [op, d.token]), [[0, "new"]]);
});

test("VoiceSession rejoins the channel that it was moved to", () => {
  const driver = driveTo("connected");
  driver.feed(voiceState("5"));
  answerHeartbeats(driver);
  driver.text(ackOf(8, 1));
  driver.wait(60_000);
  driver.close(4006);
  const channels = () =>
    driver.wait(3_000).flatMap((output) =>
      output.type === "sendGateway" ? [output.payload.d.channel_id] : []
    );
  assertEquals(channels(), [null, "5"]);
  // Once more, where nobody answers.
  assertEquals(channels(), [null, "5"]);
});

test("VoiceSession waits while there is no endpoint, and connects to the next one", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    driver.feed(voiceServer("none", null));
    assertEquals(driver.session.state, "waiting", step);
    driver.wait(4_999);
    const actions = actionsOf(driver.feed(voiceServer("new")));
    assertEquals(actions.map(({ type }) => type), ["openWebSocket"], step);
    assertEquals(driver.session.state, "connecting");
    assertEquals(sentBy(driver.open()).map(({ op, d }) => [op, d.token]), [[0, "new"]]);
  }
});

test("VoiceSession waits for the same voice server too, and not for ever", () => {
  const driver = driveTo("connected");
  driver.feed(voiceServer(TOKEN, null));
  driver.feed(voiceServer());
  assertEquals(driver.session.state, "connecting");
  driver.feed(voiceServer(TOKEN, null));
  for (let i = 0; i < 29; i++) {
    driver.wait(1_000);
    driver.feed(voiceServer(TOKEN, null));
  }
  driver.wait(999);
  assertEquals(driver.session.state, "waiting");
  driver.wait(1);
  const { code, phase } = errorOf(driver);
  assertEquals([code, phase], ["disconnected", "waiting"]);
});

test("VoiceSession has 30 seconds where a server is withdrawn in the wait after 4014", () => {
  const driver = driveTo("connected");
  driver.close(4014);
  driver.wait(4_000);
  driver.feed(voiceServer(TOKEN, null));
  driver.wait(29_999);
  assertEquals(driver.session.state, "waiting");
  driver.wait(1);
  assertEquals(errorOf(driver).phase, "waiting");
});

test("VoiceSession has 30 seconds again once another server was named and withdrawn", () => {
  const driver = driveTo("connected");
  for (const token of ["a", "b"]) {
    driver.feed(voiceServer(token, null));
    driver.wait(29_999);
    driver.feed(voiceServer(token));
    assertEquals(driver.session.state, "connecting");
  }
});

for (const code of [4014, 4022]) {
  test(`VoiceSession connects again after ${code} to a server that was named once more`, () => {
    for (const step of STEPS) {
      const driver = driveTo(step);
      assertEquals(actionsOf(driver.feed(voiceServer())), []);
      const actions = actionsOf(driver.close(code)).map(({ type }) => type);
      assertEquals(actions.at(-1), "openWebSocket", step);
      assertEquals(driver.session.state, "connecting");
      const [{ op, d }] = sentBy(driver.open());
      assertEquals([op, d.token, d.session_id], [0, TOKEN, SESSION_ID]);
      // That was said of the connection before.
      driver.close(code);
      assertEquals(driver.session.state, "waiting", step);
    }
  });
}

test("VoiceSession waits after 4014 where the server was named again before it connected", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  for (let i = 0; i < 2; i++) driver.feed(voiceServer());
  driver.feed(voiceState());
  driver.close(4014);
  assertEquals(driver.session.state, "waiting");
});

test("VoiceSession connects to a server that is named over and over twenty times, not for ever", () => {
  const driver = driveTo("connecting");
  for (let i = 0; i < 20; i++) {
    driver.feed(voiceServer());
    driver.close(4014);
    assertEquals(driver.session.state, "connecting", `${i}`);
  }
  driver.feed(voiceServer());
  driver.close(4014);
  assert(errorOf(driver).message.endsWith("one voice server after another went away"));
});

test("VoiceSession closes when it is kicked, without op 4", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    const actions = actionsOf(driver.feed(voiceState(null))).map(({ type }) => type);
    assertEquals(actions.includes("sendGateway"), false);
    assertEquals(driver.session.state, "closed");
    assertEquals([errorOf(driver).code, errorOf(driver).phase], ["disconnected", step]);
  }
  const waiting = driveTo("connected");
  waiting.close(4014);
  waiting.feed(voiceState(null));
  assertEquals([errorOf(waiting).code, errorOf(waiting).phase], ["disconnected", "waiting"]);
});

test("VoiceSession does not take a leave of before for a kick", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.feed(voiceState(null));
  assertEquals(driver.session.state, "signalling");
});

/** Rejoins after 4006: leaves and enters by op 4, to which nothing is said yet. */
function rejoining(): Driver {
  const driver = driveTo("connected");
  driver.close(4006);
  driver.wait(1_000);
  assertEquals(channelsOf(driver.log.map(({ output }) => output)), [CHANNEL, null, CHANNEL]);
  return driver;
}

test("VoiceSession takes its own leave for no kick, however late it is told of it", () => {
  for (const step of STEPS.slice(0, 5)) {
    const driver = rejoining();
    driver.feed(voiceState());
    driver.feed(voiceServer("new"));
    if (step !== "connecting") driver.open();
    if (step !== "connecting" && step !== "identifying") driver.message(2, READY);
    if (step === "selecting" || step === "connected") {
      driver.feed({ type: "udpOpen", id: driver.udpId });
      driver.datagram(discoveryResponse(SSRC, ADDRESS));
    }
    if (step === "connected") driver.message(4, DESCRIPTION);
    assertEquals(driver.session.state, step);
    assertEquals(actionsOf(driver.feed(voiceState(null))), [], step);
    assertEquals(driver.session.state, step);
    // It has left once.
    driver.feed(voiceState(null));
    assertEquals([errorOf(driver).code, errorOf(driver).phase], ["disconnected", step]);
  }
  const waiting = rejoining();
  waiting.feed(voiceState());
  waiting.feed(voiceServer("new"));
  waiting.close(4014);
  waiting.feed(voiceState(null));
  assertEquals(waiting.session.state, "waiting");
  waiting.feed(voiceState(null));
  assertEquals(errorOf(waiting).phase, "waiting");
});

test("VoiceSession counts what was answered while it signals among the answers", () => {
  const driver = rejoining();
  driver.feed(voiceState(null));
  driver.feed(voiceState());
  driver.feed(voiceServer("new"));
  driver.feed(voiceState(null));
  assertEquals([errorOf(driver).code, errorOf(driver).phase], ["disconnected", "connecting"]);
});

test("VoiceSession forgets after 60 seconds of connection that it has left, and not before", () => {
  for (const [held, expected] of [[59_999, "connected"], [60_000, "closed"]] as const) {
    const driver = rejoining();
    driver.feed(voiceState());
    driver.feed(voiceServer("new"));
    answerHeartbeats(driver);
    shakeHands(driver);
    driver.wait(held);
    driver.feed(voiceState(null));
    assertEquals(driver.session.state, expected);
  }
});

test("VoiceSession forgets with a new join that it has left", () => {
  const driver = rejoining();
  driver.feed({ ...JOIN, channelId: "5" });
  driver.feed(voiceState("5"));
  driver.feed(voiceServer("new"));
  driver.feed(voiceState(null));
  assertEquals([errorOf(driver).code, errorOf(driver).phase], ["disconnected", "connecting"]);
});

test("VoiceSession takes the leave of a join anew for no kick", () => {
  const driver = driveTo("connected");
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.feed(voiceServer("new"));
  driver.feed(voiceState(null));
  assertEquals(driver.session.state, "connecting");
  driver.feed(voiceState(null));
  assertEquals(driver.session.state, "closed");
});

// IP discovery

for (let lost = 0; lost <= 4; lost++) {
  test(`VoiceSession discovers its address when ${lost} requests are lost`, () => {
    const driver = driveTo("discovering");
    const delays = [200, 400, 800, 1600].slice(0, lost);
    for (const delay of delays) {
      assertEquals(actionsOf(driver.wait(delay - 1)), []);
      assertEquals(actionsOf(driver.wait(1)), [
        { type: "transmit", id: 2, datagram: discoveryRequest(SSRC) },
      ]);
    }
    driver.datagram(discoveryResponse(SSRC, ADDRESS));
    assertEquals(driver.session.state, "selecting");
    assertEquals(actionsOf(driver.wait(9_000)), []);
  });
}

test("VoiceSession takes UDP for blocked after five requests in vain", () => {
  const driver = driveTo("discovering");
  driver.wait(200 + 400 + 800 + 1600 + 3199);
  assertEquals(driver.session.state, "discovering");
  driver.wait(1);
  const { code, phase, hint } = errorOf(driver);
  assertEquals([code, phase], ["udp-unreachable", "discovering"]);
  assert(hint.includes("UDP"));
  driver.wait(60_000);
  const requests = driver.log.filter(({ output }) => output.type === "transmit");
  assertEquals(requests.map(({ at }) => at - 1000), [0, 200, 600, 1400, 3000]);
});

test("VoiceSession ignores and counts wrong answers to IP discovery", () => {
  const driver = driveTo("discovering", new Driver());
  const wrong = ["N01", "N02", "N03", "N04", "N05", "N06", "N07", "N08"].map((id) => {
    const datagram = hex(byId(negative, id).packet);
    if (id !== "N06") datagram.set([0, 0, SSRC >>> 8, SSRC & 0xff], 4);
    return datagram;
  });
  const response = discoveryResponse(SSRC, ADDRESS);
  const others = [hex("0102030405"), hex("1337f00d00000000"), ...truncations(response)];
  for (const datagram of [...wrong, ...others]) {
    assertEquals(actionsOf(driver.datagram(datagram)), [], toHex(datagram));
  }
  assertEquals(driver.session.state, "discovering");
  const { dropped } = driver.session.counters;
  assertEquals(dropped["discovery-rejected"], 6);
  driver.datagram(response);
  assertEquals(driver.session.state, "selecting");
  driver.datagram(response);
  assertEquals(driver.session.counters.dropped["discovery-rejected"], 7);
});

test("VoiceSession tries UDP anew, with all requests, in each handshake", () => {
  const driver = driveTo("discovering");
  driver.wait(3_100);
  driver.close(4015);
  driver.wait(0);
  driver.open();
  driver.message(2, READY);
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.wait(6_199);
  assertEquals(driver.session.state, "discovering");
});

test("VoiceSession does not wait for ever for a UDP socket", () => {
  const driver = driveTo("identifying");
  driver.message(2, READY);
  driver.wait(10_000);
  assertEquals([errorOf(driver).code, errorOf(driver).phase], ["udp-unreachable", "discovering"]);
  const refused = driveTo("discovering");
  refused.feed({ type: "udpClose", id: refused.udpId, reason: "EACCES" });
  assert(errorOf(refused).message.includes("EACCES"));
});

// Heartbeats

test("VoiceSession beats at an interval that is a fraction", () => {
  const driver = driveTo("connected");
  driver.message(6, { t: 1 });
  driver.message(8, { v: 8, heartbeat_interval: 1000.5 });
  const start = driver.now;
  const beats: number[] = [];
  driver.perform = (output) => {
    for (const { op, d } of sentBy([output])) {
      if (op === 3) beats.push(driver.now - start);
      driver.message(6, { t: d.t });
    }
  };
  driver.wait(3_001.5);
  assertEquals(beats, [1000.5, 2001, 3001.5]);
  const nonces = driver.sent().filter(({ op }) => op === 3).map(({ d }) => d.t);
  assertEquals(nonces, [1, 2, 3, 4]);
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession tells the round trip of heartbeats and keepalives", () => {
  const driver = driveTo("connected");
  driver.now += 31;
  assertEquals(eventsOf(driver.message(6, { t: 1 })), [{ type: "heartbeat", roundTrip: 31 }]);
  assertEquals(eventsOf(driver.message(6, { t: 77 })), []);
  const [keepalive] = actionsOf(driver.wait(0));
  assert(keepalive.type === "transmit");
  const sequence = parseKeepalive(keepalive.datagram)!;
  driver.now += 17;
  assertEquals(eventsOf(driver.datagram(keepaliveReply(sequence))), [
    { type: "keepalive", roundTrip: 17 },
  ]);
  assertEquals(eventsOf(driver.datagram(keepaliveReply(sequence + 5))), []);
});

test("VoiceSession holds the NAT binding every five seconds, answered or not", () => {
  const driver = driveTo("connected");
  driver.message(8, { heartbeat_interval: 1e9 });
  const start = driver.now;
  driver.wait(20_000);
  const sent = driver.log.slice(-40).flatMap(({ at, output }) =>
    output.type === "transmit" && parseKeepalive(output.datagram) !== undefined
      ? [[at - start, parseKeepalive(output.datagram)]]
      : []
  );
  assertEquals(sent, [[0, 1], [5_000, 2], [10_000, 3], [15_000, 4], [20_000, 5]]);
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession reconnects after two beats without an answer", () => {
  const driver = driveTo("connected");
  driver.message(6, { t: 1 });
  driver.message(8, { heartbeat_interval: 1000 });
  driver.wait(2_999);
  assertEquals(driver.session.state, "connected");
  const actions = actionsOf(driver.wait(1));
  assertEquals(actions, [
    { type: "closeWebSocket", id: 1, code: 4900 },
    { type: "openWebSocket", id: 3, url: URL_V8 },
  ]);
  assertEquals(driver.session.state, "reconnecting");
  assertEquals(opcodesOf(driver.open()), [7]);
});

/** A connection without ever a Hello. */
function withoutHello(): Driver {
  const driver = driveTo("connecting");
  driver.open();
  driver.message(2, READY);
  driver.feed({ type: "udpOpen", id: driver.udpId });
  driver.datagram(discoveryResponse(SSRC, ADDRESS));
  return driver;
}

test("VoiceSession beats 13.75 seconds after the WebSocket opened where no Hello came", () => {
  const timeouts = { identifying: 60_000 };
  const driver = driveTo("connecting", new Driver({ timeouts }));
  driver.wait(5_000);
  driver.open();
  assertEquals(opcodesOf(driver.wait(13_749)), []);
  assertEquals(opcodesOf(driver.wait(1)), [3]);
  assertEquals(opcodesOf(driver.wait(13_749)), []);
  assertEquals(opcodesOf(driver.wait(1)), [3]);
});

test("VoiceSession notices a server that goes silent without ever a Hello", () => {
  const driver = withoutHello();
  driver.wait(4_000);
  assertEquals(opcodesOf(driver.message(4, DESCRIPTION)), [3]);
  const websocket = driver.websocketId;
  driver.wait(2 * 13_750 - 1);
  assertEquals([driver.session.state, driver.websocketId], ["connected", websocket]);
  const closed = driver.wait(1).filter(({ type }) => type === "closeWebSocket");
  assertEquals(closed, [{ type: "closeWebSocket", id: websocket, code: 4900 }]);
  assertEquals(driver.session.state, "reconnecting");
});

test("VoiceSession is connected without ever a Hello as long as it is answered", () => {
  const driver = withoutHello();
  answerHeartbeats(driver);
  driver.message(4, DESCRIPTION);
  driver.wait(600_000);
  assertEquals([driver.session.state, driver.websocketId], ["connected", 1]);
});

test("VoiceSession notices a dead connection although Hello asks for hardly a beat", () => {
  const driver = driveTo("connected");
  driver.message(8, { heartbeat_interval: 1e9 });
  driver.message(6, { t: 1 });
  driver.wait(180_000 - 1);
  assertEquals(driver.session.state, "connected");
  driver.wait(1);
  assertEquals(driver.session.state, "reconnecting");
});

test("VoiceSession lives on one answer in each pair of beats", () => {
  const driver = driveTo("connected");
  driver.message(8, { heartbeat_interval: 1000 });
  for (let i = 0; i < 5; i++) {
    const beats = sentBy(driver.wait(2000)).filter(({ op }) => op === 3);
    assertEquals(beats.length, 2);
    driver.message(6, { t: beats[0].d.t });
  }
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession beats at once when the server asks, whatever the payload, once a second", () => {
  const driver = driveTo("connected");
  for (const d of [null, 5, { t: 1 }, "x"]) {
    assertEquals(opcodesOf(driver.message(3, d)), [3]);
    assertEquals(opcodesOf(driver.message(3, d)), []);
    driver.wait(1000);
  }
});

test("VoiceSession is not kept alive, nor made to flood, by a server that answers 3 with 3", () => {
  const driver = driveTo("connected");
  driver.message(8, { heartbeat_interval: 1000 });
  let beats = 0;
  driver.perform = (output) => {
    const mine = sentBy([output]).filter(({ op }) => op === 3).length;
    beats += mine;
    if (mine > 0) driver.schedule(1, () => driver.message(3, null));
  };
  driver.wait(3_100);
  assertEquals(beats < 10, true, `${beats} beats`);
  assertEquals(driver.log.some(({ output }) => output.type === "closeWebSocket"), true);
});

test("VoiceSession is alive to a server whose answers have another form", () => {
  for (const d of [7, "7", null, {}, { t: "x" }]) {
    const driver = driveTo("connected");
    driver.message(8, { heartbeat_interval: 1000 });
    for (let i = 0; i < 5; i++) {
      driver.wait(1000);
      driver.message(6, d);
    }
    assertEquals(driver.session.state, "connected", JSON.stringify(d));
  }
});

test("VoiceSession beats with seq_ack: absent when none, 0 is a value, binary frames count", () => {
  const driver = driveTo("connected");
  const seqAck = () => {
    driver.wait(1000);
    return sentBy(driver.message(3, null))[0].d;
  };
  assertEquals(Object.keys(seqAck()), ["t"]);
  driver.message(18, { user_id: "1", flags: 0 }, 0);
  assertEquals(seqAck().seq_ack, 0);
  driver.message(18, {}, 65535);
  assertEquals(seqAck().seq_ack, 65535);
  driver.message(18, {});
  assertEquals(seqAck().seq_ack, 65535);
  driver.text(hex("00001e000100"));
  assertEquals(seqAck().seq_ack, 0);
  driver.text(hex("fffe1d000100"));
  assertEquals(seqAck().seq_ack, 65534);
  driver.message(5, { broken: true }, 7);
  assertEquals(seqAck().seq_ack, 7);
});

// Media

test("VoiceSession sends nothing unless it is connected", () => {
  for (const step of STEPS) {
    assertEquals(packetize(driveTo(step)).length, step === "connected" ? 35 : 0, step);
  }
  assertEquals(packetize(new Driver()).length, 0);
});

test("VoiceSession seals and opens under the server's key", () => {
  const driver = driveTo("connected");
  driver.message(5, { user_id: "1", ssrc: 7, speaking: 1 });
  const into = new Uint8Array(35);
  assertEquals(driver.session.depacketize(packetFrom(7, 40), into), 3);
  assertEquals(toHex(into.subarray(0, 3)), "f8fffe");
  const { ssrc, sequence } = driver.session.received;
  assertEquals([driver.session.userOf(ssrc), sequence], ["1", 40]);
  const peer = new PacketCipher(MODES[0] as EncryptionMode, Uint8Array.from(KEY), nobleAead);
  assertEquals(peer.open(packetize(driver), 12, into), 3);
  const { sent, received } = driver.session.counters;
  assertEquals([sent, received], [1, 1]);
});

test("VoiceSession.packetize() refuses when the nonces are spent, and changes nothing", () => {
  const driver = driveTo("connected");
  packetize(driver);
  const { timestamp } = driver.session;
  const original = NonceCounter.prototype.next;
  try {
    const spent = new NonceCounter(2 ** 32 - 1);
    original.call(spent, new Uint8Array(4));
    NonceCounter.prototype.next = (into) => original.call(spent, into);
    assertThrows(() => packetize(driver), LocalProtocolError, "nonces of this key are spent");
  } finally {
    NonceCounter.prototype.next = original;
  }
  assertEquals([driver.session.timestamp, driver.session.counters.sent], [timestamp, 1]);
});

test("VoiceSession takes a new key while it is connected", () => {
  const driver = driveTo("connected");
  const key = KEY.map((byte) => byte ^ 0xff);
  const first = rtpOf(packetize(driver));
  assertEquals(eventsOf(driver.message(4, { mode: MODES[0], secret_key: key }))[0].type, "ready");
  const datagram = packetize(driver);
  assertEquals(rtpOf(datagram).sequence, first.sequence + 1 & 0xffff);
  const into = new Uint8Array(35);
  const peer = new PacketCipher(MODES[0] as EncryptionMode, Uint8Array.from(key), nobleAead);
  assertEquals(peer.open(datagram, 12, into), 3);
  assertEquals(driver.session.depacketize(packetFrom(7, 40, key), into), 3);
  assertEquals(driver.session.depacketize(packetFrom(7, 41), into), 0);
});

test("VoiceSession never spends a nonce twice when the same key comes again", () => {
  const driver = driveTo("connected");
  const nonces: number[] = [];
  const spend = () => {
    for (let i = 0; i < 2; i++) nonces.push(rtpOf(packetize(driver)).nonce);
  };
  spend();
  driver.message(4, DESCRIPTION);
  spend();
  driver.close(4006);
  driver.wait(5_000);
  driver.feed(voiceState());
  driver.feed(voiceServer("new"));
  driver.open();
  driver.message(2, READY);
  driver.datagram(discoveryResponse(SSRC, ADDRESS));
  driver.message(4, DESCRIPTION);
  spend();
  assertEquals(new Set(nonces).size, nonces.length, nonces.join(" "));
});

// Secrets

test("VoiceSession shows no token and no key to text, JSON and inspection", () => {
  const driver = driveTo("connected");
  packetize(driver);
  const errors = [4004, 4006, 4017].map((code) => {
    const closing = driveTo("connected", new Driver());
    closing.feed({ ...DIRECT });
    closing.open();
    closing.close(code);
    return errorOf(closing);
  });
  const malformed = driveTo("selecting");
  malformed.message(4, { mode: 5, secret_key: KEY });
  malformed.message(4, { mode: MODES[0], secret_key: [...KEY, 1] });
  malformed.message(4, { mode: MODES[0], secret_key: TOKEN });
  const things = [driver.session, ...errors, driver.events, malformed.events];
  const shown = things.flatMap((thing) => [
    String(thing),
    `${thing}`,
    JSON.stringify(thing),
    inspect(thing, { depth: Infinity, showHidden: true, maxArrayLength: null }),
  ]).join("\n");
  for (const secret of [TOKEN, SESSION_ID, "200,201", "200, 201", "c8c9ca", "200 201"]) {
    assertEquals(shown.includes(secret), false, secret);
  }
  assertEquals(malformed.events.map(({ type }) => type), [
    "connected",
    "malformed",
    "malformed",
    "malformed",
  ]);
});

test("VoiceSession's traces name messages and show nothing of them", () => {
  const driver = new Driver();
  new ScriptedServer(driver, () => undefined);
  driver.feed(JOIN);
  driver.wait(20_000);
  assertEquals(driver.session.state, "connected");
  const traces = driver.log.flatMap(({ output }) =>
    output.type === "event" && output.event.type === "message" ? [output.event] : []
  );
  assert(traces.length > 15);
  for (const trace of traces) {
    assertEquals(Object.keys(trace), ["type", "direction", "channel", "name"]);
    assert(/^[A-Za-z_ ()]+$/.test(trace.name), trace.name);
  }
});

// Time

test("VoiceSession survives a clock that jumps back", () => {
  const driver = driveTo("connected");
  driver.message(8, { heartbeat_interval: 1000 });
  const timeout = driver.session.pollTimeout();
  driver.now -= 100_000;
  driver.message(6, { t: 1 });
  assertEquals(driver.feed({ type: "timeout" }).length, 2);
  driver.now += 100_000;
  assertEquals(timeout, driver.now);
  driver.wait(1000);
  assertEquals(driver.session.state, "connected");
  for (const { output } of driver.log) {
    if (output.type === "event" && output.event.type === "heartbeat") {
      assert(output.event.roundTrip >= 0);
    }
  }
});

for (const step of STEPS) {
  test(`VoiceSession survives a clock that jumps far ahead while ${step}`, () => {
    const driver = driveTo(step);
    const from = driver.log.length;
    driver.now += 1e12;
    driver.feed({ type: "timeout" });
    assert((driver.session.pollTimeout() ?? Infinity) > driver.now);
    assert(driver.log.length - from < 30);
    driver.wait(300_000);
    assert(["connected", "closed"].includes(driver.session.state), driver.session.state);
  });

  test(`VoiceSession does nothing on timeouts that are early, while ${step}`, () => {
    const driver = driveTo(step);
    driver.wait(0);
    const timeout = driver.session.pollTimeout();
    assert(timeout !== undefined && timeout > driver.now);
    for (let i = 0; i < 100; i++) assertEquals(driver.feed({ type: "timeout" }), []);
    assertEquals(driver.session.pollTimeout(), timeout);
  });
}

test("VoiceSession arms no timer before it is asked for anything", () => {
  const driver = new Driver();
  assertEquals(driver.session.pollTimeout(), undefined);
  assertEquals(driver.feed({ type: "timeout" }), []);
});

test("VoiceSession draws its first sequence number and timestamp from the random source", () => {
  const draw = (byte: number) => {
    const options = { guildId: GUILD, userId: USER, random: (into: Uint8Array) => into.fill(byte) };
    return new VoiceSession(options as never).timestamp;
  };
  assertEquals([draw(0), draw(0xff)], [0, 0xffffffff]);
});

// Hostile input is in session_hostile.test.ts, recovery in session_recovery.test.ts, participants
// in session_participants.test.ts, commands in session_commands.test.ts.

test("VoiceSession counts flipped bits of a packet as dropped and opens the packet after", () => {
  const driver = driveTo("connected");
  const packet = packetFrom(7, 40);
  const into = new Uint8Array(35);
  for (const flipped of bitFlips(packet)) {
    const size = driver.session.depacketize(flipped, into);
    if (size === -1) driver.datagram(flipped);
    else assertEquals(size, 0);
  }
  const { dropped } = driver.session.counters;
  const counted = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  assertEquals(counted, 8 * packet.length);
  assertEquals(driver.session.depacketize(packet, into), 3);
});

test("VoiceSession takes its token out of what it says of malformed messages", () => {
  const driver = driveTo("selecting");
  const reasons = [
    ...driver.message(4, { ...DESCRIPTION, secret_key: `key ${TOKEN}` }),
    ...driver.message(8, { heartbeat_interval: `${TOKEN}!` }),
    ...driver.feed(voiceServer("other", `http://${TOKEN}/`)),
  ].flatMap((output) =>
    output.type === "event" && output.event.type === "malformed" ? [output.event.reason] : []
  );
  assertEquals(reasons.map((reason) => reason.includes(TOKEN)), [false, false, false]);
  const [, hello, endpoint] = reasons;
  assert(hello.includes("[redacted]!"), hello);
  assert(endpoint.includes("http://[redacted]/"), endpoint);
});

test("VoiceSession takes its token out of the error that it ends with", () => {
  const mode = driveTo("selecting");
  mode.message(4, { ...DESCRIPTION, mode: `x${TOKEN}y` });
  const modes = driveTo("identifying");
  modes.message(2, { ...READY, modes: [`x${TOKEN}y`] });
  const udp = driveTo("discovering");
  udp.feed({ type: "udpClose", id: udp.udpId, reason: `x${TOKEN}y` });
  for (const driver of [mode, modes, udp]) {
    const { message } = errorOf(driver);
    assertEquals([message.includes(TOKEN), message.includes("x[redacted]y")], [false, true]);
  }
});

test("VoiceSession leaves a channel that it is in before it joins it again", () => {
  const driver = driveTo("connected");
  const channels = actionsOf(driver.feed(JOIN)).flatMap((output) =>
    output.type === "sendGateway" ? [output.payload.d.channel_id] : []
  );
  assertEquals(channels, [null, CHANNEL]);
});

test("VoiceSession takes no key for a mode that it did not offer to take", () => {
  const modes = ["aead_xchacha20_poly1305_rtpsize"] as const;
  const driver = driveTo("selecting", new Driver({ modes }));
  driver.message(4, { ...DESCRIPTION, mode: "aead_aes256_gcm_rtpsize" });
  assertEquals(driver.session.state, "closed");
});

test("VoiceSession takes its token out of what the server says", () => {
  const driver = driveTo("identifying");
  driver.feed({
    type: "websocketClose",
    id: driver.websocketId,
    code: 4004,
    reason: `bad token ${TOKEN}!`,
  });
  const text = JSON.stringify([driver.events, errorOf(driver).message]);
  assertEquals([text.includes(TOKEN), text.includes("bad token [redacted]!")], [false, true]);
});
