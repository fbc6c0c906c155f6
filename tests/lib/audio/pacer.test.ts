import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Pacer } from "../../../lib/audio/pacer.ts";

test("Pacer.due() is now until the first frame, then follows the durations", () => {
  const pacer = new Pacer();
  assertEquals([pacer.due(5), pacer.due(70)], [5, 70]);
  assertEquals([pacer.advance(960, 100), pacer.due(100)], [0, 120]);
  assertEquals([pacer.advance(120, 120), pacer.due(120)], [960, 122.5]);
  assertEquals([pacer.advance(2880, 122.5), pacer.due(123)], [1080, 182.5]);
});

test("Pacer does not drift, however late each timer is", () => {
  const pacer = new Pacer();
  pacer.advance(960, 0);
  for (let i = 1, now = 0; i <= 100_000; i++) {
    const due = pacer.due(now);
    assertEquals(due, i * 20);
    now = due + (i * 7919) % 19;
    assertEquals(pacer.advance(960, now), i * 960);
  }
});

test("Pacer sends late frames in a burst after a stall of up to the limit", () => {
  const pacer = new Pacer();
  pacer.advance(960, 0);
  const now = 120; // the frame of 20 ms is 100 ms late
  const positions: number[] = [];
  while (pacer.due(now) <= now) positions.push(pacer.advance(960, now));
  assertEquals(positions, [960, 1920, 2880, 3840, 4800, 5760]);
  assertEquals(pacer.due(now), 140);
});

test("Pacer shifts schedule and timestamp by the gap after a longer stall", () => {
  const pacer = new Pacer();
  pacer.advance(960, 0);
  const now = 120.03; // 100.03 ms late: 4801 whole samples
  assertEquals(pacer.due(now), 20);
  assertEquals(pacer.advance(960, now), 960 + 4801);
  const due = pacer.due(now);
  assert(due > now + 19.9 && due <= now + 20); // one frame, no flood
  assertEquals(pacer.advance(960, due), 960 + 4801 + 960);
});

test("Pacer keeps to its own burst limit", () => {
  const pacer = new Pacer({ burstLimit: 0 });
  pacer.advance(960, 0);
  assertEquals(pacer.advance(960, 20), 960);
  assertEquals(pacer.advance(960, 41), 1920 + 48);
  for (const burstLimit of [-1, NaN]) {
    assertThrows(() => new Pacer({ burstLimit }), RangeError, `burstLimit is ${burstLimit}`);
  }
});

test("Pacer.resume() moves the timestamp by a pause, also by a short one, each time", () => {
  const pacer = new Pacer();
  pacer.resume(0); // before the first frame there is nothing to move
  pacer.advance(960, 1000);
  pacer.resume(2000); // 980 ms after the next frame was due
  assertEquals(pacer.due(2000), 2000);
  assertEquals(pacer.advance(960, 2000), 48000);
  pacer.resume(2050); // 30 ms
  assertEquals(pacer.advance(960, 2050), 48000 + 50 * 48);
  pacer.resume(2060); // before the next frame is due: nothing is lost
  assertEquals(pacer.due(2060), 2070);
});

test("Pacer's timestamp equals the time passed over many pauses", () => {
  const pacer = new Pacer();
  let now = 0;
  for (let i = 0; i < 1000; i++) {
    now = Math.max(now, pacer.due(now)) + (i % 7 === 0 ? 333.3 : 0.4);
    if (i % 7 === 0) pacer.resume(now);
    const position = pacer.advance(960, now);
    if (i % 7 === 0 && i > 0) assert(Math.abs(position / 48 - (now - 333.3)) < 0.05);
  }
});

test("Pacer neither waits nor bursts where the clock jumps back", () => {
  const pacer = new Pacer();
  pacer.advance(960, 3_600_000);
  assertEquals(pacer.due(3_600_010), 3_600_020);
  assertEquals(pacer.due(0), 10);
  assertEquals(pacer.advance(960, 10), 960);
  assertEquals(pacer.due(10), 30);
  assertEquals(pacer.due(-1000), -980);
  assertEquals(pacer.advance(960, -980), 1920);
});

test("Pacer neither floods nor stands still where the clock jumps ahead", () => {
  const pacer = new Pacer();
  pacer.advance(960, 0);
  const now = 86_400_000;
  assertEquals(pacer.advance(960, now), now * 48);
  assertEquals(pacer.due(now), now + 20);
});

test("Pacer does not gain on timers that fire early, as Node's and Bun's do", () => {
  const pacer = new Pacer();
  pacer.advance(960, 0);
  for (let i = 1; i < 10_000; i++) {
    const due = pacer.due(i * 20 - 20 + 0.1);
    assertEquals(due, i * 20);
    pacer.advance(960, due); // max(due, clock), while the clock says due - 0.9
    assertEquals(pacer.due(due - 0.9), due + 20);
  }
});

test("Pacer.advance() refuses durations that are none", () => {
  const pacer = new Pacer();
  for (const duration of [0, -960, 1.5, NaN, Infinity]) {
    assertThrows(() => pacer.advance(duration, 0), RangeError, `a frame of ${duration} samples`);
  }
  assertEquals(pacer.advance(960, 5), 0); // nothing was spent
});

test('Pacer with "shift" delays what is left after a stall of more than 20 ms', () => {
  const pacer = new Pacer({ late: "shift" });
  assertEquals(pacer.advance(960, 0), 0);
  assertEquals(pacer.advance(960, 40), 960);
  assertEquals(pacer.advance(960, 61), 61 * 48);
  assertEquals(pacer.due(61), 81);
});

test('Pacer with "skip" leaves frames out until it is on time again', () => {
  const pacer = new Pacer({ late: "skip" });
  assertEquals(pacer.advance(960, 0), 0);
  const positions = [1, 2, 3, 4, 5].map(() => pacer.advance(960, 90));
  assertEquals(positions, [-1, -1, -1, 4 * 960, 5 * 960]);
  assertEquals(pacer.due(90), 120);
});

test("Pacer refuses a policy that is none", () => {
  assertThrows(() => new Pacer({ late: "never" as "skip" }), RangeError, '"never"');
});
