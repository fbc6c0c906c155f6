/**
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03 over RFC 8439) in TypeScript alone, made for
 * packets of some hundred bytes: everything happens in the caller's memory, in words, and nothing
 * is allocated for a packet. `@noble/ciphers` allocates 8 KB for each.
 *
 * The subkey of HChaCha20 is made anew for each packet: in Discord's modes the counter is in the
 * part of the nonce that it is made of.
 *
 * Constant time: no branch and no index depends on key, plaintext or tag (see `chacha20.ts` and
 * `poly1305.ts`); sizes are public. All words of a tag are compared before anything is decided.
 *
 * @module
 */

import { type Aead, demandKey, demandSealable, TAG_SIZE } from "./aead.ts";
import {
  chacha20Block,
  COUNTER_AT,
  hchacha20,
  KEY_AT,
  KEY_WORDS,
  STATE_WORDS,
  writeConstants,
} from "./chacha20.ts";
import { Poly1305 } from "./poly1305.ts";

const KEY_SIZE = 4 * KEY_WORDS;
const NONCE_SIZE = 24;

/** XChaCha20-Poly1305 with its key. */
export class XChaCha20Poly1305 implements Aead {
  readonly #key = new Int32Array(KEY_WORDS);
  readonly #state = new Int32Array(STATE_WORDS);
  readonly #block = new Int32Array(STATE_WORDS);
  readonly #poly1305 = new Poly1305();
  /** The sizes of additional data and ciphertext, 64 bits each. */
  readonly #sizes = new Uint8Array(16);
  readonly #tag = new Int32Array(TAG_SIZE / 4);
  #isErased = false;

  /**
   * Takes a copy of the key.
   *
   * @param key 32 bytes.
   * @throws {RangeError} The key has another size.
   */
  constructor(key: Uint8Array) {
    if (key.length !== KEY_SIZE) {
      throw new RangeError(
        `Cannot use a key of ${key.length} bytes: XChaCha20-Poly1305 takes ${KEY_SIZE} bytes`,
      );
    }
    for (let i = 0; i < KEY_WORDS; i++) this.#key[i] = readWord(key, 4 * i);
    writeConstants(this.#state);
  }

  /** See `Aead`. */
  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void {
    demandKey(!this.#isErased);
    const end = aadSize + plainSize;
    demandSealable(packet, end + TAG_SIZE, nonce, NONCE_SIZE);
    this.#start(nonce);
    this.#crypt(packet, aadSize, end, packet, aadSize);
    this.#computeTag(packet, aadSize, end);
    for (let i = 0; i < TAG_SIZE / 4; i++) writeWord(packet, end + 4 * i, this.#tag[i]);
  }

  /** See `Aead`. */
  open(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    nonce: Uint8Array,
    into: Uint8Array,
  ): boolean {
    const end = aadSize + cipherSize;
    const fits = packet.length >= end + TAG_SIZE && into.length >= cipherSize;
    if (!fits || this.#isErased || nonce.length !== NONCE_SIZE) return false;
    this.#start(nonce);
    this.#computeTag(packet, aadSize, end);
    let difference = 0;
    for (let i = 0; i < TAG_SIZE / 4; i++) {
      difference |= readWord(packet, end + 4 * i) ^ this.#tag[i];
    }
    if (difference !== 0) return false;
    this.#crypt(packet, aadSize, end, into, 0);
    return true;
  }

  /** See `Aead`. */
  erase(): void {
    this.#isErased = true;
    this.#poly1305.erase();
    for (const secret of [this.#key, this.#state, this.#block, this.#tag]) secret.fill(0);
  }

  /** Prepares the nonce: the block with the counter 0 is the key of Poly1305. */
  #start(nonce: Uint8Array): void {
    const state = this.#state;
    const block = this.#block;
    for (let i = 0; i < KEY_WORDS; i++) state[KEY_AT + i] = this.#key[i];
    for (let i = 0; i < 4; i++) state[COUNTER_AT + i] = readWord(nonce, 4 * i);
    hchacha20(state, block);
    state[COUNTER_AT] = 0;
    state[COUNTER_AT + 1] = 0;
    state[COUNTER_AT + 2] = readWord(nonce, 16);
    state[COUNTER_AT + 3] = readWord(nonce, 20);
    chacha20Block(state, block);
    this.#poly1305.start(block);
  }

  /** Reads no byte behind one that it has written: `into` may be where the ciphertext is. */
  #crypt(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
    const state = this.#state;
    const block = this.#block;
    while (start < end) {
      state[COUNTER_AT]++;
      chacha20Block(state, block);
      const words = end - start >> 2 < STATE_WORDS ? end - start >> 2 : STATE_WORDS;
      for (let i = 0; i < words; i++, start += 4, at += 4) {
        const word = block[i];
        into[at] = from[start] ^ word;
        into[at + 1] = from[start + 1] ^ word >>> 8;
        into[at + 2] = from[start + 2] ^ word >>> 16;
        into[at + 3] = from[start + 3] ^ word >>> 24;
      }
      if (words === STATE_WORDS) continue;
      for (let shift = 0; start < end; shift += 8) {
        into[at++] = from[start++] ^ block[words] >>> shift;
      }
    }
  }

  #computeTag(packet: Uint8Array, aadSize: number, end: number): void {
    const poly1305 = this.#poly1305;
    const sizes = this.#sizes;
    writeWord(sizes, 0, aadSize);
    writeWord(sizes, 8, end - aadSize);
    poly1305.absorb(packet, 0, aadSize);
    poly1305.absorb(packet, aadSize, end);
    poly1305.absorb(sizes, 0, sizes.length);
    poly1305.finish(this.#tag);
  }
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
}

function writeWord(into: Uint8Array, at: number, word: number): void {
  into[at] = word;
  into[at + 1] = word >>> 8;
  into[at + 2] = word >>> 16;
  into[at + 3] = word >>> 24;
}
