/**
 * The key and the nonces of one's own frames in one epoch. A nonce is spent once: only
 * `spend` advances the counter, which does not wrap, since the key changes with each
 * generation. A state that was taken out ends the ratchet it was taken from.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { LocalProtocolError } from "../../errors.ts";
import { Secret } from "../../secret.ts";
import type { FrameAead, FrameAeadProvider } from "./aead.ts";
import { GENERATION_SIZE, KeyRatchet } from "./key_ratchet.ts";

/** A ratchet of one's own, to go on with elsewhere. One copy of it may be used, once. */
export interface SendRatchetState {
  /** The last nonce that counts as spent, over all wraps. */
  readonly nonce: number;
  /** The generation of the secret. */
  readonly generation: number;
  /** The secret of that generation. */
  readonly secret: Secret<Uint8Array>;
  /** SHA-256 of the base secret: tells a new epoch from the same one again. */
  readonly fingerprint: Uint8Array;
}

/** Most generations that a state may be behind its nonce: each costs a derivation. */
const GENERATION_LAG = 256;

/** Bytes of a SHA-256. */
const FINGERPRINT_SIZE = 32;

const WIRE_LIMIT = 2 ** 32;

/** Spends nonces, and has the cipher that each is for. */
export class SendRatchet {
  /** SHA-256 of the base secret. */
  readonly fingerprint: Uint8Array;
  readonly #provider: FrameAeadProvider;
  readonly #ratchet: KeyRatchet;
  #nonce: number;
  #aead: FrameAead | undefined;
  #aeadGeneration = -1;

  private constructor(
    ratchet: KeyRatchet,
    nonce: number,
    fingerprint: Uint8Array,
    provider: FrameAeadProvider,
  ) {
    this.fingerprint = fingerprint;
    this.#ratchet = ratchet;
    this.#nonce = nonce;
    this.#provider = provider;
  }

  /**
   * Starts an epoch; its first nonce is 1.
   *
   * @param secret The base secret; copied.
   * @param provider Makes the ciphers.
   */
  static start(secret: Uint8Array, provider: FrameAeadProvider): SendRatchet {
    return new SendRatchet(new KeyRatchet(secret), 0, sha256(secret), provider);
  }

  /**
   * Goes on from a state.
   *
   * @param state What `export` returned.
   * @param provider Makes the ciphers.
   * @throws {RangeError} Its nonce is no integer, or of an earlier or a far later generation, or
   * its fingerprint has another size.
   */
  static restore(state: SendRatchetState, provider: FrameAeadProvider): SendRatchet {
    const { nonce, generation, secret, fingerprint } = state;
    const lag = generationOf(nonce) - generation;
    if (!Number.isSafeInteger(nonce) || nonce < 0 || lag < 0 || lag > GENERATION_LAG) {
      throw new RangeError(
        `Cannot restore a ratchet: nonce ${nonce} is not of generation ${generation} or soon after`,
      );
    }
    if (fingerprint.length !== FINGERPRINT_SIZE) {
      throw new RangeError(
        `Cannot restore a ratchet: its fingerprint has ${fingerprint.length} bytes, ` +
          `want ${FINGERPRINT_SIZE}`,
      );
    }
    const ratchet = new KeyRatchet(secret.reveal(), generation);
    return new SendRatchet(ratchet, nonce, Uint8Array.from(fingerprint), provider);
  }

  /** The last nonce that was spent, over all wraps; 0 before the first. */
  get nonce(): number {
    return this.#nonce;
  }

  /** The cipher of the last nonce that was spent. */
  get aead(): FrameAead {
    return this.#aead ?? this.#renew(generationOf(this.#nonce));
  }

  /**
   * Spends a nonce.
   *
   * @returns The nonce as it is sent: 32 bits.
   * @throws {LocalProtocolError} Counting on would not be exact.
   */
  spend(): number {
    const nonce = this.#nonce + 1;
    if (!Number.isSafeInteger(nonce)) {
      throw new LocalProtocolError("Cannot seal a frame: all nonces of this epoch are spent");
    }
    this.#nonce = nonce;
    const generation = generationOf(nonce);
    if (generation !== this.#aeadGeneration) this.#renew(generation);
    return nonce % WIRE_LIMIT;
  }

  /**
   * Takes the state out and erases the keys here.
   *
   * @param reserve Nonces to count as spent.
   */
  export(reserve: number): SendRatchetState {
    const { generation, secret } = this.#ratchet.state();
    const nonce = this.#nonce + reserve;
    this.erase();
    return { nonce, generation, secret: new Secret(secret), fingerprint: this.fingerprint };
  }

  /** Erases the keys. */
  erase(): void {
    this.#ratchet.erase();
    this.#aead?.erase();
    this.#aead = undefined;
    this.#aeadGeneration = -1;
  }

  #renew(generation: number): FrameAead {
    this.#aead?.erase();
    this.#ratchet.advance(generation);
    const key = this.#ratchet.deriveKey(generation);
    this.#aead = this.#provider.aes128gcm(key);
    this.#aeadGeneration = generation;
    key.fill(0);
    return this.#aead;
  }
}

function generationOf(nonce: number): number {
  return Math.floor(nonce / GENERATION_SIZE);
}
