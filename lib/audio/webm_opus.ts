/**
 * Opus in WebM and Matroska (RFC 9559, and "Encapsulation of Opus in Matroska"): the audio
 * packets of the first Opus track, ready to be sent as they are.
 *
 * Theory of operation. Elements are read one header at a time against a table of those that
 * matter here. A master is entered, a small value is read whole, and all else is skipped
 * without being stored: blocks of other tracks, indexes, tags, attachments, padding, elements
 * that nobody knows yet. So memory is bounded by one block, whatever a file holds.
 *
 * - A live stream does not know how long it will be: its Segment and its Clusters may have
 *   unknown sizes. They end before the first element that belongs elsewhere.
 * - Of the encodings that a track may have, header stripping is undone; others are refused.
 * - A file may be followed by another one, as with Ogg; the audio simply goes on.
 * - What is broken is an error that names its byte, after every packet before it and again at
 *   every later `pull`. Input that ends inside an element whose size is known is an error too.
 *   Frames that are no Opus packets are left out and counted.
 *
 * @module
 */

import {
  type EbmlHeader,
  EbmlReader,
  parseEbmlFloat,
  parseEbmlInt,
  parseEbmlUint,
  parseVint,
} from "./ebml.ts";
import { parseMatroskaBlock } from "./matroska_block.ts";
import { type ElementKind, MATROSKA_ELEMENTS, MatroskaId } from "./matroska_elements.ts";
import { packetDuration, SAMPLE_RATE } from "./opus_toc.ts";
import { asciiOf, TrackEntry, type WebmOpusTrack, withPrefix } from "./webm_track.ts";

export type { WebmOpusTrack } from "./webm_track.ts";

/** One audio packet. */
export interface WebmOpusPacket {
  /** An Opus packet; its bytes belong to the caller. */
  readonly packet: Uint8Array;
  /** Samples per channel at 48 kHz. */
  readonly duration: number;
  /**
   * Milliseconds from the start to where this packet begins, as the container says. What a
   * player drops as pre-skip comes before 0.
   */
  readonly time: number;
  /** Samples that a player drops from its end; where negative, from its beginning. */
  readonly discard: number;
}

/** What a demuxer has left out so far. */
export interface WebmOpusLosses {
  /** Tracks besides the one that is read. */
  readonly otherTracks: number;
  /** Blocks of those tracks. */
  readonly otherBlocks: number;
  /** Frames that are no Opus packets. */
  readonly invalidPackets: number;
}

/** A whole WebM or Matroska file. */
export interface WebmOpusFile {
  /** The Opus track of the first file of the chain. */
  readonly track: WebmOpusTrack;
  /** Audio packets of all files of the chain. */
  readonly packets: WebmOpusPacket[];
}

/**
 * Takes the Opus track out of WebM or Matroska. Push a chunk, pull until `undefined`, and so
 * on; then `end`, and pull again.
 */
export class WebmOpusDemuxer {
  readonly #ready: WebmOpusPacket[] = [];
  readonly #losses = { otherTracks: 0, otherBlocks: 0, invalidPackets: 0 };
  #reader = new EbmlReader();
  #masters: Master[] = []; // that are entered, the innermost last
  #value: Value | undefined; // whose body is awaited
  #nextReady = 0;
  #begun = false; // the input begins as EBML does
  #ended = false;
  #failure: Error | undefined;
  #file = newFile(0); // of the chain

  /** The Opus track that the last pulled packet belongs to. */
  get track(): WebmOpusTrack | undefined {
    return this.#file.track;
  }

  /** Milliseconds that the file says that it lasts; a live stream does not say it. */
  get duration(): number | undefined {
    const duration = this.#file.duration * this.#file.timestampScale;
    return duration > 0 && Number.isFinite(duration) ? duration : undefined;
  }

  /** What was left out so far. */
  get losses(): WebmOpusLosses {
    return { ...this.#losses };
  }

  /**
   * Adds the next bytes of the file. They are copied, unless they are skipped. After an error
   * from `pull` they are of no use and not kept.
   *
   * @param chunk Any number of bytes.
   * @throws {TypeError} after `end`.
   */
  push(chunk: Uint8Array): void {
    if (this.#ended) throw new TypeError("Cannot push to a WebM demuxer: it was ended");
    if (this.#failure === undefined) this.#reader.push(chunk);
  }

  /** Says that the file has ended: from here `undefined` from `pull` means done. */
  end(): void {
    this.#ended = true;
  }

  /**
   * The next audio packet.
   *
   * @returns A packet, or `undefined` where more bytes are wanted or, after `end`, where there
   * is nothing more.
   * @throws {SyntaxError} where the input is neither WebM nor Matroska, holds no Opus, is
   * broken or cut off. Comes after all packets before the bad spot, and again at every later
   * call.
   * @throws {RangeError} where a block has more than 16 MiB, a packet holds more than one Opus
   * stream, or the track is encrypted or compressed.
   */
  pull(): WebmOpusPacket | undefined {
    for (;;) {
      if (this.#nextReady < this.#ready.length) return this.#ready[this.#nextReady++];
      this.#ready.length = this.#nextReady = 0;
      if (this.#failure !== undefined) throw this.#failure;
      try {
        if (!this.#step()) return this.#finish();
      } catch (error) {
        // Packets of a block before the bad spot still come first.
        this.#failure = error as Error;
        this.#giveGroup();
        this.#masters = [];
        this.#reader = new EbmlReader();
      }
    }
  }

  /** At the end of the bytes that have come: checks that the end of input is a proper one. */
  #finish(): undefined {
    if (!this.#ended) return undefined;
    const cut = this.#missing();
    if (cut !== undefined) throw new SyntaxError(`Cannot read WebM: the input ends ${cut}`);
  }

  /** Before what the input ends, where that is no place for it to end. */
  #missing(): string | undefined {
    const { unread, toSkip, position } = this.#reader;
    if (!this.#begun) return "before its EBML header";
    const cut = this.#masters.find(({ isLive }) => !isLive) ?? this.#value;
    if (cut !== undefined) {
      return `${cut.end - position - unread} bytes before the end of its ${cut.name}`;
    }
    if (toSkip > 0) return `${toSkip} bytes before the end of an element`;
    if (unread > 0) return "within the header of an element";
    return this.#file.track === undefined ? "before its Tracks" : undefined;
  }

  /** Reads a header or a value; `false` where more bytes are wanted. */
  #step(): boolean {
    if (this.#reader.toSkip > 0) return false;
    if (this.#value !== undefined) return this.#takeValue(this.#value);
    if (this.#masters.at(-1)?.end === this.#reader.position) {
      this.#leave();
      return true;
    }
    if (!this.#begun && !this.#checkBeginning()) return false;
    const header = this.#reader.header();
    if (header !== undefined) this.#enter(header);
    return header !== undefined;
  }

  /** Whether the first four bytes have come. */
  #checkBeginning(): boolean {
    const bytes = this.#reader.peek(Math.min(4, this.#reader.unread))!;
    const begins = bytes.every((byte, i) => byte === EBML_BYTES[i]);
    if (!begins) {
      throw new SyntaxError(
        `Cannot read WebM: it begins with the bytes ${hexOf(bytes)}, want ${hexOf(EBML_BYTES)}`,
      );
    }
    return this.#begun = bytes.length === 4;
  }

  #enter(header: EbmlHeader): void {
    const { id, size, at } = header;
    const { name, kind, parent } = MATROSKA_ELEMENTS.get(id) ?? UNKNOWN;
    if (kind !== "unknown") this.#leaveLive(name, parent, at);
    const outer = this.#masters.at(-1);
    const isLive = size === undefined;
    if (isLive && id !== MatroskaId.Segment && id !== MatroskaId.Cluster) {
      throw broken(at, `${name} has no size`);
    }
    const bound = outer?.end ?? Infinity;
    const end = isLive ? bound : this.#reader.position + size;
    if (end > bound || this.#reader.position > bound) {
      throw broken(at, `${name} goes beyond the end of ${outer?.name}`);
    }
    if (kind === "master") this.#begin({ id, name, at, end, isLive });
    else if (kind === "skipped" || kind === "unknown") {
      this.#reader.skip(end - this.#reader.position);
    } else {
      this.#value = { id, name, kind, at, end };
      if (kind !== "block") checkSize(this.#value, end - this.#reader.position);
    }
  }

  /** Leaves masters of unknown size that an element cannot be in. */
  #leaveLive(name: string, parent: number | undefined, at: number): void {
    const outer = this.#masters.at(-1);
    const depth = this.#masters.findLastIndex(({ id }) => id === parent) + 1;
    const fits = depth > 0 || parent === undefined;
    if (!fits || this.#masters.slice(depth).some(({ isLive }) => !isLive)) {
      throw broken(at, `${name} cannot be ${outer ? `in ${outer.name}` : "at the top level"}`);
    }
    while (this.#masters.length > depth) this.#leave();
  }

  #begin(master: Master): void {
    this.#masters.push(master);
    const { id, at } = master;
    if (id === MatroskaId.EBML) this.#file = newFile(this.#file.length);
    if (id === MatroskaId.TrackEntry) this.#file.entry = new TrackEntry();
    else this.#file.entry.enter(id);
    if (id === MatroskaId.Cluster && this.#file.track === undefined) {
      throw broken(at, "Cluster comes before Tracks");
    }
  }

  #leave(): void {
    const { id, at } = this.#masters.pop()!;
    if (id === MatroskaId.EBML) this.#checkDocType(at);
    if (id === MatroskaId.TrackEntry) this.#endEntry(at);
    if (id === MatroskaId.Tracks) this.#endTracks(at);
    if (id === MatroskaId.BlockGroup) this.#giveGroup();
  }

  #checkDocType(at: number): void {
    const { docType } = this.#file;
    if (docType === "webm" || docType === "matroska") return;
    throw broken(at, `its DocType is "${docType}", want "webm" or "matroska"`);
  }

  #endEntry(at: number): void {
    const { entry, codecs } = this.#file;
    if (this.#file.track === undefined && entry.isOpus) {
      this.#file.track = entry.opusTrack(at);
      this.#file.prefix = entry.prefix;
    } else {
      this.#losses.otherTracks++;
      if (codecs.length < MAX_CODECS) codecs.push(entry.codec);
    }
  }

  #endTracks(at: number): void {
    if (this.#file.track !== undefined) return;
    const found = this.#file.codecs.join(", ") || "no track";
    throw broken(at, `it holds ${found}, want A_OPUS`);
  }

  #takeValue(value: Value): boolean {
    if (value.kind === "block") return this.#takeBlock(value);
    const body = this.#reader.read(value.end - this.#reader.position);
    if (body === undefined) return false;
    this.#value = undefined;
    const { id } = value;
    if (id === MatroskaId.DocType) this.#file.docType = asciiOf(body);
    else if (id === MatroskaId.TimestampScale) this.#file.timestampScale = scaleOf(body);
    else if (id === MatroskaId.Duration) this.#file.duration = parseEbmlFloat(body);
    else if (id === MatroskaId.Timestamp) this.#file.cluster = parseEbmlUint(body);
    else if (id === MatroskaId.DiscardPadding) this.#file.discard = parseEbmlInt(body);
    else this.#file.entry.take(id, body);
    return true;
  }

  /** Takes a block of the track, skips one of another track. */
  #takeBlock(value: Value): boolean {
    const at = this.#reader.position;
    const size = value.end - at;
    const beginning = this.#reader.peek(Math.min(size, 8));
    if (beginning === undefined) return false;
    const number = parseVint(beginning, 0);
    if (number !== undefined && number.value !== this.#file.track!.number) {
      this.#losses.otherBlocks++;
      this.#reader.skip(size);
    } else {
      checkSize(value, size);
      const body = this.#reader.read(size);
      if (body === undefined) return false;
      const { frames, timestamp } = parseMatroskaBlock(body, at);
      if (value.id === MatroskaId.Block) {
        this.#give(this.#file.group, 0); // a second block in a group is none of Matroska's
        this.#file.group = this.#packetsOf(frames, timestamp);
      } else this.#give(this.#packetsOf(frames, timestamp), 0);
    }
    this.#value = undefined;
    return true;
  }

  #packetsOf(frames: readonly Uint8Array[], timestamp: number): WebmOpusPacket[] {
    const file = this.#file;
    const start = (file.cluster + timestamp) * file.timestampScale;
    file.origin ??= start;
    let time = file.base + start - file.origin - file.track!.codecDelay;
    const packets: WebmOpusPacket[] = [];
    for (const frame of frames) {
      const packet = withPrefix(file.prefix, frame);
      try {
        const duration = packetDuration(packet);
        packets.push({ packet, duration, time, discard: 0 });
        time += duration / SAMPLES_PER_MS;
      } catch {
        this.#losses.invalidPackets++;
      }
    }
    return packets;
  }

  /** Gives the packets of a BlockGroup, of which `DiscardPadding` may come last. */
  #giveGroup(): void {
    const { group, discard } = this.#file;
    this.#file.group = [];
    this.#file.discard = 0;
    this.#give(group, discard / NANOSECONDS * SAMPLES_PER_MS);
  }

  /** Gives the packets of a block, from the last of which samples are to be dropped. */
  #give(packets: WebmOpusPacket[], samples: number): void {
    const last = packets.at(-1);
    if (last === undefined) return;
    const { duration, time } = last;
    const discard = Math.max(-duration, Math.min(duration, Math.round(samples)));
    packets[packets.length - 1] = { ...last, discard };
    this.#ready.push(...packets);
    const end = time + (duration - Math.max(0, discard)) / SAMPLES_PER_MS;
    this.#file.length = Math.max(this.#file.length, end);
  }
}

/**
 * Reads a whole WebM or Matroska file.
 *
 * @param bytes The file.
 * @returns Its Opus track and the packets of it.
 * @throws {SyntaxError} where it is neither, holds no Opus, is broken or cut off.
 * {@linkcode WebmOpusDemuxer} gives the packets before the bad spot.
 * @throws {RangeError} where a block is too large, a packet holds several Opus streams, or the
 * track is encrypted or compressed.
 */
export function readWebmOpus(bytes: Uint8Array): WebmOpusFile {
  const demuxer = new WebmOpusDemuxer();
  demuxer.push(bytes);
  demuxer.end();
  const packets: WebmOpusPacket[] = [];
  let track: WebmOpusTrack | undefined;
  for (let packet; (packet = demuxer.pull()) !== undefined;) {
    track ??= demuxer.track;
    packets.push(packet);
  }
  // Without a track `pull` would have thrown.
  return { track: track ?? demuxer.track!, packets };
}

/** A master element that was entered. */
interface Master {
  readonly id: number;
  readonly name: string;
  /** Where its header begins. */
  readonly at: number;
  /** Where it ends at the latest. */
  readonly end: number;
  /** Whether it has no size, and ends before the first element that cannot be in it. */
  readonly isLive: boolean;
}

/** An element whose body is read. */
interface Value {
  readonly id: number;
  readonly name: string;
  readonly kind: ValueKind;
  readonly at: number;
  readonly end: number;
}

type ValueKind = Exclude<ElementKind, "master" | "skipped">;

/** What is known of one file of the chain. */
interface FileState {
  docType: string;
  /** Milliseconds of one unit of its timestamps. */
  timestampScale: number;
  /** In such units; not positive where it is not known. */
  duration: number;
  /** The TrackEntry that was begun last. */
  entry: TrackEntry;
  /** Codecs of tracks that hold no Opus. */
  codecs: string[];
  track: WebmOpusTrack | undefined;
  prefix: Uint8Array;
  /** Timestamp of the cluster. */
  cluster: number;
  /** Packets of the BlockGroup that is being read. */
  group: WebmOpusPacket[];
  /** Nanoseconds that are to be dropped from them. */
  discard: number;
  /** Milliseconds at its first block, in its own time. */
  origin: number | undefined;
  /** Milliseconds that the files before it last. */
  base: number;
  /** Milliseconds up to the end of its last packet so far. */
  length: number;
}

function newFile(base: number): FileState {
  return {
    docType: "",
    timestampScale: 1,
    duration: 0,
    entry: new TrackEntry(),
    codecs: [],
    track: undefined,
    prefix: new Uint8Array(0),
    cluster: 0,
    group: [],
    discard: 0,
    origin: undefined,
    base,
    length: base,
  };
}

const UNKNOWN = { name: "an unknown element", kind: "unknown", parent: undefined } as const;
const EBML_BYTES = Uint8Array.of(0x1a, 0x45, 0xdf, 0xa3);
const NANOSECONDS = 1e6; // in a millisecond
const SAMPLES_PER_MS = SAMPLE_RATE / 1000;
const MAX_CODECS = 8;
const MEBIBYTE = 2 ** 20;

/** Bytes that the body of an element may have. A subtitle track has all its styles in one. */
const LIMITS: Readonly<Record<ValueKind, number>> = {
  uint: 8,
  int: 8,
  float: 8,
  binary: MEBIBYTE,
  block: 16 * MEBIBYTE,
};

function checkSize({ kind, name, at }: Value, size: number): void {
  const limit = LIMITS[kind];
  if (size <= limit) return;
  const message =
    `Cannot read WebM at byte ${at}: ${name} has ${size} bytes, want at most ${limit}`;
  throw limit > 8 ? new RangeError(message) : new SyntaxError(message);
}

/** Milliseconds of one unit; 1 where the file has the useless value 0. */
function scaleOf(body: Uint8Array): number {
  return parseEbmlUint(body) / NANOSECONDS || 1;
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function broken(at: number, what: string): SyntaxError {
  return new SyntaxError(`Cannot read WebM at byte ${at}: ${what}`);
}
