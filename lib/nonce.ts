/**
 * The 32-bit nonce counter that most encryption modes use. Its four bytes stand at the
 * end of each packet and at the start of the cipher's nonce; zeros follow.
 *
 * A nonce is spent once: only `next` advances the counter, and it refuses to wrap,
 * because a repeated nonce under one key gives the key stream away.
 *
 * @module
 */

import { LocalProtocolError } from "./errors.ts";

/** The value of a counter whose nonces are all spent. */
export const NONCE_LIMIT: number = 2 ** 32;

/** Bytes that the counter takes in a packet. */
export const COUNTER_SIZE = 4;

/** Counts the nonces of one key. */
export class NonceCounter {
  #next: number;
  readonly #littleEndian: boolean;

  /**
   * Starts the count.
   *
   * @param start The first nonce, 0 to 2^32 - 1.
   * @param littleEndian Byte order on the wire; big endian by default. Receivers do not care.
   */
  constructor(start = 0, littleEndian = false) {
    if (!Number.isInteger(start) || start < 0 || start >= NONCE_LIMIT) {
      throw new RangeError(
        `Cannot start a nonce counter: ${start} is not an unsigned 32-bit integer`,
      );
    }
    this.#next = start;
    this.#littleEndian = littleEndian;
  }

  /** The nonce that `next` would write; 2^32 where all are spent. */
  get value(): number {
    return this.#next;
  }

  /**
   * Spends a nonce: writes it into the first four bytes.
   *
   * @param into At least four bytes.
   * @throws {LocalProtocolError} All nonces of this key are spent.
   */
  next(into: Uint8Array): void {
    const value = this.#next;
    if (value >= NONCE_LIMIT) {
      throw new LocalProtocolError("Cannot seal a packet: all 2^32 nonces of this key are spent");
    }
    this.#next = value + 1;
    for (let i = 0; i < COUNTER_SIZE; i++) {
      into[this.#littleEndian ? i : COUNTER_SIZE - 1 - i] = value >>> 8 * i;
    }
  }
}
