/**
 * Volume that changes without a click: from sample to sample, along a curve.
 *
 * The curve is that of equal power: between two gains the square of the gain moves as the square
 * of a sine. Where one sound fades out while another fades in, both together stay as loud as each
 * was, and neither end of the curve has a jump that could be heard.
 *
 * @module
 */

import { saturate } from "./pcm_convert.ts";

/**
 * Applies a volume.
 *
 * @example Fade out within 10 ms
 * ```ts
 * import { Gain } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const gain = new Gain();
 * gain.fadeTo(0, 480);
 * const samples = new Int16Array(960).fill(1000);
 * gain.apply(samples);
 * assertEquals([samples[0], samples[480], samples[959]], [1000, 707, 3]);
 * assertEquals(gain.level, 0);
 * ```
 */
export class Gain {
  readonly #channels: number;
  #from: number; // at the start of the fade
  #level: number;
  #target: number;
  #at = 0; // frames of the fade that are done
  #length = 0; // frames of the fade; 0 where there is none

  /**
   * Makes a volume.
   *
   * @param level Factor of each sample; 1 leaves them as they are.
   * @param channels Interleaved channels, which have one volume together.
   * @throws {RangeError} `level` is not a finite number of at least 0, or `channels` not a positive
   * integer.
   */
  constructor(level = 1, channels = 2) {
    if (!Number.isSafeInteger(channels) || channels < 1) {
      throw new RangeError(`Cannot set a volume: channels is ${channels}, want a positive integer`);
    }
    this.#channels = channels;
    this.#target = this.#level = this.#from = checkedLevel(level);
  }

  /** Factor of the next sample. */
  get level(): number {
    return this.#level;
  }

  /** Whether a fade is on its way. */
  get fading(): boolean {
    return this.#length > 0;
  }

  /**
   * Changes the volume from where it is now, also out of another fade.
   *
   * @param level Factor at the end.
   * @param frames Samples per channel until then; 0 changes it at once. 480 (10 ms) hides a click.
   * @throws {RangeError} `level` is not a finite number of at least 0, or `frames` not an integer
   * of at least 0.
   */
  fadeTo(level: number, frames: number): void {
    if (!Number.isSafeInteger(frames) || frames < 0) {
      throw new RangeError(`Cannot fade over ${frames} samples: want an integer of at least 0`);
    }
    this.#target = checkedLevel(level);
    this.#from = this.#level;
    this.#at = 0;
    this.#length = this.#level === this.#target ? 0 : frames;
    if (this.#length === 0) this.#level = this.#target;
  }

  /**
   * Multiplies samples where they are, saturating at full scale.
   *
   * @param samples Interleaved samples.
   * @throws {RangeError} The samples do not fill the last frame of all channels.
   */
  apply(samples: Int16Array): void {
    if (samples.length % this.#channels !== 0) {
      throw new RangeError(
        `Cannot set the volume of ${samples.length} samples: ` +
          `want a multiple of ${this.#channels} channels`,
      );
    }
    let at = 0;
    while (at < samples.length && this.fading) {
      for (let channel = 0; channel < this.#channels; channel++, at++) {
        samples[at] = saturate(samples[at] * this.#level);
      }
      this.#advance();
    }
    if (this.#level === 1) return;
    for (; at < samples.length; at++) samples[at] = saturate(samples[at] * this.#level);
  }

  #advance(): void {
    if (++this.#at === this.#length) {
      this.#length = 0;
      this.#level = this.#target;
      return;
    }
    const share = Math.sin(Math.PI / 2 * this.#at / this.#length) ** 2;
    this.#level = Math.sqrt(this.#from ** 2 * (1 - share) + this.#target ** 2 * share);
  }
}

function checkedLevel(level: number): number {
  if (Number.isFinite(level) && level >= 0) return level;
  throw new RangeError(`Cannot set volume ${level}: want a finite number of at least 0`);
}
