/**
 * From pieces of any length to frames of one length, as an encoder wants them.
 *
 * @module
 */

/**
 * Cuts samples into frames.
 *
 * @example Frames of 4 samples
 * ```ts
 * import { PcmFramer } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const framer = new PcmFramer(4);
 * assertEquals(framer.push(Int16Array.of(1, 2, 3)), []);
 * assertEquals(framer.push(Int16Array.of(4, 5)), [Int16Array.of(1, 2, 3, 4)]);
 * assertEquals(framer.end(), Int16Array.of(5, 0, 0, 0));
 * ```
 */
export class PcmFramer {
  readonly #size: number;
  #frame: Int16Array;
  #filled = 0;

  /**
   * Makes a framer.
   *
   * @param size Samples of a frame, all channels together: 1920 for 20 ms of stereo.
   * @throws {RangeError} `size` is not a positive integer.
   */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`Cannot make frames of ${size} samples: want a positive integer`);
    }
    this.#size = size;
    this.#frame = new Int16Array(size);
  }

  /**
   * Adds samples. They are copied.
   *
   * @param samples Any number of samples.
   * @returns The frames that they complete, each in memory of its own.
   */
  push(samples: Int16Array): Int16Array[] {
    const frames: Int16Array[] = [];
    for (let at = 0; at < samples.length;) {
      const taken = Math.min(samples.length - at, this.#size - this.#filled);
      this.#frame.set(samples.subarray(at, at += taken), this.#filled);
      this.#filled += taken;
      if (this.#filled === this.#size) frames.push(this.#take());
    }
    return frames;
  }

  /**
   * Ends the sound; what is pushed afterwards begins anew.
   *
   * @returns The last frame, filled up with silence; `undefined` where all was given.
   */
  end(): Int16Array | undefined {
    return this.#filled === 0 ? undefined : this.#take();
  }

  #take(): Int16Array {
    const frame = this.#frame;
    this.#frame = new Int16Array(this.#size);
    this.#filled = 0;
    return frame;
  }
}
