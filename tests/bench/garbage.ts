/**
 * How a benchmark asks for a garbage collection; see `MEASURING_FLAGS` of `runs.ts`.
 *
 * @module
 */

/**
 * Finds the runtime's way.
 *
 * @param minor Whether to collect what is young only, where the runtime knows the difference.
 * @throws {Error} It was started without it.
 */
export function garbageCollector(minor = false): () => void {
  const { gc, Bun } = globalThis as unknown as {
    readonly gc?: (options: { readonly type: "minor" | "major" }) => void;
    readonly Bun?: { gc(force: boolean): void };
  };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return () => gc({ type: minor ? "minor" : "major" });
  throw new Error("Cannot collect garbage: start the runtime with --expose-gc");
}
