/**
 * What stands behind the bytes of a DAVE frame:
 * `tag (8) | nonce | (offset, size) of each clear range | size of all this (1) | FA FA`,
 * the integers in ULEB128. There is no other sign of encryption: a frame whose end does
 * not parse so, to the byte, is plaintext.
 *
 * @module
 */

import { FRAME_TAG_SIZE } from "./aead.ts";
import { leb128Size, readLeb128, writeLeb128 } from "./leb128.ts";
import { ClearRanges } from "./ranges.ts";

/** The byte that stands twice at the end. */
export const MARKER = 0xfa;

/** Bytes of a trailer without nonce and ranges. */
export const TRAILER_BASE_SIZE: number = FRAME_TAG_SIZE + 3;

/** Most bytes of a trailer. */
export const TRAILER_LIMIT = 255;

/**
 * Bytes of a trailer.
 *
 * @param nonce The nonce as it is sent.
 * @param ranges The clear ranges.
 * @returns Its size; above `TRAILER_LIMIT` it cannot be written.
 */
export function trailerSize(nonce: number, ranges: ClearRanges): number {
  return TRAILER_BASE_SIZE + leb128Size(nonce) + ranges.encodedSize;
}

/**
 * Writes what follows the tag.
 *
 * @param into Begins with the frame and its tag.
 * @param mediaSize Bytes of the frame before the tag.
 * @param nonce The nonce as it is sent.
 * @param ranges The clear ranges.
 * @returns Bytes of the whole frame.
 */
export function writeTrailer(
  into: Uint8Array,
  mediaSize: number,
  nonce: number,
  ranges: ClearRanges,
): number {
  let at = writeLeb128(nonce, into, mediaSize + FRAME_TAG_SIZE);
  for (let i = 0; i < ranges.count; i++) {
    at = writeLeb128(ranges.offsets[i], into, at);
    at = writeLeb128(ranges.sizes[i], into, at);
  }
  into[at] = at + 3 - mediaSize;
  into[at + 1] = MARKER;
  into[at + 2] = MARKER;
  return at + 3;
}

/** Reads trailers, one after the other, into the same fields. */
export class TrailerParser {
  /** Bytes before the tag, in the last frame that had a trailer. */
  mediaSize = 0;
  /** The nonce as it was sent. */
  nonce = 0;
  /** The clear ranges. */
  readonly ranges: ClearRanges = new ClearRanges();

  /**
   * Looks for a trailer.
   *
   * @param frame Any bytes.
   * @returns Whether it is a DAVE frame; the fields have a meaning only then.
   */
  parse(frame: Uint8Array): boolean {
    const sizeAt = frame.length - 3;
    if (frame.length < TRAILER_BASE_SIZE) return false;
    if (frame[sizeAt + 1] !== MARKER || frame[sizeAt + 2] !== MARKER) return false;
    const size = frame[sizeAt];
    if (size < TRAILER_BASE_SIZE || size > frame.length) return false;
    this.mediaSize = frame.length - size;
    const nonceAt = this.mediaSize + FRAME_TAG_SIZE;
    this.nonce = readLeb128(frame, nonceAt, sizeAt);
    return this.nonce >= 0 && this.#parseRanges(frame, nonceAt + leb128Size(this.nonce), sizeAt);
  }

  #parseRanges(frame: Uint8Array, start: number, end: number): boolean {
    this.ranges.clear();
    let free = 0;
    for (let at = start; at < end;) {
      const offset = readLeb128(frame, at, end);
      if (offset < free) return false;
      at += leb128Size(offset);
      const size = readLeb128(frame, at, end);
      if (size < 0) return false;
      at += leb128Size(size);
      // Neither is authenticated; both are below 2^32, so that the sum is exact.
      free = offset + size;
      if (free > this.mediaSize) return false;
      this.ranges.append(offset, size);
    }
    return true;
  }
}
