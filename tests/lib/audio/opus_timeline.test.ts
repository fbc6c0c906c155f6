import { assertAlmostEquals, assertEquals } from "@std/assert";
import test from "node:test";
import { OpusTimeline } from "../../../lib/audio/opus_timeline.ts";

test("OpusTimeline.take() begins with what a player drops, before 0", () => {
  const timeline = new OpusTimeline();
  timeline.begin(312);
  assertEquals([960, 960, 2880].map((it) => timeline.take(it, undefined)), [-6.5, 13.5, 33.5]);
  assertEquals(timeline.length, 93.5);
});

test("OpusTimeline.length is less where the end is to be dropped", () => {
  const timeline = new OpusTimeline();
  assertEquals(timeline.length, 0);
  timeline.begin(312);
  timeline.take(960, 960n);
  timeline.take(960, 1500n);
  assertEquals(timeline.length, (1500 - 312) / 48);
  assertEquals(timeline.take(960, undefined), 33.5); // though something comes behind
});

test("OpusTimeline begins at 0 where a recording begins in the middle of a stream", () => {
  const timeline = new OpusTimeline();
  timeline.begin(480);
  timeline.take(960, undefined);
  timeline.take(960, 1_001_920n);
  assertEquals(timeline.take(960, 1_002_880n), 30);
  assertEquals(timeline.length, 50);
});

test("OpusTimeline takes a first packet that is longer than the whole", () => {
  const timeline = new OpusTimeline();
  timeline.begin(0);
  timeline.take(960, 480n);
  assertEquals(timeline.length, 10);
});

test("OpusTimeline jumps where something was lost, and never goes back", () => {
  const timeline = new OpusTimeline();
  timeline.begin(0);
  timeline.take(960, 960n);
  timeline.take(960, 960n * 10n);
  assertEquals(timeline.take(960, 5n), 200);
  assertEquals(timeline.take(960, -5n), 220);
  assertEquals(timeline.length, 0);
  assertEquals(timeline.take(960, undefined), 240);
});

test("OpusTimeline puts links one behind the other", () => {
  const timeline = new OpusTimeline();
  timeline.begin(312);
  timeline.take(960, undefined);
  timeline.take(960, 1512n); // 25 ms
  timeline.begin(960);
  assertEquals(timeline.take(960, undefined), 5);
  assertEquals(timeline.length, 25);
  timeline.take(480, undefined);
  timeline.begin(0);
  assertAlmostEquals(timeline.take(120, 120n), 35);
  assertAlmostEquals(timeline.length, 37.5);
});
