/**
 * The keys of the media: one sealer for our own frames, and an opener for each other member.
 *
 * Openers learn a new epoch as soon as it is known, the sealer when the transition to it is
 * executed. A member who has left, or a group that was given up, is heard for as long as an
 * older epoch is: frames may still be under way.
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
} from "./frames/mod.ts";

interface Sender {
  readonly opener: FrameOpener;
  /** The last millisecond in which it is heard. */
  until: number;
}

/** Seals our frames and opens those of others. */
export class MediaKeys {
  readonly #sealer: FrameSealer;
  readonly #provider: FrameAeadProvider | undefined;
  readonly #senders = new Map<string, Sender>();
  /** For those of whom no key is known: silence, and plaintext while it is let through. */
  readonly #keyless: FrameOpener;
  #last: FrameOpener;
  #passthroughUntil = -Infinity;
  /** Epoch of the sealer's ratchet. */
  #sealedEpoch: bigint | undefined;

  /**
   * Starts without keys; plaintext is refused and not sent.
   *
   * @param options How frames are sealed.
   */
  constructor(options: FrameSealerOptions) {
    this.#sealer = new FrameSealer(options);
    this.#provider = options.aead;
    this.#keyless = new FrameOpener(options.aead);
    this.#last = this.#keyless;
  }

  /** The sealer. */
  get sealer(): Pick<FrameSealer, "fault" | "nonce" | "passthrough" | "ready"> {
    return this.#sealer;
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
   * Goes on sealing with a newer epoch; an older one is left aside.
   *
   * @param epoch The epoch.
   * @param secret Base secret of our frames; erased.
   */
  seal(epoch: bigint, secret: Uint8Array): void {
    if (this.#sealedEpoch === undefined || epoch > this.#sealedEpoch) {
      this.#sealer.setRatchet(secret);
      this.#sealedEpoch = epoch;
    }
    secret.fill(0);
  }

  /** Seals no more with the keys of the group. */
  stopSealing(): void {
    this.#sealer.erase();
    this.#sealedEpoch = undefined;
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
    if (sender !== undefined) sender.until = Math.min(sender.until, now + RATCHET_OVERLAP);
  }

  /** Seals a frame; see `FrameSealer.seal`. */
  sealFrame(frame: Uint8Array, into: Uint8Array, codec?: FrameCodec): number {
    return this.#sealer.seal(frame, into, codec);
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
    for (const [userId, { opener, until }] of this.#senders) {
      opener.expire(now);
      if (now <= until) continue;
      opener.erase();
      this.#senders.delete(userId);
    }
  }

  /** Erases all keys. */
  erase(): void {
    this.stopSealing();
    for (const { opener } of this.#senders.values()) opener.erase();
    this.#senders.clear();
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
