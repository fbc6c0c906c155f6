import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { LocalProtocolError } from "../../lib/errors.ts";
import { SEND_LIMIT, SEND_QUEUE_LIMIT, SendLimit } from "../../lib/send_limit.ts";

/** Takes all that may be sent now. */
function drain<T>(limit: SendLimit<T>, now: number): T[] {
  const messages: T[] = [];
  for (let message; (message = limit.shift(now)) !== undefined;) messages.push(message);
  return messages;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** A limit that has just let `SEND_LIMIT` messages pass. */
function spent(now = 0): SendLimit<number> {
  const limit = new SendLimit<number>();
  for (let i = 0; i < SEND_LIMIT; i++) limit.push(i);
  assertEquals(drain(limit, now).length, SEND_LIMIT);
  return limit;
}

test("SendLimit wants nothing where nothing waits", () => {
  const limit = new SendLimit<number>();
  assertEquals([limit.shift(0), limit.delay(0)], [undefined, undefined]);
  assertEquals([spent().shift(0), spent().delay(0)], [undefined, undefined]);
});

test("SendLimit lets messages pass in order, values that are false included", () => {
  const limit = new SendLimit<unknown>();
  const messages = ["b", "", 0, false, null, "a"];
  for (const message of messages) limit.push(message);
  assertEquals(drain(limit, 0), messages);
});

test("SendLimit lets 120 pass in a minute, and the next when the first is a minute old", () => {
  const limit = new SendLimit<number>();
  for (let i = 0; i < SEND_LIMIT; i++) {
    limit.push(i);
    assertEquals(limit.shift(100 + i), i);
  }
  for (let i = 0; i < 3; i++) limit.push(1000 + i);
  assertEquals([limit.shift(60_099), limit.delay(60_099)], [undefined, 1]);
  assertEquals([drain(limit, 60_100), limit.delay(60_100)], [[1000], 1]);
  assertEquals([drain(limit, 70_000), limit.delay(70_000)], [[1001, 1002], undefined]);
});

test("SendLimit takes 120 that wait and refuses one more, which changes nothing", () => {
  const limit = spent();
  for (let i = 0; i < SEND_QUEUE_LIMIT; i++) limit.push(i);
  for (let i = 0; i < 2; i++) {
    const { message } = assertThrows(() => limit.push(999), LocalProtocolError);
    assertEquals(message, "Cannot send: 120 messages wait already");
  }
  assertEquals(drain(limit, 60_000), range(0, SEND_QUEUE_LIMIT));
});

test("SendLimit takes a latest message where 120 others wait, and lets it go first", () => {
  const limit = spent();
  for (let i = 0; i < SEND_QUEUE_LIMIT; i++) limit.push(i);
  for (const message of [7000, 7001, 7002]) limit.replace(message);
  const passed = drain(limit, 60_000);
  assertEquals([passed.length, passed[0], passed[1]], [SEND_LIMIT, 7002, 0]);
  assertEquals(drain(limit, 120_000), [SEND_QUEUE_LIMIT - 1]);
});

test("SendLimit counts latest messages too", () => {
  const limit = new SendLimit<number>();
  for (let i = 0; i < SEND_LIMIT; i++) {
    limit.replace(i);
    assertEquals(limit.shift(0), i);
  }
  limit.replace(1);
  assertEquals([limit.shift(59_999), limit.delay(59_999)], [undefined, 1]);
  assertEquals(limit.shift(60_000), 1);
});

test("SendLimit.clear() drops what waits; what has passed still counts", () => {
  const limit = spent();
  limit.push(1);
  limit.replace(2);
  limit.clear();
  assertEquals([limit.delay(0), limit.shift(60_000)], [undefined, undefined]);
  const again = spent();
  again.clear();
  again.push(1);
  assertEquals([again.delay(1000), again.shift(1000)], [59_000, undefined]);
});

test("SendLimit asked again after the delay that it told lets the message pass", () => {
  for (let i = 0; i < 1000; i++) {
    const at = i * 1234.567_891_3;
    const limit = spent(at);
    limit.push(1);
    let now = at + i * 59.999_9;
    // A sum of fractions may fall short by the last bit: then once more, and not for ever.
    for (let step = 0; step < 2 && limit.delay(now)! > 0; step++) now += limit.delay(now)!;
    assertEquals(limit.shift(now), 1, `${at}`);
  }
});
