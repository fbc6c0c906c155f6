/**
 * One speaker's voice as a WAV file on disk, written as it comes.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";
import { SAMPLE_RATE, WAV_HEADER_SIZE, wavHeader } from "@sotto/voice/audio";
import { createOpus, type OpusCodec } from "@sotto/voice/opus";

const FORMAT = { sampleRate: SAMPLE_RATE, channels: 2 };
const FRAME_SIZE = 4;
const MAX_GAP = 60 * SAMPLE_RATE;

/** Decodes packets and writes them where their timestamps say; gaps are silence. */
export class Track implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #codec: OpusCodec;
  #next: number | undefined;
  #size = 0;
  #undecodable = 0;

  private constructor(file: FileHandle, codec: OpusCodec) {
    this.#file = file;
    this.#codec = codec;
  }

  /** Creates the file; an older one is replaced. */
  static async create(path: string): Promise<Track> {
    const file = await open(path, "w");
    await file.write(wavHeader(FORMAT));
    return new Track(file, await createOpus({ channels: 2 }));
  }

  /** Packets that could not be decoded and were left out. */
  get undecodable(): number {
    return this.#undecodable;
  }

  /** Length of the track. */
  get seconds(): number {
    return this.#size / FRAME_SIZE / SAMPLE_RATE;
  }

  /** Writes a packet; one that comes too late for its place is left out. */
  async write(opus: Uint8Array, timestamp: number): Promise<void> {
    const gap = this.#next === undefined ? 0 : (timestamp - this.#next) | 0;
    if (gap < 0 && gap > -MAX_GAP) return;
    if (gap > 0 && gap <= MAX_GAP) await this.#append(new Uint8Array(gap * FRAME_SIZE));
    try {
      const pcm = this.#codec.decode(opus);
      this.#next = timestamp + pcm.length / FORMAT.channels;
      await this.#append(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#undecodable++;
    }
  }

  /** Completes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#codec.delete();
    await this.#file.write(wavHeader(FORMAT, this.#size), 0, WAV_HEADER_SIZE, 0);
    await this.#file.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#file.write(bytes);
    this.#size += bytes.length;
  }
}
