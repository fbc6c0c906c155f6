import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { PcmFramer } from "../../../lib/audio/pcm_framer.ts";

const samples = Int16Array.from({ length: 103 }, (_, i) => i + 1);

test("PcmFramer makes the same frames of pieces of any size", () => {
  for (const piece of [1, 2, 7, 10, 11, 103]) {
    const framer = new PcmFramer(10);
    const frames: Int16Array[] = [];
    for (let at = 0; at < samples.length; at += piece) {
      frames.push(...framer.push(samples.subarray(at, at + piece)));
    }
    assertEquals(frames.length, 10);
    const last = framer.end();
    assertEquals(last, Int16Array.of(101, 102, 103, 0, 0, 0, 0, 0, 0, 0));
    assertEquals(frames.flatMap((frame) => [...frame]), [...samples.subarray(0, 100)]);
  }
});

test("PcmFramer.end() gives nothing where all was given, and begins anew", () => {
  const framer = new PcmFramer(2);
  assertEquals(framer.end(), undefined);
  framer.push(Int16Array.of(1));
  assertEquals(framer.end(), Int16Array.of(1, 0));
  assertEquals(framer.end(), undefined);
  assertEquals(framer.push(Int16Array.of(5, 6)), [Int16Array.of(5, 6)]);
});

test("PcmFramer copies what is pushed, and gives each frame memory of its own", () => {
  const framer = new PcmFramer(2);
  const borrowed = Int16Array.of(1, 2, 3);
  const [first] = framer.push(borrowed);
  borrowed.fill(9);
  assertEquals(framer.end(), Int16Array.of(3, 0));
  assertEquals(first, Int16Array.of(1, 2));
});

test("PcmFramer refuses a size that is no size", () => {
  for (const size of [0, -1, 0.5, NaN, Infinity]) {
    assertThrows(() => new PcmFramer(size), RangeError, `Cannot make frames of ${size} samples`);
  }
});
