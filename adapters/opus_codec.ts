/**
 * What Sotto wants of an Opus codec. `opus.ts` makes such codecs out of two libraries; anything
 * else that does the same can take their place.
 *
 * @module
 */

import type { OpusDecoder } from "../lib/audio/opus_decoder.ts";

/** What the encoder is tuned for: speech, anything, or the shortest delay. */
export type OpusApplication = "voip" | "audio" | "lowdelay";

/** The packages that an Opus codec can be made of. */
export type OpusImplementation = "libopus-wasm" | "opusscript";

/** Options of an Opus codec. */
export interface OpusCodecOptions {
  /** Interleaved channels; default 2, which Discord wants. */
  readonly channels?: 1 | 2;
  /** What the encoder is tuned for; default `"audio"`. */
  readonly application?: OpusApplication;
  /** Bits per second that the encoder aims at, 500 to 512000; default 64000. */
  readonly bitrate?: number;
  /**
   * Whether packets also hold a copy of the sound before them (in-band FEC), out of which a
   * receiver makes good a packet that was lost; default `false`. The encoder then prefers its
   * coder for speech, the only one that can.
   */
  readonly fec?: boolean;
  /**
   * Percent of packets that the encoder expects to be lost, 0 to 100; default 10 with `fec`, else
   * 0. The more, the more it spends on FEC, and with 0 nothing.
   */
  readonly packetLoss?: number;
  /** The package to use; default `"libopus-wasm"`, or where that cannot be loaded `"opusscript"`. */
  readonly implementation?: OpusImplementation;
}

/**
 * An encoder and a decoder at 48 kHz. Both have state: one codec per stream and
 * direction, packets in order.
 */
export interface OpusCodec extends OpusDecoder, Disposable {
  /** Interleaved channels of `pcm`, given and returned. */
  readonly channels: 1 | 2;

  /** Which code does the work, with its version: `"libopus-wasm 0.4.0 (libopus 1.6.1)"`. */
  readonly implementation: string;

  /**
   * Encodes one frame.
   *
   * @param pcm Interleaved 16-bit samples: 120, 240, 480 or 960 per channel (2.5 to 20 ms), with
   * `libopus-wasm` also 1920 or 2880 (40 or 60 ms).
   * @param into Memory for the packet, at least 1276 bytes for each 20 ms begun; left out, it is
   * fresh.
   * @returns The packet: `into`'s beginning, or fresh memory.
   * @throws {RangeError} where `pcm` has another length or `into` is too small.
   * @throws {TypeError} after `delete`.
   */
  encode(pcm: Int16Array, into?: Uint8Array): Uint8Array;

  /**
   * Decodes one packet.
   *
   * @param packet An Opus packet of at most 120 ms, mono or stereo.
   * @param into Memory for the samples; left out, it is fresh.
   * @returns Interleaved 16-bit samples: `into`'s beginning, or fresh memory.
   * @throws {SyntaxError} where it is no Opus packet; the codec can go on.
   * @throws {RangeError} where `into` is too small.
   * @throws {TypeError} after `delete`.
   */
  decode(packet: Uint8Array, into?: Int16Array): Int16Array;

  /**
   * Makes up what a lost packet might have held, from what was decoded before.
   *
   * @param samples Samples per channel at 48 kHz: a multiple of 120, at most 5760.
   * @returns Interleaved 16-bit samples in fresh memory.
   * @throws {RangeError} where `samples` is another number.
   * @throws {TypeError} after `delete`.
   */
  conceal(samples: number): Int16Array;

  /**
   * Decodes what a packet says of the one before it, which was lost (in-band FEC). Afterwards
   * `packet` itself is decoded as usual. Of a longer loss the beginning is concealed.
   *
   * @param packet The packet after the lost one.
   * @param samples Samples per channel at 48 kHz that were lost: a multiple of 120, at most 5760.
   * @returns Interleaved 16-bit samples in fresh memory; `undefined`, with nothing decoded, where
   * the packet holds no FEC (`hasFec` of `./audio`), less was lost than one of its frames, or with
   * `opusscript`, which cannot read it.
   * @throws {RangeError} where `samples` is another number.
   * @throws {TypeError} after `delete`.
   */
  decodeFec(packet: Uint8Array, samples: number): Int16Array | undefined;

  /** Frees the memory of encoder and decoder. Calling it again does nothing. */
  delete(): void;

  /** The same as `delete`, for `using`. */
  [Symbol.dispose](): void;
}
