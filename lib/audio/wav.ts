/**
 * WAV files (RIFF WAVE): writes 16-bit PCM, reads 16-bit PCM and 32-bit float, plain
 * or with the extensible header. See "Multimedia Programming Interface and Data
 * Specifications 1.0" and Microsoft's WAVEFORMATEXTENSIBLE.
 *
 * To write a recording whose length is not known, write `wavHeader(format)` first,
 * then samples. Players take that as "until the end of the file". A file that can be
 * written in place then gets `wavHeader(format, dataSize)` over its first 44 bytes.
 *
 * @module
 */

/** How samples are interleaved and timed. */
export interface WavFormat {
  /** Samples per second and channel, in Hz. */
  readonly sampleRate: number;
  /** Interleaved channels. */
  readonly channels: number;
}

/** The audio of a WAV file. */
export interface WavAudio extends WavFormat {
  /** Interleaved samples: 16-bit PCM, or floats of nominally -1 to 1. */
  readonly samples: Int16Array | Float32Array;
}

/** Bytes of the header that {@linkcode wavHeader} makes. */
export const WAV_HEADER_SIZE = 44;

/**
 * The header of a WAV file with 16-bit PCM samples.
 *
 * @param format Sample rate and channels.
 * @param dataSize Bytes of samples that follow; left out where it is not yet known.
 * @returns 44 bytes.
 * @throws {RangeError} where a number does not fit its field.
 */
export function wavHeader(format: WavFormat, dataSize?: number): Uint8Array {
  const { sampleRate, channels } = format;
  checkInteger("channel count", channels, 1, 0x7fff);
  checkInteger("sample rate", sampleRate, 1, Math.floor(0xffffffff / (2 * channels)));
  if (dataSize !== undefined) checkInteger("data size", dataSize, 0, MAX_DATA_SIZE);
  const header = new Uint8Array(WAV_HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint32(0, RIFF);
  view.setUint32(4, dataSize === undefined ? UNKNOWN_SIZE : dataSize + 36, true);
  view.setUint32(8, WAVE);
  view.setUint32(12, FMT);
  view.setUint32(16, 16, true);
  view.setUint16(20, TAG_PCM, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * 2, true);
  view.setUint16(32, channels * 2, true);
  view.setUint16(34, 16, true);
  view.setUint32(36, DATA);
  view.setUint32(40, dataSize ?? UNKNOWN_SIZE, true);
  return header;
}

/**
 * Makes a WAV file with 16-bit PCM samples.
 *
 * @param samples Interleaved samples.
 * @param sampleRate Samples per second and channel, in Hz.
 * @param channels Interleaved channels.
 * @returns The file.
 * @throws {RangeError} where a number does not fit its field, or the samples do not
 * fill the last frame of all channels.
 *
 * @example Write and read back
 * ```ts
 * import { encodeWav, parseWav } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const file = encodeWav(Int16Array.of(1, -1, 2, -2), 48000, 2);
 * assertEquals(parseWav(file).samples, Int16Array.of(1, -1, 2, -2));
 * ```
 */
export function encodeWav(samples: Int16Array, sampleRate: number, channels: number): Uint8Array {
  const header = wavHeader({ sampleRate, channels }, samples.length * 2);
  if (samples.length % channels !== 0) {
    throw new RangeError(
      `Cannot encode WAV: ${samples.length} samples, want a multiple of ${channels} channels`,
    );
  }
  const file = new Uint8Array(WAV_HEADER_SIZE + samples.length * 2);
  file.set(header);
  const view = new DataView(file.buffer, WAV_HEADER_SIZE);
  for (let i = 0; i < samples.length; i++) view.setInt16(2 * i, samples[i], true);
  return file;
}

/**
 * Reads a WAV file. Chunks other than the format and the first data chunk are
 * skipped. A data chunk of unknown size (0xffffffff) lasts until the end, less the
 * bytes that do not fill a frame of all channels.
 *
 * @param bytes The file.
 * @returns Its format and samples.
 * @throws {SyntaxError} where it is no WAV file, is cut off, or has another encoding.
 */
export function parseWav(bytes: Uint8Array): WavAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 12 || view.getUint32(0) !== RIFF || view.getUint32(8) !== WAVE) {
    throw malformed('it does not begin with a "RIFF" header of type "WAVE"');
  }
  let format: SampleFormat | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const id = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    at += 8;
    const rest = bytes.length - at;
    if (id === DATA && size === UNKNOWN_SIZE) return readSamples(view, at, rest, true, format);
    if (size > rest) {
      throw malformed(`its chunk "${chunkName(id)}" has ${rest} bytes, want ${size}`);
    }
    if (id === DATA) return readSamples(view, at, size, false, format);
    if (id === FMT) format = parseFormat(view, at, size);
    at += size + (size & 1); // chunks are padded to even sizes
  }
  throw malformed("it has no data chunk");
}

interface SampleFormat extends WavFormat {
  readonly encoding: "pcm16" | "float32";
}

const RIFF = 0x52494646;
const WAVE = 0x57415645;
const FMT = 0x666d7420;
const DATA = 0x64617461;
const TAG_PCM = 1;
const TAG_FLOAT = 3;
const TAG_EXTENSIBLE = 0xfffe;
const UNKNOWN_SIZE = 0xffffffff;
const MAX_DATA_SIZE = 0xffffffff - 37; // so that neither size means "unknown"

/** KSDATAFORMAT_SUBTYPE after its first two bytes, which are a format tag. */
const SUBTYPE_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

function parseFormat(view: DataView, at: number, size: number): SampleFormat {
  if (size < 16) throw malformed(`its format chunk has ${size} bytes, want at least 16`);
  let tag = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const sampleBits = view.getUint16(at + 14, true);
  if (tag === TAG_EXTENSIBLE) {
    if (size < 40) throw malformed(`its format chunk has ${size} bytes, want at least 40`);
    const known = SUBTYPE_TAIL.every((byte, i) => view.getUint8(at + 26 + i) === byte);
    if (known) tag = view.getUint16(at + 24, true);
  }
  if (channels === 0 || sampleRate === 0) {
    throw malformed(`${channels} channels at ${sampleRate} Hz, want at least 1 of each`);
  }
  if (tag === TAG_PCM && sampleBits === 16) return { sampleRate, channels, encoding: "pcm16" };
  if (tag === TAG_FLOAT && sampleBits === 32) return { sampleRate, channels, encoding: "float32" };
  throw malformed(
    `its samples have format ${tag} with ${sampleBits} bits, ` +
      "want format 1 (PCM) with 16 bits or format 3 (float) with 32 bits",
  );
}

function readSamples(
  view: DataView,
  at: number,
  size: number,
  cut: boolean,
  format: SampleFormat | undefined,
): WavAudio {
  if (format === undefined) throw malformed("its data comes before its format");
  const { sampleRate, channels, encoding } = format;
  const sampleSize = encoding === "pcm16" ? 2 : 4;
  const extra = size % (sampleSize * channels);
  if (extra !== 0 && !cut) {
    throw malformed(`it has ${size} bytes of data, want a multiple of ${sampleSize * channels}`);
  }
  const sampleCount = (size - extra) / sampleSize;
  const samples = encoding === "pcm16"
    ? new Int16Array(sampleCount)
    : new Float32Array(sampleCount);
  for (let i = 0; i < sampleCount; i++) {
    const offset = at + i * sampleSize;
    samples[i] = sampleSize === 2 ? view.getInt16(offset, true) : view.getFloat32(offset, true);
  }
  return { sampleRate, channels, samples };
}

function chunkName(id: number): string {
  return String.fromCharCode(id >>> 24, id >>> 16 & 0xff, id >>> 8 & 0xff, id & 0xff)
    .replace(/[^ -~]/g, "?");
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot write WAV header: the ${name} is ${value}, want an integer from ${min} to ${max}`,
  );
}

function malformed(what: string): SyntaxError {
  return new SyntaxError(`Cannot parse WAV: ${what}`);
}
