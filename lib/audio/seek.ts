/**
 * Where to begin in a row of packets, for a source that begins elsewhere than at 0.
 *
 * A packet that is sent on as it is needs nothing before it: the listener's decoder has been
 * running. Who decodes from such a place begins {@linkcode SEEK_PRE_ROLL} earlier and drops
 * what comes of that (RFC 7845, section 4.6).
 *
 * @module
 */

import { SAMPLE_RATE } from "./opus_toc.ts";

/** Milliseconds after which an Opus decoder that began anywhere is as good as any. */
export const SEEK_PRE_ROLL = 80;

/** A packet with its place, as {@linkcode OggOpusDemuxer} and {@linkcode WebmOpusDemuxer} give it. */
export interface TimedPacket {
  /** Milliseconds from the start to where it begins. */
  readonly time: number;
  /** Samples per channel at 48 kHz. */
  readonly duration: number;
}

/**
 * Whether a packet has ended by a time, so that who begins there leaves it out. Nothing comes
 * before 0: a decoder wants its pre-skip.
 *
 * @param packet A packet and its place.
 * @param from Where to begin, in milliseconds.
 * @returns Whether to leave it out.
 *
 * @example Begin at 50 ms
 * ```ts
 * import { endsBefore, OPUS_SILENCE, readOggOpus, writeOggOpus } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const silence = Uint8Array.from(OPUS_SILENCE);
 * const { packets } = readOggOpus(writeOggOpus(new Array(5).fill(silence), { preSkip: 0 }));
 * const first = packets.findIndex((packet) => !endsBefore(packet, 50));
 * assertEquals(packets[first].time, 40);
 * ```
 */
export function endsBefore(packet: TimedPacket, from: number): boolean {
  return from > 0 && packet.time + packet.duration * 1000 / SAMPLE_RATE <= from;
}
