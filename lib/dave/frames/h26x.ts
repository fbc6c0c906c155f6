/**
 * H264 and H265 in Annex B: NAL units behind start codes `00 00 01`. Start codes, headers
 * and the units that are no slices stay clear; so does the start of an H264 slice up to
 * its `pic_parameter_set_id`, which the packetizer reads.
 *
 * Each start code is written with four bytes, because receivers build frames so, and the
 * ranges must hold there too.
 *
 * @module
 */

import type { ClearRanges } from "./ranges.ts";

/** Bytes of a NAL unit that stay clear; as many as it has, or more, for all of them. */
type ClearSizeOf = (frame: Uint8Array, start: number, end: number) => number;

const START_CODE_SIZE = 3;
const H264_SLICE = 1;
const H264_IDR_SLICE = 5;
const H264_HEADER_SIZE = 1;
const H265_HEADER_SIZE = 2;
/** The first H265 type that is no slice. */
const H265_PARAMETER_SETS = 32;

/**
 * Puts an H264 frame as it will be sent into `into`.
 *
 * @param frame The frame.
 * @param into Receives it, up to a third longer.
 * @param ranges Receives the ranges to leave clear.
 * @returns Its bytes there; -1 where it is not in Annex B.
 */
export function layOutH264(frame: Uint8Array, into: Uint8Array, ranges: ClearRanges): number {
  return layOutUnits(frame, into, ranges, clearSizeOfH264);
}

/**
 * Puts an H265 frame as it will be sent into `into`.
 *
 * @param frame The frame.
 * @param into Receives it, up to a third longer.
 * @param ranges Receives the ranges to leave clear.
 * @returns Its bytes there; -1 where it is not in Annex B.
 */
export function layOutH265(frame: Uint8Array, into: Uint8Array, ranges: ClearRanges): number {
  return layOutUnits(frame, into, ranges, clearSizeOfH265);
}

/**
 * Looks for a start code.
 *
 * @param bytes Where to look.
 * @param start Where to begin.
 * @param end Where it must have ended.
 * @returns The offset of its `00 00 01`, or -1.
 */
export function findStartCode(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start + 2; i < end;) {
    if (bytes[i] > 1) i += START_CODE_SIZE;
    else if (bytes[i] === 0) i++;
    else if (bytes[i - 1] === 0 && bytes[i - 2] === 0) return i - 2;
    else i += START_CODE_SIZE;
  }
  return -1;
}

/**
 * Tells whether what is not clear holds a start code, alone or with the bytes around it.
 *
 * @param frame The sealed frame.
 * @param size Its bytes, with the trailer.
 * @param ranges Its clear ranges.
 */
export function hidesStartCode(frame: Uint8Array, size: number, ranges: ClearRanges): boolean {
  let start = 0;
  for (let i = 0; i <= ranges.count; i++) {
    const end = i < ranges.count ? ranges.offsets[i] : size;
    if (findStartCode(frame, Math.max(0, start - 2), Math.min(end + 2, size)) >= 0) return true;
    if (i < ranges.count) start = end + ranges.sizes[i];
  }
  return false;
}

function layOutUnits(
  frame: Uint8Array,
  into: Uint8Array,
  ranges: ClearRanges,
  clearSizeOf: ClearSizeOf,
): number {
  let code = findStartCode(frame, 0, frame.length);
  if (code < 0 || code + START_CODE_SIZE === frame.length || !isZero(frame, 0, code)) return -1;
  let size = 0;
  while (code >= 0) {
    const start = code + START_CODE_SIZE;
    code = findStartCode(frame, start, frame.length);
    const end = endOfUnit(frame, start, code);
    ranges.extend(
      size,
      START_CODE_SIZE + 1 + Math.min(clearSizeOf(frame, start, end), end - start),
    );
    size = copyUnit(frame, start, end, into, size);
  }
  return size;
}

/** The zero before a start code belongs to it. */
function endOfUnit(frame: Uint8Array, start: number, nextCode: number): number {
  if (nextCode < 0) return frame.length;
  return nextCode > start && frame[nextCode - 1] === 0 ? nextCode - 1 : nextCode;
}

function copyUnit(
  frame: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  at: number,
): number {
  into[at++] = 0;
  into[at++] = 0;
  into[at++] = 0;
  into[at++] = 1;
  for (let i = start; i < end; i++) into[at++] = frame[i];
  return at;
}

function clearSizeOfH264(frame: Uint8Array, start: number, end: number): number {
  const type = frame[start] & 0x1f;
  if (type !== H264_SLICE && type !== H264_IDR_SLICE) return end - start;
  return H264_HEADER_SIZE + sliceHeaderSize(frame, start + H264_HEADER_SIZE, end);
}

function clearSizeOfH265(frame: Uint8Array, start: number, end: number): number {
  const type = frame[start] >>> 1 & 0x3f;
  return type < H265_PARAMETER_SETS ? H265_HEADER_SIZE : end - start;
}

/**
 * Bytes up to the one behind the last bit of three Exp-Golomb codes: `first_mb_in_slice`,
 * `slice_type`, `pic_parameter_set_id`. One code is n zeros, a one and n bits more; the
 * third byte of `00 00 03` is not a part of it. All bytes where there are no three codes,
 * none where one is longer than any can be.
 */
function sliceHeaderSize(frame: Uint8Array, start: number, end: number): number {
  let zeros = 0;
  let skip = 0;
  let codes = 0;
  for (let at = start; at < end; at++) {
    if (at >= start + 2 && frame[at] === 3 && isZero(frame, at - 2, at)) continue;
    for (let mask = 0x80; mask > 0; mask >>= 1) {
      if (codes === 3) return at - start + 1;
      if (skip > 0) {
        if (--skip === 0) codes++;
      } else if ((frame[at] & mask) === 0) {
        if (++zeros === 32) return 0;
      } else {
        skip = zeros;
        zeros = 0;
        if (skip === 0) codes++;
      }
    }
  }
  return end - start;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i] !== 0) return false;
  }
  return true;
}
