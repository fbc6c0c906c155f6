/**
 * One speaker's voice as a WAV file on disk, written as it comes.
 *
 * @module
 */

import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { SAMPLE_RATE, WAV_HEADER_SIZE, wavHeader } from "@sotto/voice/audio";
import type { ReceivedFrame } from "@sotto/voice";
import { createOpus, type OpusCodec } from "@sotto/voice/opus";

const FORMAT = { sampleRate: SAMPLE_RATE, channels: 2 };
const FRAME_SIZE = 4;
const JITTER = SAMPLE_RATE;
const RESTART_GAP = 60 * SAMPLE_RATE;

/** Decodes packets and writes them where their timestamps say; gaps are silence. */
export class Track {
  /** Path of the file. */
  readonly file: string;
  readonly #handle: FileHandle;
  readonly #codec: OpusCodec;
  #next: number | undefined;
  #lastAt = 0;
  #size = 0;
  #packetsReceived = 0;
  #undecodable = 0;

  private constructor(file: string, handle: FileHandle, codec: OpusCodec) {
    this.file = file;
    this.#handle = handle;
    this.#codec = codec;
  }

  /** Creates the file, and its folder; an older one is replaced. */
  static async create(file: string): Promise<Track> {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, "w");
    await handle.write(wavHeader(FORMAT));
    return new Track(file, handle, await createOpus({ channels: 2 }));
  }

  /** Packets that came. */
  get packetsReceived(): number {
    return this.#packetsReceived;
  }

  /** Packets that could not be decoded and were left out. */
  get undecodable(): number {
    return this.#undecodable;
  }

  /** Length of the track. */
  get seconds(): number {
    return this.#size / FRAME_SIZE / SAMPLE_RATE;
  }

  /** The speaker begins anew: the next timestamp says nothing of the gap before it. */
  restart(): void {
    this.#next = undefined;
  }

  /** Writes a packet; one that comes too late for its place is left out. */
  async write({ opus, timestamp, at }: ReceivedFrame): Promise<void> {
    this.#packetsReceived++;
    const gap = this.#next === undefined ? 0 : (timestamp - this.#next) | 0;
    if (gap < 0 && gap > -RESTART_GAP) return;
    // A timestamp may be anything; no gap is longer than the time that has really passed.
    const passed = Math.round((at - this.#lastAt) / 1000 * SAMPLE_RATE) + JITTER;
    if (gap > 0) await this.#append(new Uint8Array(Math.min(gap, passed) * FRAME_SIZE));
    this.#lastAt = at;
    const pcm = this.#decode(opus);
    if (pcm === undefined) return;
    this.#next = timestamp + pcm.length / FORMAT.channels;
    await this.#append(new Uint8Array(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  }

  /** Completes the file. */
  async close(): Promise<void> {
    this.#codec.delete();
    await this.#handle.write(wavHeader(FORMAT, this.#size), 0, WAV_HEADER_SIZE, 0);
    await this.#handle.close();
  }

  #decode(opus: Uint8Array): Int16Array | undefined {
    try {
      return this.#codec.decode(opus);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#undecodable++;
      return undefined;
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    await this.#handle.write(bytes);
    this.#size += bytes.length;
  }
}
