/**
 * The check of ECDSA signatures over P-256 (FIPS 186-5 section 6.4.2). All it sees is public.
 *
 * @module
 */

import { hasX, invert, ORDER, type Point, takeNumber } from "./curve.ts";
import { addMultiples } from "./multiples.ts";

/** A signature. */
export interface Signature {
  /** From 1 to less than the order of the curve. */
  readonly r: bigint;
  /** From 1 to less than the order of the curve. */
  readonly s: bigint;
}

/**
 * Checks a signature.
 *
 * @param publicKey Whose it must be.
 * @param hash SHA-256 of what is signed.
 * @param signature The signature, its numbers in their ranges.
 */
export function isSignedBy(publicKey: Point, hash: Uint8Array, { r, s }: Signature): boolean {
  const inverse = invert(s, ORDER);
  const hashFactor = takeNumber(hash) * inverse % ORDER;
  const sum = addMultiples(hashFactor, publicKey, r * inverse % ORDER);
  return hasX(sum, r) || hasX(sum, r + ORDER);
}
