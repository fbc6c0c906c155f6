/**
 * What a recording needs of a call. A `VoiceConnection` is such a call.
 *
 * @module
 */

import type { PlacedPacket } from "../../lib/audio/opus_track.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";

/** A call that can be recorded. */
export interface RecordableCall {
  /** Where the clock of the call stands: samples of 48 kHz since its start. */
  readonly position: number;

  /** Who speaks: a speaker for each user, and another one where the user has left and come back. */
  speakers(): ReadableStream<RecordableSpeaker>;
}

/** One user's voice, in order and on the clock of the call. */
export interface RecordableSpeaker {
  /** Who speaks. */
  readonly userId: string;
  /** What came so far, and what did not. */
  readonly stats: Reception;

  /** The voice, decoded; pauses are left out. */
  pcm(): ReadableStream<PcmFrame>;

  /** The voice as it came, lost packets told; pauses are left out. */
  packets(): ReadableStream<PlacedPacket>;
}

/** Counts of a speaker's packets. */
export interface Reception {
  /** Packets that came. */
  readonly received: number;
  /** Packets that never came, or too late. */
  readonly lost: number;
  /** Packets that could not be decoded. */
  readonly undecodable: number;
}
