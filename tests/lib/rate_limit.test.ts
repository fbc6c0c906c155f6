import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { RateLimit } from "../../lib/rate_limit.ts";
import { seededRandom } from "../tools/vectors.ts";

test("RateLimit lets events pass until the window is full", () => {
  const limit = new RateLimit(3, 1000);
  const delays: number[] = [];
  for (let now = 0; now < 4; now++) {
    delays.push(limit.delay(1, now));
    limit.spend(now);
  }
  assertEquals(delays, [0, 0, 0, 997]);
});

test("RateLimit waits for as many old events as new ones are to fit", () => {
  const limit = new RateLimit(3, 1000);
  for (const now of [0, 100, 200]) limit.spend(now);
  assertEquals([1, 2, 3].map((events) => limit.delay(events, 300)), [700, 800, 900]);
  assertEquals([1, 2, 3].map((events) => limit.delay(events, 1100)), [0, 0, 100]);
  assertEquals(limit.delay(3, 1200), 0);
});

test("RateLimit counts what is spent beyond the limit", () => {
  const limit = new RateLimit(2, 1000);
  for (const now of [0, 1, 2, 3]) limit.spend(now);
  assertEquals([limit.delay(1, 500), limit.delay(2, 500)], [502, 503]);
});

test("RateLimit wants nothing for no events, and nothing when it is empty", () => {
  const limit = new RateLimit(5, 60_000);
  assertEquals([0, 1, 5].map((events) => limit.delay(events, 0)), [0, 0, 0]);
  for (let i = 0; i < 5; i++) limit.spend(0);
  assertEquals(limit.delay(0, 0), 0);
});

test("RateLimit keeps every window within the limit when its delays are kept", () => {
  const random = seededRandom(7);
  const limit = new RateLimit(5, 1000);
  const events: number[] = [];
  for (let now = 0; events.length < 300;) {
    const count = 1 + random() % 3;
    now += random() % 700;
    now += limit.delay(count, now);
    for (let i = 0; i < count; i++) {
      limit.spend(now);
      events.push(now);
    }
  }
  for (const from of events) {
    const inside = events.filter((at) => at >= from && at < from + 1000).length;
    assert(inside <= 5, `${inside} events from ${from} on`);
  }
});
