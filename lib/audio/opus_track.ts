/**
 * A voice as an unbroken row of Opus packets, without decoding any of them: the place of each on
 * the clock of the call becomes silence in between.
 *
 * - Silence is an empty CELT frame of 2.5 to 20 ms, mono or stereo as the packet before it.
 * - A lost packet becomes a frame of 0 bytes in the coding of the packet before it, which tells the
 *   player's decoder to conceal it (RFC 7845, section 4.1).
 * - A packet cannot be cut. Differences of up to 10 ms between its place and the end of the track
 *   are therefore left as they are, and even out at the next pause. A packet that is further
 *   inside of what is written is left out.
 *
 * @module
 */

import { MAX_PACKET_DURATION, packetDuration, parseToc } from "./opus_toc.ts";

/** An Opus packet on the clock of a call, or the place of one that was lost. */
export interface PlacedPacket {
  /** Place of its first sample, in samples of 48 kHz. */
  readonly position: number;
  /** Its samples at 48 kHz. */
  readonly duration: number;
  /** The packet; `undefined` where it was lost. */
  readonly opus: Uint8Array | undefined;
}

/** How far a track has grown, and what did not fit. */
export class OpusTrackAssembler {
  #length = 0;
  #late = 0;
  #misplaced = 0;
  #toc = SILENCE[0]!.toc;

  /** Length of the track, in samples of 48 kHz. */
  get length(): number {
    return this.#length;
  }

  /** Packets that were left out since their place was taken. */
  get late(): number {
    return this.#late;
  }

  /** Packets that claimed a place beyond the limit, and were put before it or left out. */
  get misplaced(): number {
    return this.#misplaced;
  }

  /**
   * Finds the place of a packet.
   *
   * @param packet The packet. What is told of its duration counts only where it was lost.
   * @param limit Length that the track may have by now, in samples of 48 kHz.
   * @returns What to write, one packet after another; the packet itself is not copied.
   * @throws {SyntaxError} It is no Opus packet; nothing is to be written.
   *
   * @example 20 ms of silence before a packet
   * ```ts
   * import { OPUS_SILENCE, OpusTrackAssembler } from "@sotto/voice/audio";
   * import { assertEquals } from "@std/assert";
   *
   * const opus = Uint8Array.of(0xfc, 0xff, 0xfe);
   * const track = new OpusTrackAssembler();
   * const packets = [...track.place({ position: 960, duration: 960, opus }, 48000)];
   * assertEquals(packets, [Uint8Array.from(OPUS_SILENCE), opus]);
   * ```
   */
  place(packet: PlacedPacket, limit: number): Iterable<Uint8Array> {
    const { opus } = packet;
    const duration = opus === undefined
      ? wholeUnits(Math.min(packet.duration, MAX_PACKET_DURATION))
      : packetDuration(opus);
    let { position } = packet;
    if (!(position + duration <= limit + TOLERANCE)) {
      this.#misplaced++;
      position = Math.max(this.#length, limit - duration);
      if (position + duration > limit + TOLERANCE) return [];
    }
    const gap = position - this.#length;
    if (-gap > Math.max(TOLERANCE, duration / 2)) {
      this.#late++;
      return [];
    }
    return this.#write(gap < TOLERANCE ? 0 : wholeUnits(gap), opus, duration);
  }

  /**
   * Lengthens the track with silence.
   *
   * @param length Length that it is to have at least, in samples of 48 kHz; it will be less than
   * 2.5 ms longer. Does nothing where it is as long already.
   * @returns What to write, one packet after another.
   */
  pad(length: number): Iterable<Uint8Array> {
    return this.#fill(wholeUnits(Math.max(0, length - this.#length) + UNIT - 1), 0xff, 0xfe);
  }

  *#write(silence: number, opus: Uint8Array | undefined, duration: number): Generator<Uint8Array> {
    yield* this.#fill(silence, 0xff, 0xfe);
    if (opus === undefined) return yield* this.#conceal(duration);
    this.#toc = opus[0]!;
    this.#length += duration;
    yield opus;
  }

  *#conceal(duration: number): Generator<Uint8Array> {
    const packet = Uint8Array.of(this.#toc & 0xfc);
    const { frameSize } = parseToc(packet);
    const end = this.#length + duration;
    for (; this.#length + frameSize <= end; this.#length += frameSize) yield packet;
    yield* this.#fill(end - this.#length);
  }

  /** Packets that last so long in all, each of one frame with these bytes. */
  *#fill(duration: number, ...frame: number[]): Generator<Uint8Array> {
    const end = this.#length + duration;
    for (const step of SILENCE) {
      const packet = Uint8Array.of(step.toc | this.#toc & STEREO, ...frame);
      for (; this.#length + step.duration <= end; this.#length += step.duration) yield packet;
    }
  }
}

const TOLERANCE = 480;
const UNIT = 120;
const STEREO = 0x04;

/** Fullband CELT, one frame (RFC 6716, table 2). */
const SILENCE: readonly { readonly duration: number; readonly toc: number }[] = [
  { duration: 960, toc: 0xf8 },
  { duration: 480, toc: 0xf0 },
  { duration: 240, toc: 0xe8 },
  { duration: 120, toc: 0xe0 },
];

function wholeUnits(samples: number): number {
  return Math.floor(samples / UNIT) * UNIT;
}
