/**
 * Deadlines for tests, and waiting for what has no promise.
 *
 * @module
 */

import { deadline } from "@std/async";

/**
 * A test's function that fails where the test takes too long.
 *
 * @param milliseconds The limit.
 * @param run The test.
 * @returns What `test` takes.
 */
export function within(milliseconds: number, run: () => Promise<void>): () => Promise<void> {
  return () => deadline(run(), milliseconds);
}

/**
 * Waits until something has come true; the deadline is the test's.
 *
 * @param condition Is asked every few milliseconds, for 20 seconds at most.
 */
export async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`Cannot go on: never came true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
