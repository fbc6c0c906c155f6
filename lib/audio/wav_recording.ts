/**
 * Headers of WAV files that grow: one size of header, whatever the file's size becomes. So it can
 * be written anew in place each time that samples were added, and a file whose writer died is
 * whole up to its last header.
 *
 * Beyond 4 GiB the sizes of RIFF do not reach. As EBU Tech 3306 proposes, the header has room for
 * them from the start, a chunk named `JUNK`; beyond 4 GiB it becomes `ds64` with sizes of 64 bits,
 * and `RIFF` becomes `RF64`. More than two channels take Microsoft's WAVEFORMATEXTENSIBLE, with
 * no loudspeaker assigned to any of them.
 *
 * @module
 */

import type { WavFormat } from "./wav.ts";

/** Channels that fit into the header: what all of them take together is counted in 16 bits. */
export const MAX_WAV_CHANNELS = 0x7fff;

/**
 * The size of {@linkcode wavRecordingHeader}'s header.
 *
 * @param channels Interleaved channels.
 * @returns Bytes.
 */
export function wavRecordingHeaderSize(channels: number): number {
  return 12 + 8 + SIZES_SIZE + 8 + formatSize(channels) + 8;
}

/**
 * The header of a WAV file with 16-bit PCM samples that may grow beyond 4 GiB.
 *
 * @param format Sample rate and channels.
 * @param dataSize Bytes of samples that follow.
 * @returns As many bytes for every `dataSize`.
 * @throws {RangeError} where a number does not fit its field.
 *
 * @example A file that players open at any time
 * ```ts
 * import { parseWav, wavRecordingHeader } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const header = wavRecordingHeader({ sampleRate: 48000, channels: 2 }, 4);
 * assertEquals(parseWav(Uint8Array.of(...header, 1, 0, 2, 0)).samples, Int16Array.of(1, 2));
 * ```
 */
export function wavRecordingHeader(format: WavFormat, dataSize: number): Uint8Array {
  const { sampleRate, channels } = format;
  checkInteger("channel count", channels, 1, MAX_WAV_CHANNELS);
  checkInteger("sample rate", sampleRate, 1, Math.floor(0xffffffff / (2 * channels)));
  checkInteger("data size", dataSize, 0, Number.MAX_SAFE_INTEGER - 0xffff);
  const headerSize = wavRecordingHeaderSize(channels);
  const header = new Uint8Array(headerSize);
  const view = new DataView(header.buffer);
  const riffSize = headerSize - 8 + dataSize;
  const isLarge = riffSize >= UNKNOWN_SIZE;
  putText(view, 0, isLarge ? "RF64" : "RIFF");
  view.setUint32(4, isLarge ? UNKNOWN_SIZE : riffSize, true);
  putText(view, 8, "WAVE");
  putText(view, 12, isLarge ? "ds64" : "JUNK");
  view.setUint32(16, SIZES_SIZE, true);
  if (isLarge) {
    view.setBigUint64(20, BigInt(riffSize), true);
    view.setBigUint64(28, BigInt(dataSize), true);
    view.setBigUint64(36, BigInt(Math.floor(dataSize / (2 * channels))), true);
  }
  putFormat(view, 20 + SIZES_SIZE, format);
  putText(view, headerSize - 8, "data");
  view.setUint32(headerSize - 4, isLarge ? UNKNOWN_SIZE : dataSize, true);
  return header;
}

/** Bytes of the chunk `ds64` without a table: three sizes of 64 bits, and a table's length. */
const SIZES_SIZE = 28;
const UNKNOWN_SIZE = 0xffffffff;
const TAG_PCM = 1;
const TAG_EXTENSIBLE = 0xfffe;

/** KSDATAFORMAT_SUBTYPE_PCM. */
const SUBTYPE_PCM = [1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

function formatSize(channels: number): number {
  return channels > 2 ? 40 : 16;
}

function putFormat(view: DataView, at: number, { sampleRate, channels }: WavFormat): void {
  const size = formatSize(channels);
  putText(view, at, "fmt ");
  view.setUint32(at + 4, size, true);
  view.setUint16(at + 8, size === 40 ? TAG_EXTENSIBLE : TAG_PCM, true);
  view.setUint16(at + 10, channels, true);
  view.setUint32(at + 12, sampleRate, true);
  view.setUint32(at + 16, sampleRate * channels * 2, true);
  view.setUint16(at + 20, channels * 2, true);
  view.setUint16(at + 22, 16, true);
  if (size !== 40) return;
  view.setUint16(at + 24, 22, true);
  view.setUint16(at + 26, 16, true);
  SUBTYPE_PCM.forEach((byte, i) => view.setUint8(at + 32 + i, byte));
}

function putText(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) view.setUint8(at + i, text.charCodeAt(i));
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot write WAV header: the ${name} is ${value}, want an integer from ${min} to ${max}`,
  );
}
