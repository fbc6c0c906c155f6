/**
 * From opened packets to the frames of each user.
 *
 * UDP overtakes TCP: audio may come before the message that says whose SSRC it is, or before
 * the one that brings the key of its end-to-end encryption. Such frames are held for two
 * seconds and handed out in order once user and key are known. What is held in vain is counted.
 *
 * Nothing is copied for a frame that is handed out at once (`take`): it is borrowed. What waits,
 * here or for `pull`, is a copy.
 *
 * @module
 */

import type { EndToEnd, OpenFrameFault } from "./end_to_end.ts";
import { PacketPool, type PacketSlot } from "./packet_pool.ts";
import { copyFrame, type ReceivedFrame } from "./received_frame.ts";
import type { RtpHeader } from "./rtp_header.ts";
import { HEARD_USER_LIMIT } from "./streams.ts";

/** Milliseconds for which a frame of an unknown SSRC is held. */
export const HOLD_TIME = 2000;

/** Most frames that are held for all unknown SSRCs and keys together. */
export const HOLD_LIMIT = 400;

/** Most frames that wait to be pulled; the oldest give way. */
export const READY_LIMIT = 1000;

/** What opens the frames of a call that is end-to-end encrypted. */
export type FrameOpening = Pick<EndToEnd, "open" | "openFault" | "keyCount">;

/** Why a frame of a known user was not handed out; `empty`: there was nothing inside. */
export type UndecryptableReason = OpenFrameFault | "empty";

/** Frames that could not be decrypted, by reason. */
export type UndecryptableCounters = Readonly<Partial<Record<UndecryptableReason, number>>>;

/** What became of one user's frames. */
export interface UserFrames {
  /** Frames that wait for a key. */
  readonly held: number;
  /** Frames that could not be decrypted and were dropped, by reason. */
  readonly undecryptable: UndecryptableCounters;
}

/** Faults that a key which is yet to come may mend. */
const CURABLE: readonly UndecryptableReason[] = ["no-key", "bad-tag"];

interface HeldFrame {
  readonly frame: Omit<ReceivedFrame, "userId">;
  /** Whose it was when it could not be opened, where that was known. */
  readonly userId: string | undefined;
  /** Why it was not opened, where its user is known. */
  readonly fault: UndecryptableReason | undefined;
  /** Keys that were known then. */
  readonly keyCount: number;
}

/** Sorts opened packets by user. */
export class Receiver {
  readonly #userOf: (ssrc: number) => string | undefined;
  readonly #opening: () => FrameOpening | undefined;
  readonly #undecryptable: Partial<Record<UndecryptableReason, number>> = {};
  readonly #undecryptableBy = new Map<string, Partial<Record<UndecryptableReason, number>>>();
  readonly #ready: ReceivedFrame[] = [];
  readonly #pool = new PacketPool();
  #held: HeldFrame[] = [];
  #fault: UndecryptableReason | undefined;
  #expired = 0;
  #overflowed = 0;

  /**
   * Starts with nothing held.
   *
   * @param userOf Finds the user of an SSRC.
   * @param opening What opens frames now; `undefined` in a call without end-to-end encryption.
   */
  constructor(
    userOf: (ssrc: number) => string | undefined,
    opening: () => FrameOpening | undefined = () => undefined,
  ) {
    this.#userOf = userOf;
    this.#opening = opening;
  }

  /** Frames that wait for a user or a key to become known. */
  get held(): number {
    return this.#held.length;
  }

  /** Frames that were held for an unknown user in vain and dropped. */
  get expired(): number {
    return this.#expired;
  }

  /** Frames of known users that could not be decrypted and were dropped, by reason. */
  get undecryptable(): UndecryptableCounters {
    return { ...this.#undecryptable };
  }

  /** What became of a user's frames; it outlives the user. */
  framesOf(userId: string): UserFrames {
    const held = this.#held.filter((held) => held.userId === userId).length;
    return { held, undecryptable: { ...this.#undecryptableBy.get(userId) } };
  }

  /** Frames that nobody pulled in time. */
  get overflowed(): number {
    return this.#overflowed;
  }

  /**
   * Takes an opened packet; `pull` has its frame.
   *
   * @param header Its RTP header.
   * @param opus Its payload; copied.
   * @param now Monotonic milliseconds.
   */
  push(header: Readonly<RtpHeader>, opus: Uint8Array, now: number): void {
    const slot = this.#pool.take(opus.length);
    const frame = this.take(header, this.#userOf(header.ssrc), opus, now, slot);
    if (frame !== undefined) this.#hand(copyFrame(frame));
    this.#pool.give(slot);
  }

  /**
   * Takes an opened packet, and hands its frame out where it is the next one; else `pull` has
   * it, perhaps.
   *
   * @param header Its RTP header.
   * @param userId Whose its SSRC is, where that is known.
   * @param opus Its payload; copied where it must wait.
   * @param now Monotonic milliseconds.
   * @param slot Where the frame is put; its buffers are as large as the payload.
   * @returns The frame, borrowed until the slot is given back.
   */
  take(
    header: Readonly<RtpHeader>,
    userId: string | undefined,
    opus: Uint8Array,
    now: number,
    slot: PacketSlot,
  ): ReceivedFrame | undefined {
    if (this.#held.length > 0) this.release(now);
    if (!this.#open(userId, opus, now, slot)) {
      this.#hold(header, opus, now, userId);
      return undefined;
    }
    slot.ssrc = header.ssrc;
    slot.sequence = header.sequence;
    slot.timestamp = header.timestamp;
    slot.at = now;
    if (this.#ready.length === 0) return slot;
    this.#hand(copyFrame(slot));
    return undefined;
  }

  /**
   * Users or keys have become known: hands out what was held for them.
   *
   * @param now Monotonic milliseconds.
   */
  release(now: number): void {
    this.#expire(now);
    const keyCount = this.#opening()?.keyCount ?? 0;
    this.#held = this.#held.flatMap((held) => {
      const isHopeless = held.fault !== undefined && held.keyCount === keyCount;
      return isHopeless ? [held] : this.#deliver(held.frame, now) ?? [];
    });
  }

  /** The voice server is another one, and so are its SSRCs: what is held is dropped. */
  clear(): void {
    for (const held of this.#held) this.#drop(held);
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

  /** Puts user and frame into the slot, or says in `#fault` why not: nothing for no user. */
  #open(userId: string | undefined, opus: Uint8Array, now: number, slot: PacketSlot): boolean {
    this.#fault = undefined;
    if (userId === undefined) return false;
    const opening = this.#opening();
    slot.userId = userId;
    slot.opus = opus;
    if (opening === undefined) return true;
    const size = opening.open(userId, opus, slot.frame.bytes, now);
    if (size > 0) slot.opus = slot.frame.view(size);
    else this.#fault = size === 0 ? "empty" : opening.openFault;
    return size > 0;
  }

  #hold(
    { ssrc, sequence, timestamp }: Readonly<RtpHeader>,
    opus: Uint8Array,
    at: number,
    userId: string | undefined,
  ): void {
    const held = this.#refused({ ssrc, sequence, timestamp, at, opus: opus.slice() }, userId);
    if (held === undefined) return;
    this.#held.push(held);
    this.#expire(at);
  }

  /** Hands a frame that was held out, or says that it must be held still. */
  #deliver(frame: HeldFrame["frame"], now: number): HeldFrame | undefined {
    const userId = this.#userOf(frame.ssrc);
    const slot = this.#pool.take(frame.opus.length);
    const isOpen = this.#open(userId, frame.opus, now, slot);
    if (isOpen) this.#hand({ ...frame, userId: slot.userId, opus: slot.opus.slice() });
    this.#pool.give(slot);
    return isOpen ? undefined : this.#refused(frame, userId);
  }

  /** What is to be kept of a frame that was not opened; one that is beyond help is dropped. */
  #refused(frame: HeldFrame["frame"], userId: string | undefined): HeldFrame | undefined {
    const fault = this.#fault;
    const keyCount = fault === undefined ? 0 : this.#opening()?.keyCount ?? 0;
    const held = { frame, userId, fault, keyCount };
    return fault === undefined || CURABLE.includes(fault) ? held : this.#drop(held);
  }

  #hand(frame: ReceivedFrame): undefined {
    if (this.#ready.length >= READY_LIMIT) {
      this.#ready.shift();
      this.#overflowed++;
    }
    this.#ready.push(frame);
  }

  #drop({ fault, userId }: HeldFrame): undefined {
    if (fault === undefined || userId === undefined) {
      this.#expired++;
      return;
    }
    count(this.#undecryptable, fault);
    const counters = this.#undecryptableBy.get(userId) ?? {};
    count(counters, fault);
    this.#undecryptableBy.set(userId, counters);
    if (this.#undecryptableBy.size <= HEARD_USER_LIMIT) return;
    const [oldest] = this.#undecryptableBy.keys();
    this.#undecryptableBy.delete(oldest);
  }

  #expire(now: number): void {
    const surplus = this.#held.length - HOLD_LIMIT;
    this.#held = this.#held.filter((held, index) => {
      const isKept = index >= surplus && now - held.frame.at <= HOLD_TIME;
      if (!isKept) this.#drop(held);
      return isKept;
    });
  }
}

function count<R extends string>(counters: Partial<Record<R, number>>, reason: R): void {
  counters[reason] = (counters[reason] ?? 0) + 1;
}
