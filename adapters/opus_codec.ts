/**
 * What Sotto wants of an Opus implementation. `opus.ts` implements it over
 * `opusscript`; anything else that does can take its place.
 *
 * @module
 */

/** What the encoder is tuned for: speech, anything, or the shortest delay. */
export type OpusApplication = "voip" | "audio" | "lowdelay";

/** Options of an Opus codec. */
export interface OpusCodecOptions {
  /** Interleaved channels; default 2, which Discord wants. */
  readonly channels?: 1 | 2;
  /** What the encoder is tuned for; default `"audio"`. */
  readonly application?: OpusApplication;
  /** Bits per second that the encoder aims at, 500 to 512000; default 64000. */
  readonly bitrate?: number;
}

/**
 * An encoder and a decoder at 48 kHz. Both have state: one codec per stream and
 * direction, packets in order.
 */
export interface OpusCodec extends Disposable {
  /** Interleaved channels of `pcm`, given and returned. */
  readonly channels: 1 | 2;

  /**
   * Encodes one frame.
   *
   * @param pcm Interleaved 16-bit samples: 120, 240, 480 or 960 per channel (2.5 to 20 ms).
   * @param into Memory for the packet, at least 1276 bytes; left out, it is fresh.
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

  /** Frees the memory of encoder and decoder. Calling it again does nothing. */
  delete(): void;

  /** The same as `delete`, for `using`. */
  [Symbol.dispose](): void;
}
