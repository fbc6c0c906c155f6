/**
 * Numbers the messages of one session and keeps the last ones for a Resume.
 *
 * Theory of operation: the number on the wire wraps, so an acknowledged number is
 * read as "how many messages behind the last one", modulo the wrap. Everything in
 * the buffer is less than half a wrap old; a number further behind is either lost or
 * was never sent, which comes to the same: the gap cannot be filled.
 *
 * @module
 */

/** Keeps the last messages of a session. */
export class ReplayBuffer<Frame extends string | Uint8Array = string> {
  readonly #limit: number;
  readonly #modulus: number;
  readonly #messages: Frame[] = [];
  #count: number;

  /**
   * Starts empty; the first message gets the number after `sent`.
   *
   * @param limit Most messages that are kept, less than half of the modulus.
   * @param modulus Where the numbers wrap to 0; 65536 on the voice gateway.
   * @param sent Messages that count as sent before.
   * @throws {RangeError} The limit is none.
   */
  constructor(limit: number, modulus = 0x10000, sent = 0) {
    if (!Number.isInteger(limit) || limit < 0 || limit >= modulus / 2) {
      throw new RangeError(
        `Cannot keep ${limit} messages: the limit must be an integer of 0 to ${modulus / 2 - 1}`,
      );
    }
    this.#limit = limit;
    this.#modulus = modulus;
    this.#count = sent;
  }

  /** Messages that are kept. */
  get size(): number {
    return this.#messages.length;
  }

  /**
   * Numbers a message and keeps it.
   *
   * @param encode Writes the message with its number.
   * @returns What it has written.
   */
  push(encode: (seq: number) => Frame): Frame {
    const message = encode(++this.#count % this.#modulus);
    this.#messages.push(message);
    if (this.#messages.length > this.#limit) this.#messages.shift();
    return message;
  }

  /**
   * Finds what a client has missed.
   *
   * @param seq Last number that it has seen; `undefined` where it has seen none.
   * @returns The messages in order, or `undefined` where the gap cannot be filled.
   */
  since(seq: number | undefined): Frame[] | undefined {
    const behind = seq === undefined
      ? this.#count
      : ((this.#count - seq) % this.#modulus + this.#modulus) % this.#modulus;
    return behind > this.#messages.length
      ? undefined
      : this.#messages.slice(this.#messages.length - behind);
  }
}
