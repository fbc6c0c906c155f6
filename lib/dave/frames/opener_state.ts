/**
 * How the state of a frame opener is written: numbers as 64-bit integers, and points in time as
 * what remains until then, since no two clocks agree.
 *
 * @module
 */

import { optional, type Reader, u64 } from "../mls/codec.ts";

/** What is restored, for people. */
export const OPENER = "a frame opener";

/** Bytes of an unsigned integer. */
export function encodeInteger(value: number): Uint8Array {
  return u64(BigInt(value));
}

/**
 * Reads an unsigned integer.
 *
 * @throws {RangeError} It is not exact.
 */
export function takeInteger(reader: Reader): number {
  const value = Number(reader.u64());
  if (!Number.isSafeInteger(value)) throw malformedOpener("an integer that is not exact");
  return value;
}

/**
 * Bytes of a point in time: nothing for one that never comes, 0 for one that is past.
 *
 * @param until The point in time.
 * @param now Monotonic milliseconds.
 */
export function encodeRemaining(until: number, now: number): Uint8Array {
  if (until === Infinity) return optional(undefined);
  return optional(encodeInteger(Math.max(0, Math.floor(until - now))));
}

/** Reads a point in time. */
export function takeUntil(reader: Reader, now: number): number {
  const remaining = reader.optional(takeInteger);
  return remaining === undefined ? Infinity : now + remaining;
}

/** The error about a state that no opener can have. */
export function malformedOpener(what: string): RangeError {
  return new RangeError(`Cannot restore ${OPENER}: its state has ${what}`);
}
