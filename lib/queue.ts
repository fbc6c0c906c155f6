/**
 * A queue whose ends are equally fast: `Array.shift()` copies the whole array on V8
 * where it is large.
 *
 * @module
 */

/** Items that were taken, beyond which their places are given back. */
const COMPACT_SIZE = 1024;

/** First in, first out. */
export class Queue<T> {
  #items: (T | undefined)[] = [];
  #next = 0;

  /** Items that wait. */
  get size(): number {
    return this.#items.length - this.#next;
  }

  /** Adds an item. */
  push(item: T): void {
    this.#items.push(item);
  }

  /**
   * Takes the oldest item.
   *
   * @returns The item, or `undefined` where there is none.
   */
  shift(): T | undefined {
    if (this.#next === this.#items.length) return undefined;
    const item = this.#items[this.#next];
    this.#items[this.#next++] = undefined;
    if (this.#next === this.#items.length) this.clear();
    else if (this.#next >= COMPACT_SIZE && 2 * this.#next >= this.#items.length) this.#compact();
    return item;
  }

  /** Drops all. */
  clear(): void {
    this.#items.length = 0;
    this.#next = 0;
  }

  /** At most half of the places are copied, and each time as many were taken before. */
  #compact(): void {
    this.#items.splice(0, this.#next);
    this.#next = 0;
  }
}
