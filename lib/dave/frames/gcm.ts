/**
 * AES-128-GCM for DAVE frames (NIST SP 800-38D), in TypeScript alone. The `gcm` of
 * `@noble/ciphers` expands the key and makes the table of GHASH for each message and checks tags
 * of 16 bytes only; this keeps both for as long as the key lives, allocates nothing, and
 * compares the 8 bytes that DAVE sends.
 *
 * GHASH multiplies by table: for each of the 32 nibbles of a block the product of each of
 * its 16 values with the hash key. Like noble's, the tables of AES and GHASH are looked up
 * by secret values: time depends on the state of the processor's cache.
 *
 * @module
 */

import { BLOCK_WORDS, encryptBlock, expandKey } from "./aes.ts";
import {
  FRAME_KEY_SIZE,
  FRAME_NONCE_SIZE,
  FRAME_TAG_SIZE,
  type FrameAead,
  type FrameAeadProvider,
} from "./aead.ts";

/** The pure implementation, on every runtime. */
export const pureFrameAead: FrameAeadProvider = { aes128gcm: (key) => new Gcm(key) };

const BLOCK_SIZE = 16;
const NIBBLES = 32;
const ENTRY_WORDS = 16 * BLOCK_WORDS;
/** The field's polynomial: x^128 + x^7 + x^2 + x + 1, bits reflected. */
const POLYNOMIAL = 0xe1000000;

class Gcm implements FrameAead {
  readonly #schedule: Int32Array;
  readonly #table = new Int32Array(NIBBLES * ENTRY_WORDS);
  readonly #hash = new Int32Array(BLOCK_WORDS);
  /** Words of the nonce, with which counter blocks begin. */
  readonly #nonce = new Int32Array(BLOCK_WORDS - 1);
  readonly #keyStream = new Int32Array(BLOCK_WORDS);
  readonly #tag = new Uint8Array(FRAME_TAG_SIZE);

  constructor(key: Uint8Array) {
    if (key.length !== FRAME_KEY_SIZE) {
      throw new RangeError(
        `Cannot use a frame key of ${key.length} bytes: a key has ${FRAME_KEY_SIZE} bytes`,
      );
    }
    this.#schedule = expandKey(key);
    this.#fillTable();
  }

  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void {
    const end = aadSize + plainSize;
    this.#loadNonce(nonce);
    this.#crypt(packet, aadSize, packet, aadSize, plainSize);
    this.#computeTag(packet, aadSize, end);
    for (let i = 0; i < FRAME_TAG_SIZE; i++) packet[end + i] = this.#tag[i];
  }

  open(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    nonce: Uint8Array,
    into: Uint8Array,
  ): boolean {
    const end = aadSize + cipherSize;
    this.#loadNonce(nonce);
    this.#computeTag(packet, aadSize, end);
    let difference = 0;
    for (let i = 0; i < FRAME_TAG_SIZE; i++) difference |= packet[end + i] ^ this.#tag[i];
    if (difference !== 0) return false;
    this.#crypt(packet, aadSize, into, 0, cipherSize);
    return true;
  }

  erase(): void {
    for (const secret of [this.#schedule, this.#table, this.#hash, this.#keyStream, this.#tag]) {
      secret.fill(0);
    }
  }

  #loadNonce(nonce: Uint8Array): void {
    for (let i = 0; i < FRAME_NONCE_SIZE; i += 4) this.#nonce[i >> 2] = readWord(nonce, i);
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

  #crypt(from: Uint8Array, start: number, into: Uint8Array, at: number, size: number): void {
    const stream = this.#keyStream;
    const whole = size - size % BLOCK_SIZE;
    let count = 2;
    for (let done = 0; done < whole; done += BLOCK_SIZE, count++) {
      this.#nextKeyStream(count);
      for (let i = 0; i < BLOCK_SIZE; i += 4) {
        const word = readWord(from, start + done + i) ^ stream[i >> 2];
        writeWord(into, at + done + i, word);
      }
    }
    if (whole === size) return;
    this.#nextKeyStream(count);
    for (let i = 0; whole + i < size; i++) {
      into[at + whole + i] = from[start + whole + i] ^ stream[i >> 2] >>> 24 - 8 * (i & 3);
    }
  }

  #computeTag(packet: Uint8Array, aadSize: number, end: number): void {
    const hash = this.#hash.fill(0);
    this.#absorb(packet, 0, aadSize);
    this.#absorb(packet, aadSize, end);
    const size = end - aadSize;
    this.#multiply(aadSize >>> 29, aadSize << 3, size >>> 29, size << 3);
    this.#nextKeyStream(1);
    for (let i = 0; i < FRAME_TAG_SIZE; i++) {
      const word = i >> 2;
      this.#tag[i] = (this.#keyStream[word] ^ hash[word]) >>> 24 - 8 * (i & 3);
    }
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
    let entry = 0;
    for (let i = 0; i < BLOCK_WORDS; i++) {
      const word = hash[i];
      for (let shift = 28; shift >= 0; shift -= 4, entry += ENTRY_WORDS) {
        const at = entry + ((word >>> shift & 15) << 2);
        h0 ^= table[at];
        h1 ^= table[at + 1];
        h2 ^= table[at + 2];
        h3 ^= table[at + 3];
      }
    }
    hash[0] = h0;
    hash[1] = h1;
    hash[2] = h2;
    hash[3] = h3;
  }

  /** For each nibble: the products of its four bits, then the sums of these. */
  #fillTable(): void {
    const table = this.#table;
    this.#nextKeyStream(0);
    const power = this.#keyStream;
    for (let entry = 0; entry < table.length; entry += ENTRY_WORDS) {
      for (let bit = 8; bit > 0; bit >>= 1) {
        table.set(power, entry + bit * BLOCK_WORDS);
        timesX(power);
      }
      for (let value = 3; value < 16; value++) {
        const low = value & -value;
        for (let i = 0; i < BLOCK_WORDS; i++) {
          table[entry + value * BLOCK_WORDS + i] = table[entry + low * BLOCK_WORDS + i] ^
            (low === value ? 0 : table[entry + (value ^ low) * BLOCK_WORDS + i]);
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
