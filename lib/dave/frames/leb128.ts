/**
 * ULEB128: integers in groups of seven bits, low ones first, the high bit of a byte set
 * where another follows. A DAVE frame has its nonce and its ranges in it.
 *
 * @module
 */

/** Most bytes that an unsigned 32-bit integer takes. */
export const LEB128_U32_SIZE = 5;

/**
 * Bytes that a value takes.
 *
 * @param value An unsigned 32-bit integer.
 * @returns 1 to `LEB128_U32_SIZE`.
 */
export function leb128Size(value: number): number {
  let size = 1;
  for (let rest = value >>> 7; rest !== 0; rest >>>= 7) size++;
  return size;
}

/**
 * Writes a value in the fewest bytes.
 *
 * @param value An unsigned 32-bit integer.
 * @param into Receives it.
 * @param at Where it begins.
 * @returns The offset behind it.
 */
export function writeLeb128(value: number, into: Uint8Array, at: number): number {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    into[at++] = 0x80 | (rest & 0x7f);
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/**
 * Reads a value that must fit in 32 bits and in no fewer bytes, so that the next one
 * begins `leb128Size` behind it.
 *
 * @param bytes Where it stands.
 * @param at Where it begins.
 * @param end Where it must have ended.
 * @returns The value, or -1 where there is none of that kind.
 */
export function readLeb128(bytes: Uint8Array, at: number, end: number): number {
  const size = leb128Span(bytes, at, Math.min(end, at + LEB128_U32_SIZE));
  if (size === 0 || (size > 1 && bytes[at + size - 1] === 0)) return -1;
  const value = leb128Value(bytes, at, size);
  return value < 2 ** 32 ? value : -1;
}

/**
 * Bytes up to the one that ends a value.
 *
 * @param bytes Where it stands.
 * @param at Where it begins.
 * @param end Where it must have ended.
 * @returns Its size, 0 where it does not end.
 */
export function leb128Span(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    if (bytes[i] < 0x80) return i - at + 1;
  }
  return 0;
}

/**
 * The value of so many bytes, whether or not fewer would do.
 *
 * @param bytes Where it stands.
 * @param at Where it begins.
 * @param size Its size.
 * @returns The value, exact below 2^53.
 */
export function leb128Value(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = size - 1; i >= 0; i--) value = value * 0x80 + (bytes[at + i] & 0x7f);
  return value;
}
