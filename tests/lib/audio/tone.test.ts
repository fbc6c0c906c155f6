import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { toneSamples } from "../../../lib/audio/tone.ts";

test("toneSamples() is a sine of that frequency and amplitude, on both sides", () => {
  const samples = toneSamples(0, 4800, { frequency: 1200, amplitude: 0.5 });
  assertEquals(samples.length, 9600);
  for (let i = 0; i < 4800; i++) {
    assertAlmostEquals(samples[2 * i], 16383.5 * Math.sin(2 * Math.PI * i / 40), 0.51);
    assertEquals(samples[2 * i + 1], samples[2 * i]);
  }
});

test("toneSamples() joins its parts, also after ten days", () => {
  const options = { frequency: 997, amplitude: 1 };
  const whole = toneSamples(0, 1000, options);
  assertEquals(toneSamples(300, 700, options), whole.subarray(600));
  const later = 48_000 * 864_000; // whole seconds, so whole turns
  const far = toneSamples(later, 1000, options);
  for (let i = 0; i < far.length; i++) assertAlmostEquals(far[i], whole[i], 1);
});

test("toneSamples() refuses what is no tone", () => {
  for (const frequency of [0, -1, 24_000, NaN]) {
    assertThrows(() => toneSamples(0, 1, { frequency }), RangeError, `a tone of ${frequency} Hz`);
  }
  for (const amplitude of [-0.1, 1.1, NaN]) {
    assertThrows(() => toneSamples(0, 1, { amplitude }), RangeError, `amplitude is ${amplitude}`);
  }
});
