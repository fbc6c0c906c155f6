import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import test from "node:test";
import { Resampler } from "../../../lib/audio/resampler.ts";

const RATES = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 47999, 64000, 88200, 96000];
const SKIPPED = 600; // outputs at either end that stand beside silence

function sine(frequency: number, rate: number, frames: number): Float32Array {
  return Float32Array.from(
    { length: frames },
    (_, i) => 0.5 * Math.sin(2 * Math.PI * frequency / rate * i),
  );
}

function resample(samples: Float32Array, rate: number, channels = 1, piece = Infinity): number[] {
  const resampler = new Resampler(rate, channels);
  const output: number[] = [];
  for (let at = 0; at < samples.length; at += piece) {
    output.push(...resampler.push(samples.subarray(at, at + piece)));
  }
  output.push(...resampler.end());
  return output;
}

/** What of a signal is a sine of that frequency at 48 kHz, and how much stronger that is than the rest. */
function fit(signal: readonly number[], frequency: number) {
  let [ss, cc, sc, ys, yc, yy] = [0, 0, 0, 0, 0, 0];
  const inner = signal.slice(SKIPPED, -SKIPPED);
  const phase = (i: number) => 2 * Math.PI * frequency / 48000 * (i + SKIPPED);
  inner.forEach((y, i) => {
    const [s, c] = [Math.sin(phase(i)), Math.cos(phase(i))];
    ss += s * s;
    cc += c * c;
    sc += s * c;
    ys += y * s;
    yc += y * c;
    yy += y * y;
  });
  const det = ss * cc - sc * sc;
  const [a, b] = [(ys * cc - yc * sc) / det, (yc * ss - ys * sc) / det];
  const rest = inner.reduce(
    (sum, y, i) => sum + (y - a * Math.sin(phase(i)) - b * Math.cos(phase(i))) ** 2,
    0,
  );
  return { amplitude: Math.hypot(a, b), phase: Math.atan2(b, a), snr: 10 * Math.log10(yy / rest) };
}

for (const rate of RATES) {
  test(`Resampler from ${rate} Hz keeps sines of the pass band: SNR over 100 dB, no delay`, () => {
    const nyquist = Math.min(rate, 48000) / 2;
    for (const share of [0.01, 0.1, 0.5, 0.9]) {
      const output = resample(sine(share * nyquist, rate, rate / 10), rate);
      const { amplitude, phase, snr } = fit(output, share * nyquist);
      assertGreater(snr, 100, `${share * nyquist} Hz`);
      assertAlmostEquals(amplitude, 0.5, 0.0001);
      assertAlmostEquals(phase, 0, 0.0001);
    }
  });
}

for (const rate of [64000, 88200, 96000, 192000]) {
  test(`Resampler from ${rate} Hz lets nothing above 24 kHz through: less than -90 dB`, () => {
    for (const frequency of [24_100, 26_000, 0.49 * rate]) {
      const output = resample(sine(frequency, rate, rate / 10), rate).slice(SKIPPED, -SKIPPED);
      const peak = output.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
      assertLess(20 * Math.log10(peak / 0.5), -90, `${frequency} Hz`);
    }
  });
}

test("Resampler does not depend on how its input is cut into pieces", () => {
  for (const rate of [8000, 44100, 47999, 96000]) {
    const samples = Float32Array.from({ length: 4000 }, (_, i) => Math.sin(i * i / 900));
    const whole = resample(samples, rate, 2);
    for (const piece of [2, 14, 882, 2048]) {
      assertEquals(resample(samples, rate, 2, piece), whole, `${rate} Hz in pieces of ${piece}`);
    }
  }
});

test("Resampler gives as many frames as fit the input's time, rounded up", () => {
  for (const rate of [1000, ...RATES, 192_000, 384_000]) {
    for (const frames of [0, 1, 2, 147, 500, 1001]) {
      const { length } = resample(new Float32Array(2 * frames), rate, 2);
      assertEquals(length, 2 * Math.ceil(frames * 48000 / rate), `${frames} at ${rate} Hz`);
    }
  }
});

test("Resampler does not drift: after 20 s a sine is still in phase", () => {
  for (const rate of [11_025, 47_999]) {
    const resampler = new Resampler(rate, 1);
    const samples = sine(1000, rate, 21 * rate);
    let frames = 0;
    for (let at = 0; at < 20 * rate; at += rate) {
      frames += resampler.push(samples.subarray(at, at + rate)).length;
    }
    const last = [...resampler.push(samples.subarray(20 * rate)), ...resampler.end()];
    assertEquals(frames + last.length, 21 * 48_000);
    // Whole turns of 48 samples are left out, so that the rest begins as a sine does.
    const { phase } = fit(last.slice(48 - frames % 48), 1000);
    assertAlmostEquals(phase, 0, 0.0001, `${rate} Hz`);
  }
});

test("Resampler keeps channels apart", () => {
  const left = sine(440, 44100, 4410);
  const both = new Float32Array(8820);
  left.forEach((sample, i) => both[2 * i] = sample);
  const output = resample(both, 44100, 2);
  assertEquals(output.filter((_, i) => i % 2 === 0), resample(left, 44100));
  assertEquals(new Set(output.filter((_, i) => i % 2 === 1)), new Set([0]));
});

test("Resampler keeps a constant, and passes 48 kHz through untouched", () => {
  for (const rate of [8000, 44100, 47999, 96000]) {
    const inner = resample(new Float32Array(4000).fill(0.25), rate).slice(SKIPPED, -SKIPPED);
    for (const sample of inner) assertAlmostEquals(sample, 0.25, 1e-6);
  }
  const samples = Float32Array.of(1, 2, 3, NaN);
  const resampler = new Resampler(48000, 2);
  assertStrictEquals(resampler.push(samples), samples);
  assertEquals(resampler.end().length, 0);
});

test("Resampler refuses impossible numbers and a push after its end", () => {
  for (const rate of [999, 384_001, 44100.5, NaN, -48000]) {
    assertThrows(() => new Resampler(rate, 1), RangeError, `Cannot resample from ${rate} Hz`);
  }
  for (const channels of [0, 1.5, NaN]) {
    assertThrows(() => new Resampler(8000, channels), RangeError, `${channels} channels`);
  }
  const resampler = new Resampler(8000, 2);
  assertThrows(() => resampler.push(new Float32Array(3)), RangeError, "a multiple of 2 channels");
  resampler.end();
  assertEquals(resampler.end().length, 0);
  assertThrows(() => resampler.push(new Float32Array(2)), TypeError, "it was ended");
});
