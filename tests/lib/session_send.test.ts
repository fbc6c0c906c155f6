// Messages that can wait: those of the caller's own, and Speaking. A server closes with 4021 on
// a client that sends too many.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { LocalProtocolError } from "../../lib/errors.ts";
import type { Input, Output } from "../../lib/io.ts";
import { SEND_LIMIT, SEND_QUEUE_LIMIT } from "../../lib/send_limit.ts";
import {
  ackOf,
  actionsOf,
  answerHeartbeats,
  DIRECT,
  Driver,
  driveTo,
  sentBy,
  shakeHands,
  STEPS,
  voiceServer,
} from "../tools/driver.ts";

/** A message of the caller's own that can be told apart. */
function own(n: number): Input {
  return { type: "send", data: JSON.stringify({ op: 99, d: n }) };
}

/** Which messages of the caller's own are sent. */
function ownOf(outputs: readonly Output[]): unknown[] {
  return sentBy(outputs).flatMap(({ op, d }) => op === 99 ? [d as unknown] : []);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** A connection whose heartbeats are answered, and which has sent `count` messages. */
function connected(count = 0): Driver {
  const driver = driveTo("connected");
  answerHeartbeats(driver);
  driver.text(ackOf(8, 1));
  for (let n = 0; n < count; n++) driver.feed(own(n));
  return driver;
}

/** When messages with this opcode went out. */
function timesOf({ log }: Driver, op: number): number[] {
  return log.flatMap(({ at, output }) => sentBy([output]).some((it) => it.op === op) ? [at] : []);
}

/** Most of these times in any minute. */
function mostInMinute(times: readonly number[]): number {
  const counts = times.map((at) => times.filter((it) => it >= at && it < at + 60_000).length);
  return Math.max(0, ...counts);
}

function resume(driver: Driver): Output[] {
  driver.close(1006);
  driver.wait(0);
  driver.open();
  return driver.message(9, null);
}

// Messages of the caller's own

test("VoiceSession sends text and bytes as they are, and shows nothing of them", () => {
  const driver = driveTo("connected");
  for (const data of ['{"op":12,"d":{"a":"ä€"}}', "", "no JSON", Uint8Array.of(0, 255, 26)]) {
    assertEquals(driver.feed({ type: "send", data }), [
      { type: "sendWebSocket", id: 1, data },
      {
        type: "event",
        event: { type: "message", direction: "sent", channel: "websocket", name: "raw" },
      },
    ]);
  }
});

test("VoiceSession sends nothing of the caller's own unless it is connected", () => {
  const closed = driveTo("connected");
  closed.feed({ type: "leave" });
  const waiting = driveTo("connected");
  waiting.close(4014);
  const steps = STEPS.filter((step) => step !== "connected").map((step) => driveTo(step));
  for (const driver of [new Driver(), closed, waiting, ...steps]) {
    const { state } = driver.session;
    const timeout = driver.session.pollTimeout();
    const { message } = assertThrows(() => driver.feed(own(1)), LocalProtocolError);
    assertEquals(message, `Cannot send: the session is ${state}`);
    assertEquals(driver.session.pollOutput(), undefined);
    assertEquals([driver.session.state, driver.session.pollTimeout()], [state, timeout]);
  }
});

test("VoiceSession sends 120 messages a minute; the 121st waits, and goes in its turn", () => {
  const driver = connected(SEND_LIMIT + 5);
  const all = driver.log.map(({ output }) => output);
  assertEquals(ownOf(all), range(0, SEND_LIMIT));
  assertEquals(ownOf(driver.wait(59_999)), []);
  driver.feed(own(1000));
  assertEquals(ownOf(driver.wait(1)), [...range(SEND_LIMIT, SEND_LIMIT + 5), 1000]);
});

test("VoiceSession keeps to 120 messages a minute for ever, whatever fraction the clock has", () => {
  const driver = connected();
  let n = 0;
  for (let i = 0; i < 900; i++) {
    try {
      driver.feed(own(n));
      n++;
    } catch (error) {
      assert(error instanceof LocalProtocolError);
    }
    driver.wait(1000 / 3 + i / 7);
  }
  driver.wait(180_000);
  assertEquals(ownOf(driver.log.map(({ output }) => output)), range(0, n));
  assertEquals(mostInMinute(timesOf(driver, 99)), SEND_LIMIT);
});

test("VoiceSession's heartbeats pass before the messages that wait", () => {
  const driver = connected(SEND_LIMIT + SEND_QUEUE_LIMIT);
  const start = driver.now;
  driver.wait(59_000);
  assertEquals(timesOf(driver, 3).filter((at) => at > start).length, 4);
  // Asked for by the server, too.
  assertEquals(sentBy(driver.message(3, null)).map(({ op }) => op), [3]);
  assertEquals(driver.session.state, "connected");
});

test("VoiceSession refuses a message where 120 wait, and loses none of those", () => {
  const most = SEND_LIMIT + SEND_QUEUE_LIMIT;
  const driver = connected(most);
  const timeout = driver.session.pollTimeout();
  const { message } = assertThrows(() => driver.feed(own(most)), LocalProtocolError);
  assertEquals(message, "Cannot send: 120 messages wait already");
  assertEquals([driver.session.pollOutput(), driver.session.pollTimeout()], [undefined, timeout]);
  assertEquals(ownOf(driver.wait(60_000)), range(SEND_LIMIT, most));
  driver.feed(own(most));
  assertEquals(ownOf(driver.wait(60_000)), [most]);
});

test("VoiceSession's messages that wait are lost with their WebSocket", () => {
  for (
    const lose of [resume, (driver: Driver) => {
      driver.feed(voiceServer("new"));
      shakeHands(driver);
    }]
  ) {
    const driver = connected(SEND_LIMIT + 10);
    const from = driver.log.length;
    lose(driver);
    driver.wait(180_000);
    driver.feed(own(1000));
    driver.wait(60_000);
    assertEquals(ownOf(driver.log.slice(from).map(({ output }) => output)), [1000]);
  }
});

test("VoiceSession counts what it sent on an earlier WebSocket", () => {
  const driver = connected(SEND_LIMIT);
  driver.wait(1000);
  resume(driver);
  assertEquals(ownOf(driver.feed(own(1000))), []);
  assertEquals(ownOf(driver.wait(58_999)), []);
  assertEquals(ownOf(driver.wait(1)), [1000]);
});

test("VoiceSession has no timer of messages that wait after the end", () => {
  const driver = connected(SEND_LIMIT + 10);
  driver.feed({ type: "leave" });
  assertEquals([driver.session.pollTimeout(), driver.wait(120_000)], [undefined, []]);
});

for (const name of ["Uint8Array", "Buffer"] as const) {
  test(`VoiceSession copies the bytes of a ${name}, which its caller may use again`, () => {
    const driver = connected(SEND_LIMIT - 1);
    const bytes = name === "Buffer" ? Buffer.from([1, 2, 3]) : Uint8Array.of(1, 2, 3);
    const [atOnce] = actionsOf(driver.feed({ type: "send", data: bytes }));
    driver.feed({ type: "send", data: bytes.subarray(1) });
    bytes.fill(9);
    const [later] = driver.wait(60_000).filter((output) =>
      output.type === "sendWebSocket" && typeof output.data !== "string"
    );
    const sent = [atOnce, later].map((it) => it.type === "sendWebSocket" && [...it.data]);
    assertEquals(sent, [[1, 2, 3], [2, 3]] as never);
  });
}

// Speaking

/** The flags that went out, in order. */
function flagsOf(outputs: readonly Output[]): unknown[] {
  return sentBy(outputs).flatMap(({ op, d }) => op === 5 ? [d.speaking] : []);
}

test("VoiceSession toggled 1000 times in a minute sends 120 Speaking, and the last flags win", () => {
  for (const last of [0, 1, 5]) {
    const driver = connected();
    for (let i = 0; i < 1000; i++) {
      driver.feed({ type: "speak", flags: i % 2 });
      driver.wait(60);
    }
    driver.feed({ type: "speak", flags: last });
    driver.wait(60_000);
    const times = timesOf(driver, 5);
    assert(mostInMinute(times) <= SEND_LIMIT, `${mostInMinute(times)}`);
    assertEquals(flagsOf(driver.log.map(({ output }) => output)).at(-1), last);
    assertEquals(driver.session.state, "connected");
  }
});

test("VoiceSession toggled at once sends the first 120 Speaking, then the last one only", () => {
  const driver = connected();
  for (let i = 1; i <= 999; i++) driver.feed({ type: "speak", flags: i });
  assertEquals(flagsOf(driver.log.map(({ output }) => output)), range(1, SEND_LIMIT + 1));
  assertEquals(flagsOf(driver.wait(59_999)), []);
  assertEquals(flagsOf(driver.wait(1)), [999]);
  assertEquals(flagsOf(driver.wait(120_000)), []);
});

test("VoiceSession's Speaking goes before the messages that wait, and counts with them", () => {
  const driver = connected(SEND_LIMIT + SEND_QUEUE_LIMIT);
  driver.feed({ type: "speak", flags: 1 });
  const sent = sentBy(driver.wait(60_000)).filter(({ op }) => op !== 3);
  assertEquals([sent[0].op, sent.length], [5, SEND_LIMIT]);
});

test("VoiceSession's Speaking that waited comes after a resume, with the last flags", () => {
  const driver = connected(SEND_LIMIT);
  driver.feed({ type: "speak", flags: 1 });
  driver.feed({ type: "speak", flags: 5 });
  assertEquals(flagsOf(resume(driver)), []);
  assertEquals(flagsOf(driver.wait(60_000)), [5]);
});

test("VoiceSession tells after a resume that it has fallen silent meanwhile", () => {
  const lost = connected();
  lost.feed({ type: "speak", flags: 1 });
  lost.close(1006);
  lost.feed({ type: "speak", flags: 0 });
  lost.wait(0);
  lost.open();
  assertEquals(flagsOf(lost.message(9, null)), [0]);
  const limited = connected();
  limited.feed({ type: "speak", flags: 1 });
  for (let n = 1; n < SEND_LIMIT; n++) limited.feed(own(n));
  limited.feed({ type: "speak", flags: 0 });
  const flags = [...flagsOf(resume(limited)), ...flagsOf(limited.wait(60_000))];
  assertEquals(flags.at(-1), 0);
});

test("VoiceSession does not tell of silence where it has never spoken", () => {
  const driver = connected();
  assertEquals(flagsOf(resume(driver)), []);
  const given = new Driver();
  given.feed(DIRECT);
  shakeHands(given);
  assertEquals(flagsOf(given.log.map(({ output }) => output)), []);
});
