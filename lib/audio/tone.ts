/**
 * A sine, for tests, signals and tuning.
 *
 * @module
 */

import { SAMPLE_RATE } from "./opus_toc.ts";

/** How a tone sounds. */
export interface ToneOptions {
  /** Hz, more than 0 and less than 24000; default 440. */
  readonly frequency?: number;
  /** Peak, where full scale is 1; 0 to 1, default 0.25 (-12 dB). */
  readonly amplitude?: number;
}

/**
 * Makes a part of a tone. Parts that follow each other join without a click, however long the
 * tone is.
 *
 * @param position Where the part begins: samples per channel since the tone's start.
 * @param frames Samples per channel.
 * @param options How the tone sounds.
 * @returns Two interleaved channels at 48 kHz, both the same.
 * @throws {RangeError} A number is out of range.
 *
 * @example Concert pitch
 * ```ts
 * import { toneSamples } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const samples = toneSamples(0, 960, { frequency: 1000, amplitude: 0.5 });
 * assertEquals(samples.subarray(0, 4), Int16Array.of(0, 0, 2138, 2138));
 * ```
 */
export function toneSamples(
  position: number,
  frames: number,
  options: ToneOptions = {},
): Int16Array {
  const { frequency, amplitude } = checkTone(options);
  const samples = new Int16Array(2 * frames);
  for (let i = 0; i < frames; i++) {
    const turns = (position + i) * frequency / SAMPLE_RATE % 1;
    samples[2 * i] = samples[2 * i + 1] = Math.round(
      32767 * amplitude * Math.sin(2 * Math.PI * turns),
    );
  }
  return samples;
}

/**
 * Fills in the defaults.
 *
 * @param options How a tone sounds.
 * @returns All of it.
 * @throws {RangeError} A number is out of range.
 */
export function checkTone(options: ToneOptions): Required<ToneOptions> {
  const { frequency = 440, amplitude = 0.25 } = options;
  if (!(frequency > 0 && frequency < SAMPLE_RATE / 2)) {
    throw new RangeError(
      `Cannot make a tone of ${frequency} Hz: want more than 0 and less than ${SAMPLE_RATE / 2}`,
    );
  }
  if (!(amplitude >= 0 && amplitude <= 1)) {
    throw new RangeError(`Cannot make a tone: its amplitude is ${amplitude}, want 0 to 1`);
  }
  return { frequency, amplitude };
}
