/**
 * What stands between `createOpus` and a library that does the work: one interface, so that all
 * that is checked and promised is so in one place (`checked_codec.ts`).
 *
 * @module
 */

import type { OpusCodecOptions } from "../opus_codec.ts";

/** No packet has more bytes: 48 frames of 1275 fit, whatever padding is beside them. */
export const MAX_PACKET_SIZE = 65536;

/** The options of a codec, all of them and in range. */
export type OpusSettings = Required<Omit<OpusCodecOptions, "implementation">>;

/** A library that has been loaded. */
export interface OpusLibrary {
  /** Name and version, its own and those of libopus. */
  readonly name: string;
  /** The frames that its encoder takes, in samples per channel. */
  readonly encodedDurations: readonly number[];

  /**
   * Makes an encoder and a decoder.
   *
   * @param settings What they are to be like.
   * @returns Both.
   * @throws where no memory is left, whatever the library throws.
   */
  open(settings: OpusSettings): Promise<OpusEngine>;
}

/** An encoder and a decoder whose arguments were checked before. */
export interface OpusEngine {
  /**
   * Encodes one frame.
   *
   * @param pcm Interleaved samples.
   * @param duration How many there are per channel, one of `encodedDurations`.
   * @param capacity The most bytes that the packet may have.
   * @param into Memory of at least so many bytes; left out, it is fresh.
   * @returns The packet.
   * @throws {Error} where libopus fails.
   */
  encode(
    pcm: Int16Array,
    duration: number,
    capacity: number,
    into: Uint8Array | undefined,
  ): Uint8Array;

  /**
   * Decodes one packet.
   *
   * @param packet A packet with a valid table of contents and at most `MAX_PACKET_SIZE` bytes.
   * @param size Samples of all channels that it holds.
   * @param into Memory for at least so many; left out, it is fresh.
   * @returns The samples.
   * @throws {SyntaxError} where libopus refuses the packet.
   */
  decode(packet: Uint8Array, size: number, into: Int16Array | undefined): Int16Array;

  /**
   * Conceals a loss.
   *
   * @param samples Samples per channel, a multiple of 120 up to 5760.
   * @returns Samples of all channels.
   */
  conceal(samples: number): Int16Array;

  /**
   * Decodes FEC.
   *
   * @param packet A packet that has it.
   * @param samples Samples per channel, no fewer than those of one of its frames.
   * @returns Samples of all channels; `undefined` where the library cannot read FEC.
   */
  decodeFec(packet: Uint8Array, samples: number): Int16Array | undefined;

  /** Frees the memory; called once. */
  free(): void;
}

/**
 * An error about a packet that libopus refuses.
 *
 * @param reason What it says.
 * @returns The error.
 */
export function refused(reason: string): SyntaxError {
  return new SyntaxError(`Cannot decode Opus packet: libopus says ${reason}`);
}

/**
 * An error about a frame that libopus does not encode.
 *
 * @param reason What it says.
 * @returns The error.
 */
export function notEncoded(reason: string): Error {
  return new Error(`Cannot encode Opus: libopus says ${reason}`);
}
