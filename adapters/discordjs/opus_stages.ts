/**
 * From samples to Opus packets and back, as steps of a resource. Samples are 48 kHz, two channels,
 * interleaved: bytes (16 bits, little endian) where a caller brings them, numbers between steps.
 *
 * @module
 */

import { PcmFramer } from "../../lib/audio/pcm_framer.ts";
import { createOpus } from "../opus.ts";
import type { OpusCodec } from "../opus_codec.ts";
import { type PcmSamples, pcmSource } from "../sources/pcm_source.ts";
import type { VolumeTransformer } from "./volume_transformer.ts";

/** Samples of a frame of 20 ms. */
const FRAME_SIZE = 1920;

const [LOWEST_BITRATE, HIGHEST_BITRATE] = [500, 512_000];

/** Encodes; the bitrate may be changed meanwhile. */
export class OpusEncoder {
  #codec: OpusCodec | undefined;
  #codecBitrate = 0;
  #bitrate = 64_000;

  /**
   * Sets the bitrate of the packets from now on.
   *
   * @param bitrate Bits per second, 500 to 512000; 64000 before.
   * @throws {RangeError} It is another number.
   */
  setBitrate(bitrate: number): void {
    if (!Number.isInteger(bitrate) || bitrate < LOWEST_BITRATE || bitrate > HIGHEST_BITRATE) {
      throw new RangeError(
        `Cannot set the bitrate to ${bitrate}: want ${LOWEST_BITRATE} to ${HIGHEST_BITRATE}`,
      );
    }
    this.#bitrate = bitrate;
  }

  /** Encodes samples in frames of 20 ms; the last one is filled up with silence. */
  async *encode(input: AsyncIterable<PcmSamples>): AsyncGenerator<Uint8Array, void> {
    const framer = new PcmFramer(FRAME_SIZE);
    try {
      for await (const samples of pcmSource(input).open()) {
        for (const frame of framer.push(samples)) yield await this.#encode(frame);
      }
      const last = framer.end();
      if (last !== undefined) yield await this.#encode(last);
    } finally {
      this.#forget();
    }
  }

  async #encode(frame: Int16Array): Promise<Uint8Array> {
    if (this.#codec === undefined || this.#codecBitrate !== this.#bitrate) {
      this.#forget();
      this.#codecBitrate = this.#bitrate;
      this.#codec = await createOpus({ bitrate: this.#codecBitrate });
    }
    return this.#codec.encode(frame);
  }

  #forget(): void {
    this.#codec?.delete();
    this.#codec = undefined;
  }
}

/** Decodes packets. */
export async function* decodeOpus(
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Int16Array, void> {
  using codec = await createOpus();
  for await (const packet of input) yield codec.decode(packet);
}

/** Makes samples louder or softer. */
export async function* changeVolume(
  input: AsyncIterable<PcmSamples>,
  volume: VolumeTransformer,
): AsyncGenerator<Int16Array, void> {
  for await (const samples of pcmSource(input).open()) {
    const changed = samples.slice();
    volume.apply(changed);
    yield changed;
  }
}
