/**
 * Ids of Discord: unsigned integers of 64 bits, in decimal text.
 *
 * @module
 */

/** Tells whether an id is an unsigned integer of 64 bits, as all of Discord's are. */
export function isSnowflake(id: string): boolean {
  return /^\d{1,20}$/.test(id) && BigInt(id) < 2n ** 64n;
}
