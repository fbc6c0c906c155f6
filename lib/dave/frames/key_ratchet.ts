/**
 * The keys of one sender in one epoch (RFC 9420 section 9.1): from the secret of a
 * generation come its key and the secret of the next generation, and no way back.
 *
 * A generation is 2^24 nonces long; its low eight bits are the top of the nonce on the
 * wire. The first secret has only 16 bytes and is used as it is.
 *
 * @module
 */

import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { FRAME_KEY_SIZE } from "./aead.ts";

/** Bytes of the first secret: what MLS exports for a sender. */
export const BASE_SECRET_SIZE = 16;

/** Bits of a nonce below its generation. */
export const GENERATION_SHIFT = 24;

/** Nonces of a generation. */
export const GENERATION_SIZE: number = 2 ** GENERATION_SHIFT;

const GENERATION_WRAP = 256;
const SECRET_SIZE = 32;

/**
 * The generation that a nonce on the wire belongs to.
 *
 * @param oldest The oldest generation that it may be.
 * @param nonce The nonce as it was sent.
 * @returns The first one from there on with these low eight bits.
 */
export function unwrapGeneration(oldest: number, nonce: number): number {
  const low = nonce >>> GENERATION_SHIFT;
  const wrapped = oldest - oldest % GENERATION_WRAP + low;
  return wrapped < oldest ? wrapped + GENERATION_WRAP : wrapped;
}

/**
 * A nonce that does not wrap.
 *
 * @param generation Its generation.
 * @param nonce The nonce as it was sent.
 * @returns The place of the frame in its epoch.
 */
export function unwrapNonce(generation: number, nonce: number): number {
  return generation * GENERATION_SIZE + nonce % GENERATION_SIZE;
}

/** Where a ratchet stands; a way to go on from there. Its secret is a copy. */
export interface RatchetState {
  /** The generation. */
  readonly generation: number;
  /** The secret of that generation. */
  readonly secret: Uint8Array;
}

/** Keeps one secret and derives keys from there on. */
export class KeyRatchet {
  #secret: Uint8Array;
  #generation: number;

  /**
   * Starts at the beginning of an epoch, or where another one stood.
   *
   * @param secret Copied; 16 bytes for generation 0, else 32.
   * @param generation The generation of the secret.
   * @throws {RangeError} The secret has another size.
   */
  constructor(secret: Uint8Array, generation = 0) {
    const wanted = generation === 0 ? BASE_SECRET_SIZE : SECRET_SIZE;
    if (!Number.isSafeInteger(generation) || generation < 0 || secret.length !== wanted) {
      throw new RangeError(
        `Cannot start a key ratchet: generation ${generation} with ${secret.length} bytes, want ` +
          `an unsigned integer with ${wanted} bytes`,
      );
    }
    this.#secret = Uint8Array.from(secret);
    this.#generation = generation;
  }

  /** The oldest generation that it can still derive. */
  get generation(): number {
    return this.#generation;
  }

  /** Where it stands. */
  state(): RatchetState {
    return { generation: this.#generation, secret: Uint8Array.from(this.#secret) };
  }

  /**
   * Derives a key; the ratchet stays where it is.
   *
   * @param generation Its generation.
   * @returns `FRAME_KEY_SIZE` bytes, for the caller to erase.
   * @throws {RangeError} The generation is older than the ratchet.
   */
  deriveKey(generation: number): Uint8Array {
    if (generation < this.#generation) {
      throw new RangeError(
        `Cannot derive a frame key: generation ${generation} is erased, the oldest is ` +
          `${this.#generation}`,
      );
    }
    let secret: Uint8Array = Uint8Array.from(this.#secret);
    for (let g = this.#generation; g < generation; g++) secret = replace(secret, g);
    const key = derive(secret, LABEL_KEY, generation, FRAME_KEY_SIZE);
    secret.fill(0);
    return key;
  }

  /**
   * Erases what older generations could be derived from.
   *
   * @param generation The oldest that will still be wanted; an older one changes nothing.
   */
  advance(generation: number): void {
    while (this.#generation < generation) {
      this.#secret = replace(this.#secret, this.#generation);
      this.#generation++;
    }
  }

  /** Overwrites the secret. Keys derived from then on have no meaning. */
  erase(): void {
    this.#secret.fill(0);
  }
}

const LABEL_KEY = label("key");
const LABEL_SECRET = label("secret");

/** The next secret; the one before is overwritten. */
function replace(secret: Uint8Array, generation: number): Uint8Array {
  const next = derive(secret, LABEL_SECRET, generation, SECRET_SIZE);
  secret.fill(0);
  return next;
}

/**
 * DeriveTreeSecret: HKDF-Expand with size, label and generation as its info. One block is
 * enough, so it is one HMAC; `expand` of noble refuses secrets of 16 bytes.
 */
function derive(
  secret: Uint8Array,
  labelled: Uint8Array,
  generation: number,
  size: number,
): Uint8Array {
  const context = 2 + labelled.length;
  const info = new Uint8Array(context + 6);
  info[1] = size;
  info.set(labelled, 2);
  info[context] = 4;
  new DataView(info.buffer).setUint32(context + 1, generation);
  info[context + 5] = 1;
  const block = hmac(sha256, secret, info);
  const derived = block.slice(0, size);
  block.fill(0);
  return derived;
}

/** A label of MLS with its length before it. */
function label(name: string): Uint8Array {
  const text = `MLS 1.0 ${name}`;
  return Uint8Array.from([text.length, ...Array.from(text, (letter) => letter.charCodeAt(0))]);
}
