/**
 * What a receiver keeps of one sender's ratchet: the ciphers of the newest generation and
 * of older ones that may still be on their way, and the nonces that came.
 *
 * A nonce on the wire is nobody's word until the tag was verified: `prepare` looks and
 * changes nothing that counts, `accept` takes note.
 *
 * @module
 */

import { concat } from "../mls/bytes.ts";
import { type Reader, vector, vectorHeader } from "../mls/codec.ts";
import type { FrameAead, FrameAeadProvider } from "./aead.ts";
import { GENERATION_SIZE, KeyRatchet, unwrapGeneration, unwrapNonce } from "./key_ratchet.ts";
import {
  encodeInteger,
  encodeRemaining,
  malformedOpener,
  takeInteger,
  takeUntil,
} from "./opener_state.ts";
import { ReplayWindow } from "./replay_window.ts";

/** Milliseconds for which an older ratchet or generation is still good. */
export const RATCHET_OVERLAP = 10_000;

/** How far a generation may be ahead of the newest one that was verified. */
export const GENERATION_GAP = 250;

/** Frames a second that nobody exceeds, so that age bounds the generation. */
export const FRAME_RATE_LIMIT = 170;

/** Generations that a state may be apart, where each costs a derivation: years of one epoch. */
const GENERATION_SPREAD = 1000;

/** The generation after the last: there nonces would be no exact integers any more. */
const GENERATION_END = 2 ** 29;

/** Why a ratchet has no cipher for a nonce. */
export type RatchetFault = "replayed" | "bad-generation";

interface Generation {
  readonly number: number;
  readonly aead: FrameAead;
  /** The last millisecond of it. */
  expiry: number;
}

/** One sender's ratchet, as a receiver sees it. */
export class RemoteRatchet {
  /** The last millisecond in which it is good. */
  expiry: number = Infinity;
  readonly #ratchet: KeyRatchet;
  readonly #provider: FrameAeadProvider;
  readonly #createdAt: number;
  #window = new ReplayWindow();
  readonly #generations: Generation[] = [];
  #newest = 0;
  #prepared: Generation | undefined;
  #preparedNonce = 0;
  #fault: RatchetFault = "replayed";

  /**
   * Starts at the beginning of an epoch, or where another one stood.
   *
   * @param secret The base secret, or that of a later generation; copied.
   * @param createdAt When the epoch began, in monotonic milliseconds.
   * @param provider Makes the ciphers.
   * @param generation The generation of the secret.
   */
  constructor(
    secret: Uint8Array,
    createdAt: number,
    provider: FrameAeadProvider,
    generation = 0,
  ) {
    this.#ratchet = new KeyRatchet(secret, generation);
    this.#createdAt = createdAt;
    this.#provider = provider;
  }

  /**
   * Reads what `encode` wrote.
   *
   * @param reader Stands before it. The secret in it is erased.
   * @param now Monotonic milliseconds, of whatever clock there is now.
   * @param provider Makes the ciphers.
   * @throws {RangeError} No ratchet can be so.
   * @throws {MlsError} It is cut short.
   */
  static take(reader: Reader, now: number, provider: FrameAeadProvider): RemoteRatchet {
    const expiry = takeUntil(reader, now);
    const createdAt = now - takeInteger(reader);
    const generation = takeInteger(reader);
    if (generation >= GENERATION_END) throw malformedOpener("a generation that cannot be");
    const secret = reader.vector();
    const ratchet = new RemoteRatchet(secret, createdAt, provider, generation);
    ratchet.expiry = expiry;
    ratchet.#window = ReplayWindow.take(reader);
    const keys = new KeyRatchet(secret, generation);
    secret.fill(0);
    reader.list((item) => ratchet.#takeGeneration(item, keys, now));
    keys.erase();
    return ratchet;
  }

  /**
   * The ratchet as bytes, with times as what remains of them.
   *
   * @param now Monotonic milliseconds.
   * @returns Parts to put together and then to erase: one is the secret.
   */
  encode(now: number): Uint8Array[] {
    this.expire(now);
    const { generation, secret } = this.#ratchet.state();
    const generations = this.#generations
      .toSorted((a, b) => a.number - b.number)
      .map(({ number, expiry }) => concat(encodeInteger(number), encodeRemaining(expiry, now)));
    return [
      encodeRemaining(this.expiry, now),
      encodeInteger(Math.floor(now - this.#createdAt)),
      encodeInteger(generation),
      vectorHeader(secret.length),
      secret,
      this.#window.encode(),
      vector(...generations),
    ];
  }

  /** Why the last `prepare` returned nothing. */
  get fault(): RatchetFault {
    return this.#fault;
  }

  /**
   * The cipher to try on a frame.
   *
   * @param nonce The nonce as it was sent.
   * @param now Monotonic milliseconds.
   * @returns Nothing where the nonce may not be accepted (see `fault`).
   */
  prepare(nonce: number, now: number): FrameAead | undefined {
    this.expire(now);
    const generation = unwrapGeneration(this.#ratchet.generation, nonce);
    this.#preparedNonce = unwrapNonce(generation, nonce);
    if (!this.#window.accepts(this.#preparedNonce)) return this.#refuse("replayed");
    if (generation > this.#generationLimit(now)) return this.#refuse("bad-generation");
    return this.#cipherOf(generation).aead;
  }

  /**
   * The tag of the frame that was prepared for last is right.
   *
   * @param now Monotonic milliseconds.
   */
  accept(now: number): void {
    this.#window.spend(this.#preparedNonce);
    const prepared = this.#prepared;
    if (prepared === undefined) return;
    this.#prepared = undefined;
    this.#generations.push(prepared);
    this.#newest = Math.max(this.#newest, prepared.number);
    for (const generation of this.#generations) {
      if (generation.number === this.#newest) continue;
      generation.expiry = Math.min(generation.expiry, now + RATCHET_OVERLAP);
    }
  }

  /**
   * Erases the older generations whose time is over.
   *
   * @param now Monotonic milliseconds.
   */
  expire(now: number): void {
    const generations = this.#generations;
    if (generations.length < 2) return;
    let oldest = this.#newest;
    for (let i = generations.length - 1; i >= 0; i--) {
      if (generations[i].expiry < now) generations.splice(i, 1)[0].aead.erase();
      else oldest = Math.min(oldest, generations[i].number);
    }
    this.#ratchet.advance(oldest);
  }

  /** Erases all its keys. */
  erase(): void {
    this.#ratchet.erase();
    this.#prepared?.aead.erase();
    for (const { aead } of this.#generations) aead.erase();
    this.#generations.length = 0;
    this.#prepared = undefined;
  }

  /** They ascend, and so does the ratchet of which their keys are derived. */
  #takeGeneration(reader: Reader, keys: KeyRatchet, now: number): void {
    const number = takeInteger(reader);
    const expiry = takeUntil(reader, now);
    const last = this.#generations.at(-1)?.number ?? this.#ratchet.generation - 1;
    if (number <= last || number > this.#ratchet.generation + GENERATION_SPREAD) {
      throw malformedOpener("a generation that cannot be");
    }
    keys.advance(number);
    const key = keys.deriveKey(number);
    this.#generations.push({ number, aead: this.#provider.aes128gcm(key), expiry });
    key.fill(0);
    this.#newest = number;
  }

  #refuse(fault: RatchetFault): undefined {
    this.#fault = fault;
  }

  #generationLimit(now: number): number {
    const seconds = Math.floor((now - this.#createdAt) / 1000);
    const byAge = Math.floor(FRAME_RATE_LIMIT * seconds / GENERATION_SIZE);
    return Math.min(byAge, this.#newest + GENERATION_GAP);
  }

  /** A cipher that was verified, or one that only `accept` will keep. */
  #cipherOf(number: number): Generation {
    for (let i = 0; i < this.#generations.length; i++) {
      if (this.#generations[i].number !== number) continue;
      return this.#takeBack(this.#generations[i]);
    }
    if (this.#prepared?.number === number) return this.#prepared;
    this.#prepared?.aead.erase();
    const key = this.#ratchet.deriveKey(number);
    this.#prepared = { number, aead: this.#provider.aes128gcm(key), expiry: Infinity };
    key.fill(0);
    return this.#prepared;
  }

  /** A known cipher was chosen: nothing is to be kept by `accept`. */
  #takeBack(generation: Generation): Generation {
    this.#prepared?.aead.erase();
    this.#prepared = undefined;
    return generation;
  }
}
