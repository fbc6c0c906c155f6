// AES-GCM (NIST SP 800-38D) with nonces of 12 bytes.

import { encryptCounters, expandKey } from "./aes";
import { absorb, finishHash, makeRows, startHash } from "./ghash";
import { isTag, KEY_STREAM, NONCE, TAG, xorBytes } from "./memory";

// A key: that of AES, then that of GHASH.
const HASH_KEY: usize = 256;

const BLOCK_SIZE: i32 = 16;
const PASS_BLOCKS: i32 = 16;

/** Prepares a key of `size` bytes that stands at `key`: 16 or 32. */
export function gcmKey(key: usize, size: i32): void {
  expandKey(key, size);
  // The hash key is what the cipher makes of zeros.
  v128.store(NONCE, i64x2.splat(0));
  encryptCounters(key, 0, 1);
  makeRows(key + HASH_KEY, KEY_STREAM);
}

/** Encrypts `size` bytes behind `aadSize` bytes at `packet`, and writes the tag behind them. */
export function gcmSeal(key: usize, packet: usize, aadSize: i32, size: i32, tagSize: i32): void {
  const message = packet + aadSize;
  const mask = prepare(key, size);
  crypt(key, message, message, size);
  computeTag(key, packet, aadSize, size, mask);
  memory.copy(message + size, TAG, tagSize);
}

/** Checks the tag behind `size` bytes; writes them decrypted to `into` where it is right. */
export function gcmOpen(
  key: usize,
  packet: usize,
  aadSize: i32,
  size: i32,
  tagSize: i32,
  into: usize,
): bool {
  const message = packet + aadSize;
  const mask = prepare(key, size);
  computeTag(key, packet, aadSize, size, mask);
  if (!isTag(message + size, tagSize)) return false;
  crypt(key, message, into, size);
  return true;
}

/** Makes the first key stream; its first block masks the tag. */
function prepare(key: usize, size: i32): v128 {
  encryptCounters(key, 1, min(PASS_BLOCKS, 1 + blocksOf(size)));
  return v128.load(KEY_STREAM);
}

function blocksOf(size: i32): i32 {
  return (size + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

/** Encrypts or decrypts; the first key stream is there. */
function crypt(key: usize, from: usize, into: usize, size: i32): void {
  let done = min(size, (PASS_BLOCKS - 1) * BLOCK_SIZE);
  xorBytes(from, KEY_STREAM + BLOCK_SIZE, into, done);
  for (let counter = 1 + PASS_BLOCKS; done < size; counter += PASS_BLOCKS) {
    const part = min(size - done, PASS_BLOCKS * BLOCK_SIZE);
    encryptCounters(key, counter, blocksOf(part));
    xorBytes(from + done, KEY_STREAM, into + done, part);
    done += part;
  }
}

function computeTag(key: usize, packet: usize, aadSize: i32, size: i32, mask: v128): void {
  startHash();
  absorb(key + HASH_KEY, packet, aadSize);
  absorb(key + HASH_KEY, packet + aadSize, size);
  v128.store(TAG, v128.xor(finishHash(key + HASH_KEY, aadSize, size), mask));
}
