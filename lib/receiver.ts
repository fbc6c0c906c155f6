/**
 * From opened packets to the frames of each user.
 *
 * UDP overtakes TCP: audio may come before the message that says whose SSRC it is.
 * Such frames are held for two seconds and handed out in order once the user is
 * known. What is held in vain is counted.
 *
 * @module
 */

import type { RtpHeader } from "./rtp_header.ts";

/** Milliseconds for which a frame of an unknown SSRC is held. */
export const HOLD_TIME = 2000;

/** Most frames that are held for all unknown SSRCs together. */
export const HOLD_LIMIT = 400;

/** Most frames that wait to be pulled; the oldest give way. */
export const READY_LIMIT = 1000;

/** An Opus frame of a user. */
export interface ReceivedFrame {
  /** Who speaks. */
  readonly userId: string;
  /** With which SSRC. */
  readonly ssrc: number;
  /** RTP sequence number, 16 bits. */
  readonly sequence: number;
  /** RTP timestamp in samples of 48 kHz, 32 bits. */
  readonly timestamp: number;
  /** When the datagram came, in monotonic milliseconds. */
  readonly at: number;
  /** The Opus packet. */
  readonly opus: Uint8Array;
}

type HeldFrame = Omit<ReceivedFrame, "userId">;

/** Sorts opened packets by user. */
export class Receiver {
  readonly #userOf: (ssrc: number) => string | undefined;
  readonly #ready: ReceivedFrame[] = [];
  #held: HeldFrame[] = [];
  #expired = 0;
  #overflowed = 0;

  /**
   * Starts with nothing held.
   *
   * @param userOf Finds the user of an SSRC.
   */
  constructor(userOf: (ssrc: number) => string | undefined) {
    this.#userOf = userOf;
  }

  /** Frames that wait for a user to become known. */
  get held(): number {
    return this.#held.length;
  }

  /** Frames that were held in vain and dropped. */
  get expired(): number {
    return this.#expired;
  }

  /** Frames that nobody pulled in time. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /**
   * Takes an opened packet.
   *
   * @param header Its RTP header.
   * @param opus Its payload; copied.
   * @param now Monotonic milliseconds.
   */
  push(header: Readonly<RtpHeader>, opus: Uint8Array, now: number): void {
    const { ssrc, sequence, timestamp } = header;
    const frame = { ssrc, sequence, timestamp, at: now, opus: opus.slice() };
    if (this.#held.length > 0) this.release(now);
    if (this.#deliver(frame)) return;
    this.#held.push(frame);
    this.#expire(now);
  }

  /**
   * Users have become known: hands out what was held for them.
   *
   * @param now Monotonic milliseconds.
   */
  release(now: number): void {
    this.#expire(now);
    this.#held = this.#held.filter((frame) => !this.#deliver(frame));
  }

  /** The voice server is another one, and so are its SSRCs: what is held is dropped. */
  clear(): void {
    this.#expired += this.#held.length;
    this.#held = [];
  }

  /**
   * Takes the next frame of a known user.
   *
   * @returns The frame, or `undefined` where none is ready.
   */
  pull(): ReceivedFrame | undefined {
    return this.#ready.shift();
  }

  #deliver(frame: HeldFrame): boolean {
    const userId = this.#userOf(frame.ssrc);
    if (userId === undefined) return false;
    if (this.#ready.length >= READY_LIMIT) {
      this.#ready.shift();
      this.#overflowed++;
    }
    this.#ready.push({ ...frame, userId });
    return true;
  }

  #expire(now: number): void {
    const surplus = this.#held.length - HOLD_LIMIT;
    const kept = this.#held.filter(({ at }, index) => index >= surplus && now - at <= HOLD_TIME);
    this.#expired += this.#held.length - kept.length;
    this.#held = kept;
  }
}
