/**
 * Opus in Ogg (RFC 7845): the two header packets and the audio packets after them,
 * ready to be sent as they are.
 *
 * A physical stream may be a chain of streams (internet radio, joined files); each
 * has headers of its own, and the audio simply goes on. Of multiplexed streams the
 * first Opus one is read and the others are left out. A stream without Opus, or with
 * several Opus streams in each packet (surround sound), is refused: its packets are
 * none that a voice connection could carry.
 *
 * A damaged stream is survived as {@linkcode OggDemuxer} does; audio packets that
 * are no Opus packets are left out and counted.
 *
 * @module
 */

import { OggDemuxer, type OggDemuxerOptions, type OggLosses, type OggPacket } from "./ogg.ts";
import { packetDuration } from "./opus_toc.ts";
import { OpusTimeline } from "./opus_timeline.ts";

/** The identification header (RFC 7845, section 5.1). */
export interface OpusHead {
  /** Version; below 16 is compatible with RFC 7845. */
  readonly version: number;
  /** Output channels, 1 to 255. */
  readonly channels: number;
  /** Samples at 48 kHz that a player drops from the start. */
  readonly preSkip: number;
  /** Sample rate of the original in Hz, for information; 0 where unknown. */
  readonly inputSampleRate: number;
  /** Gain that a player applies, in dB. */
  readonly outputGain: number;
  /** Channel mapping family: 0 mono or stereo, 1 Vorbis order, 255 undefined. */
  readonly mappingFamily: number;
  /** Opus streams in each packet. */
  readonly streamCount: number;
  /** How many of the streams are stereo. */
  readonly coupledCount: number;
  /** For each output channel the index of the decoded channel; 255 is silence. */
  readonly channelMapping: readonly number[];
}

/** The comment header (RFC 7845, section 5.2). */
export interface OpusTags {
  /** Name of the encoder. */
  readonly vendor: string;
  /** User comments, by custom of the form `NAME=value`. */
  readonly comments: readonly string[];
}

/** One audio packet. */
export interface OggOpusPacket {
  /** An Opus packet; its bytes belong to the caller. */
  readonly packet: Uint8Array;
  /** Samples per channel at 48 kHz. */
  readonly duration: number;
  /**
   * Milliseconds from the start to where this packet begins, as the container says. What a
   * player drops as pre-skip comes before 0.
   */
  readonly time: number;
  /**
   * Where the container says it: samples of its stream up to this packet's end,
   * pre-skip included. On the last packet it may be less than the durations' sum:
   * a player then drops the difference from the end.
   */
  readonly granule: bigint | undefined;
}

/** What a demuxer has left out so far. */
export interface OggOpusLosses extends OggLosses {
  /** Audio packets that are no Opus packets. */
  readonly invalidPackets: number;
}

/** A whole Ogg Opus file. */
export interface OggOpusFile {
  /** Identification header of the first stream of the chain. */
  readonly head: OpusHead;
  /** Comment header of the first stream of the chain. */
  readonly tags: OpusTags;
  /** Audio packets of all streams of the chain. */
  readonly packets: OggOpusPacket[];
}

/**
 * Takes Ogg Opus apart. Push a chunk, pull until `undefined`, and so on; then
 * `end`, and pull again.
 */
export class OggOpusDemuxer {
  readonly #ogg: OggDemuxer;
  #head: OpusHead | undefined;
  #tags: OpusTags | undefined;
  #serial: number | undefined; // of the Opus stream of this link of the chain
  #foreign: string | undefined; // what else this link of the chain holds
  #stage: "head" | "tags" | "audio" = "head";
  #inHeaders = true; // no second packet of a logical stream was seen in this link
  #invalidPackets = 0;
  #timeline = new OpusTimeline();
  #failure: Error | undefined;
  #ended = false;

  /**
   * Makes a demuxer at the start of a physical stream.
   *
   * @param options The bound of the container's demuxer.
   * @throws {RangeError} where `maxPacketSize` is not a positive integer.
   */
  constructor(options: OggDemuxerOptions = {}) {
    this.#ogg = new OggDemuxer(options);
  }

  /** Identification header of the stream that the last pulled packet belongs to. */
  get head(): OpusHead | undefined {
    return this.#head;
  }

  /** Comment header of the stream that the last pulled packet belongs to. */
  get tags(): OpusTags | undefined {
    return this.#tags;
  }

  /** What was left out so far. */
  get losses(): OggOpusLosses {
    return { ...this.#ogg.losses, invalidPackets: this.#invalidPackets };
  }

  /**
   * Adds the next bytes of the physical stream. They are copied.
   *
   * @param chunk Any number of bytes.
   * @throws {TypeError} after `end`.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure === undefined) this.#ogg.push(chunk);
  }

  /** Says that the physical stream has ended: from here `undefined` from `pull` means done. */
  end(): void {
    this.#ended = true;
    this.#ogg.end();
  }

  /**
   * The next audio packet.
   *
   * @returns A packet, or `undefined` where more bytes are wanted or, after `end`,
   * where there is nothing more.
   * @throws {SyntaxError} where the stream is not Ogg, holds no Opus, has a broken
   * header, or is cut off. Comes after all packets before the bad spot, and again at
   * every later call.
   * @throws {RangeError} where a packet is too large, or a packet holds more than
   * one Opus stream.
   */
  pull(): OggOpusPacket | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      for (let page; (page = this.#ogg.pull()) !== undefined;) {
        const packet = this.#take(page);
        if (packet !== undefined) return packet;
      }
      if (this.#ended && this.#stage !== "audio") throw this.#missingHeader();
      return undefined;
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
  }

  #take(packet: OggPacket): OggOpusPacket | undefined {
    if (packet.bos) return this.#takeFirst(packet);
    this.#inHeaders = false;
    if (this.#serial === undefined) throw this.#missingHeader();
    if (packet.serial !== this.#serial) return undefined;
    if (this.#stage === "tags") {
      this.#stage = "audio";
      // Comments that were lost to damage are no reason to lose the audio as well.
      const lost = packet.gap && !startsWith(packet.data, OPUS_TAGS);
      this.#tags = lost ? { vendor: "", comments: [] } : parseOpusTags(packet.data);
      if (!lost) return undefined;
    }
    return this.#takeAudio(packet);
  }

  /** The first packet of a logical stream tells its codec. */
  #takeFirst(packet: OggPacket): undefined {
    if (!this.#inHeaders) { // the next link of a chain
      this.#inHeaders = true;
      this.#stage = "head";
      this.#serial = undefined;
      this.#foreign = undefined;
    }
    if (!startsWith(packet.data, OPUS_HEAD)) {
      this.#foreign ??= codecName(packet.data);
    } else if (this.#serial === undefined) {
      const head = parseOpusHead(packet.data);
      if (head.streamCount !== 1) {
        throw new RangeError(
          `Cannot read Ogg Opus: each packet holds ${head.streamCount} streams for ` +
            `${head.channels} channels, want 1 stream (mono or stereo)`,
        );
      }
      this.#head = head;
      this.#timeline.begin(head.preSkip);
      this.#serial = packet.serial;
      this.#stage = "tags";
    }
  }

  #takeAudio(packet: OggPacket): OggOpusPacket | undefined {
    const { data, granule } = packet;
    try {
      const duration = packetDuration(data);
      return { packet: data, duration, time: this.#timeline.take(duration, granule), granule };
    } catch {
      this.#invalidPackets++;
      return undefined;
    }
  }

  #missingHeader(): SyntaxError {
    if (this.#stage === "tags") {
      return new SyntaxError("Cannot read Ogg Opus: the input ends before its comment header");
    }
    return new SyntaxError(
      this.#foreign === undefined
        ? "Cannot read Ogg Opus: the input ends before its identification header"
        : `Cannot read Ogg Opus: the stream holds ${this.#foreign}, want Opus`,
    );
  }
}

/**
 * Reads a whole Ogg Opus file.
 *
 * @param bytes The file.
 * @returns Its headers and audio packets.
 * @throws {SyntaxError} where it is not Ogg, holds no Opus, has a broken header or
 * is cut off. {@linkcode OggOpusDemuxer} gives the packets before the bad spot.
 * @throws {RangeError} where a packet is too large, or holds several Opus streams.
 */
export function readOggOpus(bytes: Uint8Array): OggOpusFile {
  const demuxer = new OggOpusDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  const packets: OggOpusPacket[] = [];
  let first: Pick<OggOpusFile, "head" | "tags"> | undefined;
  for (let packet; (packet = demuxer.pull()) !== undefined;) {
    first ??= headersOf(demuxer);
    packets.push(packet);
  }
  return { ...(first ?? headersOf(demuxer)), packets };
}

/**
 * Parses an identification header.
 *
 * @param packet The first packet of a logical stream.
 * @returns Its fields.
 * @throws {SyntaxError} where it is none, is cut off, has another major version or
 * an impossible channel mapping.
 */
export function parseOpusHead(packet: Uint8Array): OpusHead {
  if (!startsWith(packet, OPUS_HEAD)) throw badHead('it does not begin with "OpusHead"');
  if (packet.length < 19) throw badHead(`it has ${packet.length} bytes, want at least 19`);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const version = packet[8];
  if (version >= 16) throw badHead(`its version is ${version}, want 0 to 15`);
  const channels = packet[9];
  if (channels === 0) throw badHead("it has 0 channels, want at least 1");
  return {
    version,
    channels,
    preSkip: view.getUint16(10, true),
    inputSampleRate: view.getUint32(12, true),
    outputGain: view.getInt16(16, true) / 256,
    ...parseMapping(packet, channels),
  };
}

/**
 * Parses a comment header.
 *
 * @param packet The second packet of a logical stream.
 * @returns Its texts; what is not UTF-8 in them becomes U+FFFD.
 * @throws {SyntaxError} where it is none, or ends before its texts.
 */
export function parseOpusTags(packet: Uint8Array): OpusTags {
  if (!startsWith(packet, OPUS_TAGS)) throw badTags('it does not begin with "OpusTags"');
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  let at = OPUS_TAGS.length;
  const takeSize = (): number => {
    if (at + 4 > packet.length) throw badTags(`it ends at byte ${at} before a length`);
    return view.getUint32((at += 4) - 4, true);
  };
  const takeText = (): string => {
    const size = takeSize();
    if (size > packet.length - at) {
      throw badTags(`a text of ${size} bytes has only ${packet.length - at}`);
    }
    return decodeUtf8(packet.subarray(at, at += size));
  };
  const vendor = takeText();
  const commentCount = takeSize();
  const comments: string[] = [];
  while (comments.length < commentCount) comments.push(takeText());
  return { vendor, comments };
}

const OPUS_HEAD = "OpusHead";
const OPUS_TAGS = "OpusTags";

/** How the first packet of other codecs in Ogg begins. */
const CODECS: readonly (readonly [prefix: string, name: string])[] = [
  ["\x01vorbis", "Vorbis"],
  ["\x7fFLAC", "FLAC"],
  ["\x80theora", "Theora"],
  ["Speex   ", "Speex"],
  ["fishead\0", "a skeleton"],
];

function codecName(packet: Uint8Array): string {
  return CODECS.find(([prefix]) => startsWith(packet, prefix))?.[1] ?? "an unknown codec";
}

function startsWith(bytes: Uint8Array, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (bytes[i] !== prefix.charCodeAt(i)) return false;
  }
  return true;
}

/** The channel mapping (RFC 7845, section 5.1.1). */
function parseMapping(
  packet: Uint8Array,
  channels: number,
): Pick<OpusHead, "mappingFamily" | "streamCount" | "coupledCount" | "channelMapping"> {
  const mappingFamily = packet[18];
  if (mappingFamily === 0) {
    if (channels > 2) throw badHead(`mapping family 0 has ${channels} channels, want 1 or 2`);
    const channelMapping = channels === 2 ? [0, 1] : [0];
    return { mappingFamily, streamCount: 1, coupledCount: channels - 1, channelMapping };
  }
  if (packet.length < 21 + channels) {
    throw badHead(`it has ${packet.length} bytes, want at least ${21 + channels}`);
  }
  const streamCount = packet[19];
  const coupledCount = packet[20];
  if (streamCount === 0 || coupledCount > streamCount || streamCount + coupledCount > 255) {
    throw badHead(`${streamCount} streams, ${coupledCount} of them stereo, are impossible`);
  }
  const channelMapping = Array.from(packet.subarray(21, 21 + channels));
  const outside = channelMapping.find((i) => i !== 255 && i >= streamCount + coupledCount);
  if (outside !== undefined) {
    throw badHead(`it maps channel ${outside}, want less than ${streamCount + coupledCount}`);
  }
  return { mappingFamily, streamCount, coupledCount, channelMapping };
}

function headersOf(demuxer: OggOpusDemuxer): Pick<OggOpusFile, "head" | "tags"> {
  // Without both headers `pull` would have thrown.
  return { head: demuxer.head!, tags: demuxer.tags! };
}

function badHead(what: string): SyntaxError {
  return new SyntaxError(`Cannot parse OpusHead: ${what}`);
}

function badTags(what: string): SyntaxError {
  return new SyntaxError(`Cannot parse OpusTags: ${what}`);
}

/** Decodes UTF-8 as WHATWG Encoding does: one U+FFFD per maximal bad sequence. */
function decodeUtf8(bytes: Uint8Array): string {
  const units: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const [codePoint, size] = decodeCodePoint(bytes, at);
    units.push(String.fromCodePoint(codePoint));
    at += size;
  }
  return units.join("");
}

function decodeCodePoint(bytes: Uint8Array, at: number): [codePoint: number, size: number] {
  const lead = bytes[at];
  if (lead < 0x80) return [lead, 1];
  const tailSize = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  if (tailSize === 0) return [0xfffd, 1];
  // The first tail byte is narrower where overlong forms, surrogates or more than
  // U+10FFFF would be possible (RFC 3629, section 4).
  let low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  let high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  let codePoint = lead & (0x3f >> tailSize);
  for (let i = 1; i <= tailSize; i++) {
    const tail = bytes[at + i];
    if (!(tail >= low && tail <= high)) return [0xfffd, i];
    codePoint = codePoint << 6 | (tail & 0x3f);
    low = 0x80;
    high = 0xbf;
  }
  return [codePoint, tailSize + 1];
}
