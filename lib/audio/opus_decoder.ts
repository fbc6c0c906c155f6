/**
 * What playout needs of an Opus decoder. The codecs of `./opus` are such decoders.
 *
 * @module
 */

/** A decoder at 48 kHz with state: one per stream, packets in order. */
export interface OpusDecoder {
  /** Interleaved channels of what it returns. */
  readonly channels: 1 | 2;

  /**
   * Decodes one packet.
   *
   * @param packet An Opus packet of at most 120 ms.
   * @param into Memory for the samples; left out, it is fresh.
   * @returns Interleaved 16-bit samples: `into`'s beginning, or fresh memory.
   * @throws {SyntaxError} It is no Opus packet; the decoder can go on.
   */
  decode(packet: Uint8Array, into?: Int16Array): Int16Array;

  /**
   * Makes up what a lost packet might have held, from what was decoded before.
   *
   * @param samples Samples per channel: a multiple of 120, at most 5760.
   * @returns Interleaved 16-bit samples in fresh memory.
   */
  conceal(samples: number): Int16Array;

  /**
   * Decodes what a packet says of the one before it, which was lost (in-band FEC, RFC 6716,
   * section 2.1.7). Afterwards `packet` itself is decoded as usual.
   *
   * @param packet The packet after the lost one.
   * @param samples Samples per channel that were lost: a multiple of 120, at most 5760.
   * @returns Interleaved 16-bit samples in fresh memory; `undefined` where the packet holds no
   * FEC, or the decoder cannot read it.
   */
  decodeFec(packet: Uint8Array, samples: number): Int16Array | undefined;
}
