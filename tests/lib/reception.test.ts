import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import test from "node:test";
import { Reception } from "../../lib/reception.ts";
import { seededRandom } from "../tools/vectors.ts";

/** Packets of 20 ms that arrive at the given moments. */
function receive(
  reception: Reception,
  arrivals: readonly number[],
  first = 0,
  timestamp = 0,
): void {
  arrivals.forEach((at, i) => {
    reception.receive((first + i) & 0xffff, (timestamp + 960 * i) >>> 0, at);
  });
}

/** RFC 3550 appendix A.8 in floating point. */
function jitterOf(arrivals: readonly number[]): number {
  let jitter = 0;
  for (let i = 1; i < arrivals.length; i++) {
    jitter += (Math.abs(arrivals[i] - arrivals[i - 1] - 20) - jitter) / 16;
  }
  return jitter;
}

test("Reception.jitter is that of RFC 3550 appendix A.8, in milliseconds", () => {
  const random = seededRandom(3);
  const arrivals = Array.from({ length: 400 }, (_, i) => 20 * i + random() % 1000 / 100);
  for (const [first, timestamp, start] of [[0, 0, 0], [65_400, 2 ** 32 - 960 * 100, 1e9]]) {
    const reception = new Reception();
    receive(reception, arrivals.map((at) => start + at), first, timestamp);
    assertAlmostEquals(reception.jitter, jitterOf(arrivals), 0.05);
  }
});

test("Reception.jitter is 0 for even arrivals, and where no arrival is told", () => {
  const reception = new Reception();
  receive(reception, Array.from({ length: 50 }, (_, i) => 20 * i));
  assertEquals(reception.jitter, 0);
  for (let i = 50; i < 60; i++) reception.receive(i, 7 * i, undefined);
  assertEquals([reception.jitter, reception.sequences.received], [0, 60]);
});

test("Reception takes no pause for jitter: after silence, nor beyond a second", () => {
  const reception = new Reception();
  receive(reception, [0, 20, 40]);
  reception.pause();
  // Its timestamps stood still for 500 ms.
  receive(reception, [560, 580], 3, 2880);
  assertEquals(reception.jitter, 0);
  receive(reception, [9000, 9020], 5, 4800);
  assertEquals(reception.jitter, 0);
  receive(reception, [9040 + 16], 7, 4800 + 1920);
  assertAlmostEquals(reception.jitter, 1, 0.01);
});

test("Reception.jitter stays a number whatever the clock and the timestamps do", () => {
  const reception = new Reception();
  const random = seededRandom(5);
  const clocks = [NaN, -Infinity, Infinity, 0, -1e15, 1e15, 2 ** 31, 5];
  for (let i = 0; i < 2000; i++) {
    reception.receive(i, random(), clocks[i % clocks.length]);
    assert(reception.jitter >= 0 && reception.jitter <= 1000, `${reception.jitter}`);
  }
});

test("Reception counts no jitter for duplicates", () => {
  const reception = new Reception();
  receive(reception, [0, 20]);
  assertEquals(reception.receive(1, 960, 900), "duplicate");
  assertEquals(reception.jitter, 0);
});

test("Reception.report() tells the loss since the last report, and all of it", () => {
  const reception = new Reception();
  for (const sequence of [65_530, 65_531, 65_534, 65_535, 0, 1]) reception.receive(sequence, 0, 0);
  const { fractionLost, cumulativeLost, highestSequence } = reception.report(7, 0);
  assertEquals([fractionLost, cumulativeLost, highestSequence], [64, 2, 0x10001]);
  assertEquals(reception.hasNews, false);
  reception.receive(2, 0, 0);
  assertEquals(reception.hasNews, true);
  const next = reception.report(7, 0);
  assertEquals([next.ssrc, next.fractionLost, next.cumulativeLost], [7, 0, 2]);
  assertEquals([next.highestSequence, next.jitter], [0x10002, 0]);
});

test("Reception.report() of late packets is below 0, and no fraction", () => {
  const reception = new Reception();
  for (const sequence of [10, 9, 8]) reception.receive(sequence, 0, 0);
  const { fractionLost, cumulativeLost } = reception.report(1, 0);
  assertEquals([fractionLost, cumulativeLost], [0, -2]);
});

test("Reception.report() keeps a fraction of eight bits where nearly all is lost", () => {
  const reception = new Reception();
  reception.receive(0, 0, 0);
  reception.report(1, 0);
  reception.receive(2900, 0, 0);
  assertEquals(reception.report(1, 0).fractionLost, 255);
});

test("Reception.report() answers the last sender report", () => {
  const reception = new Reception();
  const answer = (now: number) => {
    const { lastSenderReport, delaySinceLastSenderReport } = reception.report(1, now);
    return [lastSenderReport, delaySinceLastSenderReport];
  };
  assertEquals(answer(500), [0, 0]);
  reception.takeSenderReport(0x12345678, 1000);
  assertEquals(answer(3000), [0x12345678, 2 * 65_536]);
  // Both wrap at 2^32 / 65536 s, together.
  assertEquals(answer(1000 + 65_536_000 + 1000), [0x12345678, 65_536]);
});

test("Reception.report() of nothing is one of zeros", () => {
  const { highestSequence, fractionLost, cumulativeLost } = new Reception().report(1, 0);
  assertEquals([highestSequence, fractionLost, cumulativeLost], [0, 0, 0]);
});
