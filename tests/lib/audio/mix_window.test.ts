import { assertEquals } from "@std/assert";
import test from "node:test";
import { MixWindow } from "../../../lib/audio/mix_window.ts";

test("MixWindow adds up what sounds together, in any order", () => {
  const mix = new MixWindow(1, 10);
  mix.add(4, Int16Array.of(1, 2, 3));
  mix.add(2, Int16Array.of(10, 20, 30, 40));
  assertEquals(mix.take(10), Int16Array.of(0, 0, 10, 20, 31, 42, 3));
  assertEquals([mix.start, mix.end], [10, 7]);
});

test("MixWindow cuts off sums that 16 bits cannot hold", () => {
  const mix = new MixWindow(2, 4);
  for (let i = 0; i < 3; i++) mix.add(0, Int16Array.of(32_767, -32_768, 20_000, 1));
  assertEquals(mix.take(2), Int16Array.of(32_767, -32_768, 32_767, 3));
  mix.add(2, Int16Array.of(30_000, 0));
  mix.add(2, Int16Array.of(30_000, 0));
  mix.add(2, Int16Array.of(-30_000, 0));
  assertEquals(mix.take(3), Int16Array.of(30_000, 0));
});

test("MixWindow goes round and forgets what was taken", () => {
  const mix = new MixWindow(1, 4);
  for (let at = 0; at < 40; at += 2) {
    assertEquals(mix.add(at, Int16Array.of(at, at + 1, at + 2)), 0);
    assertEquals(mix.take(at + 2), Int16Array.of(at === 0 ? 0 : 2 * at, at + 1));
  }
});

test("MixWindow tells what lay outside of it", () => {
  const mix = new MixWindow(1, 4);
  mix.take(10);
  assertEquals(mix.add(8, Int16Array.of(1, 2, 3)), 2);
  assertEquals(mix.add(0, Int16Array.of(1, 2, 3)), 3);
  assertEquals(mix.add(13, Int16Array.of(4, 5, 6)), 2);
  assertEquals(mix.add(1e12, Int16Array.of(7)), 1);
  assertEquals(mix.add(NaN, Int16Array.of(7)), 1);
  assertEquals(mix.take(20), Int16Array.of(3, 0, 0, 4));
});

test("MixWindow gives nothing for a pause, nor twice", () => {
  const mix = new MixWindow(2, 4);
  assertEquals(mix.take(1e9).length, 0);
  assertEquals(mix.take(5).length, 0);
  assertEquals(mix.start, 1e9);
});
