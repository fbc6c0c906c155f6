/**
 * An incremental reader of EBML (RFC 8794), the binary form of Matroska and WebM: bytes in, in
 * pieces of any size; headers of elements and their bodies out.
 *
 * It knows no schema. Its user decides for each element whether to enter it (read on), to take
 * its body, or to skip it. What is skipped is never stored, so an attachment of any size costs
 * no memory, and a body costs what has come of it.
 *
 * @module
 */

/** Where an element is, and what it is. */
export interface EbmlHeader {
  /** Element ID with its length marker, as specifications write it: 0x1a45dfa3. */
  readonly id: number;
  /** Bytes of its body; `undefined` where it lasts until an element that cannot be in it. */
  readonly size: number | undefined;
  /** Where the header begins, in bytes from the start of the input. */
  readonly at: number;
}

/** A variable-size integer. */
export interface EbmlVint {
  /** Its value; `undefined` where all its bits are set, which is reserved. */
  readonly value: number | undefined;
  /** Its bytes, 1 to 8. */
  readonly size: number;
}

/** Reads EBML from pieces. */
export class EbmlReader {
  #buffer = new Uint8Array(4096);
  #start = 0; // of the unread bytes in #buffer
  #end = 0;
  #position = 0;
  #toSkip = 0; // bytes of what is skipped that have not come yet

  /** Where the next byte to read is, in bytes from the start of the input. */
  get position(): number {
    return this.#position;
  }

  /** Bytes that have come and were not read. */
  get unread(): number {
    return this.#end - this.#start;
  }

  /** Bytes of a skipped body that have not come yet. */
  get toSkip(): number {
    return this.#toSkip;
  }

  /**
   * Adds the next bytes. They are copied, except those that are skipped.
   *
   * @param chunk Any number of bytes.
   */
  push(chunk: Uint8Array): void {
    const skipped = Math.min(this.#toSkip, chunk.length);
    this.#toSkip -= skipped;
    this.#position += skipped;
    const rest = chunk.subarray(skipped);
    this.#reserve(rest.length);
    this.#buffer.set(rest, this.#end);
    this.#end += rest.length;
  }

  /**
   * Reads the header of an element.
   *
   * @returns The header, or `undefined` where more bytes are wanted; nothing was read then.
   * @throws {SyntaxError} where there can be no element.
   */
  header(): EbmlHeader | undefined {
    const at = this.#position;
    const bytes = this.#buffer.subarray(this.#start, this.#end);
    if (bytes.length === 0) return undefined;
    const idSize = Math.clz32(bytes[0]) - 23;
    if (idSize > 4) throw badHeader(at, `the byte ${bytes[0]} begins no element ID`);
    const size = parseVint(bytes, idSize);
    if (size === undefined) {
      if (bytes[idSize] === 0) throw badHeader(at + idSize, "a size has more than 8 bytes");
      return undefined;
    }
    if (size.value !== undefined && !Number.isSafeInteger(at + size.value)) {
      throw badHeader(at + idSize, "a size has more than 53 bits");
    }
    let id = 0;
    for (let i = 0; i < idSize; i++) id = id * 256 + bytes[i];
    this.#advance(idSize + size.size);
    return { id, size: size.value, at };
  }

  /**
   * Looks at the next bytes without reading them.
   *
   * @param size How many.
   * @returns A view until the next call, or `undefined` where more bytes are wanted.
   */
  peek(size: number): Uint8Array | undefined {
    if (size > this.unread) return undefined;
    return this.#buffer.subarray(this.#start, this.#start + size);
  }

  /**
   * Reads bytes.
   *
   * @param size How many.
   * @returns A view until the next call, or `undefined` where more bytes are wanted.
   */
  read(size: number): Uint8Array | undefined {
    const bytes = this.peek(size);
    if (bytes !== undefined) this.#advance(size);
    return bytes;
  }

  /**
   * Leaves out bytes, also those that have not come yet.
   *
   * @param size How many.
   */
  skip(size: number): void {
    const present = Math.min(size, this.unread);
    this.#advance(present);
    this.#toSkip += size - present;
  }

  #advance(size: number): void {
    this.#start += size;
    this.#position += size;
  }

  #reserve(size: number): void {
    const unread = this.unread;
    if (this.#end + size <= this.#buffer.length) return;
    const capacity = Math.max(this.#buffer.length, 2 * unread, unread + size);
    const target = capacity > this.#buffer.length ? new Uint8Array(capacity) : this.#buffer;
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#start = 0;
    this.#end = unread;
  }
}

/**
 * Parses a variable-size integer (RFC 8794, section 4).
 *
 * @param bytes Where it is.
 * @param at Where it begins.
 * @returns The integer, rounded above 2^53; `undefined` where it goes beyond the bytes or is
 * longer than 8 bytes.
 */
export function parseVint(bytes: Uint8Array, at: number): EbmlVint | undefined {
  const size = Math.clz32(bytes[at]) - 23;
  if (size > 8 || at + size > bytes.length) return undefined;
  const mask = 0xff >> size;
  let value = bytes[at] & mask;
  let reserved = value === mask;
  for (let i = 1; i < size; i++) {
    value = value * 256 + bytes[at + i];
    reserved &&= bytes[at + i] === 0xff;
  }
  return { value: reserved ? undefined : value, size };
}

/**
 * Parses the body of an unsigned integer.
 *
 * @param body At most 8 bytes; none is 0.
 * @returns The integer, rounded above 2^53.
 */
export function parseEbmlUint(body: Uint8Array): number {
  return body.reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * Parses the body of a signed integer.
 *
 * @param body At most 8 bytes; none is 0.
 * @returns The integer, rounded above 2^53.
 */
export function parseEbmlInt(body: Uint8Array): number {
  const negative = body.length > 0 && body[0] >= 0x80;
  return negative ? -1 - parseEbmlUint(body.map((byte) => ~byte)) : parseEbmlUint(body);
}

/**
 * Parses the body of a float.
 *
 * @param body 4 or 8 bytes; none is 0.
 * @returns The number, `NaN` for any other size.
 */
export function parseEbmlFloat(body: Uint8Array): number {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (body.length === 0) return 0;
  if (body.length === 4) return view.getFloat32(0);
  return body.length === 8 ? view.getFloat64(0) : NaN;
}

function badHeader(at: number, what: string): SyntaxError {
  return new SyntaxError(`Cannot read EBML at byte ${at}: ${what}`);
}
