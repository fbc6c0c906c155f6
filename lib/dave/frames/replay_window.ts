/**
 * Which nonces of one ratchet may still be accepted: any above the highest one, and of
 * those below it the latest 1000 that never came.
 *
 * @module
 */

import { concat } from "../mls/bytes.ts";
import { type Reader, vector } from "../mls/codec.ts";
import { encodeInteger, malformedOpener, takeInteger } from "./opener_state.ts";

/** Most missing nonces that are remembered; the lowest give way. */
export const MISSING_LIMIT = 1000;

/** Remembers the nonces of frames whose tag was verified. */
export class ReplayWindow {
  /** Ascending. Nonces do not wrap here, so they can be above 2^32. */
  readonly #missing = new Float64Array(MISSING_LIMIT);
  #count = 0;
  #highest = -1;

  /**
   * Reads what `encode` wrote.
   *
   * @throws {RangeError} No window can be so.
   * @throws {MlsError} It is cut short.
   */
  static take(reader: Reader): ReplayWindow {
    const window = new ReplayWindow();
    window.#highest = takeInteger(reader) - 1;
    let last = -1;
    reader.list((item) => {
      const nonce = takeInteger(item);
      if (nonce <= last || nonce >= window.#highest || window.#count === MISSING_LIMIT) {
        throw malformedOpener("a missing nonce that cannot be");
      }
      last = window.#missing[window.#count++] = nonce;
    });
    return window;
  }

  /** The highest nonce and the missing ones, as bytes. */
  encode(): Uint8Array {
    const missing = Array.from(this.#missing.subarray(0, this.#count), encodeInteger);
    return concat(encodeInteger(this.#highest + 1), vector(...missing));
  }

  /** Nonces that are missing and may still come. */
  get missingCount(): number {
    return this.#count;
  }

  /**
   * Tells whether a nonce may be accepted. Changes nothing.
   *
   * @param nonce The unwrapped nonce.
   * @returns `false` for one that came, and for one too old to tell.
   */
  accepts(nonce: number): boolean {
    if (nonce > this.#highest) return true;
    const index = this.#indexOf(nonce);
    return index < this.#count && this.#missing[index] === nonce;
  }

  /**
   * A frame with a nonce that is accepted was verified.
   *
   * @param nonce The unwrapped nonce.
   */
  spend(nonce: number): void {
    if (nonce > this.#highest) this.#raise(nonce);
    else this.#forget(this.#indexOf(nonce), 1);
  }

  #raise(nonce: number): void {
    const added = Math.min(nonce - this.#highest - 1, MISSING_LIMIT);
    const excess = this.#count + added - MISSING_LIMIT;
    if (excess > 0) this.#forget(0, excess);
    for (let lost = nonce - added; lost < nonce; lost++) this.#missing[this.#count++] = lost;
    this.#highest = nonce;
  }

  #forget(index: number, count: number): void {
    this.#missing.copyWithin(index, index + count, this.#count);
    this.#count -= count;
  }

  /** The first index whose nonce is not below `nonce`. */
  #indexOf(nonce: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#missing[middle] < nonce) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
