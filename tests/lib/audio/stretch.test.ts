import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { stretch } from "../../../lib/audio/stretch.ts";

function sine(size: number, period: number, amplitude = 10_000): Int16Array {
  return Int16Array.from(
    { length: size },
    (_, i) => Math.round(amplitude * Math.sin(2 * Math.PI * i / period)),
  );
}

test("stretch() gives back what is not to be changed", () => {
  const samples = sine(960, 100);
  assertStrictEquals(stretch(samples, 1, 0), samples);
});

for (const adjust of [-5, -1, 1, 5]) {
  test(`stretch() keeps the shape of a sine, with ${adjust} samples more`, () => {
    const period = 48; // 1 kHz
    const samples = sine(960, period);
    const stretched = stretch(samples, 1, adjust);
    assertEquals(stretched.length, 960 + adjust);
    assertEquals([stretched[0], stretched.at(-1)], [samples[0], samples[959]]);
    let noise = 0;
    let power = 0;
    for (let i = 0; i < stretched.length; i++) {
      const ideal = 10_000 * Math.sin(2 * Math.PI * i * 959 / (959 + adjust) / period);
      noise += (stretched[i] - ideal) ** 2;
      power += ideal ** 2;
    }
    const ratio = 10 * Math.log10(power / noise);
    assert(ratio > 60, `${ratio} dB`);
  });
}

test("stretch() keeps channels apart, and samples in range", () => {
  const left = sine(960, 60);
  const both = new Int16Array(1920);
  for (let i = 0; i < 960; i++) both.set([left[i], i % 8 < 4 ? 32_767 : -32_768], 2 * i);
  const stretched = stretch(both, 2, 4);
  const mono = stretch(left, 1, 4);
  assertEquals(stretched.filter((_, i) => i % 2 === 0), mono);
  for (let i = 2; i < 40; i++) assert(Math.abs(stretched[2 * i + 1]) > 5000);
});

test("stretch() refuses to leave fewer than two samples", () => {
  assertEquals(stretch(Int16Array.of(1, 2, 3), 1, -1), Int16Array.of(1, 3));
  assertThrows(() => stretch(Int16Array.of(1, 2, 3), 1, -2), RangeError, "3 samples to 1");
  assertThrows(() => stretch(new Int16Array(0), 1, 5), RangeError, "0 samples to 5");
});
