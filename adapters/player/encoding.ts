/**
 * From samples to Opus packets: volume, frames of 20 ms, one encoder for all that a player plays.
 *
 * @module
 */

import { Gain } from "../../lib/audio/gain.ts";
import { PcmFramer } from "../../lib/audio/pcm_framer.ts";
import { createOpus, type OpusCodec } from "../opus.ts";
import { PCM_CHANNELS } from "../sources/audio_source.ts";

/** Samples of a frame of 20 ms. */
const FRAME_SIZE = 960 * PCM_CHANNELS;

const SAMPLES_PER_MS = 48;

/** Greatest volume: 20 dB. */
const MAX_VOLUME = 10;

/** How a player encodes. */
export interface EncodingOptions {
  /** Bits per second that the encoder aims at, 500 to 512000; 128000 by default. */
  readonly bitrate?: number;
  /** Volume of what is encoded, 0 to 10; 1 by default, which is as it is. */
  readonly volume?: number;
}

/** Encodes for one player. */
export class Encoding {
  readonly #bitrate: number;
  readonly #gain: Gain;
  #volume: number;
  #codec: Promise<OpusCodec> | undefined;
  #isDisposed = false;
  /** What did not fill a frame, where the next source is to go on with it. */
  #rest: PcmFramer | undefined;

  /** @throws {RangeError} The volume is out of range. */
  constructor({ bitrate = 128_000, volume = 1 }: EncodingOptions) {
    this.#bitrate = bitrate;
    this.#volume = checkedVolume(volume);
    this.#gain = new Gain(volume, PCM_CHANNELS);
  }

  /** The volume, or that at the end of a fade. */
  get volume(): number {
    return this.#volume;
  }

  /** See `AudioPlayer.fadeTo`. */
  fadeTo(volume: number, duration: number): void {
    if (!(duration >= 0 && duration < Infinity)) {
      throw new RangeError(`Cannot fade within ${duration} ms: want a number from 0 on`);
    }
    this.#volume = checkedVolume(volume);
    this.#gain.fadeTo(volume, Math.round(duration * SAMPLES_PER_MS));
  }

  /**
   * Encodes a source.
   *
   * @param source Samples in pieces of any length.
   * @param isFollowed Whether more samples follow at once, so that the last frame need not be
   * filled up with silence.
   */
  async *encode(
    source: AsyncIterable<Int16Array>,
    isFollowed: () => boolean,
  ): AsyncGenerator<Uint8Array, void> {
    const framer = this.#rest ?? new PcmFramer(FRAME_SIZE);
    this.#rest = undefined;
    const codec = await (this.#codec ??= this.#createCodec());
    for await (const samples of source) {
      for (const frame of framer.push(samples)) yield this.#encodeFrame(codec, frame);
    }
    if (isFollowed()) {
      this.#rest = framer;
      return;
    }
    const last = framer.end();
    if (last !== undefined) yield this.#encodeFrame(codec, last);
  }

  /** Frees the encoder. */
  dispose(): void {
    this.#isDisposed = true;
    this.#codec?.then((codec) => codec.delete(), () => {});
  }

  async #createCodec(): Promise<OpusCodec> {
    const codec = await createOpus({ channels: PCM_CHANNELS, bitrate: this.#bitrate });
    if (this.#isDisposed) codec.delete();
    return codec;
  }

  #encodeFrame(codec: OpusCodec, frame: Int16Array): Uint8Array {
    this.#gain.apply(frame);
    return codec.encode(frame);
  }
}

function checkedVolume(volume: number): number {
  if (volume >= 0 && volume <= MAX_VOLUME) return volume;
  throw new RangeError(`Cannot set volume ${volume}: want a number from 0 to ${MAX_VOLUME}`);
}
