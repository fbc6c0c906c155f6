/**
 * A user's decoded voice as a part of something that is written.
 *
 * @module
 */

import type { PcmFrame } from "../../lib/audio/pcm.ts";
import { TrackAssembler } from "../../lib/audio/track_assembler.ts";
import type { Track } from "./track.ts";

/** Takes samples, each of its own place; places of one track ascend. */
export interface SampleSink {
  /** Interleaved channels: 1 or 2. */
  readonly channels: number;
  /** Samples per channel that it left out since they came too late for it. */
  readonly late?: number;

  /** Writes interleaved samples, and copies them. */
  write(position: number, samples: Int16Array): Promise<void>;

  /** Writes what is still in memory. */
  flush(): Promise<void>;

  /** Completes it, with a length. */
  finish(length: number): Promise<void>;
}

/** Puts decoded frames where they belong. */
export class PcmTrack implements Track<PcmFrame> {
  readonly #sink: SampleSink;
  readonly #assembler = new TrackAssembler();
  #spoken = 0;
  #concealed = 0;
  #peak = 0;

  /** Starts with nothing written. */
  constructor(sink: SampleSink) {
    this.#sink = sink;
  }

  get length(): number {
    return this.#assembler.length;
  }

  get spoken(): number {
    return this.#spoken;
  }

  get concealed(): number {
    return this.#concealed;
  }

  get late(): number {
    return this.#assembler.late + (this.#sink.late ?? 0);
  }

  async write(frame: PcmFrame, position: number, limit: number): Promise<void> {
    const { channels } = this.#sink;
    const duration = Math.floor(frame.samples.length / frame.channels);
    const { skip, take } = this.#assembler.place(Math.round(position), duration, limit);
    if (take === 0) return;
    this.#note(frame, take);
    const samples = withChannels(frame, channels).subarray(skip * channels);
    await this.#sink.write(this.length - take, samples.subarray(0, take * channels));
  }

  flush(): Promise<void> {
    return this.#sink.flush();
  }

  finish(length: number): Promise<void> {
    return this.#sink.finish(length);
  }

  takePeak(): number {
    const peak = this.#peak;
    this.#peak = 0;
    return peak / 0x8000;
  }

  #note({ origin, samples }: PcmFrame, take: number): void {
    if (origin !== "silence") this.#spoken += take;
    if (origin === "concealed" || origin === "fec") this.#concealed++;
    for (const sample of samples) this.#peak = Math.max(this.#peak, Math.abs(sample));
  }
}

/** The same voice with one channel or with two; of stereo the mean, of mono copies. */
function withChannels({ samples, channels: given }: PcmFrame, wanted: number): Int16Array {
  if (given === wanted) return samples;
  const size = Math.floor(samples.length / given);
  const result = new Int16Array(size * wanted);
  if (given === 1) {
    for (let i = 0; i < result.length; i++) result[i] = samples[i >> 1]!;
  } else {
    for (let i = 0; i < size; i++) result[i] = (samples[2 * i]! + samples[2 * i + 1]!) >> 1;
  }
  return result;
}
