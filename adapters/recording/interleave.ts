/**
 * Mono WAV files into one of as many channels.
 *
 * @module
 */

import { wavRecordingHeaderSize } from "../../lib/audio/wav_recording.ts";
import type { Disk } from "./disk.ts";
import type { WavFile } from "./wav_file.ts";

/** Samples of all channels that are in memory at a time. */
const BLOCK = 1 << 20;

/**
 * Interleaves files of 16-bit samples with headers of `wavRecordingHeader`.
 *
 * @param disk Where they are.
 * @param parts Their paths, in the order of channels.
 * @param target Where to, a file of as many channels.
 * @param length Samples per channel.
 * @throws What the file system says.
 */
export async function interleave(
  disk: Disk,
  parts: readonly string[],
  target: WavFile,
  length: number,
): Promise<void> {
  const { channels } = target;
  const size = Math.max(1, Math.floor(BLOCK / channels));
  for (let at = 0; at < length && parts.length > 0; at += size) {
    const count = Math.min(size, length - at);
    const part = new Int16Array(count);
    const block = new Int16Array(count * channels);
    for (const [channel, path] of parts.entries()) {
      const position = wavRecordingHeaderSize(1) + at * part.BYTES_PER_ELEMENT;
      await disk.read(path, new Uint8Array(part.buffer), position);
      for (let i = 0; i < count; i++) block[i * channels + channel] = part[i]!;
    }
    await target.write(at, block);
  }
  await target.finish(length);
}
