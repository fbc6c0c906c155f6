/**
 * A random source that gives the same numbers for the same seed (mulberry32). For
 * simulations; no key of the real world must come from it.
 *
 * @module
 */

/** Gives reproducible random numbers. */
export class SeededRandom {
  #state: number;

  /** @param seed Any integer. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /**
   * The next number.
   *
   * @returns A fraction in [0, 1).
   */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ t >>> 15, t | 1);
    t ^= t + Math.imul(t ^ t >>> 7, t | 61);
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  }

  /** Fills an array with random bytes. */
  fill(into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = Math.floor(this.next() * 256);
  }
}
