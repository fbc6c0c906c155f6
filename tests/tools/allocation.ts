/**
 * Counts what a function allocates. V8 says how many bytes its heap has; JavaScriptCore tells that
 * after a collection only, so on Bun the typed arrays and views are counted that are made.
 *
 * @module
 */

import process from "node:process";

const CALLS = 4000;
const ROUNDS = 5;
/** The compiler works beside us, and until it is done numbers may be objects. */
const MAX_BLOCKS = 100;

/**
 * What one call allocates, once the engine has made of the function what it can.
 *
 * @param call The function.
 * @param bound What is asked for: as soon as it is met, it is not measured any longer.
 * @returns Bytes, or on Bun typed arrays.
 */
export function allocatedBy(call: () => void, bound: number): number {
  const measure = "Bun" in globalThis ? countArrays : medianOfBytes;
  let allocated = Infinity;
  for (let block = 0; block < MAX_BLOCKS && allocated >= bound; block++) allocated = measure(call);
  return allocated;
}

/** A collection in the middle of a round spoils that one, not the median. */
function medianOfBytes(call: () => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < CALLS; i++) call();
    return Math.abs(process.memoryUsage().heapUsed - before) / CALLS;
  });
  return rounds.toSorted((a, b) => a - b)[ROUNDS >> 1];
}

function countArrays(call: () => void): number {
  const { Uint8Array } = globalThis;
  const { prototype } = Object.getPrototypeOf(Uint8Array);
  const { subarray, slice } = prototype;
  let count = 0;
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct: (target, args) => (count++, Reflect.construct(target, args)),
  });
  prototype.subarray = function (...args: never[]) {
    count++;
    return subarray.apply(this, args);
  };
  prototype.slice = function (...args: never[]) {
    count++;
    return slice.apply(this, args);
  };
  try {
    for (let i = 0; i < CALLS; i++) call();
  } finally {
    globalThis.Uint8Array = Uint8Array;
    Object.assign(prototype, { subarray, slice });
  }
  return count / CALLS;
}
