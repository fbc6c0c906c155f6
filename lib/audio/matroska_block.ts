/**
 * One block of Matroska (RFC 9559, section 10): the track it belongs to, its time, and its
 * frames, of which lacing puts several into one block.
 *
 * @module
 */

import { parseVint } from "./ebml.ts";

/** A SimpleBlock, or the Block of a BlockGroup. */
export interface MatroskaBlock {
  /** Number of the track. */
  readonly track: number;
  /** Time relative to the cluster, in its units: -32768 to 32767. */
  readonly timestamp: number;
  /** Views into the body, 1 to 256. */
  readonly frames: readonly Uint8Array[];
}

/**
 * Parses a block.
 *
 * @param body The element's body.
 * @param at Where the body is, in bytes from the start of the input: for messages.
 * @returns The block.
 * @throws {SyntaxError} where it ends too soon, or its frames do not fit.
 */
export function parseMatroskaBlock(body: Uint8Array, at = 0): MatroskaBlock {
  const track = parseVint(body, 0);
  if (track?.value === undefined) throw malformed(at, "it has no track number");
  const start = track.size + 3;
  if (body.length < start) {
    throw malformed(at, `it has ${body.length} bytes, want at least ${start}`);
  }
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const lacing = LACINGS[(body[start - 1] & 0x06) >> 1];
  return {
    track: track.value,
    timestamp: view.getInt16(track.size),
    frames: lacing === undefined
      ? [body.subarray(start)]
      : splitFrames({ body, at, next: start }, lacing),
  };
}

interface Cursor {
  readonly body: Uint8Array;
  readonly at: number;
  next: number;
}

/** Reads the sizes of all frames but the last. */
type Lacing = (cursor: Cursor, count: number) => number[];

/** By the two bits of the flags. */
const LACINGS: readonly (Lacing | undefined)[] = [undefined, xiphSizes, fixedSizes, ebmlSizes];

function splitFrames(cursor: Cursor, lacing: Lacing): Uint8Array[] {
  const { body, at } = cursor;
  const count = takeByte(cursor) + 1;
  const sizes = lacing(cursor, count);
  const last = sizes.reduce((rest, size) => rest - size, body.length - cursor.next);
  if (last < 0) throw malformed(at, `its frames need ${-last} bytes more than it has`);
  return [...sizes, last].map((size) => body.subarray(cursor.next, cursor.next += size));
}

function xiphSizes(cursor: Cursor, count: number): number[] {
  return Array.from({ length: count - 1 }, () => {
    let size = 0;
    for (let byte = 255; byte === 255;) size += byte = takeByte(cursor);
    return size;
  });
}

function fixedSizes({ body, at, next }: Cursor, count: number): number[] {
  const size = (body.length - next) / count;
  if (Number.isInteger(size)) return new Array<number>(count - 1).fill(size);
  throw malformed(at, `${body.length - next} bytes do not make ${count} equal frames`);
}

/** The first size as it is, each later one as the difference to the one before. */
function ebmlSizes(cursor: Cursor, count: number): number[] {
  let size = 0;
  return Array.from({ length: count - 1 }, (_, i) => {
    const vint = parseVint(cursor.body, cursor.next);
    if (vint?.value === undefined) throw malformed(cursor.at, "a frame has no size");
    if (vint.size > 7) throw malformed(cursor.at, "a size has 8 bytes, want at most 7");
    cursor.next += vint.size;
    size = i === 0 ? vint.value : size + vint.value - (2 ** (7 * vint.size - 1) - 1);
    if (size < 0) throw malformed(cursor.at, `a frame has ${size} bytes, want at least 0`);
    return size;
  });
}

function takeByte(cursor: Cursor): number {
  if (cursor.next >= cursor.body.length) {
    throw malformed(cursor.at, "it ends before its frame sizes");
  }
  return cursor.body[cursor.next++];
}

function malformed(at: number, what: string): SyntaxError {
  return new SyntaxError(`Cannot read Matroska block at byte ${at}: ${what}`);
}
