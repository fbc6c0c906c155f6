/**
 * Iterators that can be closed while they wait. An async generator cannot: its `return` stands in
 * line behind a `next` that may wait for a network forever.
 *
 * @module
 */

/**
 * Makes an iterator of a generator that can be interrupted.
 *
 * @param run Makes the generator; what it waits for ends where the signal aborts.
 * @param signal Interrupts it as well: the present or next `next` rejects with its reason.
 * @returns The iterator. Its `return` interrupts the generator and waits until it has cleaned up.
 */
export function closable<T>(
  run: (signal: AbortSignal) => AsyncGenerator<T, void>,
  signal?: AbortSignal,
): AsyncIterableIterator<T, void> {
  const closing = new AbortController();
  const either = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
  const generator = run(either);
  return {
    next: () => generator.next(),
    async return() {
      closing.abort(new DOMException("The source was closed", "AbortError"));
      await quietly(() => generator.return()); // what it throws now comes of being interrupted
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/**
 * Closes something that nobody listens to any more.
 *
 * @param close What closes it; what it throws is of no interest.
 * @returns When it is closed.
 */
export async function quietly(close: () => unknown): Promise<void> {
  try {
    await close();
  } catch {
    // There was a reason to close it, and that is told.
  }
}
