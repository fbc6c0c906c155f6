/**
 * The presentation language of RFC 9420 section 2: big-endian integers and vectors that
 * carry their length in one, two or four bytes, as few as will do.
 *
 * @module
 */

import { concat, copy } from "./bytes.ts";
import { MlsError } from "./error.ts";

const MAX_ONE_BYTE = 0x3f;
const MAX_TWO_BYTES = 0x3fff;
const MAX_FOUR_BYTES = 0x3fffffff;

/** Reads bytes from the front. What it returns are views. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  /**
   * Starts at the first byte.
   *
   * @param bytes What is read.
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#at;
  }

  /** Whether all bytes were read. */
  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The bytes read since a position. */
  since(position: number): Uint8Array {
    return this.#bytes.subarray(position, this.#at);
  }

  /** An unsigned 8-bit integer. */
  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** An unsigned 16-bit integer. */
  u16(): number {
    return this.#view.getUint16(this.#advance(2));
  }

  /** An unsigned 32-bit integer. */
  u32(): number {
    return this.#view.getUint32(this.#advance(4));
  }

  /** An unsigned 64-bit integer. */
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8));
  }

  /** The content of a vector of bytes. */
  vector(): Uint8Array {
    const size = this.#vectorSize();
    const start = this.#advance(size);
    return this.#bytes.subarray(start, start + size);
  }

  /** The items of a vector. */
  list<T>(take: (reader: Reader) => T): T[] {
    const reader = new Reader(this.vector());
    const items: T[] = [];
    while (!reader.done) items.push(take(reader));
    return items;
  }

  /** A value that may be absent. */
  optional<T>(take: (reader: Reader) => T): T | undefined {
    const present = this.u8();
    if (present > 1) throw new MlsError("malformed", `Cannot read an optional: it is ${present}`);
    return present === 1 ? take(this) : undefined;
  }

  /** Makes sure that nothing follows. */
  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new MlsError("malformed", `Cannot read the end: ${left} bytes are left`);
  }

  #vectorSize(): number {
    const first = this.u8();
    const prefix = first >>> 6;
    if (prefix === 3) throw new MlsError("malformed", "Cannot read a vector: its size is reserved");
    let size = first & MAX_ONE_BYTE;
    for (let more = (1 << prefix) - 1; more > 0; more--) size = size << 8 | this.u8();
    if (prefix !== sizePrefix(size)) {
      throw new MlsError("malformed", "Cannot read a vector: its size is longer than it must be");
    }
    return size;
  }

  #advance(size: number): number {
    const start = this.#at;
    if (size > this.#bytes.length - start) {
      const left = this.#bytes.length - start;
      throw new MlsError("malformed", `Cannot read ${size} bytes: ${left} are left`);
    }
    this.#at = start + size;
    return start;
  }
}

function sizePrefix(size: number): number {
  return size <= MAX_ONE_BYTE ? 0 : size <= MAX_TWO_BYTES ? 1 : 2;
}

/**
 * Reads bytes that hold one value and nothing else. They are copied first, as received bytes
 * are only borrowed.
 */
export function takeWhole<T>(bytes: Uint8Array, take: (reader: Reader) => T): T {
  const reader = new Reader(copy(bytes));
  const value = take(reader);
  reader.end();
  return value;
}

/** Bytes of an unsigned 8-bit integer. */
export function u8(value: number): Uint8Array {
  return Uint8Array.of(value);
}

/** Bytes of an unsigned 16-bit integer. */
export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

/** Bytes of an unsigned 32-bit integer. */
export function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** Bytes of an unsigned 64-bit integer. */
export function u64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Bytes of a vector with this content. */
export function vector(...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return concat(vectorHeader(size), ...parts);
}

/** The size that stands before the content of a vector. */
export function vectorHeader(size: number): Uint8Array {
  if (size > MAX_FOUR_BYTES) {
    throw new RangeError(`Cannot write a vector: it has ${size} bytes, at most ${MAX_FOUR_BYTES}`);
  }
  const prefix = sizePrefix(size);
  if (prefix === 0) return u8(size);
  return prefix === 1 ? u16(0x4000 | size) : u32(0x80000000 | size);
}

/** Bytes of a value that may be absent. */
export function optional(value: Uint8Array | undefined): Uint8Array {
  return value === undefined ? u8(0) : concat(u8(1), value);
}

/** Bytes of an absent vector, which are those of an empty one. */
export const EMPTY_VECTOR: Uint8Array = vector();
