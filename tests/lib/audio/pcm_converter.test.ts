import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { pcmToFloat32 } from "../../../lib/audio/pcm_convert.ts";
import { PcmConverter } from "../../../lib/audio/pcm_converter.ts";
import { toneSamples } from "../../../lib/audio/tone.ts";

function convert(converter: PcmConverter, samples: Float32Array, piece: number): number[] {
  const output: number[] = [];
  for (let at = 0; at < samples.length; at += piece) {
    output.push(...converter.push(samples.subarray(at, at + piece)));
  }
  return [...output, ...converter.end()];
}

test("PcmConverter gives 16-bit stereo at 48 kHz back to the bit", () => {
  const samples = toneSamples(0, 500, { amplitude: 1 });
  const converter = new PcmConverter({ sampleRate: 48_000, channels: 2 });
  assertEquals(convert(converter, pcmToFloat32(samples), 100), [...samples]);
});

test("PcmConverter makes stereo at 48 kHz of anything, whatever the pieces", () => {
  for (const [sampleRate, channels] of [[8000, 1], [44_100, 2], [96_000, 6], [22_050, 3]]) {
    const samples = Float32Array.from({ length: 600 * channels }, (_, i) => Math.sin(i / 9) / 2);
    const whole = convert(new PcmConverter({ sampleRate, channels }), samples, samples.length);
    assertEquals(whole.length, 2 * Math.ceil(600 * 48_000 / sampleRate));
    const pieces = convert(new PcmConverter({ sampleRate, channels }), samples, 7 * channels);
    assertEquals(pieces, whole);
  }
});

test("PcmConverter saturates what the filter makes louder than full scale", () => {
  const square = Float32Array.from({ length: 400 }, (_, i) => i % 40 < 20 ? 1 : -1);
  const output = convert(new PcmConverter({ sampleRate: 44_100, channels: 1 }), square, 400);
  assertEquals([Math.max(...output), Math.min(...output)], [32767, -32768]);
  output.slice(400, -400).forEach((sample, i, all) => {
    if (i >= 2) assertEquals(Math.abs(sample - all[i - 2]) < 60_000, true); // none wraps
  });
});

test("PcmConverter refuses what it cannot convert", () => {
  const make = (sampleRate: number, channels: number) => () =>
    new PcmConverter({ sampleRate, channels });
  assertThrows(make(500, 2), RangeError, "Cannot resample from 500 Hz");
  assertThrows(make(48_000, 0), RangeError, "Cannot downmix 0 channels");
});
