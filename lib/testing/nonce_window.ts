/**
 * Recognizes a nonce that comes again. A receiver must not read a sender's nonces
 * as numbers (their byte order and start are free), so the last ones are kept as
 * they are.
 *
 * @module
 */

/** Nonces that are remembered: 20 seconds of audio. */
export const NONCE_WINDOW = 1024;

/** Remembers the last nonces of one sender. */
export class NonceWindow {
  readonly #ring: string[] = [];
  readonly #known = new Set<string>();
  #next = 0;

  /**
   * A nonce came.
   *
   * @param nonce Its bytes as text.
   * @returns Whether it is new.
   */
  add(nonce: string): boolean {
    if (this.#known.has(nonce)) return false;
    if (this.#known.size === NONCE_WINDOW) this.#known.delete(this.#ring[this.#next]);
    this.#known.add(nonce);
    this.#ring[this.#next] = nonce;
    this.#next = (this.#next + 1) % NONCE_WINDOW;
    return true;
  }
}
