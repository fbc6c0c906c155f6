import { assertEquals } from "@std/assert";
import test from "node:test";
import { TIMERS, TimerTable } from "../../lib/timer.ts";

test("TimerTable has no deadline at first", () => {
  const timers = new TimerTable();
  assertEquals(timers.next(), undefined);
  assertEquals(timers.expire(Infinity), undefined);
});

test("TimerTable.next() is the earliest deadline, deadline 0 included", () => {
  const timers = new TimerTable();
  timers.set("heartbeat", 30);
  assertEquals(timers.next(), 30);
  timers.set("stable", 10);
  assertEquals(timers.next(), 10);
  timers.set("phase", 0);
  assertEquals(timers.next(), 0);
  timers.clear("phase");
  assertEquals(timers.next(), 10);
});

test("TimerTable.set() forgets the earlier deadline of the timer", () => {
  const timers = new TimerTable();
  timers.set("retry", 10);
  timers.set("retry", 20);
  assertEquals([timers.expire(19.9), timers.expire(20), timers.expire(20)], [
    undefined,
    "retry",
    undefined,
  ]);
});

test("TimerTable.expire() takes each due timer once, at its deadline and not before", () => {
  const timers = new TimerTable();
  for (const timer of TIMERS) timers.set(timer, 5);
  assertEquals(timers.expire(4.999), undefined);
  const expired = TIMERS.map(() => timers.expire(5));
  assertEquals([...expired].sort(), [...TIMERS].sort());
  assertEquals([timers.expire(5), timers.next()], [undefined, undefined]);
});

test("TimerTable.clear() and clearAll() disarm", () => {
  const timers = new TimerTable();
  timers.set("stable", 1);
  timers.set("phase", 2);
  timers.clear("stable");
  timers.clear("keepalive");
  assertEquals(timers.next(), 2);
  timers.clearAll();
  assertEquals([timers.next(), timers.expire(9)], [undefined, undefined]);
  timers.set("stable", 3);
  assertEquals(timers.expire(3), "stable");
});

test("TimerTable.has() tells whether a timer is armed, deadline 0 included", () => {
  const timers = new TimerTable();
  const armed = () => TIMERS.filter((timer) => timers.has(timer));
  assertEquals(armed(), []);
  timers.set("retry", 0);
  timers.set("send", 5);
  assertEquals(armed(), ["retry", "send"]);
  timers.expire(0);
  assertEquals(armed(), ["send"]);
  timers.clear("send");
  timers.set("phase", 1);
  timers.clearAll();
  assertEquals(armed(), []);
});
