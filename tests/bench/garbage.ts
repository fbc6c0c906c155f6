/**
 * How a benchmark asks for a garbage collection.
 *
 * @module
 */

/**
 * Finds the runtime's way.
 *
 * @throws {Error} It was started without it.
 */
export function garbageCollector(): () => void {
  const { gc, Bun } = globalThis as unknown as {
    readonly gc?: () => void;
    readonly Bun?: { gc(force: boolean): void };
  };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return () => gc();
  throw new Error("Cannot collect garbage: start the runtime with --expose-gc");
}
