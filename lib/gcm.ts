/**
 * AES-GCM (NIST SP 800-38D) with a nonce of 12 bytes, in TypeScript alone: AES-256 with 16 bytes
 * of tag for the transport, AES-128 with 8 for the frames of DAVE. The `gcm` of `@noble/ciphers`
 * expands the key and makes the table of GHASH for each message and checks tags of 16 bytes
 * only; this keeps both for as long as the key lives, and allocates nothing for a message.
 *
 * GHASH is Horner's rule by 16 bits: the sum is multiplied by x^16, which is a shift and a few
 * more for what falls out, then the products of the next two bytes with the hash key are added,
 * out of a table for each of the two: 8 KiB for a key. Like noble's, the tables of AES and GHASH
 * are looked up by secret values: time depends on the state of the processor's cache. Tags are
 * compared without a branch on their bytes.
 *
 * @module
 */

import { type Aead, demandKey, demandSealable } from "./aead.ts";
import { BLOCK_WORDS, encryptBlock, expandKey } from "./aes.ts";

const BLOCK_SIZE = 16;
const NONCE_SIZE = 12;
/** Words of the products of one byte. */
const BYTE_WORDS = 256 * BLOCK_WORDS;
/** The field's polynomial: x^128 + x^7 + x^2 + x + 1, bits reflected. */
const POLYNOMIAL = 0xe1000000;

/** AES-GCM with its key. */
export class AesGcm implements Aead {
  readonly #tagSize: number;
  readonly #schedule: Int32Array;
  /** The products of the first and of the second byte of 16 bits. */
  readonly #table = new Int32Array(2 * BYTE_WORDS);
  readonly #hash = new Int32Array(BLOCK_WORDS);
  /** Words of the nonce, with which counter blocks begin. */
  readonly #nonce = new Int32Array(BLOCK_WORDS - 1);
  readonly #keyStream = new Int32Array(BLOCK_WORDS);
  #isErased = false;

  /**
   * Expands the key.
   *
   * @param key The key, which is copied.
   * @param keySize Bytes that it must have: 16 or 32.
   * @param tagSize Bytes of the tag that are sent: a multiple of 4 up to 16.
   * @throws {RangeError} The key has another size.
   */
  constructor(key: Uint8Array, keySize: 16 | 32, tagSize: number) {
    if (key.length !== keySize) {
      throw new RangeError(
        `Cannot use an AES key of ${key.length} bytes: this one has ${keySize} bytes`,
      );
    }
    this.#tagSize = tagSize;
    this.#schedule = expandKey(key);
    this.#fillTable();
  }

  /** See `Aead`. */
  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void {
    demandKey(!this.#isErased);
    const end = aadSize + plainSize;
    demandSealable(packet, end + this.#tagSize, nonce, NONCE_SIZE);
    this.#loadNonce(nonce);
    this.#crypt(packet, aadSize, end, packet, aadSize);
    this.#computeTag(packet, aadSize, end);
    for (let i = 0; 4 * i < this.#tagSize; i++) writeWord(packet, end + 4 * i, this.#hash[i]);
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
    const fits = packet.length >= end + this.#tagSize && into.length >= cipherSize;
    if (!fits || this.#isErased || nonce.length !== NONCE_SIZE) return false;
    this.#loadNonce(nonce);
    this.#computeTag(packet, aadSize, end);
    let difference = 0;
    for (let i = 0; 4 * i < this.#tagSize; i++) {
      difference |= readWord(packet, end + 4 * i) ^ this.#hash[i];
    }
    if (difference !== 0) return false;
    this.#crypt(packet, aadSize, end, into, 0);
    return true;
  }

  /** See `Aead`. */
  erase(): void {
    this.#isErased = true;
    for (const secret of [this.#schedule, this.#table, this.#hash, this.#keyStream]) secret.fill(0);
  }

  #loadNonce(nonce: Uint8Array): void {
    for (let i = 0; i < BLOCK_WORDS - 1; i++) this.#nonce[i] = readWord(nonce, 4 * i);
  }

  /** Encrypts a counter block; 1 masks the tag, the message begins with 2. */
  #nextKeyStream(count: number): void {
    const stream = this.#keyStream;
    const nonce = this.#nonce;
    stream[0] = nonce[0];
    stream[1] = nonce[1];
    stream[2] = nonce[2];
    stream[3] = count;
    encryptBlock(this.#schedule, stream);
  }

  /** Writes behind what it reads, or in the same place: `into` may be the same memory. */
  #crypt(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): void {
    const stream = this.#keyStream;
    for (let count = 2; start < end; count++) {
      this.#nextKeyStream(count);
      const words = end - start < BLOCK_SIZE ? end - start >> 2 : BLOCK_WORDS;
      for (let i = 0; i < words; i++, start += 4, at += 4) {
        writeWord(into, at, readWord(from, start) ^ stream[i]);
      }
      if (words === BLOCK_WORDS) continue;
      for (let shift = 24; start < end; shift -= 8) {
        into[at++] = from[start++] ^ stream[words] >>> shift;
      }
    }
  }

  /** Leaves the tag in `#hash`. */
  #computeTag(packet: Uint8Array, aadSize: number, end: number): void {
    const hash = this.#hash.fill(0);
    this.#absorb(packet, 0, aadSize);
    this.#absorb(packet, aadSize, end);
    const size = end - aadSize;
    this.#multiply(aadSize >>> 29, aadSize << 3, size >>> 29, size << 3);
    this.#nextKeyStream(1);
    for (let i = 0; i < BLOCK_WORDS; i++) hash[i] ^= this.#keyStream[i];
  }

  /** Takes in a string of bytes; zeros fill its last block. */
  #absorb(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    for (; at + BLOCK_SIZE <= end; at += BLOCK_SIZE) {
      this.#multiply(
        readWord(bytes, at),
        readWord(bytes, at + 4),
        readWord(bytes, at + 8),
        readWord(bytes, at + 12),
      );
    }
    if (at === end) return;
    this.#multiply(
      readWordBefore(bytes, at, end),
      readWordBefore(bytes, at + 4, end),
      readWordBefore(bytes, at + 8, end),
      readWordBefore(bytes, at + 12, end),
    );
  }

  /** Adds a block to the hash and multiplies it by the hash key. */
  #multiply(x0: number, x1: number, x2: number, x3: number): void {
    const table = this.#table;
    const hash = this.#hash;
    hash[0] ^= x0;
    hash[1] ^= x1;
    hash[2] ^= x2;
    hash[3] ^= x3;
    let h0 = 0, h1 = 0, h2 = 0, h3 = 0;
    for (let i = 2 * BLOCK_WORDS - 1; i >= 0; i--) {
      const bits = hash[i >> 1] >>> ((i & 1) === 0 ? 16 : 0);
      const first = bits >>> 6 & 0x3fc;
      const second = BYTE_WORDS | bits << 2 & 0x3fc;
      const out = h3 << 16;
      h3 = (h3 >>> 16 | h2 << 16) ^ table[first | 3] ^ table[second | 3];
      h2 = (h2 >>> 16 | h1 << 16) ^ table[first | 2] ^ table[second | 2];
      h1 = (h1 >>> 16 | h0 << 16) ^ table[first | 1] ^ table[second | 1];
      h0 = h0 >>> 16 ^ out ^ out >>> 1 ^ out >>> 2 ^ out >>> 7 ^ table[first] ^ table[second];
    }
    hash[0] = h0;
    hash[1] = h1;
    hash[2] = h2;
    hash[3] = h3;
  }

  /** For each of the two bytes: the products of its bits, then the sums of these. */
  #fillTable(): void {
    const table = this.#table;
    this.#nextKeyStream(0);
    const power = this.#keyStream;
    for (let entry = 0; entry < table.length; entry += BYTE_WORDS) {
      for (let bit = 128; bit > 0; bit >>= 1) {
        table.set(power, entry + bit * BLOCK_WORDS);
        timesX(power);
      }
      for (let value = 3; value < 256; value++) {
        const low = value & -value;
        if (low === value) continue;
        for (let i = 0; i < BLOCK_WORDS; i++) {
          table[entry + value * BLOCK_WORDS + i] = table[entry + low * BLOCK_WORDS + i] ^
            table[entry + (value ^ low) * BLOCK_WORDS + i];
        }
      }
    }
    power.fill(0);
  }
}

/** Multiplies an element of the field by x. */
function timesX(element: Int32Array): void {
  const carry = -(element[3] & 1);
  for (let i = 3; i > 0; i--) element[i] = element[i] >>> 1 | element[i - 1] << 31;
  element[0] = element[0] >>> 1 ^ POLYNOMIAL & carry;
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

function readWordBefore(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 4 && at + i < end; i++) word |= bytes[at + i] << 24 - 8 * i;
  return word;
}

function writeWord(into: Uint8Array, at: number, word: number): void {
  into[at] = word >>> 24;
  into[at + 1] = word >>> 16;
  into[at + 2] = word >>> 8;
  into[at + 3] = word;
}
