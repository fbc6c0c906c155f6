/**
 * The keys of the media: one sealer for our own frames, and an opener for each other member.
 *
 * Openers learn a new epoch as soon as it is known, the sealer when the transition to it is
 * executed. A member who has left, or a group that was given up, is heard for as long as an
 * older epoch is: frames may still be under way. So long others may hear us, too, by the key of
 * a group that was given up.
 *
 * Whoever is alone in the call seals with the key of a group of one: nobody can open that, and
 * nobody need.
 *
 * @module
 */

import {
  type FrameAeadProvider,
  type FrameCodec,
  type FrameFault,
  type FrameForm,
  type FrameMedia,
  FrameOpener,
  FrameSealer,
  type FrameSealerOptions,
  RATCHET_OVERLAP,
  type SealFault,
} from "./frames/mod.ts";
import { encodeRemaining, takeUntil } from "./frames/opener_state.ts";
import { concat } from "./mls/bytes.ts";
import { optional, type Reader, u64, vector } from "./mls/codec.ts";
import {
  encodeSecret,
  encodeSendRatchet,
  takeSecret,
  takeSendRatchet,
  takeUser,
} from "./session_state.ts";
import { encodeId } from "./user_id.ts";

interface Sender {
  readonly opener: FrameOpener;
  /** The last millisecond in which it is heard. */
  until: number;
}

/** Seals our frames and opens those of others. */
export class MediaKeys {
  readonly #sealer: FrameSealer;
  /** Has the key of a group of one. */
  readonly #solo: FrameSealer;
  readonly #provider: FrameAeadProvider | undefined;
  readonly #senders = new Map<string, Sender>();
  /** For those of whom no key is known: silence, and plaintext while it is let through. */
  #keyless: FrameOpener;
  #last: FrameOpener;
  #passthroughUntil = -Infinity;
  /** Epoch of the sealer's ratchet, while its group lives. */
  #sealedEpoch: bigint | undefined;
  /** The last millisecond of the sealer's ratchet. */
  #sealUntil = Infinity;
  /** When the last opener or older ratchet of one has ended. */
  #dueAt = Infinity;

  /**
   * Starts without keys; plaintext is refused and not sent.
   *
   * @param options How frames are sealed.
   */
  constructor(options: FrameSealerOptions) {
    this.#sealer = new FrameSealer(options);
    this.#solo = new FrameSealer(options);
    this.#provider = options.aead;
    this.#keyless = new FrameOpener(options.aead);
    this.#last = this.#keyless;
  }

  /**
   * Reads what `encode` wrote.
   *
   * @param reader Stands before it.
   * @param options How frames are sealed.
   * @param now Monotonic milliseconds.
   * @throws {RangeError} The state is none.
   */
  static take(reader: Reader, options: FrameSealerOptions, now: number): MediaKeys {
    const keys = new MediaKeys(options);
    const { aead } = options;
    for (const sealer of [keys.#sealer, keys.#solo]) {
      const state = takeSendRatchet(reader);
      if (state !== undefined) sealer.restore(state);
    }
    keys.#sealer.setPassthrough(reader.u8() === 1);
    keys.#sealedEpoch = reader.optional((item) => item.u64());
    keys.#sealUntil = takeUntil(reader, now);
    keys.#passthroughUntil = takeUntil(reader, now);
    keys.#keyless = FrameOpener.restore(takeSecret(reader), now, aead);
    keys.#last = keys.#keyless;
    reader.list((item) => {
      const [userId, until] = [takeUser(item), takeUntil(item, now)];
      const opener = FrameOpener.restore(takeSecret(item), now, aead);
      keys.#senders.set(userId, { opener, until });
    });
    keys.#dueAt = now + RATCHET_OVERLAP + 1;
    return keys;
  }

  /** Why the last `sealFrame` returned -1. */
  get sealFault(): SealFault {
    return this.#sealer.fault;
  }

  /**
   * Tells whether frames can be sent.
   *
   * @param alone Whether nobody else is in the call.
   */
  ready(alone: boolean): boolean {
    const { ready, passthrough } = this.#sealerFor(alone);
    return ready || passthrough;
  }

  /** Whether frames are sent as they are. */
  get sendsPlain(): boolean {
    return this.#sealer.passthrough;
  }

  /** When `expire` has something to do. */
  get dueAt(): number | undefined {
    const next = Math.min(this.#dueAt, this.#sealUntil + 1);
    return next === Infinity ? undefined : next;
  }

  /** Why the last `open` returned -1. */
  get fault(): FrameFault {
    return this.#last.fault;
  }

  /** What the last frame was that `open` accepted. */
  get form(): FrameForm {
    return this.#last.form;
  }

  /** Users of whom a key is kept. */
  get senderCount(): number {
    return this.#senders.size;
  }

  /**
   * A new epoch is known: frames of its other members can be opened.
   *
   * @param members Each other member with the base secret of its frames, which is erased.
   * @param now Monotonic milliseconds.
   */
  learn(members: Iterable<readonly [userId: string, secret: Uint8Array]>, now: number): void {
    this.expire(now);
    this.retire(now);
    for (const [userId, secret] of members) {
      const sender = this.#senders.get(userId) ?? this.#meet(userId, now);
      sender.until = Infinity;
      sender.opener.addRatchet(secret, now);
      secret.fill(0);
    }
  }

  /**
   * A group of one was founded.
   *
   * @param secret Base secret of our frames in it; erased.
   */
  found(secret: Uint8Array): void {
    this.#solo.setRatchet(secret);
    secret.fill(0);
  }

  /**
   * Goes on sealing with a newer epoch; an older one is left aside.
   *
   * @param epoch The epoch.
   * @param secret Base secret of our frames; erased.
   */
  seal(epoch: bigint, secret: Uint8Array): void {
    if (this.#sealedEpoch === undefined || epoch > this.#sealedEpoch) {
      this.#sealer.setRatchet(secret);
      this.#sealedEpoch = epoch;
      this.#sealUntil = Infinity;
      this.#solo.erase();
    }
    secret.fill(0);
  }

  /** Seals no more. */
  stopSealing(): void {
    this.#sealer.erase();
    this.#solo.erase();
    this.#sealedEpoch = undefined;
    this.#sealUntil = Infinity;
  }

  /**
   * The group was given up: others hear us by its key for as long as by one of an older epoch.
   *
   * @param now Monotonic milliseconds.
   */
  retireSealer(now: number): void {
    this.#solo.erase();
    this.#sealedEpoch = undefined;
    if (this.#sealer.ready) this.#sealUntil = Math.min(this.#sealUntil, now + RATCHET_OVERLAP);
  }

  /** Sends frames as they are, or stops it. */
  sendPlain(on: boolean): void {
    this.#sealer.setPassthrough(on);
  }

  /**
   * Lets plaintext of others through, or stops it.
   *
   * @param on Whether to.
   * @param now Monotonic milliseconds.
   * @param expiry Where `on` is `false`: milliseconds until it stops, unless it did before.
   */
  acceptPlain(on: boolean, now: number, expiry: number = RATCHET_OVERLAP): void {
    this.#passthroughUntil = on ? Infinity : Math.min(this.#passthroughUntil, now + expiry);
    this.#keyless.setPassthrough(on, now, expiry);
    for (const { opener } of this.#senders.values()) opener.setPassthrough(on, now, expiry);
  }

  /**
   * Nobody is heard any longer than frames of an older epoch may take.
   *
   * @param now Monotonic milliseconds.
   */
  retire(now: number): void {
    for (const userId of this.#senders.keys()) this.retireUser(userId, now);
  }

  /** The same for one user. */
  retireUser(userId: string, now: number): void {
    const sender = this.#senders.get(userId);
    if (sender === undefined) return;
    sender.until = Math.min(sender.until, now + RATCHET_OVERLAP);
    this.#dueAt = now + RATCHET_OVERLAP + 1;
  }

  /** Seals a frame; see `FrameSealer.seal`. */
  sealFrame(frame: Uint8Array, into: Uint8Array, codec?: FrameCodec, alone = false): number {
    return this.#sealerFor(alone).seal(frame, into, codec);
  }

  /** Opens a frame of a user; see `FrameOpener.open`. */
  openFrame(
    userId: string,
    frame: Uint8Array,
    into: Uint8Array,
    now: number,
    media?: FrameMedia,
  ): number {
    const sender = this.#senders.get(userId);
    this.#last = sender !== undefined && now <= sender.until ? sender.opener : this.#keyless;
    return this.#last.open(frame, into, now, media);
  }

  /**
   * Erases what is not good any more.
   *
   * @param now Monotonic milliseconds.
   */
  expire(now: number): void {
    if (now >= this.#dueAt) this.#dueAt = Infinity;
    if (now > this.#sealUntil) {
      this.#sealUntil = Infinity;
      this.#sealer.erase();
    }
    for (const [userId, { opener, until }] of this.#senders) {
      opener.expire(now);
      if (now <= until) continue;
      opener.erase();
      this.#senders.delete(userId);
    }
  }

  /**
   * Gives all keys away, as bytes. Nothing can be sealed any more.
   *
   * @param now Monotonic milliseconds.
   * @param reserve Nonces that count as spent.
   * @returns Parts to put together and then to erase.
   */
  encode(now: number, reserve?: number): Uint8Array[] {
    const { passthrough } = this.#sealer;
    const ratchets = [this.#sealer, this.#solo].map((sealer) =>
      encodeSendRatchet(sealer.exportState(reserve))
    );
    const senders = Array.from(this.#senders, ([userId, { opener, until }]) =>
      concat(
        encodeId(userId),
        encodeRemaining(until, now),
        encodeSecret(opener.exportState(now)),
      ));
    const epoch = this.#sealedEpoch;
    return [
      ...ratchets,
      Uint8Array.of(Number(passthrough)),
      optional(epoch === undefined ? undefined : u64(epoch)),
      encodeRemaining(this.#sealUntil, now),
      encodeRemaining(this.#passthroughUntil, now),
      encodeSecret(this.#keyless.exportState(now)),
      vector(...senders),
    ];
  }

  /** Erases all keys. */
  erase(): void {
    this.stopSealing();
    for (const { opener } of this.#senders.values()) opener.erase();
    this.#senders.clear();
  }

  #sealerFor(alone: boolean): FrameSealer {
    const { ready, passthrough } = this.#sealer;
    return alone && !ready && !passthrough ? this.#solo : this.#sealer;
  }

  #meet(userId: string, now: number): Sender {
    const opener = new FrameOpener(this.#provider);
    if (this.#passthroughUntil > now) {
      opener.setPassthrough(true, now);
      if (this.#passthroughUntil < Infinity) {
        opener.setPassthrough(false, now, this.#passthroughUntil - now);
      }
    }
    const sender = { opener, until: Infinity };
    this.#senders.set(userId, sender);
    return sender;
  }
}
