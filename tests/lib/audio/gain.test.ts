import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import test from "node:test";
import { Gain } from "../../../lib/audio/gain.ts";

const LOUD = 20000;

/** A constant, both channels alike, after the volume; one number a frame. */
function faded(gain: Gain, frames: number, piece = frames): number[] {
  const samples = new Int16Array(2 * frames).fill(LOUD);
  for (let at = 0; at < frames; at += piece) gain.apply(samples.subarray(2 * at, 2 * (at + piece)));
  assertEquals(samples.filter((_, i) => i % 2 === 0), samples.filter((_, i) => i % 2 === 1));
  return Array.from(samples.filter((_, i) => i % 2 === 0));
}

test("Gain of 1 leaves samples as they are, of 0 silences, of 2 saturates", () => {
  const samples = Int16Array.of(-32768, 32767, 1, -1);
  new Gain().apply(samples);
  assertEquals(samples, Int16Array.of(-32768, 32767, 1, -1));
  new Gain(2).apply(samples);
  assertEquals(samples, Int16Array.of(-32768, 32767, 2, -2));
  new Gain(0).apply(samples);
  assertEquals(samples, new Int16Array(4));
});

test("Gain.fadeTo() goes to its target without a jump, and stays there", () => {
  for (const [from, to] of [[0, 1], [1, 0], [0.5, 1.5], [1.2, 0.1]]) {
    const gain = new Gain(from);
    gain.fadeTo(to, 480);
    assert(gain.fading);
    const levels = faded(gain, 960);
    assertEquals(gain.fading, false);
    assertEquals(gain.level, to);
    assertAlmostEquals(levels[0], LOUD * from, 1);
    for (const level of levels.slice(480)) assertAlmostEquals(level, LOUD * to, 1);
    const steps = levels.slice(1).map((level, i) => level - levels[i]);
    const largest = Math.max(...steps.map(Math.abs));
    assertLess(largest, 1.7 * LOUD * Math.abs(to - from) / 480 + 2, `${from} to ${to}`);
    assert(steps.every((step) => step * Math.sign(to - from) >= 0), "it goes one way only");
  }
});

test("Gain.fadeTo() in and out at once are of equal power", () => {
  const [fadeIn, fadeOut] = [new Gain(0), new Gain(1)];
  fadeIn.fadeTo(1, 100);
  fadeOut.fadeTo(0, 100);
  const [rising, falling] = [faded(fadeIn, 110), faded(fadeOut, 110)];
  for (const [i, level] of rising.entries()) {
    assertAlmostEquals(Math.hypot(level, falling[i]), LOUD, 2);
  }
});

test("Gain does not depend on how samples are cut into pieces", () => {
  const run = (piece: number) => {
    const gain = new Gain(0.3);
    gain.fadeTo(0.9, 700);
    return faded(gain, 840, piece);
  };
  for (const piece of [1, 7, 120]) assertEquals(run(piece), run(840));
});

test("Gain.fadeTo() begins where another fade was, and 0 samples change it at once", () => {
  const gain = new Gain(1);
  gain.fadeTo(0, 100);
  const first = faded(gain, 50);
  gain.fadeTo(1, 100);
  const second = faded(gain, 150);
  assertAlmostEquals(second[0], first[49], 350);
  assertEquals(second[149], LOUD);
  gain.fadeTo(0.5, 0);
  assertEquals([gain.level, gain.fading], [0.5, false]);
  gain.fadeTo(0.5, 100);
  assertEquals(gain.fading, false);
});

test("Gain has one volume for any number of channels", () => {
  const gain = new Gain(0, 3);
  gain.fadeTo(1, 2);
  const samples = new Int16Array(9).fill(1000);
  gain.apply(samples);
  assertEquals(samples, Int16Array.of(0, 0, 0, 707, 707, 707, 1000, 1000, 1000));
});

test("Gain refuses impossible numbers and changes nothing then", () => {
  const gain = new Gain(0.5);
  for (const level of [-1, NaN, Infinity]) {
    assertThrows(() => new Gain(level), RangeError, `Cannot set volume ${level}`);
    assertThrows(() => gain.fadeTo(level, 1), RangeError, `Cannot set volume ${level}`);
  }
  for (const frames of [-1, 0.5, NaN]) {
    assertThrows(() => gain.fadeTo(1, frames), RangeError, `Cannot fade over ${frames} samples`);
  }
  assertThrows(() => gain.apply(new Int16Array(3)), RangeError, "a multiple of 2 channels");
  assertThrows(() => new Gain(1, 0), RangeError, "channels is 0");
  assertEquals([gain.level, gain.fading], [0.5, false]);
});
