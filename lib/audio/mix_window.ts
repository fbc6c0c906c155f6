/**
 * Adds up voices on one clock. Their pieces come in any order and late, so the sum of the last
 * seconds is kept open: what is added there sounds together, and what falls out of the window is
 * taken. Sums that 16 bits cannot hold are cut off there.
 *
 * @module
 */

/** The open end of a mix. Positions and sizes are samples per channel. */
export class MixWindow {
  readonly #channels: number;
  readonly #capacity: number;
  readonly #sums: Int32Array; // a ring; the sample of position p is at p modulo its size
  #start = 0;
  #end = 0;

  /**
   * Opens a window at position 0.
   *
   * @param channels Interleaved channels of the mix.
   * @param capacity Size of the window.
   */
  constructor(channels: number, capacity: number) {
    this.#channels = channels;
    this.#capacity = capacity;
    this.#sums = new Int32Array(capacity * channels);
  }

  /** Where the window begins: all before was taken. */
  get start(): number {
    return this.#start;
  }

  /** Behind the last sample that was added. */
  get end(): number {
    return this.#end;
  }

  /**
   * Adds a piece of a voice.
   *
   * @param position Place of its first sample.
   * @param samples Interleaved samples, of as many channels as the mix has.
   * @returns How much of it lay outside of the window and was left out.
   */
  add(position: number, samples: Int16Array): number {
    const channels = this.#channels;
    const duration = samples.length / channels;
    const from = Math.max(position, this.#start);
    const to = Math.min(position + duration, this.#start + this.#capacity);
    if (!(from < to)) return duration;
    for (let at = from; at < to; at++) {
      const target = (at % this.#capacity) * channels;
      const source = (at - position) * channels;
      for (let i = 0; i < channels; i++) this.#sums[target + i]! += samples[source + i]!;
    }
    this.#end = Math.max(this.#end, to);
    return duration - (to - from);
  }

  /**
   * Moves the beginning of the window.
   *
   * @param until Where it is to begin; does nothing where it begins there or later already.
   * @returns The mix from the old beginning on, as far as anything was added; interleaved.
   */
  take(until: number): Int16Array {
    const channels = this.#channels;
    const end = Math.max(this.#start, Math.min(until, this.#end));
    const samples = new Int16Array((end - this.#start) * channels);
    for (let at = this.#start, into = 0; at < end; at++) {
      const source = (at % this.#capacity) * channels;
      for (let i = 0; i < channels; i++) {
        samples[into++] = Math.max(-0x8000, Math.min(0x7fff, this.#sums[source + i]!));
        this.#sums[source + i] = 0;
      }
    }
    this.#start = Math.max(this.#start, until);
    return samples;
  }
}
