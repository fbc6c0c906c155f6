/**
 * What can be played: a source of Opus packets, or of samples that a player encodes.
 *
 * @module
 */

/** Samples of a {@linkcode PcmSource}: 48 kHz, two channels, interleaved, 16 bits. */
export const PCM_CHANNELS = 2;

/** What both kinds of source have. */
export interface Source {
  /** Length in milliseconds, where it is known beforehand. */
  readonly duration: number | undefined;
  /** Whether `open` can begin elsewhere than at 0, and more than once. */
  readonly seekable: boolean;
  /** What it is, for people: a title or a file name. */
  readonly title?: string;
}

/** Opus packets as they are. Volume does not apply to them. */
export interface OpusSource extends Source {
  /** Discriminator. */
  readonly kind: "opus";
  /**
   * Opens the source. Returning from the iterator closes what was opened.
   *
   * @param from Where to begin, in milliseconds; 0 by default.
   * @returns Opus packets in order. What is broken throws behind all that is whole.
   * @throws {RangeError} `from` is not 0 and the source is not seekable.
   */
  open(from?: number): AsyncIterable<Uint8Array>;
}

/** Samples at 48 kHz, two channels, interleaved, 16 bits. A player encodes them. */
export interface PcmSource extends Source {
  /** Discriminator. */
  readonly kind: "pcm";
  /**
   * Opens the source. Returning from the iterator closes what was opened.
   *
   * @param from Where to begin, in milliseconds; 0 by default.
   * @returns Samples in pieces of any length. What is broken throws behind all that is whole.
   * @throws {RangeError} `from` is not 0 and the source is not seekable.
   */
  open(from?: number): AsyncIterable<Int16Array>;
}

/** What can be played. */
export type AudioSource = OpusSource | PcmSource;
