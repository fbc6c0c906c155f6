/**
 * What a handler was called with, to be awaited one by one.
 *
 * @module
 */

/** A queue from handlers to a test. */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  /** Adds an item. */
  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#items.push(item);
    else taker(item);
  }

  /** The oldest item not yet taken, now or once it comes. */
  take(): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Items not yet taken. */
  get size(): number {
    return this.#items.length;
  }
}
