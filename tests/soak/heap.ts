/**
 * The heap after a garbage collection that is forced: Node and Deno (V8) get `gc` by a flag that
 * is set while they run, Bun has `Bun.gc`. V8 also keeps all bytecode from then on: it frees
 * megabytes of it at some moment, beneath which a leak would not be seen.
 *
 * @module
 */

import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };

const collect: () => void = Bun === undefined ? exposedGc() : () => Bun.gc(true);

/** Rounds of collection: what a finalizer frees goes in the next. */
const ROUNDS = 3;

/**
 * Bytes that are in use, those of array buffers included.
 *
 * @returns The figure after a full collection.
 */
export async function heapInUse(): Promise<number> {
  for (let round = 0; round < ROUNDS; round++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  collect();
  const { heapUsed, external } = process.memoryUsage();
  // Bun counts buffers as heap.
  return Bun === undefined ? heapUsed + external : heapUsed;
}

function exposedGc(): () => void {
  for (const flag of ["--expose-gc", "--no-flush-bytecode", "--no-lazy-feedback-allocation"]) {
    setFlagsFromString(flag);
  }
  return runInNewContext("gc") as () => void;
}
