/**
 * The decoded sound of all users, for who listens to `audioFrame`.
 *
 * @module
 */

import type { PcmFrame } from "../../lib/audio/pcm.ts";
import type { PlayoutStats } from "../../lib/audio/playout.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import { guarded } from "../listeners.ts";
import { Voice } from "./voice.ts";

/** A voice for each user that is heard. */
export class AudioFrames {
  readonly #start: number;
  readonly #emit: (frame: PcmFrame) => void;
  readonly #voices = new Map<string, Voice>();

  /**
   * Starts without voices.
   *
   * @param start When position 0 of the call is, in monotonic milliseconds.
   * @param emit Is given each piece in its time.
   */
  constructor(start: number, emit: (frame: PcmFrame) => void) {
    this.#start = start;
    this.#emit = emit;
  }

  /** Counters of a user's voice, where it is heard. */
  statsOf(userId: string): PlayoutStats | undefined {
    return this.#voices.get(userId)?.stats;
  }

  /** Hands a frame to its user's voice. */
  push(frame: ReceivedFrame): void {
    let voice = this.#voices.get(frame.userId);
    if (voice === undefined) this.#voices.set(frame.userId, voice = this.#open(frame.userId));
    voice.push(frame);
  }

  /** A user has left. */
  remove(userId: string): void {
    this.#voices.get(userId)?.end();
    this.#voices.delete(userId);
  }

  /** Ends all voices. */
  end(): void {
    for (const voice of this.#voices.values()) voice.end();
    this.#voices.clear();
  }

  #open(userId: string): Voice {
    return new Voice({
      userId,
      start: this.#start,
      emit: this.#emit,
      // Nobody waits for what cannot be decoded: it is thrown where the runtime reports it.
      done: (failure) =>
        guarded(() => {
          if (failure !== undefined) throw failure.error;
        }),
    });
  }
}
