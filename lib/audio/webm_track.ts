/**
 * What a TrackEntry of WebM or Matroska says (RFC 9559, section 5.1.4), and whether its Opus can
 * be sent on as it is ("Encapsulation of Opus in Matroska").
 *
 * @module
 */

import { parseEbmlUint } from "./ebml.ts";
import { MatroskaId } from "./matroska_elements.ts";
import { type OpusHead, parseOpusHead } from "./ogg_opus.ts";

/** What a file says of its Opus track. */
export interface WebmOpusTrack {
  /** Number of the track in its blocks. */
  readonly number: number;
  /** What is in its CodecPrivate. */
  readonly head: OpusHead;
  /** Milliseconds that a player drops from the start: pre-skip. */
  readonly codecDelay: number;
  /** Milliseconds that a player decodes before a place that it jumps to. */
  readonly seekPreRoll: number;
}

/** A TrackEntry as far as it was read. */
export class TrackEntry {
  /** What the codec is called. */
  codec = "";
  #number = 0;
  #type = 0;
  #codecPrivate: Uint8Array | undefined;
  #codecDelay = 0;
  #seekPreRoll = 0;
  #encodingCount = 0;
  #scope = SCOPE_FRAMES;
  #encoding = 0;
  #compression: number | undefined; // undefined where its encoding changes nothing
  #prefix = new Uint8Array(0);

  /** Whether this is an audio track with Opus. */
  get isOpus(): boolean {
    return this.#type === TYPE_AUDIO && this.codec === "A_OPUS";
  }

  /** Bytes that header stripping took from the start of each frame. */
  get prefix(): Uint8Array {
    return (this.#scope & SCOPE_FRAMES) === 0 ? new Uint8Array(0) : this.#prefix;
  }

  /**
   * Says that a master element in it begins.
   *
   * @param id ID of the element.
   */
  enter(id: number): void {
    if (id === MatroskaId.ContentEncoding) this.#encodingCount++;
    else if (id === MatroskaId.ContentCompression) this.#compression = 0;
  }

  /**
   * Takes one of its values.
   *
   * @param id ID of the element.
   * @param body Its body; borrowed.
   */
  take(id: number, body: Uint8Array): void {
    const { TrackNumber, TrackType, CodecID, CodecPrivate, CodecDelay, SeekPreRoll } = MatroskaId;
    if (id === TrackNumber) this.#number = parseEbmlUint(body);
    else if (id === TrackType) this.#type = parseEbmlUint(body);
    else if (id === CodecID) this.codec = asciiOf(body);
    else if (id === CodecPrivate) this.#codecPrivate = body.slice();
    else if (id === CodecDelay) this.#codecDelay = parseEbmlUint(body) / NANOSECONDS;
    else if (id === SeekPreRoll) this.#seekPreRoll = parseEbmlUint(body) / NANOSECONDS;
    else this.#takeOfEncoding(id, body);
  }

  #takeOfEncoding(id: number, body: Uint8Array): void {
    const { ContentEncodingScope, ContentEncodingType, ContentCompAlgo, ContentCompSettings } =
      MatroskaId;
    if (id === ContentEncodingScope) this.#scope = parseEbmlUint(body);
    else if (id === ContentEncodingType) this.#encoding = parseEbmlUint(body);
    else if (id === ContentCompAlgo) this.#compression = parseEbmlUint(body);
    else if (id === ContentCompSettings) this.#prefix = body.slice();
  }

  /**
   * What it says, where its Opus can be sent on as it is.
   *
   * @param at Where the entry is, in bytes from the start of the input: for messages.
   * @returns The track.
   * @throws {SyntaxError} where it has no number, or no identification header.
   * @throws {RangeError} where it is encrypted, compressed, or has several streams.
   */
  opusTrack(at: number): WebmOpusTrack {
    const fault = (what: string) => `Cannot read WebM at byte ${at}: its Opus track ${what}`;
    const refusal = this.#refusal();
    if (refusal !== undefined) throw new RangeError(fault(refusal));
    if (this.#number === 0) throw new SyntaxError(fault("has no number"));
    if (this.#codecPrivate === undefined) throw new SyntaxError(fault("has no CodecPrivate"));
    const whole = (this.#scope & SCOPE_PRIVATE) !== 0
      ? withPrefix(this.#prefix, this.#codecPrivate)
      : this.#codecPrivate;
    const head = parseOpusHead(whole);
    const { streamCount, channels } = head;
    if (streamCount !== 1) {
      throw new RangeError(fault(
        `has ${streamCount} streams for ${channels} channels, want 1 stream (mono or stereo)`,
      ));
    }
    const codecDelay = this.#codecDelay;
    return { number: this.#number, head, codecDelay, seekPreRoll: this.#seekPreRoll };
  }

  /** Why its packets cannot be taken out. */
  #refusal(): string | undefined {
    const count = this.#encodingCount;
    if (count > 1) return `has ${count} content encodings, want at most 1`;
    if (this.#encoding !== 0) return "is encrypted";
    if (this.#compression === undefined) return undefined; // mkvmerge writes empty encodings
    if (this.#compression !== HEADER_STRIPPING) {
      const name = COMPRESSIONS[this.#compression] ?? `algorithm ${this.#compression}`;
      return `is compressed with ${name}, want header stripping at most`;
    }
    const { length } = this.#prefix;
    if (length <= MAX_PREFIX_SIZE) return undefined;
    return `has headers of ${length} bytes stripped, want at most ${MAX_PREFIX_SIZE}`;
  }
}

/**
 * Puts back what header stripping took.
 *
 * @param prefix What was taken.
 * @param frame What is left.
 * @returns A copy of both.
 */
export function withPrefix(prefix: Uint8Array, frame: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + frame.length);
  whole.set(prefix);
  whole.set(frame, prefix.length);
  return whole;
}

/**
 * Reads a name: printable ASCII as far as it goes, 32 characters at most.
 *
 * @param body The element's body.
 */
export function asciiOf(body: Uint8Array): string {
  const text = String.fromCharCode(...body.subarray(0, 32));
  return text.replace(/[^ -~][^]*$/, "");
}

const NANOSECONDS = 1e6; // in a millisecond
const TYPE_AUDIO = 2;
const SCOPE_FRAMES = 1;
const SCOPE_PRIVATE = 2;
const COMPRESSIONS: readonly string[] = ["zlib", "bzlib", "LZO"];
const HEADER_STRIPPING = 3;

/** Opus has one byte in common at most. Every frame of a lace gets it, so it is not to be large. */
const MAX_PREFIX_SIZE = 255;
