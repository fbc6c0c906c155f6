// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha): HChaCha20 makes a key of a key and 16 bytes of
// nonce, which ChaCha20-Poly1305 (RFC 8439) uses with the other eight.
//
// Discord counts nonces in their first four bytes, big endian. So whoever asks for one subkey will
// ask for the next ones: four are made at once, in what is one pass of `fourBlocks`, and kept.

import { fourBlocks, LAST_WORDS } from "./chacha20";
import { isTag, KEY_STREAM, NONCE, TAG, TAG_SIZE, xorBytes } from "./memory";
import { absorb, absorbLengths, finish, start } from "./poly1305";

// State of a key: 32 bytes of key, then for each direction the subkeys that were made last:
// how many, nonce bytes 4 to 15 behind the first counter, 4 x 32 bytes.
const SEALING: usize = 32;
const OPENING: usize = 208;
const SUBKEYS: usize = 32;

const SUBKEY_SIZE: usize = 32;
const BLOCK_SIZE: i32 = 64;
const PASS_SIZE: i32 = 4 * BLOCK_SIZE;

/** Forgets the subkeys of an earlier key; the 32 bytes of the new one are in place. */
export function xchachaKey(state: usize): void {
  memory.fill(state + SEALING, 0, 352);
}

/** Encrypts `size` bytes behind `aadSize` bytes at `packet`, and writes the tag behind them. */
export function xchachaSeal(state: usize, packet: usize, aadSize: i32, size: i32): void {
  const subkey = subkeyOf(state, state + SEALING);
  const message = packet + aadSize;
  // The first block has the key of Poly1305; what follows is the first of the key stream.
  prepare(subkey, 0);
  start(KEY_STREAM);
  crypt(subkey, message, message, size);
  absorb(packet, aadSize);
  absorb(message, size);
  absorbLengths(aadSize, size);
  finish();
  v128.store(message + size, v128.load(TAG));
}

/** Checks the tag behind `size` bytes; writes them decrypted to `into` where it is right. */
export function xchachaOpen(
  state: usize,
  packet: usize,
  aadSize: i32,
  size: i32,
  into: usize,
): bool {
  const subkey = subkeyOf(state, state + OPENING);
  const message = packet + aadSize;
  prepare(subkey, 0);
  start(KEY_STREAM);
  absorb(packet, aadSize);
  absorb(message, size);
  absorbLengths(aadSize, size);
  finish();
  if (!isTag(message + size, TAG_SIZE)) return false;
  crypt(subkey, message, into, size);
  return true;
}

/** Encrypts or decrypts; the first pass of the key stream is there, its first block is spent. */
function crypt(subkey: usize, from: usize, into: usize, size: i32): void {
  const first = min(size, PASS_SIZE - BLOCK_SIZE);
  xorBytes(from, KEY_STREAM + BLOCK_SIZE, into, first);
  for (let done = first, counter = 4; done < size; done += PASS_SIZE, counter += 4) {
    prepare(subkey, counter);
    xorBytes(from + done, KEY_STREAM, into + done, min(size - done, PASS_SIZE));
  }
}

/** Makes four blocks of key stream, with the last eight bytes of the nonce. */
function prepare(subkey: usize, counter: i32): void {
  v128.store(LAST_WORDS, i32x4.add(i32x4.splat(counter), i32x4(0, 1, 2, 3)));
  v128.store(LAST_WORDS, i64x2.splat(0), 16);
  v128.store(LAST_WORDS, v128.load32_splat(NONCE + 16), 32);
  v128.store(LAST_WORDS, v128.load32_splat(NONCE + 20), 48);
  fourBlocks(subkey, 0);
}

/** The subkey of the nonce's first 16 bytes. */
function subkeyOf(state: usize, kept: usize): usize {
  const counter = bswap(load<u32>(NONCE));
  const index = <usize> (counter - load<u32>(kept, 4));
  const isKept = index < <usize> load<u32>(kept) && load<u32>(kept, 8) == load<u32>(NONCE, 4) &&
    load<u64>(kept, 16) == load<u64>(NONCE, 8);
  if (isKept) return kept + SUBKEYS + index * SUBKEY_SIZE;

  store<u32>(kept, 4);
  store<u32>(kept, counter, 4);
  store<u32>(kept, load<u32>(NONCE, 4), 8);
  store<u64>(kept, load<u64>(NONCE, 8), 16);
  for (let lane: u32 = 0; lane < 4; lane++) {
    store<u32>(LAST_WORDS + 4 * lane, bswap(counter + lane));
  }
  for (let word = 1; word < 4; word++) {
    v128.store(LAST_WORDS + 16 * word, v128.load32_splat(NONCE + 4 * word));
  }
  fourBlocks(state, kept + SUBKEYS);
  return kept + SUBKEYS;
}
