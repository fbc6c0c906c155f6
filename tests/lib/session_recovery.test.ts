// Invariant: whatever the server does, a session is connected or closed with a typed
// error within five minutes, and never sends more than five op 4 in a minute.

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import test from "node:test";
import { VoiceConnectError } from "../../lib/errors.ts";
import type { Input, SessionEvent } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { parseRtpHeader, readU32, RtpHeader } from "../../lib/rtp_header.ts";
import {
  actionsOf,
  ADDRESS,
  CHANNEL,
  channelsOf,
  DESCRIPTION,
  DIRECT,
  Driver,
  driveTo,
  GUILD,
  JOIN,
  type Plan,
  READY,
  ScriptedServer,
  sentBy,
  SESSION_ID,
  shakeHands,
  SSRC,
  type Step,
  STEPS,
  TOKEN,
  URL_V8,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { hex } from "../tools/vectors.ts";

const LIMIT = 300_000;

/** The protocol sheet's recommendation for each close code, section 2.8. */
const CODES: readonly (readonly [code: number, action: "resume" | "rejoin" | "wait" | "stop"])[] = [
  [1000, "stop"],
  [1001, "resume"],
  [1005, "resume"],
  [1006, "resume"],
  [1011, "resume"],
  [4000, "resume"],
  [4001, "stop"],
  [4002, "stop"],
  [4003, "stop"],
  [4004, "stop"],
  [4005, "rejoin"],
  [4006, "rejoin"],
  [4008, "stop"],
  [4009, "rejoin"],
  [4011, "rejoin"],
  [4012, "stop"],
  [4013, "resume"],
  [4014, "wait"],
  [4015, "resume"],
  [4016, "stop"],
  [4017, "stop"],
  [4020, "stop"],
  [4021, "stop"],
  [4022, "wait"],
  [4800, "resume"],
  [4999, "rejoin"],
];

function closings(driver: Driver): VoiceConnectError[] {
  return driver.events.flatMap((event) => {
    if (event.type !== "closed") return [];
    assertInstanceOf(event.error, VoiceConnectError);
    assertMatch(event.error.hint, /^[A-Z].{15,}[^.]$/);
    assertMatch(event.error.message, /^Cannot stay connected while [a-z]+: [^.]/);
    return [event.error];
  });
}

function assertFewGatewayMessages(driver: Driver, what: string): void {
  const sent = driver.log.filter(({ output }) => output.type === "sendGateway");
  for (const { at } of sent) {
    const window = sent.filter((other) => other.at >= at && other.at < at + 60_000);
    assert(window.length <= 5, `${what}: ${window.length} op 4 in a minute`);
  }
}

/** Between Identify and the key, a code of the network leads to a fresh join, not to a Resume. */
function actionAt(step: Step, code: number): string {
  const action = CODES.find(([other]) => other === code)![1];
  const begun = step === "identifying" || step === "discovering" || step === "selecting";
  return action === "resume" && begun && code < 4000 ? "rejoin" : action;
}

/** Runs a plan and returns what became of the session: `connected` or the error's code. */
function run(plan: Plan, gateway: boolean, what: string): { driver: Driver; result: string } {
  const driver = new Driver();
  new ScriptedServer(driver, plan, gateway);
  driver.feed(JOIN);
  driver.wait(LIMIT);
  assertFewGatewayMessages(driver, what);
  const { state } = driver.session;
  const errors = closings(driver);
  if (state !== "closed") {
    assertEquals([state, errors.length], ["connected", 0], what);
    return { driver, result: state };
  }
  assertEquals(errors.length, 1, what);
  assertEquals(driver.session.pollTimeout(), undefined, what);
  return { driver, result: errors[0].code };
}

/** Closes with a code when a step is reached; the later steps need a lost connection first. */
function closeAt(target: Step, code: number | "silence", always: boolean): Plan {
  return (step, visit) => {
    const wanted = always || visit === 0;
    if (step === target) return wanted ? code : undefined;
    const later = target === "reconnecting" || target === "resuming";
    return later && step === "connected" && wanted ? 1006 : undefined;
  };
}

for (const step of STEPS) {
  test(`VoiceSession recovers from one close of every code while ${step}`, () => {
    for (const [code, action] of CODES) {
      const { driver, result } = run(closeAt(step, code, false), true, `${code}`);
      assertEquals(result, action === "stop" ? "closed" : "connected", `${code}`);
      if (action === "stop") {
        const [{ closeCode, message }] = closings(driver);
        assertEquals([closeCode, message.includes(`${code}`)], [code, true]);
      }
    }
  });

  test(`VoiceSession ends in time when no new voice server is named after a close while ${step}`, () => {
    const expected: Record<string, string> = {
      stop: "closed",
      resume: "connected",
      rejoin: "timeout",
      wait: "disconnected",
    };
    for (const [code] of CODES) {
      const { result } = run(closeAt(step, code, false), false, `${code}`);
      assertEquals(result, expected[actionAt(step, code)], `${code}`);
    }
  });

  test(`VoiceSession gives up in time when the server closes each time while ${step}`, () => {
    for (const [code, action] of CODES) {
      if (action === "wait") continue;
      const { result } = run(closeAt(step, code, true), true, `${code}`);
      assertEquals(result, "closed", `${code}`);
    }
  });

  test(`VoiceSession gives up in time when the server is silent each time while ${step}`, () => {
    if (step === "connected") return assertEquals(run(() => undefined, true, "").result, step);
    const { result } = run(closeAt(step, "silence", true), true, step);
    assertEquals(result, step === "discovering" ? "udp-unreachable" : "timeout");
  });

  test(`VoiceSession recovers when the server is silent once while ${step}`, () => {
    const { result } = run(closeAt(step, "silence", false), true, step);
    assertEquals(result, step === "discovering" ? "connected" : "connected");
  });
}

test("VoiceSession gives up in time when main gateway and voice server never answer", () => {
  for (const step of STEPS) {
    if (step === "connected" || step === "discovering") continue;
    assertEquals(run(closeAt(step, "silence", true), false, step).result, "timeout");
  }
});

test("VoiceSession follows each new voice server, without op 4, however often it is moved", () => {
  for (const code of [4014, 4022]) {
    const driver = new Driver();
    new ScriptedServer(
      driver,
      (step, visit) => step === "connected" && visit < 20 ? code : undefined,
    );
    driver.feed(JOIN);
    driver.wait(LIMIT);
    assertEquals(driver.session.state, "connected");
    const sent = driver.log.filter(({ output }) => output.type === "sendGateway");
    assertEquals(sent.length, 1);
    const identifies = driver.sent().filter(({ op }) => op === 0);
    assertEquals(
      identifies.map(({ d }) => d.token),
      Array.from({ length: 21 }, (_, i) => `token ${i + 1}`),
    );
  }
});

test("VoiceSession tells of each close with code and reason", () => {
  const driver = driveTo("connected");
  driver.close(4015, "Voice server crashed");
  const disconnected: SessionEvent = {
    type: "disconnected",
    code: 4015,
    reason: "Voice server crashed",
    bySelf: false,
  };
  assertEquals(driver.events.at(-1), disconnected);
});

const BEFORE_KEY = ["connecting", "identifying", "discovering", "selecting"] as const;
const BEGUN = BEFORE_KEY.slice(1);
const NETWORK_CODES = [1001, 1002, 1005, 1006, 1011, 1012, 1015, 3000, 3999];
const SERVER_CODES = [4000, 4013, 4015, 4800, 4900];

/** Takes a session to a step with a server that the caller has given. */
function driveDirectly(step: Step, heartbeat_interval = 13_750): Driver {
  const driver = new Driver();
  driver.feed(DIRECT);
  const path: readonly (() => void)[] = [
    () => {
      driver.open();
      driver.message(8, { heartbeat_interval });
    },
    () => {
      driver.message(2, READY);
      driver.feed({ type: "udpOpen", id: driver.udpId });
    },
    () => driver.datagram(discoveryResponse(SSRC, ADDRESS)),
  ];
  for (const advance of path.slice(0, STEPS.indexOf(step))) advance();
  assertEquals(driver.session.state, step);
  return driver;
}

/** The handshake starts again with the session as it was. */
function assertIdentifiesAnew(driver: Driver, from: number, what: string): void {
  assertEquals(driver.session.state, "connecting", what);
  driver.wait(0);
  driver.open();
  const [identify, ...rest] = driver.sent(from).filter(({ op }) => op !== 3);
  const { op, d } = identify;
  assertEquals([op, d.session_id, d.token, rest], [0, SESSION_ID, TOKEN, []], what);
}

/** It leaves and joins by the main gateway, and identifies with nothing but what that says. */
function assertRejoins(driver: Driver, from: number, what: string): void {
  assertEquals(driver.session.state, "signalling", what);
  driver.wait(1000);
  const since = driver.log.slice(from).map(({ output }) => output);
  const channels = since.flatMap((output) =>
    output.type === "sendGateway" ? [output.payload.d.channel_id] : []
  );
  assertEquals(channels, [null, CHANNEL], what);
  assertEquals(since.filter(({ type }) => type === "openWebSocket"), [], what);
  driver.feed(voiceServer("new"));
  assertEquals(driver.session.state, "signalling", what);
  const data = { guild_id: GUILD, user_id: USER, channel_id: CHANNEL, session_id: "s2" };
  driver.feed({ type: "voiceState", data });
  const [{ op, d }] = sentBy(driver.open());
  assertEquals([op, d.session_id, d.token], [0, "s2", "new"], what);
}

test("VoiceSession identifies anew where the network fails before it has identified", () => {
  for (const code of [...NETWORK_CODES, ...SERVER_CODES]) {
    for (const driver of [driveTo("connecting"), driveDirectly("connecting")]) {
      const from = driver.log.length;
      driver.close(code);
      assertIdentifiesAnew(driver, from, `${code}`);
    }
  }
});

// eris#1448: the server may know the session by then, and closes a second Identify with 4006.
test("VoiceSession rejoins where the network fails between Identify and the key", () => {
  for (const step of BEGUN) {
    for (const code of NETWORK_CODES) {
      const driver = driveTo(step);
      const from = driver.log.length;
      driver.close(code);
      assertRejoins(driver, from, `${code} while ${step}`);
    }
  }
});

test("VoiceSession identifies anew where the server fails before there is a key", () => {
  for (const step of BEFORE_KEY) {
    for (const code of SERVER_CODES) {
      const driver = driveTo(step);
      const from = driver.log.length;
      driver.close(code);
      assertIdentifiesAnew(driver, from, `${code} while ${step}`);
    }
  }
});

test("VoiceSession identifies anew with a server it was given, whatever failed before the key", () => {
  for (const step of BEFORE_KEY) {
    for (const code of [...NETWORK_CODES, ...SERVER_CODES]) {
      const driver = driveDirectly(step);
      const from = driver.log.length;
      driver.close(code);
      assertIdentifiesAnew(driver, from, `${code} while ${step}`);
    }
  }
});

test("VoiceSession ends with a normal closure in each step of the handshake", () => {
  for (const step of BEFORE_KEY) {
    for (const driver of [driveTo(step), driveDirectly(step)]) {
      driver.close(1000);
      assertEquals([driver.session.state, closings(driver)[0].closeCode], ["closed", 1000]);
    }
  }
});

/** Milliseconds after which a server is given up that answers no heartbeat, or says nothing. */
const SILENCES: readonly (readonly [step: Step, heartbeat: number, silence: number])[] = [
  ["identifying", 1000, 3000],
  ["discovering", 1000, 3000],
  ["selecting", 1000, 3000],
  ["identifying", 60_000, 10_000],
  ["selecting", 60_000, 10_000],
];

test("VoiceSession treats a silent server between Identify and the key like a failed network", () => {
  for (const [step, heartbeat_interval, silence] of SILENCES) {
    const what = `${step} for ${silence} ms`;
    const joined = driveTo(step);
    joined.message(8, { heartbeat_interval });
    const given = driveDirectly(step, heartbeat_interval);
    for (const driver of [joined, given]) {
      driver.wait(silence - 1);
      assertEquals(driver.session.state, step, what);
      const from = driver.log.length;
      const websocket = driver.websocketId;
      const outputs = driver.wait(1);
      const closed = outputs.filter(({ type }) => type === "closeWebSocket");
      assertEquals(closed, [{ type: "closeWebSocket", id: websocket, code: 4900 }], what);
      if (driver === joined) assertRejoins(driver, from, what);
      else assertIdentifiesAnew(driver, from, what);
    }
  }
});

test("VoiceSession opens its WebSocket again where it was silent from the start", () => {
  const driver = driveTo("connecting");
  const from = driver.log.length;
  driver.wait(10_000);
  assertIdentifiesAnew(driver, from, "silent");
});

test("VoiceSession leaves and joins with op 4 after 4006, and never uses the old data again", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    driver.close(4006);
    assertEquals(driver.session.state, "signalling");
    const actions = actionsOf(driver.wait(2_000));
    assertEquals(
      actions.map((output) => output.type === "sendGateway" && output.payload.d.channel_id),
      [null, CHANNEL],
    );
    driver.feed(voiceState(null));
    driver.feed(voiceServer("new"));
    assertEquals(driver.session.state, "signalling");
    const data = { guild_id: GUILD, user_id: driver.sent()[0]?.d.user_id as string };
    const state = { ...data, user_id: "104694319306248192", channel_id: CHANNEL, session_id: "s2" };
    driver.feed({ type: "voiceState", data: state });
    const { d } = sentBy(driver.open())[0];
    assertEquals([d.token, d.session_id], ["new", "s2"]);
  }
});

// Resume

function resumed(seqs: readonly (number | undefined)[]): Record<string, unknown> {
  const driver = driveTo("connected");
  for (const seq of seqs) driver.message(18, { user_id: "1", flags: 0 }, seq);
  driver.close(1006);
  assertEquals(driver.session.state, "reconnecting");
  assertEquals(actionsOf(driver.wait(0)).filter(({ type }) => type !== "transmit"), [
    { type: "openWebSocket", id: 3, url: URL_V8 },
  ]);
  const [{ op, d }, ...rest] = sentBy(driver.open());
  assertEquals([op, rest.length], [7, 0]);
  return d;
}

test("VoiceSession resumes with guild, session and token, and with seq_ack where there is one", () => {
  const common = { server_id: GUILD, session_id: SESSION_ID, token: TOKEN };
  assertEquals(resumed([]), common);
  assertEquals(resumed([undefined]), common);
  assertEquals(resumed([0]), { ...common, seq_ack: 0 });
  assertEquals(resumed([5, 6]), { ...common, seq_ack: 6 });
  assertEquals(resumed([65534, 65535, 0]), { ...common, seq_ack: 0 });
  assertEquals(resumed([65535, undefined]), { ...common, seq_ack: 65535 });
});

test("VoiceSession resumes with the seq of a binary frame", () => {
  const driver = driveTo("connected");
  driver.message(18, {}, 3);
  driver.text(hex("000019aabbcc"));
  driver.close(4015);
  driver.wait(0);
  assertEquals(sentBy(driver.open())[0].d.seq_ack, 0);
});

test("VoiceSession keeps SSRC, key, counters and UDP over a resume", () => {
  const driver = driveTo("connected");
  const header = new RtpHeader();
  const counters = () => {
    const into = new Uint8Array(35);
    assertEquals(driver.session.packetize(hex("f8fffe"), into), 35);
    parseRtpHeader(into, header);
    return [header.ssrc, header.sequence, header.timestamp, readU32(into, 31)];
  };
  counters();
  const [ssrc, sequence, timestamp, nonce] = counters();
  for (let i = 1; i < 3; i++) {
    driver.close(1006);
    driver.wait(1_000);
    driver.open();
    driver.message(8, { heartbeat_interval: 13_750 });
    const actions = actionsOf(driver.message(9, null)).map(({ type }) => type);
    assertEquals(actions, ["sendWebSocket"]);
    assertEquals(driver.session.state, "connected");
    assertEquals(counters(), [
      ssrc,
      (sequence + i) & 0xffff,
      (timestamp + 960 * i) >>> 0,
      nonce + i,
    ]);
  }
  assertEquals(ssrc, SSRC);
  assertEquals(driver.events.filter(({ type }) => type === "resumed").length, 2);
});

for (const order of ["Hello, Resumed", "Resumed, Hello", "Hello, Resumed, Hello", "Resumed"]) {
  test(`VoiceSession resumes on ${order}`, () => {
    const driver = driveTo("resuming");
    for (const name of order.split(", ")) {
      if (name === "Hello") driver.message(8, { heartbeat_interval: 1000 });
      else driver.message(9, null);
    }
    assertEquals(driver.session.state, "connected");
    const beats = sentBy(driver.wait(1000)).filter(({ op }) => op === 3);
    assertEquals(beats.length, order.includes("Hello") ? 1 : 0);
  });
}

test("VoiceSession takes Ready in answer to Resume for a new session", () => {
  const driver = driveTo("connected");
  driver.message(18, {}, 500);
  driver.feed({ type: "speak", flags: 1 });
  driver.close(1006);
  driver.wait(0);
  driver.open();
  assertEquals(actionsOf(driver.message(2, { ...READY, ssrc: 99 })), [
    { type: "closeUdp", id: 2 },
    { type: "openUdp", id: 4, address: READY.ip, port: READY.port },
  ]);
  assertEquals([driver.session.state, driver.session.mode], ["discovering", undefined]);
  driver.feed({ type: "udpOpen", id: 4 });
  driver.datagram(discoveryResponse(99, ADDRESS));
  const sent = sentBy(driver.message(4, DESCRIPTION));
  assertEquals(sent.find(({ op }) => op === 5)?.d.ssrc, 99);
  assertEquals([driver.session.state, driver.session.ssrc], ["connected", 99]);
});

test("VoiceSession does not acknowledge the old session's messages in a new one", () => {
  const driver = driveTo("connected");
  driver.message(18, {}, 500);
  driver.close(1006);
  driver.wait(0);
  driver.open();
  driver.message(2, READY);
  assertEquals(Object.keys(sentBy(driver.message(3, null))[0].d), ["t"]);
});

test("VoiceSession starts without seq_ack after a fresh Identify", () => {
  const driver = driveTo("connected");
  driver.message(18, {}, 500);
  driver.feed(voiceServer("new"));
  driver.open();
  assertEquals(Object.keys(sentBy(driver.message(3, null))[0].d), ["t"]);
});

test("VoiceSession tries to resume four times and then joins afresh", () => {
  const driver = driveTo("connected");
  let opened = 0;
  driver.perform = (output) => {
    if (output.type === "openWebSocket") {
      opened++;
      driver.schedule(1, () => driver.close(1006));
    }
  };
  driver.close(1006);
  driver.wait(8_000);
  assertEquals([opened, driver.session.state], [4, "signalling"]);
});

test("VoiceSession has its budget back after a minute of connection, and not before", () => {
  for (const [held, expected] of [[59_000, 2], [61_000, 3]] as const) {
    const driver = driveTo("connected");
    let rejoins = 0;
    driver.perform = (output) => {
      for (const { op, d } of sentBy([output])) if (op === 3) driver.message(6, { t: d.t });
      if (output.type === "sendGateway" && output.payload.d.channel_id !== null) rejoins++;
    };
    const handshake = () => {
      driver.feed(voiceState());
      driver.feed(voiceServer(`token ${rejoins}`));
      driver.open();
      driver.message(8, { heartbeat_interval: 5_000 });
      driver.message(2, READY);
      driver.datagram(discoveryResponse(SSRC, ADDRESS));
      driver.message(4, DESCRIPTION);
      assertEquals(driver.session.state, "connected");
    };
    const rejoin = () => {
      const before = rejoins;
      driver.close(4006);
      for (let i = 0; i < 80 && rejoins === before; i++) driver.wait(1_000);
    };
    for (let i = 0; i < 2; i++) {
      rejoin();
      handshake();
    }
    driver.wait(held);
    assertEquals(driver.session.state, "connected");
    rejoin();
    assertEquals(rejoins, expected);
  }
});

/** Uses op 4 so often; the last join is answered. */
function joinedTimes(count: number): Driver {
  const driver = new Driver();
  for (let i = 1; i <= count; i++) driver.feed({ ...JOIN, channelId: `${i}` });
  driver.feed(voiceState(`${count}`));
  driver.feed(voiceServer());
  assertEquals(driver.session.state, "connecting");
  return driver;
}

/** When op 4 went out, in milliseconds after the start, and for which channel. */
function requestsOf({ log }: Driver): [at: number, channel: string | null][] {
  return log.flatMap(({ at, output }) => {
    return channelsOf([output]).map((channel): [number, string | null] => [at - 1000, channel]);
  });
}

test("VoiceSession that was ready rejoins only as soon as five op 4 a minute allow it", () => {
  const driver = joinedTimes(3);
  shakeHands(driver);
  driver.close(4006);
  driver.wait(59_999);
  assertEquals([driver.session.state, requestsOf(driver).length], ["signalling", 3]);
  driver.wait(LIMIT);
  const sent = requestsOf(driver).slice(3);
  assertEquals(sent.slice(0, 2), [[60_000, null], [60_000, "3"]]);
  assertEquals(sent.at(-1)?.[1], null);
  assertFewGatewayMessages(driver, "rejoin");
});

test("VoiceSession that was never ready ends where the limit makes it wait to rejoin", () => {
  for (const step of ["connecting", "identifying", "discovering", "selecting"] as const) {
    const driver = joinedTimes(3);
    if (step !== "connecting") driver.open();
    if (step === "discovering" || step === "selecting") driver.message(2, READY);
    if (step === "selecting") {
      driver.feed({ type: "udpOpen", id: driver.udpId });
      driver.datagram(discoveryResponse(SSRC, ADDRESS));
    }
    assertEquals(driver.session.state, step);
    driver.close(4006, "no such session");
    assertEquals(driver.session.state, "closed", step);
    const [{ code, closeCode, message, phase }] = closings(driver);
    assertEquals([code, closeCode, phase], ["closed", 4006, step]);
    assert(message.includes("no such session"), message);
    assertEquals(requestsOf(driver), [[0, "1"], [0, "2"], [0, "3"], [0, null]]);
  }
});

test("VoiceSession that was never ready waits five seconds for the limit, and no longer", () => {
  for (const [late, ends] of [[55_000, false], [54_999, true]] as const) {
    const driver = joinedTimes(3);
    // Each new server gives the handshake its time anew.
    for (let i = 0; i < 10; i++) {
      driver.wait(i === 0 ? late - 45_000 : 5_000);
      driver.feed(voiceServer(`token ${i}`));
    }
    assertEquals([driver.now - 1000, driver.session.state], [late, "connecting"]);
    driver.close(4006);
    assertEquals(driver.session.state, ends ? "closed" : "signalling");
    if (ends) continue;
    driver.wait(5_000);
    assertEquals(requestsOf(driver).slice(3), [[60_000, null], [60_000, "3"]]);
  }
});

test("VoiceSession that was ready once waits for the limit in a later handshake, too", () => {
  const driver = joinedTimes(3);
  shakeHands(driver);
  driver.feed(voiceServer("new"));
  driver.close(4006);
  assertEquals(driver.session.state, "signalling");
  driver.wait(60_000);
  assertEquals(requestsOf(driver).slice(3), [[60_000, null], [60_000, "3"]]);
});

test("VoiceSession leaves the channel where it fails, however much of the limit was used", () => {
  for (let joins = 1; joins <= 4; joins++) {
    const driver = joinedTimes(joins);
    driver.close(4004);
    assertEquals(driver.session.state, "closed");
    const channels = requestsOf(driver).map(([, channel]) => channel);
    assertEquals(channels, ["1", "2", "3", "4"].slice(0, joins).concat([null] as never[]));
  }
});

test("VoiceSession that ends by itself has left the channel: its last op 4 says so", () => {
  let ended = 0;
  const assertLeft = ({ driver }: { driver: Driver }, what: string) => {
    if (driver.session.state !== "closed") return;
    ended++;
    assertEquals(requestsOf(driver).at(-1)?.[1], null, what);
  };
  for (const step of STEPS) {
    const recovered = CODES.filter(([, action]) => action === "resume" || action === "rejoin");
    for (const code of [...recovered.map(([code]) => code), "silence"] as const) {
      for (const gateway of [true, false]) {
        const what = `${code} while ${step}, gateway ${gateway}`;
        assertLeft(run(closeAt(step, code, true), gateway, what), what);
        assertLeft(run(closeAt(step, code, false), gateway, what), what);
      }
      // With all of the limit spent that can be.
      for (const ready of [false, true]) {
        const driver = joinedTimes(4);
        if (ready) shakeHands(driver);
        new ScriptedServer(driver, closeAt(step, code, true), false);
        if (code === "silence") driver.close(1006);
        else driver.close(code);
        driver.wait(LIMIT);
        assertFewGatewayMessages(driver, `${code}`);
        assertLeft({ driver }, `${code} while ${step}, ready ${ready}`);
      }
    }
  }
  assert(ended > 300, `${ended}`);
});

test("VoiceSession does not blame a close that it has recovered from", () => {
  const driver = driveTo("resuming");
  driver.message(9, null);
  driver.feed(voiceState(null));
  const [{ code, closeCode }] = closings(driver);
  assertEquals([code, closeCode], ["disconnected", undefined]);
});

// Retired ids

test("VoiceSession ignores all that comes late from a retired transport", () => {
  for (const step of ["connecting", "discovering", "connected", "reconnecting"] as const) {
    const driver = driveTo(step);
    const websocket = driver.websocketId;
    const udp = driver.udpId;
    driver.feed(voiceServer("new"));
    const { state } = driver.session;
    assertEquals(state, "connecting");
    const timeout = driver.session.pollTimeout();
    const late: Input[] = [
      { type: "websocketOpen", id: websocket },
      ...[8, 2, 4, 9, 3, 11].map((op): Input => ({
        type: "websocketMessage",
        id: websocket,
        data: JSON.stringify({ op, d: { ...READY, ...DESCRIPTION, heartbeat_interval: 1 } }),
      })),
      { type: "websocketMessage", id: websocket, data: hex("000719aabbcc") },
      { type: "websocketClose", id: websocket, code: 4004, reason: "" },
      { type: "udpOpen", id: udp },
      { type: "datagram", id: udp, data: discoveryResponse(SSRC, ADDRESS) },
      { type: "udpClose", id: udp, reason: "" },
    ];
    for (const input of late) {
      if (udp === 0 && "id" in input && input.id === 0) continue;
      assertEquals(driver.feed(input), [], `${step}: ${input.type}`);
    }
    assertEquals([driver.session.state, driver.session.pollTimeout()], [state, timeout]);
  }
});

test("VoiceSession ignores transports of the future, and all of them once it is closed", () => {
  const closed = driveTo("connected");
  closed.feed({ type: "leave" });
  for (const [driver, id] of [[driveTo("connected"), 77], [closed, 1], [closed, 2]] as const) {
    const { state } = driver.session;
    for (
      const input of [
        { type: "websocketOpen", id },
        { type: "websocketMessage", id, data: '{"op":3,"d":null}' },
        { type: "websocketClose", id, code: 1006, reason: "" },
        { type: "udpOpen", id },
        { type: "udpClose", id, reason: "" },
        { type: "datagram", id, data: new Uint8Array(3) },
      ] as const
    ) {
      assertEquals(driver.feed(input), [], input.type);
    }
    assertEquals(driver.session.state, state);
  }
  assertEquals(closed.feed(voiceState()), []);
  assertEquals(closed.feed(voiceServer("new")), []);
  assertEquals(closed.feed({ type: "timeout" }), []);
});

test("VoiceSession goes on beating after a Resume without a second Hello", () => {
  const driver = driveTo("connected");
  driver.close(1006);
  driver.wait(0);
  driver.open();
  driver.message(9, null);
  const beats = sentBy(driver.wait(13_750)).filter(({ op }) => op === 3);
  assertEquals(beats.length, 1);
});
