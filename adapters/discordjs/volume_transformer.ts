/**
 * The volume of a resource, which may be changed while it plays.
 *
 * @module
 */

import { Gain } from "../../lib/audio/gain.ts";

/** Exponent of the curve that people hear as even: from 0 to 1 in equal steps. */
const LOUDNESS_EXPONENT = 1.660964;

/** Samples per channel over which the volume changes: 10 ms hide the click. */
const FADE_LENGTH = 480;

/** Makes samples louder or softer. What is read ahead, a third of a second, stays as it was. */
export class VolumeTransformer {
  readonly #gain = new Gain();
  #volume = 1;
  #hasBegun = false;

  /** Factor for each sample; 1 leaves them as they are. */
  get volume(): number {
    return this.#volume;
  }

  /** The same in decibels; 0 leaves them as they are. */
  get volumeDecibels(): number {
    return 20 * Math.log10(this.#volume);
  }

  /** The same as people hear it; 1 leaves them as they are. */
  get volumeLogarithmic(): number {
    return this.#volume ** (1 / LOUDNESS_EXPONENT);
  }

  /**
   * Sets the factor.
   *
   * @param volume 0 for silence, 1 for no change; more is cut where it does not fit.
   * @throws {RangeError} It is no finite number of at least 0.
   */
  setVolume(volume: number): void {
    this.#gain.fadeTo(volume, this.#hasBegun ? FADE_LENGTH : 0);
    this.#volume = volume;
  }

  /**
   * Sets the factor in decibels.
   *
   * @throws {RangeError} It is no finite factor.
   */
  setVolumeDecibels(decibels: number): void {
    this.setVolume(10 ** (decibels / 20));
  }

  /**
   * Sets the factor as people hear it.
   *
   * @throws {RangeError} It is no finite number of at least 0.
   */
  setVolumeLogarithmic(loudness: number): void {
    this.setVolume(loudness ** LOUDNESS_EXPONENT);
  }

  /** Changes samples of two channels in their place. */
  apply(samples: Int16Array): void {
    this.#hasBegun = true;
    this.#gain.apply(samples);
  }
}
