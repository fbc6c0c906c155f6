// Invariant: nothing that is received throws, moves the session where it must not go, or
// leaves it without a timer; what is dropped is counted or told.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { LocalProtocolError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";
import type { Input } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { STATES } from "../../lib/state.ts";
import {
  actionsOf,
  ADDRESS,
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
  READY,
  SESSION_ID,
  SSRC,
  STEPS,
  TOKEN,
  USER,
  voiceServer,
  voiceState,
} from "../tools/driver.ts";
import { bitFlips, hex, JSON_KINDS, randomBytes, seededRandom } from "../tools/vectors.ts";

function droppedBy(driver: Driver): number {
  return Object.values(driver.session.counters.dropped).reduce((sum, count) => sum + count, 0);
}

/** The session is at rest, or something will wake it. */
function assertAwake(driver: Driver, what: string): void {
  const { state } = driver.session;
  const rests = state === "idle" || state === "closed" || state === "connected";
  assert(rests || driver.session.pollTimeout() !== undefined, `${what}: asleep while ${state}`);
}

for (const step of STEPS) {
  test(`VoiceSession drops and counts garbage datagrams of every length while ${step}`, () => {
    const driver = driveTo(step);
    const random = seededRandom(10);
    let fed = 0;
    for (let size = 0; size <= 100; size++) {
      for (let i = 0; i < 4; i++) {
        const data = randomBytes(random, size);
        const before = data.slice();
        assertEquals(driver.datagram(data), []);
        assertEquals(data, before);
        fed++;
      }
    }
    const hasUdp = driver.udpId !== 0;
    assertEquals([droppedBy(driver), driver.session.state], [hasUdp ? fed : 0, step]);
  });

  test(`VoiceSession tells of text that is no message, and goes on, while ${step}`, () => {
    const driver = driveTo(step);
    const open = step !== "connecting" && step !== "reconnecting";
    const texts = [
      ...["", "{", "\0", "[]", "null", "8", '"op"', "{}", '{"op":"8"}', '{"op":-1}', '{"op":0.5}'],
      ...JSON_KINDS.map((kind) => JSON.stringify(kind)),
    ];
    for (const data of [...texts, ...["", "00", "0001"].map(hex)]) {
      const outputs = driver.text(data);
      assertEquals(actionsOf(outputs), []);
      assertEquals(eventsOf(outputs).map(({ type }) => type), ["malformed"], `${open} ${data}`);
    }
    assertEquals(driver.session.state, step);
  });

  test(`VoiceSession survives every opcode with payloads of every kind while ${step}`, () => {
    for (const d of [undefined, ...JSON_KINDS]) {
      const driver = driveTo(step);
      for (let op = 0; op < 256; op++) {
        driver.message(op, d, op);
        if (op === 9) driver.text(Uint8Array.of(0, 1, op));
        const moved = step === "resuming" && op >= 9;
        assertEquals(driver.session.state, moved ? "connected" : step, `op ${op}: ${d}`);
        assertAwake(driver, `op ${op}`);
      }
    }
  });
}

const PAYLOADS: readonly [op: number, d: Record<string, unknown>, fields: readonly string[]][] = [
  [2, { ...READY }, ["ssrc", "port", "modes"]],
  [4, { ...DESCRIPTION }, ["mode", "secret_key"]],
  [5, { user_id: "1", ssrc: 7, speaking: 1 }, ["user_id", "ssrc", "speaking"]],
  [6, { t: 1 }, ["t"]],
  [8, { heartbeat_interval: 13_750 }, ["heartbeat_interval"]],
  [11, { user_ids: ["1"] }, ["user_ids"]],
  [12, { user_id: "1", audio_ssrc: 1 }, ["user_id", "audio_ssrc"]],
  [13, { user_id: "1" }, ["user_id"]],
  [18, { user_id: "1", flags: 0 }, ["user_id"]],
  [20, { user_id: "1", platform: 0 }, ["user_id"]],
];

for (const [op, d, fields] of PAYLOADS) {
  test(`VoiceSession tells of op ${op} with a field missing or null, and does nothing`, () => {
    for (const step of STEPS) {
      const driver = driveTo(step);
      for (const field of fields) {
        for (const value of [undefined, null]) {
          const outputs = driver.message(op, { ...d, [field]: value });
          assertEquals(actionsOf(outputs), []);
          const [event] = eventsOf(outputs);
          assert(event.type === "malformed", event.type);
          assert(event.reason.startsWith(`op ${op}: "${field}" must be `), event.reason);
        }
      }
      assertEquals(driver.session.state, step);
    }
  });
}

test("VoiceSession passes over opcodes that nobody knows, in JSON and in binary frames", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    for (const op of [33, 255, 256, 1000, 2 ** 53 - 1]) {
      for (const d of [undefined, ...JSON_KINDS]) {
        assertEquals(actionsOf(driver.message(op, d, 7)), []);
      }
    }
    for (let op = 33; op < 256; op++) {
      assertEquals(actionsOf(driver.text(Uint8Array.of(0, 1, op, 7))), []);
    }
    assertEquals(driver.events.filter(({ type }) => type === "malformed"), []);
    assertEquals(driver.session.state, step);
  }
});

test("VoiceSession takes messages out of turn for malformed", () => {
  for (
    const [op, d, name, wanted] of [
      [2, READY, "Ready", ["identifying", "resuming"]],
      [4, DESCRIPTION, "Session Description", ["selecting", "connected"]],
      [9, null, "Resumed", ["resuming"]],
    ] as const
  ) {
    for (const step of STEPS) {
      if ((wanted as readonly string[]).includes(step)) continue;
      const driver = driveTo(step);
      const outputs = driver.message(op, d);
      assertEquals(actionsOf(outputs), []);
      assertEquals(eventsOf(outputs), [
        { type: "malformed", reason: `Cannot take ${name}: the session is ${step}` },
      ]);
    }
  }
});

// 10 kB of brackets are enough for the stack of V8's JSON.stringify().
test("VoiceSession survives a payload that is nested deeply", () => {
  for (const depth of [5_000, 100_000]) {
    const nested = "[".repeat(depth) + "]".repeat(depth);
    const driver = driveTo("identifying");
    for (const field of ["heartbeat_interval", "t"]) {
      const op = field === "t" ? 6 : 8;
      const outputs = driver.text(`{"op":${op},"d":{"${field}":${nested}}}`);
      assertEquals(eventsOf(outputs).map(({ type }) => type), ["malformed"]);
    }
  }
});

test("VoiceSession ignores Hello's extremes", () => {
  for (const interval of [Number.MIN_VALUE, 1e-3, 1, 2 ** 31, 1e300, Number.MAX_VALUE]) {
    const driver = driveTo("connected");
    driver.message(8, { heartbeat_interval: interval });
    driver.wait(1000);
    assertEquals(driver.log.length < 1000, true);
    assertAwake(driver, `${interval}`);
  }
});

const STATE_DATA = { guild_id: GUILD, user_id: USER, channel_id: CHANNEL, session_id: SESSION_ID };
const SERVER_DATA = { guild_id: GUILD, token: TOKEN, endpoint: ENDPOINT };

const GATEWAY_GARBAGE = gatewayGarbage();

function gatewayGarbage() {
  const garbage: Extract<Input, { readonly data: object }>[] = [];
  for (const kind of [undefined, ...JSON_KINDS]) {
    for (const field of ["channel_id", "session_id"]) {
      garbage.push({ type: "voiceState", data: { ...STATE_DATA, [field]: kind } as never });
    }
    for (const field of ["token", "endpoint"]) {
      garbage.push({ type: "voiceServer", data: { ...SERVER_DATA, [field]: kind } as never });
    }
    garbage.push({ type: "voiceState", data: kind as never });
    garbage.push({ type: "voiceServer", data: kind as never });
  }
  return garbage;
}

test("VoiceSession survives gateway updates of every kind", () => {
  for (const input of GATEWAY_GARBAGE) {
    const signalling = new Driver();
    signalling.feed(JOIN);
    for (const driver of [new Driver(), signalling, ...STEPS.map((step) => driveTo(step))]) {
      driver.feed(input);
      assertAwake(driver, JSON.stringify(input));
    }
  }
});

test("VoiceSession does not fall asleep on a gateway update without what it needs", () => {
  for (const field of ["session_id", "channel_id"]) {
    const driver = driveTo("connected");
    driver.feed({ type: "voiceState", data: { ...STATE_DATA, [field]: undefined } as never });
    driver.close(1006);
    driver.wait(300_000);
    assertEquals(driver.session.state, "closed", field);
  }
});

test("VoiceSession does not identify without a token", () => {
  const driver = new Driver();
  driver.feed(JOIN);
  driver.feed(voiceState());
  driver.feed({ type: "voiceServer", data: { ...SERVER_DATA, token: undefined } as never });
  assertEquals(driver.session.state, "signalling");
});

test("VoiceSession tells of an endpoint that it cannot use, and stays as it is", () => {
  for (const step of STEPS) {
    const driver = driveTo(step);
    for (const endpoint of ["", "http://x", "ws://example.com", "a b", "x:0"]) {
      const outputs = driver.feed(voiceServer("new", endpoint));
      assertEquals(actionsOf(outputs), []);
      assertEquals(eventsOf(outputs).map(({ type }) => type), ["malformed"]);
    }
    assertEquals(driver.session.state, step);
  }
});

test("VoiceSession is bounded in the users that it knows", () => {
  const driver = driveTo("connected");
  for (let i = 0; i < 50; i++) {
    driver.message(11, { user_ids: Array.from({ length: 200 }, (_, j) => `${200 * i + j}`) });
  }
  assertEquals(driver.session.users.size, 4096);
});

const TOO_MANY_JOINS = "Cannot join: 5 op 4 a minute are the limit";

/** Five op 4 a minute, and with the fifth one the session leaves for good. */
function assertFewGatewayMessages({ log, session }: Driver): void {
  const sent = log.filter(({ output }) => output.type === "sendGateway");
  sent.forEach(({ at, output }, index) => {
    const count = sent.slice(0, index + 1).filter((other) => other.at > at - 60_000).length;
    assert(count <= 5, `${count} op 4 in a minute`);
    if (count < 5) return;
    assertEquals([channelsOf([output]), session.state], [[null], "closed"]);
    assertEquals(index, sent.length - 1);
  });
}

/** Random inputs, most of them plausible, in any order and with any id. */
function randomInput(random: () => number, driver: Driver): Input {
  const pick = <T>(items: readonly T[]): T => items[random() % items.length];
  const stale = random() % 8 === 0;
  const id = stale ? random() % 9 : driver.websocketId;
  const udp = stale ? random() % 9 : driver.udpId;
  const json = (op: number, d: unknown): Input => {
    const seq = pick([undefined, 0, 1, 65535, 70000]);
    return { type: "websocketMessage", id, data: JSON.stringify({ op, d, seq }) };
  };
  const response = discoveryResponse(SSRC, ADDRESS);
  const choices: (() => Input)[] = [
    () => JOIN,
    () => DIRECT,
    () => ({ type: "speak", flags: random() % 8 }),
    () => voiceState(),
    () => voiceState(pick([CHANNEL, "5"])),
    () => voiceServer(pick([TOKEN, "new", `${random()}`])),
    () => voiceServer(TOKEN, pick([ENDPOINT, null, "http://x"])),
    () => pick(GATEWAY_GARBAGE.filter(({ data }) => data instanceof Object)),
    () => ({ type: "timeout" }),
    () => ({ type: "websocketClose", id, code: pick([1000, 1006, 4006, 4014, 4015]), reason: "" }),
    () => ({ type: "udpClose", id: udp, reason: "x" }),
    () => ({ type: "websocketMessage", id, data: randomBytes(random, random() % 9) }),
    () => ({ type: "datagram", id: udp, data: randomBytes(random, random() % 100) }),
    () => ({ type: "datagram", id: udp, data: pick(bitFlips(response)) }),
    () => json(random() % 40, pick(JSON_KINDS)),
    () => json(5, { user_id: `${random() % 9}`, ssrc: random(), speaking: random() % 8 }),
    ...Array.from({ length: 3 }, () => [
      () => ({ type: "websocketOpen", id }) as const,
      () => ({ type: "udpOpen", id: udp }) as const,
      () => ({ type: "datagram", id: udp, data: response }) as const,
      () => json(2, READY),
      () => json(4, DESCRIPTION),
      () => json(8, { heartbeat_interval: pick([10, 1000, 13_750.5]) }),
      () => json(9, null),
      () => json(6, pick([{ t: random() % 5 }, random() % 5])),
      () => json(3, random() % 5),
      () => ({ type: "websocketMessage", id, data: '{"heartbeat_interval":1000.5}' }) as const,
    ]).flat(),
  ];
  return pick(choices)();
}

for (let seed = 1; seed <= 20; seed++) {
  test(`VoiceSession keeps its invariants over random inputs, seed ${seed}`, () => {
    const random = seededRandom(seed);
    const reached = new Set<string>();
    for (let run = 0; run < 18; run++) {
      const driver = new Driver({ gatewayVersion: GATEWAY_VERSIONS[run % 9] });
      for (let i = 0; i < 80; i++) {
        const input = randomInput(random, driver);
        const { state } = driver.session;
        try {
          driver.feed(input);
        } catch (error) {
          assert(error instanceof LocalProtocolError, `${input.type}: ${error}`);
          if (state === "closed") assert(["join", "speak", "leave"].includes(input.type));
          else assertEquals([input, error.message], [JOIN, TOO_MANY_JOINS]);
          assertEquals([driver.session.state, driver.session.pollOutput()], [state, undefined]);
        }
        assert(STATES.includes(driver.session.state));
        reached.add(driver.session.state);
        assertAwake(driver, JSON.stringify(input));
        if (random() % 4 === 0) driver.wait(random() % 3000);
      }
      driver.wait(600_000);
      assertFewGatewayMessages(driver);
      const { state } = driver.session;
      assert(["idle", "closed", "connected"].includes(state), `ends ${state}`);
    }
    assert(reached.size >= 6, [...reached].join());
  });
}
