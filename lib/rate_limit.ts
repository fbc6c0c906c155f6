/**
 * At most so many events in a window of time.
 *
 * @module
 */

/** Remembers when the last events were. */
export class RateLimit {
  readonly #count: number;
  readonly #window: number;
  #spent: number[] = [];

  /**
   * Sets the limit.
   *
   * @param count Most events in a window.
   * @param window Length of the window in milliseconds.
   */
  constructor(count: number, window: number) {
    this.#count = count;
    this.#window = window;
  }

  /**
   * An event happens.
   *
   * @param now Monotonic milliseconds.
   */
  spend(now: number): void {
    this.#spent = [...this.#spent, now].slice(-this.#count);
  }

  /**
   * How long to wait before further events fit.
   *
   * @param events How many events; at most the limit's count.
   * @param now Monotonic milliseconds.
   * @returns Milliseconds; 0 where they fit now.
   */
  delay(events: number, now: number): number {
    const oldest = this.#spent[this.#spent.length - 1 - (this.#count - events)];
    return oldest === undefined ? 0 : Math.max(0, oldest + this.#window - now);
  }
}
