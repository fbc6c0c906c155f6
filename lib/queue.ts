/**
 * A queue whose ends are equally fast: `Array.shift()` copies the whole array on V8
 * where it is large. Its memory is freed when it is drained.
 *
 * @module
 */

/** First in, first out. */
export class Queue<T> {
  #items: T[] = [];
  #next = 0;

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
    const item = this.#items[this.#next++];
    if (this.#next >= this.#items.length) {
      this.#items = [];
      this.#next = 0;
    }
    return item;
  }
}
