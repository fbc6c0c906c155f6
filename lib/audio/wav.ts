/**
 * WAV files (RIFF WAVE): writes 16-bit PCM, reads what {@linkcode WavReader} does at
 * once. See "Multimedia Programming Interface and Data Specifications 1.0" and
 * Microsoft's WAVEFORMATEXTENSIBLE.
 *
 * To write a recording whose length is not known, write `wavHeader(format)` first,
 * then samples. Players take that as "until the end of the file". A file that can be
 * written in place then gets `wavHeader(format, dataSize)` over its first 44 bytes.
 *
 * @module
 */

import { pcmToInt16 } from "./pcm_convert.ts";
import { WavReader } from "./wav_reader.ts";

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
 * Reads a whole WAV file. Chunks other than the format and the first data chunk are
 * skipped.
 *
 * @param bytes The file.
 * @returns Its format and samples: 16-bit PCM as it is, all else as floats.
 * @throws {SyntaxError} where it is no WAV file, is cut off, or has another encoding.
 * {@linkcode WavReader} gives the samples before the bad spot.
 */
export function parseWav(bytes: Uint8Array): WavAudio {
  const reader = new WavReader();
  reader.push(bytes);
  reader.end();
  const pieces: Float32Array[] = [];
  for (let piece; (piece = reader.pull()) !== undefined;) pieces.push(piece);
  // Without an encoding `pull` would have thrown.
  const { sampleRate, channels, type, sampleSize } = reader.encoding!;
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  const samples = type === "pcm" && sampleSize === 2 ? pcmToInt16(whole) : whole;
  return { sampleRate, channels, samples };
}

const RIFF = 0x52494646;
const WAVE = 0x57415645;
const FMT = 0x666d7420;
const DATA = 0x64617461;
const TAG_PCM = 1;
const UNKNOWN_SIZE = 0xffffffff;
const MAX_DATA_SIZE = 0xffffffff - 37; // so that neither size means "unknown"

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot write WAV header: the ${name} is ${value}, want an integer from ${min} to ${max}`,
  );
}
