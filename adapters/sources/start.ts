/**
 * Where a source begins.
 *
 * @module
 */

/**
 * Checks where to begin.
 *
 * @param from Milliseconds.
 * @param seekable Whether it can be another time than 0.
 * @throws {RangeError} It cannot begin there.
 */
export function checkStart(from: number, seekable: boolean): void {
  if (!(from >= 0 && from < Infinity)) {
    throw new RangeError(`Cannot begin at ${from} ms: want a number of at least 0`);
  }
  if (from > 0 && !seekable) {
    throw new RangeError(`Cannot begin at ${from} ms: the source is not seekable, want 0`);
  }
}
