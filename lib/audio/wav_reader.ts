/**
 * Reads WAV files (RIFF WAVE) as they come, in pieces of any size: PCM of 8, 16, 24 and 32 bits
 * and floats of 32 and 64 bits, plain or with the extensible header, also in the 64-bit forms RF64
 * and BW64 (EBU Tech 3306, ITU-R BS.2088).
 *
 * Theory of operation. `push` only stores bytes, and drops at once those of chunks that say
 * nothing about the sound, however large they are. `pull` parses, so an error comes out exactly
 * where the file is bad: after every sample before it, and again at every later `pull`. What does
 * not know its size when it is written is live, and lasts until the input ends: a data chunk of
 * 0xffffffff bytes, of nearly 2 GiB (what sox writes), or of none where the file's own size
 * leaves no room for more. Other input that ends before its data chunk does is cut off, and so
 * is an unfinished frame: an error after all whole frames.
 *
 * @module
 */

/** How the sound of a WAV file is stored. */
export interface WavEncoding {
  /** Samples per second and channel, in Hz. */
  readonly sampleRate: number;
  /** Interleaved channels. */
  readonly channels: number;
  /** Whether samples are integers or floats. */
  readonly type: "pcm" | "float";
  /** Bytes of a sample: 1 to 4, floats 4 or 8. */
  readonly sampleSize: number;
  /** Loudspeakers of the channels, a bit for each; 0 where the file does not say. */
  readonly channelMask: number;
}

/**
 * Takes a WAV file apart. Push a chunk, pull until `undefined`, and so on; then `end`, and pull
 * again.
 *
 * @example Read a file
 * ```ts
 * import { encodeWav, WavReader } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new WavReader();
 * reader.push(encodeWav(Int16Array.of(16384, -16384), 44100, 1));
 * reader.end();
 * assertEquals(reader.pull(), Float32Array.of(0.5, -0.5));
 * assertEquals([reader.pull(), reader.encoding?.sampleRate], [undefined, 44100]);
 * ```
 */
export class WavReader {
  #buffer = new Uint8Array(0);
  #start = 0; // of the unread bytes in #buffer
  #end = 0;
  #dropping = 0; // bytes to come that nobody wants
  #position = 0; // in the file, of the unread bytes
  #stage: "riff" | "chunks" | "sound" | "done" = "riff";
  #riffSize = 0;
  #longSize: number | undefined; // of the data chunk, in a 64-bit form
  #encoding: WavEncoding | undefined;
  #dataSize = 0; // bytes; Infinity: until the end
  #dataLeft = 0;
  #isLive = false;
  #ended = false;
  #failure: Error | undefined;

  /** How the sound is stored, once its chunk has begun. */
  get encoding(): WavEncoding | undefined {
    return this.#stage === "sound" || this.#stage === "done" ? this.#encoding : undefined;
  }

  /** Samples per channel in all, once their chunk has begun; `undefined` where it is live. */
  get frameCount(): number | undefined {
    const { encoding } = this;
    if (encoding === undefined || this.#isLive) return undefined;
    return Math.floor(this.#dataSize / frameSizeOf(encoding));
  }

  /**
   * Adds the next bytes of the file. They are copied.
   *
   * @param chunk Any number of bytes.
   * @throws {TypeError} After `end`.
   */
  push(chunk: Uint8Array): void {
    if (this.#ended) throw new TypeError("Cannot push to a WAV reader: it was ended");
    if (this.#failure !== undefined || this.#stage === "done") return;
    const dropped = this.#start === this.#end ? this.#drop(chunk.length) : 0;
    this.#append(chunk.subarray(dropped));
  }

  /** Says that the file has ended: from here `undefined` from `pull` means done. */
  end(): void {
    this.#ended = true;
  }

  /**
   * The next samples.
   *
   * @returns Interleaved samples, nominally -1 to 1, in fresh memory: whole frames, at most 16384
   * samples (or one frame). `undefined` where more bytes are wanted or, after `end`, where there
   * is nothing more.
   * @throws {SyntaxError} It is no WAV file, is cut off, or has another encoding. Comes after all
   * samples before the bad spot, and again at every later call.
   */
  pull(): Float32Array | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      while (this.#stage === "riff" || this.#stage === "chunks") {
        if (!this.#readChunk()) return this.#finish();
      }
      return this.#readSamples() ?? this.#finish();
    } catch (error) {
      this.#failure = error as Error;
      this.#buffer = new Uint8Array(0);
      this.#start = this.#end = 0;
      throw error;
    }
  }

  /**
   * Leaves samples out without converting them.
   *
   * @param frames Samples per channel, counted from behind what was pulled; where fewer are left,
   * all of them.
   * @throws {TypeError} The sound has not begun: `encoding` is `undefined`.
   * @throws {RangeError} `frames` is not an integer of at least 0.
   */
  skip(frames: number): void {
    const { encoding } = this;
    if (encoding === undefined) throw new TypeError("Cannot skip: the sound has not begun");
    if (!Number.isSafeInteger(frames) || frames < 0) {
      throw new RangeError(`Cannot skip ${frames} samples: want an integer of at least 0`);
    }
    const frameSize = frameSizeOf(encoding);
    const size = Math.min(frames, Math.floor(this.#dataLeft / frameSize)) * frameSize;
    this.#dataLeft -= size;
    this.#dropping += size;
  }

  /** Counts bytes that are dropped, of so many that there are. */
  #drop(available: number): number {
    const size = Math.min(available, this.#dropping);
    this.#dropping -= size;
    this.#position += size;
    return size;
  }

  #append(bytes: Uint8Array): void {
    const unread = this.#end - this.#start;
    if (this.#end + bytes.length > this.#buffer.length) {
      const fits = unread + bytes.length <= this.#buffer.length;
      const target = fits ? this.#buffer : new Uint8Array(2 * unread + bytes.length);
      target.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = target;
      this.#start = 0;
      this.#end = unread;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The unread bytes, once those to be dropped are. */
  #unread(): DataView {
    this.#start += this.#drop(this.#end - this.#start);
    return new DataView(this.#buffer.buffer, this.#start, this.#end - this.#start);
  }

  #take(size: number): void {
    this.#start += size;
    this.#position += size;
  }

  /** Reads the file's header, or that of a chunk; `false` where more bytes are wanted. */
  #readChunk(): boolean {
    const view = this.#unread();
    if (this.#stage === "riff") return this.#readRiff(view);
    if (view.byteLength < CHUNK_HEADER_SIZE) return false;
    const id = view.getUint32(0);
    const size = view.getUint32(4, true);
    const known = id === FMT ? 40 : id === DS64 ? 16 : 0; // bytes that are read of it
    const bodySize = Math.min(size, known);
    if (view.byteLength < CHUNK_HEADER_SIZE + bodySize) return false;
    const body = new DataView(view.buffer, view.byteOffset + CHUNK_HEADER_SIZE, bodySize);
    this.#take(CHUNK_HEADER_SIZE + bodySize);
    if (id === DATA) {
      this.#beginSound(size);
      return true;
    }
    this.#dropping = size - bodySize + (size & 1); // chunks are padded to even sizes
    if (id === FMT) this.#encoding = readEncoding(body);
    if (id === DS64 && bodySize === known) {
      this.#riffSize = Number(body.getBigUint64(0, true));
      this.#longSize = Number(body.getBigUint64(8, true));
    }
    return true;
  }

  #readRiff(view: DataView): boolean {
    const size = Math.min(view.byteLength, RIFF_HEADER_SIZE);
    if (size >= 4 && !FORMS.includes(view.getUint32(0))) throw notWav();
    if (size < RIFF_HEADER_SIZE) return false;
    if (view.getUint32(8) !== WAVE) throw notWav();
    this.#riffSize = view.getUint32(4, true);
    this.#take(RIFF_HEADER_SIZE);
    this.#stage = "chunks";
    return true;
  }

  #beginSound(size: number): void {
    if (this.#encoding === undefined) throw malformed("its data comes before its format");
    const isUnknown = size === UNKNOWN_SIZE;
    const known = isUnknown ? this.#longSize ?? Infinity : size;
    const isEmpty = known === 0 && this.#riffSize + CHUNK_HEADER_SIZE <= this.#position;
    this.#dataSize = isEmpty || known > Number.MAX_SAFE_INTEGER ? Infinity : known;
    this.#isLive = this.#dataSize === Infinity || (!isUnknown && size >= LIVE_SIZE);
    this.#dataLeft = this.#dataSize;
    this.#stage = "sound";
  }

  #readSamples(): Float32Array | undefined {
    const encoding = this.#encoding!;
    const frameSize = frameSizeOf(encoding);
    const view = this.#unread();
    if (this.#dropping > 0 || this.#stage === "done") return undefined;
    if (this.#dataLeft < frameSize && view.byteLength >= this.#dataLeft) {
      this.#stage = "done";
      if (this.#dataLeft === 0) return undefined;
      throw malformed(`it has ${this.#dataSize} bytes of data, want a multiple of ${frameSize}`);
    }
    const whole = Math.floor(Math.min(view.byteLength, this.#dataLeft) / frameSize);
    if (whole === 0) return undefined;
    const frames = Math.min(whole, Math.max(1, Math.floor(MAX_PIECE / encoding.channels)));
    const samples = readSamples(view, frames * encoding.channels, encoding);
    this.#take(frames * frameSize);
    this.#dataLeft -= frames * frameSize;
    return samples;
  }

  /** Where more bytes are wanted: checks that, if there are none, this is a proper end. */
  #finish(): undefined {
    if (!this.#ended || this.#stage === "done") return undefined;
    const rest = this.#end - this.#start;
    if (this.#stage === "riff") throw notWav();
    if (this.#stage === "chunks") {
      const isInside = this.#dropping > 0 || rest >= CHUNK_HEADER_SIZE;
      throw malformed(isInside ? "it ends inside a chunk" : "it has no data chunk");
    }
    if (this.#isLive) return undefined;
    const missing = this.#dataLeft + this.#dropping - rest;
    throw malformed(`it ends after ${this.#dataSize - missing} of ${this.#dataSize} bytes of data`);
  }
}

const CHUNK_HEADER_SIZE = 8;
const RIFF_HEADER_SIZE = 12;
const FORMS: readonly number[] = [0x52494646, 0x52463634, 0x42573634]; // RIFF, RF64, BW64
const WAVE = 0x57415645;
const DS64 = 0x64733634;
const FMT = 0x666d7420;
const DATA = 0x64617461;
const UNKNOWN_SIZE = 0xffffffff;
const LIVE_SIZE = 0x7ffff000;
const MAX_PIECE = 16384; // samples
const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_EXTENSIBLE = 0xfffe;

/** KSDATAFORMAT_SUBTYPE after its first two bytes, which are a format tag. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/** Names of formats that are met now and then (RFC 2361). */
const FORMAT_NAMES: Readonly<Record<number, string>> = {
  2: "ADPCM",
  6: "A-law",
  7: "mu-law",
  17: "IMA ADPCM",
  49: "GSM",
  80: "MPEG",
  85: "MP3",
};

function frameSizeOf({ channels, sampleSize }: WavEncoding): number {
  return channels * sampleSize;
}

function readEncoding(view: DataView): WavEncoding {
  const size = view.byteLength;
  if (size < 16) throw malformed(`its format chunk has ${size} bytes, want at least 16`);
  let tag = view.getUint16(0, true);
  let channelMask = 0;
  if (tag === TAG_EXTENSIBLE) {
    if (size < 40) throw malformed(`its format chunk has ${size} bytes, want at least 40`);
    channelMask = view.getUint32(20, true);
    if (SUBTYPE_TAIL.every((byte, i) => view.getUint8(26 + i) === byte)) {
      tag = view.getUint16(24, true);
    }
  }
  const channels = view.getUint16(2, true);
  const sampleRate = view.getUint32(4, true);
  if (channels === 0 || sampleRate === 0) {
    throw malformed(`${channels} channels at ${sampleRate} Hz, want at least 1 of each`);
  }
  const sampleSize = view.getUint16(12, true) / channels;
  const bits = view.getUint16(14, true);
  const type = typeOf(tag, sampleSize, bits);
  return { sampleRate, channels, type, sampleSize, channelMask };
}

function typeOf(tag: number, sampleSize: number, bits: number): WavEncoding["type"] {
  const isNamed = tag === TAG_PCM || tag === TAG_FLOAT;
  const fits = bits > 8 * (sampleSize - 1) && bits <= 8 * sampleSize;
  const isPadded = sampleSize === 4 && bits === 24; // in the upper bytes
  if (tag === TAG_PCM && [1, 2, 3, 4].includes(sampleSize) && (fits || isPadded)) return "pcm";
  if (tag === TAG_FLOAT && [4, 8].includes(sampleSize) && bits === 8 * sampleSize) return "float";
  const name = FORMAT_NAMES[tag] ?? (isNamed ? "in blocks of another size" : "unknown");
  throw malformed(
    `its samples have format ${tag} (${name}) with ${bits} bits, ` +
      "want PCM of 8 to 32 bits or floats of 32 or 64 bits: ffmpeg converts others",
  );
}

function readSamples(view: DataView, count: number, encoding: WavEncoding): Float32Array {
  const { type, sampleSize } = encoding;
  const read = READERS[`${type}${sampleSize}`];
  const samples = new Float32Array(count);
  for (let i = 0, at = 0; i < count; i++, at += sampleSize) samples[i] = read(view, at);
  return samples;
}

const READERS: Readonly<Record<string, (view: DataView, at: number) => number>> = {
  pcm1: (view, at) => (view.getUint8(at) - 128) / 128,
  pcm2: (view, at) => view.getInt16(at, true) / 2 ** 15,
  pcm3: (view, at) => (view.getInt8(at + 2) * 2 ** 16 + view.getUint16(at, true)) / 2 ** 23,
  pcm4: (view, at) => view.getInt32(at, true) / 2 ** 31,
  float4: (view, at) => view.getFloat32(at, true),
  float8: (view, at) => view.getFloat64(at, true),
};

function notWav(): SyntaxError {
  return malformed('it does not begin with a "RIFF" header of type "WAVE"');
}

function malformed(what: string): SyntaxError {
  return new SyntaxError(`Cannot parse WAV: ${what}`);
}
