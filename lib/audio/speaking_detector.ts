/**
 * Who speaks, told by the packets themselves. Discord's Speaking message says who may speak, not
 * when: its flags stay as they are from one sentence to the next.
 *
 * Theory of operation: a packet of sound starts a user. Clients end each talkspurt with five
 * packets of silence (`F8 FF FE`), so the fifth in a row stops the user at once; where some of
 * them were lost, or the sender fell silent without, 200 ms without a packet do. Silence never
 * starts a user: bots send it without having said anything. Only those who speak are remembered.
 *
 * @module
 */

import { isSilence } from "./opus_toc.ts";

/** Packets of silence in a row that end a talkspurt. */
export const SILENCE_RUN = 5;

/** Milliseconds without a packet that end a talkspurt. */
export const QUIET_TIME = 200;

/** Most users who speak at the same time; further ones are told once there is room. */
export const SPEAKER_LIMIT = 1024;

/** A user has started to speak, or stopped. */
export interface SpeakingChange {
  /** Discriminator. */
  readonly type: "speakingStart" | "speakingStop";
  /** Who. */
  readonly userId: string;
  /** Since when, in monotonic milliseconds. */
  readonly at: number;
}

interface Talkspurt {
  lastAt: number;
  /** Packets of silence since the last one of sound. */
  silences: number;
}

/**
 * Tells when users start and stop to speak. After each `push` and at `pollTimeout` call `poll`
 * until it gives nothing.
 *
 * @example One word
 * ```ts
 * import { OPUS_SILENCE, SpeakingDetector } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const detector = new SpeakingDetector();
 * const silence = Uint8Array.from(OPUS_SILENCE);
 * assertEquals(detector.push("7", Uint8Array.of(0x78, 1, 2), 0)?.type, "speakingStart");
 * for (const at of [20, 40, 60, 80]) assertEquals(detector.push("7", silence, at), undefined);
 * assertEquals(detector.push("7", silence, 100), { type: "speakingStop", userId: "7", at: 100 });
 * assertEquals(detector.pollTimeout(), undefined);
 * ```
 */
export class SpeakingDetector {
  /** Whose last packet is oldest comes first. */
  readonly #speaking = new Map<string, Talkspurt>();
  #now = -Infinity;

  /** Users who speak. */
  get speaking(): string[] {
    return [...this.#speaking.keys()];
  }

  /**
   * A packet came.
   *
   * @param userId Whose.
   * @param opus The Opus packet; read only during the call.
   * @param now Monotonic milliseconds; a clock that steps back is held.
   * @returns What has changed with it. Who was silent for long, and speaks again before `poll` was
   * asked, never stopped.
   */
  push(userId: string, opus: Uint8Array, now: number): SpeakingChange | undefined {
    const at = this.#advance(now);
    const talkspurt = this.#speaking.get(userId);
    const silent = isSilence(opus);
    if (talkspurt === undefined) {
      if (silent || this.#speaking.size >= SPEAKER_LIMIT) return undefined;
      this.#speaking.set(userId, { lastAt: at, silences: 0 });
      return { type: "speakingStart", userId, at };
    }
    this.#speaking.delete(userId);
    talkspurt.silences = silent ? talkspurt.silences + 1 : 0;
    if (talkspurt.silences >= SILENCE_RUN) return { type: "speakingStop", userId, at };
    talkspurt.lastAt = at;
    this.#speaking.set(userId, talkspurt);
    return undefined;
  }

  /**
   * Takes the next user who has been quiet for too long.
   *
   * @param now Monotonic milliseconds; a clock that steps back is held.
   * @returns Who has stopped, or `undefined` where nobody has.
   */
  poll(now: number): SpeakingChange | undefined {
    const time = this.#advance(now);
    const timeout = this.pollTimeout();
    if (timeout === undefined || timeout > time) return undefined;
    const [userId] = this.#speaking.keys();
    this.#speaking.delete(userId);
    return { type: "speakingStop", userId, at: timeout };
  }

  /**
   * When `poll` has something to tell.
   *
   * @returns Monotonic milliseconds, or `undefined` while nobody speaks.
   */
  pollTimeout(): number | undefined {
    for (const { lastAt } of this.#speaking.values()) return lastAt + QUIET_TIME;
    return undefined;
  }

  #advance(now: number): number {
    if (now > this.#now) this.#now = now;
    return this.#now;
  }
}
