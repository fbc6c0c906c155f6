import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Lateness } from "../../../lib/audio/lateness.ts";

test("Lateness.percentile() is at most 2 % above the exact one", () => {
  const lateness = new Lateness();
  const values: number[] = [];
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values.push(0.01 * 10 ** (state / 2 ** 32 * 6)); // 0.01 ms to 10 s
    lateness.record(values[i]);
  }
  values.sort((a, b) => a - b);
  for (const p of [1, 10, 50, 90, 99, 99.9, 100]) {
    const exact = values[Math.ceil(p / 100 * values.length) - 1];
    const value = lateness.percentile(p);
    assert(value >= exact * (1 - 1e-9) && value <= exact * 1.0201, `p${p}: ${value}, ${exact}`);
  }
  assertEquals(lateness.count, 20_000);
});

test("Lateness counts each value once and keeps the exact maximum", () => {
  const lateness = new Lateness();
  assertEquals([lateness.percentile(50), lateness.max, lateness.count], [0, 0, 0]);
  lateness.record(3.3);
  assertEquals([lateness.percentile(0), lateness.max, lateness.count], [3.3, 3.3, 1]);
  lateness.record(1e9);
  assertEquals([lateness.percentile(100), lateness.max, lateness.count], [1e9, 1e9, 2]);
  assert(lateness.percentile(50) < 3.4);
  lateness.record(Infinity);
  assertEquals(lateness.percentile(100), Infinity);
});

test("Lateness takes early for not late", () => {
  const lateness = new Lateness();
  lateness.record(-5);
  lateness.record(0);
  assertEquals([lateness.percentile(99), lateness.max, lateness.count], [0, 0, 2]);
});

test("Lateness refuses what is no number or percentage", () => {
  const lateness = new Lateness();
  assertThrows(() => lateness.record(NaN), RangeError, "Cannot record lateness");
  assertEquals(lateness.count, 0);
  for (const p of [-1, 101, NaN]) {
    assertThrows(() => lateness.percentile(p), RangeError, `Cannot take percentile ${p}`);
  }
});
