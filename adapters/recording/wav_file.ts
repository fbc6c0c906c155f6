/**
 * A WAV file that grows: samples at places of the caller's choice, silence in between.
 *
 * The last second is kept in memory and written at once. The header is then written anew, so that
 * the file of a process that died is whole up to there.
 *
 * @module
 */

import { SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import { wavRecordingHeader, wavRecordingHeaderSize } from "../../lib/audio/wav_recording.ts";
import type { Disk } from "./disk.ts";

/** What a file needs of a disk. */
export type WavDisk = Pick<Disk, "create" | "write" | "resize">;

/** 16-bit PCM at 48 kHz in a file. Positions and lengths are samples per channel. */
export class WavFile {
  /** Where the file is. */
  readonly path: string;
  /** Interleaved channels. */
  readonly channels: number;
  readonly #disk: WavDisk;
  readonly #created: Promise<void>;
  #buffer: Int16Array | undefined; // a second, while there is something in it
  #start = 0; // its place
  #used = 0; // samples in it, of all channels
  #length = 0;

  /**
   * Makes the file; an older one is replaced. Where that fails, the next `write`, `flush` or
   * `finish` does.
   */
  constructor(disk: WavDisk, path: string, channels: number) {
    this.path = path;
    this.channels = channels;
    this.#disk = disk;
    this.#created = disk.create(path);
    this.#created.catch(() => {});
  }

  /** Bytes before the first sample. */
  get headerSize(): number {
    return wavRecordingHeaderSize(this.channels);
  }

  /**
   * Writes samples.
   *
   * @param position Place of the first one; at or behind the end of what was written.
   * @param samples Interleaved samples; they are copied.
   * @returns Once there is room for more.
   * @throws What the file system says.
   */
  async write(position: number, samples: Int16Array): Promise<void> {
    await this.#created;
    const { channels } = this;
    let rest = samples;
    for (let at = position; rest.length > 0;) {
      if (this.#buffer === undefined) this.#start = at;
      const buffer = this.#buffer ??= new Int16Array(SAMPLE_RATE * channels);
      const offset = (at - this.#start) * channels;
      const piece = rest.subarray(0, Math.max(0, buffer.length - offset));
      if (piece.length === 0) {
        await this.flush();
        continue;
      }
      buffer.set(piece, offset);
      this.#used = offset + piece.length;
      rest = rest.subarray(piece.length);
      at += piece.length / channels;
    }
  }

  /**
   * Writes what is still in memory.
   *
   * @throws What the file system says.
   */
  async flush(): Promise<void> {
    await this.#created;
    const { channels } = this;
    const buffer = this.#buffer;
    if (buffer === undefined) return;
    this.#buffer = undefined;
    const samples = new Uint8Array(buffer.buffer, 0, this.#used * SAMPLE_SIZE);
    const position = this.headerSize + this.#start * channels * SAMPLE_SIZE;
    this.#length = this.#start + this.#used / channels;
    const header = this.#header();
    await this.#disk.write(this.path, samples, position);
    await this.#disk.write(this.path, header, 0);
  }

  /**
   * Completes the file.
   *
   * @param length Its length; what it lacks is silence.
   * @throws What the file system says.
   */
  async finish(length: number): Promise<void> {
    await this.flush();
    this.#length = length;
    await this.#disk.resize(
      this.path,
      this.headerSize + length * this.channels * SAMPLE_SIZE,
    );
    await this.#disk.write(this.path, this.#header(), 0);
  }

  #header(): Uint8Array {
    const { channels } = this;
    const dataSize = this.#length * channels * SAMPLE_SIZE;
    return wavRecordingHeader({ sampleRate: SAMPLE_RATE, channels }, dataSize);
  }
}

const SAMPLE_SIZE = 2;
