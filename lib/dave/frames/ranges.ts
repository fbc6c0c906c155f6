/**
 * The ranges of a frame that are only authenticated, so that a relay can packetize it:
 * ascending, without overlap, in memory that is used again for each frame. The cipher
 * wants them in one piece before the rest, the wire has them where they were.
 *
 * @module
 */

import { leb128Size } from "./leb128.ts";

/** Most ranges that a trailer can describe: two bytes each in what 255 leave. */
export const RANGE_LIMIT = 121;

/** The clear ranges of one frame. */
export class ClearRanges {
  /** How many there are. */
  count = 0;
  /** Where each begins in the frame. */
  readonly offsets: Uint32Array = new Uint32Array(RANGE_LIMIT);
  /** Bytes of each. */
  readonly sizes: Uint32Array = new Uint32Array(RANGE_LIMIT);

  /** Forgets all of them. */
  clear(): void {
    this.count = 0;
  }

  /**
   * Adds a range behind the others; one that adjoins the last makes it longer.
   *
   * @param offset Where it begins.
   * @param size Its bytes.
   */
  extend(offset: number, size: number): void {
    const last = this.count - 1;
    if (last >= 0 && this.offsets[last] + this.sizes[last] === offset) this.sizes[last] += size;
    else this.append(offset, size);
  }

  /**
   * Adds a range as it is; beyond `RANGE_LIMIT` none is added. A sender need not look: with so
   * many no trailer has room for a nonce of any size.
   *
   * @param offset Where it begins.
   * @param size Its bytes.
   */
  append(offset: number, size: number): void {
    if (this.count === RANGE_LIMIT) return;
    this.offsets[this.count] = offset;
    this.sizes[this.count++] = size;
  }

  /** Bytes of all ranges together. */
  get clearSize(): number {
    let size = 0;
    for (let i = 0; i < this.count; i++) size += this.sizes[i];
    return size;
  }

  /** Bytes that describe them in a trailer. */
  get encodedSize(): number {
    let size = 0;
    for (let i = 0; i < this.count; i++) {
      size += leb128Size(this.offsets[i]) + leb128Size(this.sizes[i]);
    }
    return size;
  }

  /** Whether they are where the cipher wants them: none, or one that the frame begins with. */
  get leading(): boolean {
    return this.count === 0 || (this.count === 1 && this.offsets[0] === 0);
  }

  /**
   * Takes a frame apart: the ranges in one piece, then the rest in one piece.
   *
   * @param frame The frame.
   * @param size Its bytes.
   * @param into Receives as many.
   */
  gather(frame: Uint8Array, size: number, into: Uint8Array): void {
    let clear = 0;
    let rest = this.clearSize;
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      rest = copy(frame, at, this.offsets[i], into, rest);
      at = this.offsets[i] + this.sizes[i];
      clear = copy(frame, this.offsets[i], at, into, clear);
    }
    copy(frame, at, size, into, rest);
  }

  /**
   * Puts a frame together again.
   *
   * @param clear Begins with the ranges in one piece.
   * @param other The rest in one piece.
   * @param otherOffset Where the rest begins in `other`.
   * @param size Bytes of the frame.
   * @param into Receives the frame.
   */
  scatter(
    clear: Uint8Array,
    other: Uint8Array,
    otherOffset: number,
    size: number,
    into: Uint8Array,
  ): void {
    let clearAt = 0;
    let otherAt = otherOffset;
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      const gap = this.offsets[i] - at;
      at = copy(other, otherAt, otherAt + gap, into, at);
      otherAt += gap;
      at = copy(clear, clearAt, clearAt + this.sizes[i], into, at);
      clearAt += this.sizes[i];
    }
    copy(other, otherAt, otherAt + size - at, into, at);
  }
}

/** Copies a range without a view of it; returns the offset behind it. */
function copy(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) into[at++] = from[i];
  return at;
}
