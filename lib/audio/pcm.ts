/**
 * Decoded sound on the clock of a call.
 *
 * @module
 */

/**
 * How samples came to be: from their own packet, from the in-band FEC of the next one, made up by
 * the decoder in place of a lost packet, or silence because nothing was sent.
 */
export type PcmOrigin = "decoded" | "fec" | "concealed" | "silence";

/** A piece of a user's voice. */
export interface PcmFrame {
  /** Whose voice it is. */
  readonly userId: string;
  /** With which SSRC it came. */
  readonly ssrc: number;
  /** Place of the first sample on the clock of the call: samples of 48 kHz since its start. */
  readonly position: number;
  /** Interleaved 16-bit samples at 48 kHz. */
  readonly samples: Int16Array;
  /** Interleaved channels. */
  readonly channels: 1 | 2;
  /** How they came to be. */
  readonly origin: PcmOrigin;
}
