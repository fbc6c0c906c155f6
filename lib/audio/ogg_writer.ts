/**
 * Writes Opus packets into Ogg (RFC 3533, RFC 7845): for recordings that any player
 * opens, and for tests of the demuxer.
 *
 * @module
 */

import { oggChecksum } from "./ogg.ts";
import { packetDuration, SAMPLE_RATE } from "./opus_toc.ts";

/** What to write into the headers, and how to page. */
export interface OggOpusWriterOptions {
  /** Output channels; default 2. */
  readonly channels?: 1 | 2;
  /** Samples at 48 kHz that a player drops from the start; default 312, libopus' delay. */
  readonly preSkip?: number;
  /** Serial number of the logical stream; differs between the links of a chain. */
  readonly serial?: number;
  /** User comments of the form `NAME=value`; default none. */
  readonly comments?: readonly string[];
  /** Audio packets on a page; default 50, a second of 20 ms packets. */
  readonly packetsPerPage?: number;
}

/** The fields of one page. */
export interface OggPage {
  /** Whether the first segment continues a packet of the page before. */
  readonly continued: boolean;
  /** Whether the page begins its logical stream. */
  readonly bos: boolean;
  /** Whether the page ends its logical stream. */
  readonly eos: boolean;
  /** Granule position; -1 where no packet ends on the page. */
  readonly granule: bigint;
  /** Serial number of the logical stream. */
  readonly serial: number;
  /** Sequence number of the page in its logical stream. */
  readonly sequence: number;
  /** Segment sizes, at most 255 of them. */
  readonly lacing: readonly number[];
  /** As many bytes as the segments have. */
  readonly body: Uint8Array;
}

/**
 * Writes one logical stream. Call `header` once, `write` for each packet, `end` once,
 * and append what each returns to the file.
 */
export class OggOpusWriter {
  readonly #options: Required<OggOpusWriterOptions>;
  readonly #pages: Uint8Array[] = []; // written, not yet given out
  #sequence = 0;
  #granule = 0; // samples of all packets so far
  #lacing: number[] = []; // of the page being filled, as the next four
  #body: Uint8Array[] = [];
  #continued = false;
  #pageGranule = NO_GRANULE;
  #packetCount = 0; // packets that end on it

  /**
   * Makes a writer at the start of a logical stream.
   *
   * @param options What to write.
   * @throws {RangeError} where `packetsPerPage` is not a positive integer.
   */
  constructor(options: OggOpusWriterOptions = {}) {
    this.#options = {
      channels: 2,
      preSkip: 312,
      serial: 1,
      comments: [],
      packetsPerPage: 50,
      ...options,
    };
    const { packetsPerPage } = this.#options;
    if (!Number.isInteger(packetsPerPage) || packetsPerPage < 1) {
      throw new RangeError(
        `Cannot make an Ogg writer: packetsPerPage is ${packetsPerPage}, want a positive integer`,
      );
    }
  }

  /**
   * The identification and comment headers.
   *
   * @returns Two pages, more where the comments are long.
   */
  header(): Uint8Array {
    this.#put(opusHead(this.#options), 0);
    this.#flush({ bos: true });
    this.#put(opusTags(this.#options.comments), 0);
    this.#flush({});
    return this.#take();
  }

  /**
   * Adds an audio packet.
   *
   * @param packet An Opus packet. It is copied.
   * @returns The pages that are complete; often none, then of size 0.
   * @throws {SyntaxError} where it is no Opus packet.
   */
  write(packet: Uint8Array): Uint8Array {
    const duration = packetDuration(packet);
    if (this.#packetCount === this.#options.packetsPerPage) this.#flush({});
    this.#granule += duration;
    this.#put(packet.slice(), this.#granule);
    return this.#take();
  }

  /**
   * Ends the logical stream.
   *
   * @param trim Samples that a player drops from the end, default 0.
   * @returns The last page.
   */
  end(trim = 0): Uint8Array {
    this.#pageGranule = this.#granule - trim;
    this.#flush({ eos: true });
    return this.#take();
  }

  #put(packet: Uint8Array, granule: number): void {
    for (let at = 0; at <= packet.length; at += 255) {
      if (this.#lacing.length === 255) {
        this.#flush({});
        this.#continued = at > 0;
      }
      const segment = packet.subarray(at, at + 255);
      this.#lacing.push(segment.length);
      this.#body.push(segment);
    }
    this.#pageGranule = granule;
    this.#packetCount++;
  }

  #flush(flags: { bos?: boolean; eos?: boolean }): void {
    const { bos = false, eos = false } = flags;
    this.#pages.push(encodeOggPage({
      continued: this.#continued,
      bos,
      eos,
      granule: BigInt(this.#pageGranule),
      serial: this.#options.serial,
      sequence: this.#sequence++,
      lacing: this.#lacing,
      body: concat(this.#body),
    }));
    this.#lacing = [];
    this.#body = [];
    this.#continued = false;
    this.#pageGranule = NO_GRANULE;
    this.#packetCount = 0;
  }

  #take(): Uint8Array {
    return concat(this.#pages.splice(0));
  }
}

/**
 * Writes a whole Ogg Opus file of one logical stream.
 *
 * @param packets Opus packets.
 * @param options What to write.
 * @returns The file.
 * @throws {SyntaxError} where one is no Opus packet.
 * @throws {RangeError} where `packetsPerPage` is not a positive integer.
 */
export function writeOggOpus(
  packets: Iterable<Uint8Array>,
  options: OggOpusWriterOptions = {},
): Uint8Array {
  const writer = new OggOpusWriter(options);
  const pieces = [writer.header()];
  for (const packet of packets) pieces.push(writer.write(packet));
  pieces.push(writer.end());
  return concat(pieces);
}

/**
 * Encodes one page with its checksum.
 *
 * @param page Its fields.
 * @returns The page's bytes, 27 to 65307.
 * @throws {RangeError} where there are more than 255 segments, or the segments do
 * not have the body's size.
 */
export function encodeOggPage(page: OggPage): Uint8Array {
  const { lacing, body } = page;
  const size = lacing.reduce((sum, value) => sum + value, 0);
  if (lacing.length > 255 || size !== body.length) {
    throw new RangeError(
      `Cannot encode Ogg page: ${lacing.length} segments of ${size} bytes, ` +
        `want at most 255 of ${body.length}`,
    );
  }
  const bytes = new Uint8Array(27 + lacing.length + size);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii("OggS"));
  bytes[5] = (page.continued ? 1 : 0) | (page.bos ? 2 : 0) | (page.eos ? 4 : 0);
  view.setBigInt64(6, page.granule, true);
  view.setUint32(14, page.serial, true);
  view.setUint32(18, page.sequence, true);
  bytes[26] = lacing.length;
  bytes.set(lacing, 27);
  bytes.set(body, 27 + lacing.length);
  view.setUint32(22, oggChecksum(bytes), true);
  return bytes;
}

const NO_GRANULE = -1;
const VENDOR = "@sotto/voice";

/** RFC 7845, section 5.1, with mapping family 0. */
function opusHead({ channels, preSkip }: Required<OggOpusWriterOptions>): Uint8Array {
  const bytes = new Uint8Array(19);
  const view = new DataView(bytes.buffer);
  bytes.set(ascii("OpusHead"));
  bytes[8] = 1;
  bytes[9] = channels;
  view.setUint16(10, preSkip, true);
  view.setUint32(12, SAMPLE_RATE, true);
  return bytes;
}

/** RFC 7845, section 5.2. */
function opusTags(comments: readonly string[]): Uint8Array {
  const texts = comments.map(encodeUtf8);
  const count = uint32(texts.length);
  const fields = texts.flatMap((text) => [uint32(text.length), text]);
  return concat([ascii("OpusTags"), uint32(VENDOR.length), ascii(VENDOR), count, ...fields]);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function encodeUtf8(text: string): Uint8Array {
  const escaped = encodeURIComponent(text.toWellFormed());
  const plain = escaped.replace(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return ascii(plain);
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
