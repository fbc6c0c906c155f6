/**
 * Finding out what a stream holds, without using it up.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { OggOpusDemuxer, type OpusHead } from "../../lib/audio/ogg_opus.ts";
import { WebmOpusDemuxer } from "../../lib/audio/webm_opus.ts";
import { StreamType } from "./stream_type.ts";

/** What was found out. */
export interface ProbeInfo {
  /** The stream to read instead of the one that was probed; mostly it is the same. */
  readonly stream: Readable;
  /** What it holds. */
  readonly type: StreamType;
}

/** Bytes that are looked at. */
const PROBE_SIZE = 1024;

const CHANNELS = 2;
const SAMPLE_RATE = 48_000;
const HEAD_SIZE = 19;
const [VERSION_AT, CHANNELS_AT, PRE_SKIP_AT] = [8, 9, 10];
const [SAMPLE_RATE_AT, GAIN_AT, FAMILY_AT] = [12, 16, 18];
/** Units of a decibel. */
const GAIN_UNIT = 256;

/**
 * Tells whether Opus can be sent to Discord as it is.
 *
 * @param opusHead The identification header of Opus (RFC 7845, section 5.1).
 * @returns Whether it has two channels and came from 48 kHz; not where it is no header.
 */
export function validateDiscordOpusHead(opusHead: Uint8Array): boolean {
  if (opusHead.length < HEAD_SIZE) return false;
  const { buffer, byteOffset, length } = opusHead;
  return opusHead[CHANNELS_AT] === CHANNELS &&
    new DataView(buffer, byteOffset, length).getUint32(SAMPLE_RATE_AT, true) === SAMPLE_RATE;
}

/**
 * Finds out whether a stream holds Opus in Ogg or WebM.
 *
 * @param stream A stream of bytes.
 * @param probeSize Bytes after which it is given up; 1024 by default.
 * @param validator Whether the Opus in it will do; `validateDiscordOpusHead` by default.
 * @returns What it holds, and the stream to read.
 * @throws {Error} The stream is in object mode, has ended, or was destroyed.
 * @throws What the stream emits as `error` meanwhile.
 *
 * @example Look at a file
 * ```ts
 * import { demuxProbe, StreamType } from "@sotto/voice/discordjs";
 * import { writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 * import { Readable } from "node:stream";
 *
 * const file = Readable.from([writeOggOpus([])], { objectMode: false });
 * const { type } = await demuxProbe(file);
 * assertEquals(type, StreamType.OggOpus);
 * ```
 */
export async function demuxProbe(
  stream: Readable,
  probeSize: number = PROBE_SIZE,
  validator: (opusHead: Buffer) => boolean = validateDiscordOpusHead,
): Promise<ProbeInfo> {
  if (stream.readableObjectMode) throw new Error("Cannot probe a stream: it is in object mode");
  if (stream.readableEnded) throw new Error("Cannot probe a stream: it has ended");
  if (stream.destroyed) throw new Error("Cannot probe a stream: it was destroyed");
  const probe = new Probe(probeSize, validator);
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: Error) => {
      stream.off("readable", look);
      stream.off("end", settle);
      stream.off("close", settle);
      stream.off("error", settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    const look = () => {
      for (let chunk; (chunk = stream.read()) !== null;) {
        if (probe.push(chunk)) return settle();
      }
    };
    stream.on("error", settle);
    stream.on("end", settle);
    stream.on("close", settle);
    stream.on("readable", look);
  });
  const { type, bytes } = probe;
  const isOver = stream.readableEnded || stream.destroyed;
  if (isOver) return { stream: Readable.from([bytes], { objectMode: false }), type };
  if (bytes.length > 0) stream.unshift(bytes);
  return { stream, type };
}

/** What has come so far. */
class Probe {
  readonly #size: number;
  readonly #validator: (opusHead: Buffer) => boolean;
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #type: StreamType = StreamType.Arbitrary;

  constructor(size: number, validator: (opusHead: Buffer) => boolean) {
    this.#size = size;
    this.#validator = validator;
  }

  get type(): StreamType {
    return this.#type;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Takes a chunk; tells whether nothing more need be known. */
  push(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const { bytes } = this;
    if (this.#accepts(new OggOpusDemuxer(), bytes)) this.#type = StreamType.OggOpus;
    else if (this.#accepts(new WebmOpusDemuxer(), bytes)) this.#type = StreamType.WebmOpus;
    else return this.#length >= this.#size;
    return true;
  }

  #accepts(demuxer: OggOpusDemuxer | WebmOpusDemuxer, bytes: Buffer): boolean {
    try {
      demuxer.push(bytes);
      demuxer.pull();
    } catch {
      // What is broken further on is for those who play it.
    }
    const head = demuxer instanceof OggOpusDemuxer ? demuxer.head : demuxer.track?.head;
    return head !== undefined && this.#validator(writeHead(head));
  }
}

/** Writes an identification header as it was read; the mapping of more channels is left out. */
function writeHead(head: OpusHead): Buffer {
  const bytes = Buffer.alloc(HEAD_SIZE);
  bytes.write("OpusHead", "latin1");
  bytes.writeUInt8(head.version, VERSION_AT);
  bytes.writeUInt8(head.channels, CHANNELS_AT);
  bytes.writeUInt16LE(head.preSkip, PRE_SKIP_AT);
  bytes.writeUInt32LE(head.inputSampleRate, SAMPLE_RATE_AT);
  bytes.writeInt16LE(Math.round(head.outputGain * GAIN_UNIT), GAIN_AT);
  bytes.writeUInt8(head.mappingFamily, FAMILY_AT);
  return bytes;
}
