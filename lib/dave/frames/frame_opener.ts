/**
 * Opens the DAVE frames of one remote user.
 *
 * Around a transition frames of two epochs are under way, so there is a list of ratchets,
 * tried from the newest; one that was replaced is good for another 10 seconds. Around an
 * upgrade or a downgrade plaintext is let through for as long as `setPassthrough` says.
 *
 * @module
 */

import { isSilence } from "../../audio/opus_toc.ts";
import type { Secret } from "../../secret.ts";
import { erase } from "../mls/bytes.ts";
import { vectorHeader } from "../mls/codec.ts";
import { makeSnapshot, readSnapshot } from "../snapshot.ts";
import {
  FRAME_NONCE_SIZE,
  FRAME_TAG_SIZE,
  type FrameAeadProvider,
  writeFrameNonce,
} from "./aead.ts";
import { pureFrameAead } from "./gcm.ts";
import { encodeRemaining, malformedOpener, OPENER, takeUntil } from "./opener_state.ts";
import { RATCHET_OVERLAP, type RatchetFault, RemoteRatchet } from "./remote_ratchet.ts";
import { Scratch } from "./scratch.ts";
import { TrailerParser } from "./trailer.ts";

/** Most ratchets that are kept; the oldest gives way. */
export const RATCHET_LIMIT = 16;

/**
 * Why a frame was refused: plaintext where none is allowed, no ratchet, a nonce that came
 * before or is too old, a generation that cannot be, a tag that is wrong.
 */
export type FrameFault = "unencrypted" | "no-key" | "bad-tag" | RatchetFault;

/** What an accepted frame was. */
export type FrameForm = "sealed" | "passthrough" | "silence";

/** The kind of media; only audio has frames of silence. */
export type FrameMedia = "audio" | "video";

const STATE_VERSION = 1;

/** Opens the frames of one sender, whatever their codec. */
export class FrameOpener {
  readonly #provider: FrameAeadProvider;
  /** Oldest first. */
  readonly #ratchets: RemoteRatchet[] = [];
  readonly #trailer = new TrailerParser();
  readonly #nonce = new Uint8Array(FRAME_NONCE_SIZE);
  readonly #gathered = new Scratch();
  readonly #opened = new Scratch();
  #passthroughUntil = -Infinity;
  #fault: FrameFault = "no-key";
  #form: FrameForm = "sealed";

  /**
   * Starts without a key; plaintext is refused.
   *
   * @param provider Makes the ciphers; the pure ones by default.
   */
  constructor(provider: FrameAeadProvider = pureFrameAead) {
    this.#provider = provider;
  }

  /**
   * Goes on as an opener that gave its state away.
   *
   * @param state What `exportState` returned; not changed. It must not be restored a second time:
   * of two openers each would accept the same frame.
   * @param now Monotonic milliseconds. The time since the export counts for nothing.
   * @param provider Makes the ciphers; the pure ones by default.
   * @returns The opener, at the point where the other one stood.
   * @throws {RangeError} It is no state, not whole, or of another version.
   */
  static restore(
    state: Secret<Uint8Array>,
    now: number,
    provider: FrameAeadProvider = pureFrameAead,
  ): FrameOpener {
    const opener = new FrameOpener(provider);
    readSnapshot(OPENER, STATE_VERSION, state, (reader) => {
      opener.#passthroughUntil = takeUntil(reader, now);
      reader.list((item) => {
        if (opener.ratchetCount === RATCHET_LIMIT) throw malformedOpener("too many ratchets");
        opener.#ratchets.push(RemoteRatchet.take(item, now, provider));
      });
    });
    return opener;
  }

  /** Why the last `open` returned -1. */
  get fault(): FrameFault {
    return this.#fault;
  }

  /** What the last frame was that `open` accepted. */
  get form(): FrameForm {
    return this.#form;
  }

  /** Ratchets that are kept. */
  get ratchetCount(): number {
    return this.#ratchets.length;
  }

  /**
   * Adds the ratchet of a new epoch; those before it are good for 10 seconds more.
   *
   * @param secret The user's base secret, `BASE_SECRET_SIZE` bytes; copied.
   * @param now Monotonic milliseconds.
   */
  addRatchet(secret: Uint8Array, now: number): void {
    const added = new RemoteRatchet(secret, now, this.#provider);
    for (const ratchet of this.#ratchets) {
      ratchet.expiry = Math.min(ratchet.expiry, now + RATCHET_OVERLAP);
    }
    this.expire(now);
    if (this.#ratchets.length === RATCHET_LIMIT) this.#ratchets.shift()?.erase();
    this.#ratchets.push(added);
  }

  /**
   * Lets frames through that are no DAVE frames, or stops it.
   *
   * @param on Whether to let them through without a limit of time.
   * @param now Monotonic milliseconds.
   * @param expiry Where `on` is `false`: milliseconds until it stops, unless it did before.
   */
  setPassthrough(on: boolean, now: number, expiry: number = RATCHET_OVERLAP): void {
    this.#passthroughUntil = on ? Infinity : Math.min(this.#passthroughUntil, now + expiry);
  }

  /**
   * Tells whether plaintext is let through.
   *
   * @param now Monotonic milliseconds.
   */
  allowsPassthrough(now: number): boolean {
    return now < this.#passthroughUntil;
  }

  /**
   * Opens a frame.
   *
   * @param frame What was received, without transport encryption, header extension and
   * padding. Not changed.
   * @param into Receives the plaintext; as large as the frame is always enough. It must not
   * share memory with the frame.
   * @param now Monotonic milliseconds.
   * @param media The kind of media.
   * @returns Bytes of plaintext, or -1 where the frame is to be dropped (see `fault`).
   * @throws {RangeError} `into` is smaller than the plaintext.
   */
  open(frame: Uint8Array, into: Uint8Array, now: number, media: FrameMedia = "audio"): number {
    if (media === "audio" && isSilence(frame)) return this.#copy(frame, into, "silence");
    this.expire(now);
    if (!this.#trailer.parse(frame)) {
      return this.allowsPassthrough(now)
        ? this.#copy(frame, into, "passthrough")
        : this.#drop("unencrypted");
    }
    const size = this.#trailer.mediaSize;
    demandRoom(size, into);
    return this.#decrypt(frame, into, now) ? this.#accept(size, "sealed") : -1;
  }

  /**
   * Erases the ratchets and generations whose time is over. `open` and `addRatchet` do it
   * too; this is for a sender who fell silent.
   *
   * @param now Monotonic milliseconds.
   */
  expire(now: number): void {
    while (this.#ratchets.length > 0 && this.#ratchets[0].expiry < now) {
      this.#ratchets.shift()?.erase();
    }
    for (let i = 0; i < this.#ratchets.length; i++) this.#ratchets[i].expire(now);
  }

  /**
   * Gives away what was received so far: keys, what came, and how long what is good. This one has
   * no key any more and lets no plaintext through.
   *
   * @param now Monotonic milliseconds.
   * @returns Bytes for `restore`.
   */
  exportState(now: number): Secret<Uint8Array> {
    this.expire(now);
    const ratchets = this.#ratchets.flatMap((ratchet) => ratchet.encode(now));
    const size = ratchets.reduce((sum, part) => sum + part.length, 0);
    const passthrough = encodeRemaining(this.#passthroughUntil, now);
    const state = makeSnapshot(STATE_VERSION, [passthrough, vectorHeader(size), ...ratchets]);
    erase(...ratchets);
    this.erase();
    this.#passthroughUntil = -Infinity;
    return state;
  }

  /** Erases all keys. Passthrough stays as it is. */
  erase(): void {
    for (const ratchet of this.#ratchets) ratchet.erase();
    this.#ratchets.length = 0;
    this.#gathered.erase();
    this.#opened.erase();
  }

  #decrypt(frame: Uint8Array, into: Uint8Array, now: number): boolean {
    const { nonce, mediaSize, ranges } = this.#trailer;
    writeFrameNonce(nonce, this.#nonce);
    let packet = frame;
    if (!ranges.leading) {
      packet = this.#gathered.ofSize(mediaSize + FRAME_TAG_SIZE);
      ranges.gather(frame, mediaSize, packet);
      for (let i = mediaSize; i < mediaSize + FRAME_TAG_SIZE; i++) packet[i] = frame[i];
    }
    const aadSize = ranges.clearSize;
    const plain = aadSize === 0 ? into : this.#opened.ofSize(mediaSize - aadSize);
    if (!this.#tryRatchets(packet, aadSize, mediaSize - aadSize, plain, now)) return false;
    if (aadSize > 0) ranges.scatter(packet, plain, 0, mediaSize, into);
    return true;
  }

  /** The newest ratchet says why, since it is the one that a frame should be of. */
  #tryRatchets(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    into: Uint8Array,
    now: number,
  ): boolean {
    const newest = this.#ratchets.length - 1;
    if (newest < 0) this.#fault = "no-key";
    for (let i = newest; i >= 0; i--) {
      const ratchet = this.#ratchets[i];
      const aead = ratchet.prepare(this.#trailer.nonce, now);
      if (aead?.open(packet, aadSize, cipherSize, this.#nonce, into)) {
        ratchet.accept(now);
        return true;
      }
      if (i === newest) this.#fault = aead === undefined ? ratchet.fault : "bad-tag";
    }
    return false;
  }

  #copy(frame: Uint8Array, into: Uint8Array, form: FrameForm): number {
    demandRoom(frame.length, into);
    into.set(frame);
    return this.#accept(frame.length, form);
  }

  #accept(size: number, form: FrameForm): number {
    this.#form = form;
    return size;
  }

  #drop(fault: FrameFault): -1 {
    this.#fault = fault;
    return -1;
  }
}

function demandRoom(size: number, into: Uint8Array): void {
  if (into.length >= size) return;
  throw new RangeError(
    `Cannot open a frame of ${size} bytes: the buffer has ${into.length} bytes`,
  );
}
