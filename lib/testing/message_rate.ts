/**
 * At most so many messages in a fixed window of time.
 *
 * @module
 */

/** Counts the messages of one WebSocket. */
export class MessageRate {
  readonly #limit: number;
  readonly #window: number;
  #end = -Infinity;
  #count = 0;

  /**
   * Starts empty.
   *
   * @param limit Most messages in a window.
   * @param window Length of a window in milliseconds.
   */
  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  /**
   * A message came.
   *
   * @param now Monotonic milliseconds.
   * @returns Whether it is within the limit.
   */
  take(now: number): boolean {
    if (now >= this.#end) {
      this.#end = now + this.#window;
      this.#count = 0;
    }
    return ++this.#count <= this.#limit;
  }
}
