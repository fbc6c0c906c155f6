/**
 * What is thrown from the event loop, where a runtime would end the process.
 *
 * @module
 */

/**
 * Runs something and catches what it throws from microtasks.
 *
 * @param run What may throw later.
 * @returns What was thrown, in order.
 */
export async function thrownLater(run: () => void | Promise<void>): Promise<unknown[]> {
  const thrown: unknown[] = [];
  const { queueMicrotask } = globalThis;
  globalThis.queueMicrotask = (callback) =>
    queueMicrotask(() => {
      try {
        callback();
      } catch (error) {
        thrown.push(error);
      }
    });
  try {
    await run();
    await new Promise<void>((resolve) => queueMicrotask(resolve));
  } finally {
    globalThis.queueMicrotask = queueMicrotask;
  }
  return thrown;
}
