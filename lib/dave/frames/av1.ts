/**
 * AV1: a frame is a row of open bitstream units (OBU): a header, perhaps a byte of
 * extension, perhaps the size of the payload in ULEB128, the payload. All but the payload
 * stays clear.
 *
 * A packetizer drops the units that carry no picture, and writes sizes in the fewest
 * bytes, so that is done here before; the last unit loses its size, so that the trailer
 * can follow as a part of its payload.
 *
 * @module
 */

import { leb128Span, leb128Value, writeLeb128 } from "./leb128.ts";
import type { ClearRanges } from "./ranges.ts";

const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;
/** Most bytes of a size. */
const SIZE_LIMIT = 8;

/** Temporal delimiter, tile list, padding: what packetizers drop. */
const DROPPED_TYPES: readonly number[] = [2, 8, 15];

/**
 * Puts an AV1 frame as it will be sent into `into`.
 *
 * @param frame The frame.
 * @param into Receives it, not longer than it is.
 * @param ranges Receives the ranges to leave clear.
 * @returns Its bytes there; -1 where its units do not make up the frame.
 */
export function layOutAv1(frame: Uint8Array, into: Uint8Array, ranges: ClearRanges): number {
  let size = 0;
  for (let at = 0; at < frame.length;) {
    const header = frame[at];
    const sizeAt = at + ((header & HAS_EXTENSION) === 0 ? 1 : 2);
    if (sizeAt >= frame.length) return -1;
    let start = sizeAt;
    let end = frame.length;
    if ((header & HAS_SIZE) !== 0) {
      const span = leb128Span(frame, sizeAt, Math.min(frame.length, sizeAt + SIZE_LIMIT));
      if (span === 0) return -1;
      start += span;
      end = start + leb128Value(frame, sizeAt, span);
      if (end > frame.length) return -1;
    }
    if (!DROPPED_TYPES.includes(header >>> 3 & 15)) {
      size = copyUnit(frame, at, sizeAt, start, end, into, size, ranges);
    }
    at = end;
  }
  return size;
}

function copyUnit(
  frame: Uint8Array,
  headerAt: number,
  sizeAt: number,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
  ranges: ClearRanges,
): number {
  const clearAt = at;
  const sized = start > sizeAt && end < frame.length;
  into[at++] = sized ? frame[headerAt] : frame[headerAt] & ~HAS_SIZE;
  if (sizeAt > headerAt + 1) into[at++] = frame[headerAt + 1];
  if (sized) at = writeLeb128(end - start, into, at);
  ranges.extend(clearAt, at - clearAt);
  for (let i = start; i < end; i++) into[at++] = frame[i];
  return at;
}
