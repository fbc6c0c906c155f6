/**
 * From samples of any rate and number of channels to those that are played: 48 kHz, two
 * interleaved channels, 16 bits.
 *
 * @module
 */

import { pcmToInt16 } from "./pcm_convert.ts";
import { Downmix } from "./pcm_downmix.ts";
import { Resampler } from "./resampler.ts";

/** How samples to convert are interleaved and timed. */
export interface PcmFormat {
  /** Samples per second and channel, in Hz: an integer from 1000 to 384000. */
  readonly sampleRate: number;
  /** Interleaved channels, 1 to 65535. */
  readonly channels: number;
  /** Loudspeakers of the channels, a bit for each; left out, the usual ones. */
  readonly channelMask?: number;
}

/**
 * Converts a stream of samples. 16-bit samples that are at 48 kHz and in two channels already
 * come out as they were.
 *
 * @example One channel at 24 kHz
 * ```ts
 * import { PcmConverter } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const converter = new PcmConverter({ sampleRate: 24000, channels: 1 });
 * const first = converter.push(new Float32Array(480));
 * const last = converter.end();
 * assertEquals(first.length + last.length, 960 * 2);
 * ```
 */
export class PcmConverter {
  readonly #downmix: Downmix;
  readonly #resampler: Resampler;

  /**
   * Makes a converter at the start of a stream.
   *
   * @param format What will be given.
   * @throws {RangeError} The rate or the number of channels is out of range.
   */
  constructor(format: PcmFormat) {
    this.#downmix = new Downmix(format.channels, format.channelMask);
    this.#resampler = new Resampler(format.sampleRate, 2);
  }

  /**
   * Adds samples.
   *
   * @param samples Interleaved samples, nominally -1 to 1.
   * @returns What can be said of the output so far, in fresh memory.
   * @throws {RangeError} The samples do not fill the last frame of all channels.
   * @throws {TypeError} After `end`.
   */
  push(samples: Float32Array): Int16Array {
    return pcmToInt16(this.#resampler.push(this.#downmix.apply(samples)));
  }

  /**
   * Ends the stream.
   *
   * @returns The rest.
   */
  end(): Int16Array {
    return pcmToInt16(this.#resampler.end());
  }
}
