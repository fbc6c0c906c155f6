import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import test from "node:test";
import { DelayEstimator } from "../../../lib/audio/delay_estimator.ts";
import { SeededRandom } from "../../../lib/testing/seeded_random.ts";

/** Records packets of 20 ms whose transit is given by their number. */
function record(
  estimator: DelayEstimator,
  from: number,
  to: number,
  transitOf: (i: number) => number,
) {
  for (let i = from; i < to; i++) estimator.record(transitOf(i), 20 * i + transitOf(i));
}

test("DelayEstimator aims at its floor while nothing is late, at its ceiling where all is", () => {
  const estimator = new DelayEstimator(40, 500);
  assertEquals(estimator.target, 40);
  record(estimator, 0, 100, () => -777);
  assertEquals([estimator.base, estimator.target, estimator.jitter], [-777, 40, 0]);
  record(estimator, 100, 200, (i) => i % 2 === 0 ? -777 : -777 + 500);
  assertEquals(estimator.target, 500);
});

test("DelayEstimator lets 99 of 100 packets be in time", () => {
  const random = new SeededRandom(5);
  const estimator = new DelayEstimator(0, 500);
  let late = 0;
  for (let i = 0; i < 20_000; i++) {
    const transit = -30 * Math.log(1 - random.next());
    if (i > 1000 && transit > estimator.base + estimator.target) late++;
    estimator.record(transit, 20 * i + transit);
  }
  assertAlmostEquals(late / 19_000, 0.009, 0.003);
  assertAlmostEquals(estimator.target, 30 * Math.log(100), 15);
});

test("DelayEstimator rises within a second, and falls within a minute", () => {
  const estimator = new DelayEstimator(40, 500);
  record(estimator, 0, 1000, () => 0);
  record(estimator, 1000, 1050, (i) => i % 5 === 0 ? 120 : 0);
  assertEquals(estimator.target, 125);
  record(estimator, 1050, 4050, () => 0);
  assertEquals(estimator.target, 40);
});

test("DelayEstimator follows a drifting clock and a longer path, and forgets neither in a pause", () => {
  for (const drift of [-0.004, 0.004]) {
    const estimator = new DelayEstimator(40, 500);
    record(estimator, 0, 30_000, (i) => drift * i);
    assertAlmostEquals(estimator.base, drift * 30_000, 2.1);
    assertEquals(estimator.target, 40);
  }
  const estimator = new DelayEstimator(40, 500);
  record(estimator, 0, 500, () => 100);
  record(estimator, 500, 501, () => 160);
  estimator.record(160, 3_600_000);
  assertEquals(estimator.base, 100);
  record(estimator, 200_000, 200_600, () => 160);
  assertEquals(estimator.base, 160);
});

test("DelayEstimator takes no notice of what no delay could have saved", () => {
  const estimator = new DelayEstimator(40, 500);
  record(estimator, 0, 400, (i) => i % 10 === 0 ? 501 : 0);
  assertEquals(estimator.target, 40);
});

test("DelayEstimator goes on over millions of packets", () => {
  const estimator = new DelayEstimator(40, 500);
  record(estimator, 0, 300_000, (i) => i % 20);
  assert(Number.isFinite(estimator.jitter));
  assertEquals(estimator.target, 40);
  record(estimator, 300_000, 301_000, (i) => i % 20 === 0 ? 90 : 0);
  assertEquals(estimator.target, 95);
});
