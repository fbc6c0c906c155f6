/**
 * Adds sounds up: music, and a jingle over it.
 *
 * Theory of operation. Each input has a queue of its own and a volume; `mix` takes from all of
 * them as many frames as it is asked for, and an input that has fewer is silent for the rest. So
 * inputs come and go at any sample, and none waits for another.
 *
 * Where the sum exceeds full scale, a limiter turns it down to just fit, both channels alike and at
 * once, and lets go within a tenth of a second or so. Plain saturation would distort every peak
 * that is too high, this only its first moment; and where nothing exceeds full scale, the sum is
 * exact to the bit.
 *
 * @module
 */

import { Gain } from "./gain.ts";
import { saturate } from "./pcm_convert.ts";

/**
 * Mixes two interleaved channels at 48 kHz.
 *
 * @example Two sounds at once
 * ```ts
 * import { Mixer } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const mixer = new Mixer();
 * const [music, jingle] = [mixer.add(), mixer.add(0.5)];
 * music.write(Int16Array.of(100, 100, 100, 100));
 * jingle.write(Int16Array.of(50, 50));
 * assertEquals(mixer.mix(3), Int16Array.of(125, 125, 100, 100, 0, 0));
 * ```
 */
export class Mixer {
  readonly #inputs = new Set<Input>();
  #limit = 1; // factor of the limiter

  /** Inputs that were neither removed nor are at their end. */
  get size(): number {
    return this.#inputs.size;
  }

  /**
   * Adds an input, which sounds from the next `mix` on.
   *
   * @param gain Its volume: a factor of each sample.
   * @returns The input.
   * @throws {RangeError} There are 64 inputs already, or `gain` is not a finite number of at least
   * 0.
   */
  add(gain = 1): MixerInput {
    if (this.#inputs.size === MAX_INPUTS) {
      throw new RangeError(`Cannot add an input: the mixer has ${MAX_INPUTS}, which is the most`);
    }
    const input = new Input(gain, () => this.#inputs.delete(input));
    this.#inputs.add(input);
    return input;
  }

  /**
   * The next part of the sum.
   *
   * @param frames Samples per channel.
   * @returns Two interleaved channels.
   * @throws {RangeError} `frames` is not an integer of at least 0.
   */
  mix(frames: number): Int16Array {
    if (!Number.isSafeInteger(frames) || frames < 0) {
      throw new RangeError(`Cannot mix ${frames} samples: want an integer of at least 0`);
    }
    const sum = new Int32Array(frames * CHANNELS);
    for (const input of this.#inputs) {
      const samples = input.take(frames);
      for (let i = 0; i < samples.length; i++) sum[i] += samples[i];
    }
    return this.#limited(sum);
  }

  #limited(sum: Int32Array): Int16Array {
    const mixed = new Int16Array(sum.length);
    for (let i = 0; i < sum.length; i += CHANNELS) {
      const peak = Math.max(Math.abs(sum[i]), Math.abs(sum[i + 1]));
      if (peak * this.#limit > FULL_SCALE) this.#limit = FULL_SCALE / peak;
      mixed[i] = saturate(sum[i] * this.#limit);
      mixed[i + 1] = saturate(sum[i + 1] * this.#limit);
      if (this.#limit < 1) this.#limit = Math.min(1, this.#limit + RELEASE);
    }
    return mixed;
  }
}

/** An input of a {@linkcode Mixer}. */
export interface MixerInput {
  /** Samples per channel that wait to be mixed. */
  readonly queued: number;
  /** Samples per channel that can be written now; 48000 (a second) in all. */
  readonly room: number;

  /**
   * Queues samples behind those that wait. They are copied.
   *
   * @param samples Two interleaved channels.
   * @throws {RangeError} There is no room for so many, or they do not fill the last frame.
   * @throws {TypeError} After `end` or `remove`.
   */
  write(samples: Int16Array): void;

  /**
   * Changes the volume of what is mixed from now on, without a click: see {@linkcode Gain}.
   *
   * @param gain Factor at the end.
   * @param frames Samples per channel until then.
   * @throws {RangeError} A number is out of range.
   */
  fadeTo(gain: number, frames: number): void;

  /** Lets the input go once what waits is mixed. */
  end(): void;

  /** Lets the input go now. */
  remove(): void;
}

const CHANNELS = 2;
const MAX_INPUTS = 64;
const MAX_QUEUED = 48_000; // frames
const FULL_SCALE = 32767;
const RELEASE = 1 / 9600; // a frame: from silence to all in 200 ms, from half in 100 ms

class Input implements MixerInput {
  readonly #gain: Gain;
  readonly #leave: () => void;
  #pieces: Int16Array[] = [];
  #queued = 0; // frames
  #ended = false;

  constructor(gain: number, leave: () => void) {
    this.#gain = new Gain(gain, CHANNELS);
    this.#leave = leave;
  }

  get queued(): number {
    return this.#queued;
  }

  get room(): number {
    return this.#ended ? 0 : MAX_QUEUED - this.#queued;
  }

  write(samples: Int16Array): void {
    if (this.#ended) throw new TypeError("Cannot write to an input of a mixer: it was ended");
    const frames = samples.length / CHANNELS;
    if (!Number.isInteger(frames) || frames > this.room) {
      throw new RangeError(
        `Cannot write to an input of a mixer: have ${frames} frames, ` +
          `want a whole number of at most ${this.room}`,
      );
    }
    if (frames === 0) return;
    this.#pieces.push(samples.slice());
    this.#queued += frames;
  }

  fadeTo(gain: number, frames: number): void {
    this.#gain.fadeTo(gain, frames);
  }

  end(): void {
    this.#ended = true;
    if (this.#queued === 0) this.#leave();
  }

  remove(): void {
    this.#pieces = [];
    this.#queued = 0;
    this.end();
  }

  /** At most so many frames of what waits, at their volume. */
  take(frames: number): Int16Array {
    const taken = new Int16Array(Math.min(frames, this.#queued) * CHANNELS);
    let at = 0;
    while (at < taken.length) {
      const piece = this.#pieces[0];
      const part = piece.subarray(0, taken.length - at);
      taken.set(part, at);
      at += part.length;
      if (part.length === piece.length) this.#pieces.shift();
      else this.#pieces[0] = piece.subarray(part.length);
    }
    this.#queued -= taken.length / CHANNELS;
    this.#gain.apply(taken);
    if (this.#ended && this.#queued === 0) this.#leave();
    return taken;
  }
}
