/**
 * An incremental demuxer for the Ogg container (RFC 3533): bytes in, in pieces of
 * any size; packets out.
 *
 * Theory of operation. `push` only stores bytes, `pull` parses as far as the next
 * packet, so an error comes out exactly where the stream is bad: after every packet
 * before it, and again at every later `pull`. What counts as bad:
 *
 * - The stream must begin with a page that begins a logical stream. Anything else
 *   is not Ogg and an error at once.
 * - Later damage is survived. Bytes that are no page, and pages with a wrong
 *   checksum, are skipped and counted; so are packets that lost a part. The next
 *   packet of that stream has `gap` set. A listener hears a click, not the end.
 * - Damage is bounded by a leaky bucket: skipped bytes and bytes of unusable pages
 *   fill it, bytes of good pages drain it, and overflow (256 KiB) is an error. It
 *   also bounds the time that hostile input can cost: the checksum runs over no
 *   more than the input's size plus the bucket.
 * - Input that ends inside a page or a packet is an error after the last packet. A
 *   missing end-of-stream flag is none: cut recordings are common.
 *
 * Logical streams may be multiplexed (up to 16) and chained (RFC 3533, section 4).
 *
 * @module
 */

/** One packet of a logical stream. */
export interface OggPacket {
  /** The packet's bytes: a copy that belongs to the caller. May be empty. */
  readonly data: Uint8Array;
  /** Serial number of the logical stream. */
  readonly serial: number;
  /**
   * Granule position of the page, where this is the last packet that ends on it;
   * its meaning is the codec's.
   */
  readonly granule: bigint | undefined;
  /** Whether this is the first packet of its logical stream. */
  readonly bos: boolean;
  /** Whether this is the last packet of its logical stream. */
  readonly eos: boolean;
  /** Whether something of this logical stream was lost just before this packet. */
  readonly gap: boolean;
}

/** What a demuxer has left out so far. */
export interface OggLosses {
  /** Bytes that belonged to no valid page. */
  readonly skippedBytes: number;
  /** Pages of a logical stream whose beginning was not seen, or that has ended. */
  readonly orphanPages: number;
  /** Breaks in the page sequence numbers. */
  readonly sequenceGaps: number;
  /** Packets that were dropped because a part of them was lost. */
  readonly brokenPackets: number;
}

/** Options of {@linkcode OggDemuxer}. */
export interface OggDemuxerOptions {
  /** Most bytes of unfinished packets, over all logical streams; default 16 MiB. */
  readonly maxPacketSize?: number;
}

/**
 * Takes Ogg apart. Push a chunk, pull until `undefined`, and so on; then `end`, and
 * pull again.
 *
 * @example Read the packets of a file
 * ```ts
 * import { OggDemuxer, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const demuxer = new OggDemuxer();
 * demuxer.push(writeOggOpus([Uint8Array.of(0xf8, 0xff, 0xfe)]));
 * demuxer.end();
 * const sizes: number[] = [];
 * for (let packet; (packet = demuxer.pull()) !== undefined;) sizes.push(packet.data.length);
 * assertEquals(sizes, [19, 28, 3]); // OpusHead, OpusTags, audio
 * ```
 */
export class OggDemuxer {
  readonly #maxPacketSize: number;
  readonly #streams = new Map<number, LogicalStream>();
  readonly #ready: OggPacket[] = [];
  readonly #losses = { skippedBytes: 0, orphanPages: 0, sequenceGaps: 0, brokenPackets: 0 };
  #buffer = new Uint8Array(4096);
  #start = 0; // of the unread bytes in #buffer
  #end = 0;
  #nextReady = 0;
  #ended = false;
  #begun = false; // a page was read
  #inHeaders = false; // the last page read began a logical stream
  #damage = 0; // level of the leaky bucket
  #pendingSize = 0; // bytes of unfinished packets
  #truncation: SyntaxError | undefined;
  #failure: Error | undefined;

  /**
   * Makes a demuxer at the start of a physical stream.
   *
   * @param options Its bound.
   * @throws {RangeError} where `maxPacketSize` is not a positive integer.
   */
  constructor(options: OggDemuxerOptions = {}) {
    const { maxPacketSize = 16 * 1024 * 1024 } = options;
    if (!Number.isSafeInteger(maxPacketSize) || maxPacketSize < 1) {
      throw new RangeError(
        `Cannot make an Ogg demuxer: maxPacketSize is ${maxPacketSize}, want a positive integer`,
      );
    }
    this.#maxPacketSize = maxPacketSize;
  }

  /** What was left out so far. */
  get losses(): OggLosses {
    return { ...this.#losses };
  }

  /**
   * Adds the next bytes of the physical stream. They are copied. After an error from
   * `pull` they are of no use and not kept.
   *
   * @param chunk Any number of bytes.
   * @throws {TypeError} after `end`.
   */
  push(chunk: Uint8Array): void {
    if (this.#ended) throw new TypeError("Cannot push to an Ogg demuxer: it was ended");
    if (this.#failure !== undefined) return;
    this.#reserve(chunk.length);
    this.#buffer.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Says that the physical stream has ended: from here `undefined` from `pull` means done. */
  end(): void {
    this.#ended = true;
  }

  /**
   * The next packet.
   *
   * @returns A packet, or `undefined` where more bytes are wanted or, after `end`,
   * where there is nothing more.
   * @throws {SyntaxError} where the stream is not Ogg, too damaged, or cut off.
   * @throws {RangeError} where a packet is larger than `maxPacketSize`, or more than
   * 16 logical streams are multiplexed.
   */
  pull(): OggPacket | undefined {
    for (;;) {
      if (this.#nextReady < this.#ready.length) return this.#ready[this.#nextReady++];
      this.#ready.length = this.#nextReady = 0;
      if (this.#failure !== undefined) throw this.#failure;
      try {
        if (!this.#readPage()) return this.#finish();
      } catch (error) {
        // Packets that ended on the page before its bad spot still come first.
        this.#fail(error as Error);
      }
    }
  }

  #fail(error: Error): void {
    this.#failure = error;
    this.#streams.clear();
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  /** At the end of the buffered bytes: checks that the end of input is a proper one. */
  #finish(): undefined {
    if (!this.#ended) return undefined;
    const cut = this.#truncation ?? (this.#pendingSize === 0 ? undefined : new SyntaxError(
      `Cannot read Ogg packet: the input ends after ${this.#pendingSize} of its bytes`,
    ));
    if (cut === undefined) return undefined;
    this.#fail(cut);
    throw cut;
  }

  #reserve(size: number): void {
    const unread = this.#end - this.#start;
    if (this.#end + size <= this.#buffer.length) return;
    const capacity = Math.max(this.#buffer.length, 2 * unread, unread + size);
    const target = capacity > this.#buffer.length ? new Uint8Array(capacity) : this.#buffer;
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#buffer = target;
    this.#start = 0;
    this.#end = unread;
  }

  /** Reads one page, or skips to the next; `false` where more bytes are wanted. */
  #readPage(): boolean {
    const bytes = this.#buffer.subarray(this.#start, this.#end);
    if (bytes.length === 0) return false;
    if (!looksLikePage(bytes)) {
      if (!this.#begun && this.#losses.skippedBytes === 0) throw notOgg(bytes);
      this.#skip(bytes);
      return true;
    }
    const size = pageSize(bytes);
    if (size === undefined || size > bytes.length) {
      if (!this.#ended) return false;
      this.#truncation ??= new SyntaxError(
        `Cannot read Ogg page: the input ends after ${bytes.length} of ${
          size ?? `at least ${HEADER_SIZE}`
        } bytes`,
      );
      this.#skip(bytes);
      return true;
    }
    const page = bytes.subarray(0, size);
    if (!hasValidChecksum(page)) {
      this.#addDamage(size);
      this.#skip(bytes);
      return true;
    }
    this.#start += size;
    this.#truncation = undefined; // what seemed cut off had a damaged size
    this.#takePage(page);
    return true;
  }

  /** Skips to the next byte that may begin a page. */
  #skip(bytes: Uint8Array): void {
    const next = bytes.indexOf(CAPTURE_PATTERN[0], 1);
    const size = next === -1 ? bytes.length : next;
    this.#start += size;
    this.#losses.skippedBytes += size;
    this.#addDamage(size);
  }

  #addDamage(size: number): void {
    this.#damage += size;
    if (this.#damage > MAX_DAMAGE) {
      throw new SyntaxError(
        `Cannot read Ogg: ${this.#damage} bytes are damaged, want at most ${MAX_DAMAGE}`,
      );
    }
  }

  #takePage(page: Uint8Array): void {
    const flags = page[5];
    const view = new DataView(page.buffer, page.byteOffset, page.length);
    const serial = view.getUint32(14, true);
    const bos = (flags & FLAG_BOS) !== 0;
    if (!this.#begun && !bos) {
      throw new SyntaxError("Cannot read Ogg: its first page does not begin a logical stream");
    }
    this.#begun = true;
    if (bos) this.#beginStream(serial);
    else this.#inHeaders = false;
    const stream = this.#streams.get(serial);
    if (stream === undefined) {
      this.#losses.orphanPages++;
      this.#addDamage(page.length);
      return;
    }
    this.#damage = Math.max(0, this.#damage - page.length);
    this.#checkSequence(stream, view.getUint32(18, true), (flags & FLAG_CONTINUED) !== 0);
    const granule = view.getBigInt64(6, true);
    this.#takeSegments(stream, page, granule === -1n ? undefined : granule);
    if ((flags & FLAG_EOS) !== 0) {
      this.#dropPending(stream);
      this.#streams.delete(serial);
    }
  }

  #beginStream(serial: number): void {
    // A beginning after data is the next link of a chain: what came before has ended.
    if (!this.#inHeaders) {
      for (const stream of this.#streams.values()) this.#dropPending(stream);
      this.#streams.clear();
    }
    this.#inHeaders = true;
    if (this.#streams.has(serial)) return;
    if (this.#streams.size === MAX_STREAMS) {
      throw new RangeError(`Cannot read Ogg: want at most ${MAX_STREAMS} multiplexed streams`);
    }
    this.#streams.set(serial, {
      serial,
      nextSequence: undefined,
      parts: [],
      partsSize: 0,
      open: false,
      headless: false,
      begun: false,
      gap: false,
    });
  }

  #checkSequence(stream: LogicalStream, sequence: number, continued: boolean): void {
    if (stream.nextSequence !== undefined && sequence !== stream.nextSequence) {
      this.#losses.sequenceGaps++;
      this.#dropPending(stream);
      stream.gap = true;
    }
    stream.nextSequence = (sequence + 1) >>> 0;
    if (!continued) this.#dropPending(stream);
    stream.headless = continued && !stream.open;
    if (stream.headless) stream.gap = true;
  }

  #dropPending(stream: LogicalStream): void {
    if (!stream.open) return;
    this.#losses.brokenPackets++;
    this.#pendingSize -= stream.partsSize;
    stream.parts = [];
    stream.partsSize = 0;
    stream.open = false;
    stream.gap = true;
  }

  /** Walks the lacing values: 255 continues a packet, less ends it (RFC 3533, section 5). */
  #takeSegments(stream: LogicalStream, page: Uint8Array, granule: bigint | undefined): void {
    const segmentCount = page[26];
    const lacing = page.subarray(HEADER_SIZE, HEADER_SIZE + segmentCount);
    const lastEnd = lacing.findLastIndex((value) => value < 255);
    const eos = (page[5] & FLAG_EOS) !== 0;
    let from = HEADER_SIZE + segmentCount;
    let to = from;
    for (let i = 0; i < segmentCount; i++) {
      to += lacing[i];
      if (lacing[i] === 255 && i + 1 < segmentCount) continue;
      this.#takePart(stream, page.subarray(from, to));
      from = to;
      if (lacing[i] === 255) break;
      this.#endPacket(stream, i === lastEnd ? granule : undefined, eos && i === lastEnd);
    }
  }

  #takePart(stream: LogicalStream, part: Uint8Array): void {
    if (stream.headless) return;
    this.#pendingSize += part.length;
    if (this.#pendingSize > this.#maxPacketSize) {
      throw new RangeError(
        `Cannot read Ogg packet: it has ${this.#pendingSize} bytes or more, want at most ` +
          `${this.#maxPacketSize}`,
      );
    }
    stream.open = true;
    stream.parts.push(part.slice());
    stream.partsSize += part.length;
  }

  #endPacket(stream: LogicalStream, granule: bigint | undefined, eos: boolean): void {
    if (stream.headless) {
      stream.headless = false;
      this.#losses.brokenPackets++;
      return;
    }
    const { serial, gap } = stream;
    const data = stream.parts.length === 1 ? stream.parts[0] : join(stream.parts, stream.partsSize);
    this.#ready.push({ data, serial, granule, bos: !stream.begun, eos, gap });
    this.#pendingSize -= stream.partsSize;
    Object.assign(stream, { parts: [], partsSize: 0, open: false, begun: true, gap: false });
  }
}

/**
 * Checksum of a page: CRC-32 with polynomial 0x04c11db7, neither reflected nor
 * inverted, the four bytes of the checksum itself taken as zero.
 *
 * @param page A whole page.
 * @returns An unsigned 32-bit number.
 */
export function oggChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i];
    crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte];
  }
  return crc >>> 0;
}

interface LogicalStream {
  readonly serial: number;
  nextSequence: number | undefined;
  /** Parts of the packet that is not yet complete. */
  parts: Uint8Array[];
  partsSize: number;
  /** Whether a packet is not yet complete; it may have no bytes so far. */
  open: boolean;
  /** Whether the current part belongs to a packet whose beginning was lost. */
  headless: boolean;
  /** Whether a packet was given out. */
  begun: boolean;
  gap: boolean;
}

const CAPTURE_PATTERN = [0x4f, 0x67, 0x67, 0x53]; // "OggS"
const HEADER_SIZE = 27;
const FLAG_CONTINUED = 0x01;
const FLAG_BOS = 0x02;
const FLAG_EOS = 0x04;
const MAX_STREAMS = 16;
const MAX_DAMAGE = 256 * 1024;

/** Whether the bytes may begin a page, as far as they go: capture pattern, version 0. */
function looksLikePage(bytes: Uint8Array): boolean {
  for (let i = 0; i < CAPTURE_PATTERN.length && i < bytes.length; i++) {
    if (bytes[i] !== CAPTURE_PATTERN[i]) return false;
  }
  return bytes.length < 5 || bytes[4] === 0;
}

/** Size of a whole page, or `undefined` where its header is not complete. */
function pageSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const bodyOffset = HEADER_SIZE + bytes[26];
  if (bytes.length < bodyOffset) return undefined;
  let size = bodyOffset;
  for (let i = HEADER_SIZE; i < bodyOffset; i++) size += bytes[i];
  return size;
}

function hasValidChecksum(page: Uint8Array): boolean {
  const wanted = page[22] | page[23] << 8 | page[24] << 16 | page[25] << 24;
  return (oggChecksum(page) | 0) === wanted;
}

const CRC_TABLE: Int32Array = /* @__PURE__ */ Int32Array.from({ length: 256 }, (_, index) => {
  let crc = index << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc;
});

function notOgg(bytes: Uint8Array): SyntaxError {
  const found = Array.from(bytes.subarray(0, 5), (b) => b.toString(16).padStart(2, "0")).join(" ");
  return new SyntaxError(
    `Cannot read Ogg: it begins with the bytes ${found}, want 4f 67 67 53 00 ("OggS", version 0)`,
  );
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
