// ChaCha20 (RFC 8439) and HChaCha20 (draft-irtf-cfrg-xchacha), four blocks side by side: a vector
// holds one word of each of four states, so that a quarter round is the same for all of them.
// Only additions, exclusive ors, rotations and byte permutations with constant indices touch
// secrets, and memory is read and written at public places: time does not depend on them.

import { KEY_STREAM } from "./memory";

/** Words 12 to 15 of the four states: counter and nonce. */
export const LAST_WORDS: usize = memory.data(64, 16);

/** Indices that rotate each word by 16 and by 8 bits. They are loaded: V8 makes a constant anew. */
const ROTATE_16 = memory.data<u8>([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13], 16);
const ROTATE_8 = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14], 16);

/** "expand 32-byte k" */
const CONSTANTS = memory.data<u32>([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574], 16);

function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

function rotate(a: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(a, bits), i32x4.shr_u(a, 32 - bits));
}

function word(from: usize, index: i32): v128 {
  return v128.load32_splat(from + 4 * index);
}

/** Writes one word of each of four blocks, for four words: a transposed 4x4 matrix. */
function storeWords(into: usize, stride: i32, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const AB = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const CD = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(into, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(into + stride, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(into + 2 * stride, v128.shuffle<i64>(AB, CD, 0, 2));
  v128.store(into + 3 * stride, v128.shuffle<i64>(AB, CD, 1, 3));
}

/**
 * Four blocks with `LAST_WORDS`.
 *
 * @param key 32 bytes.
 * @param subkeys Where 4 x 32 bytes of HChaCha20 go, or 0: then 256 bytes of ChaCha20 go to
 * `KEY_STREAM`.
 */
export function fourBlocks(key: usize, subkeys: usize): void {
  let a0 = word(CONSTANTS, 0), a1 = word(CONSTANTS, 1);
  let a2 = word(CONSTANTS, 2), a3 = word(CONSTANTS, 3);
  let b0 = word(key, 0), b1 = word(key, 1), b2 = word(key, 2), b3 = word(key, 3);
  let c0 = word(key, 4), c1 = word(key, 5), c2 = word(key, 6), c3 = word(key, 7);
  let d0 = v128.load(LAST_WORDS), d1 = v128.load(LAST_WORDS, 16);
  let d2 = v128.load(LAST_WORDS, 32), d3 = v128.load(LAST_WORDS, 48);
  const by16 = v128.load(ROTATE_16), by8 = v128.load(ROTATE_8);

  for (let i = 0; i < 10; i++) {
    // Columns.
    a0 = add(a0, b0); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), by16);
    a1 = add(a1, b1); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), by16);
    a2 = add(a2, b2); d2 = i8x16.relaxed_swizzle(v128.xor(d2, a2), by16);
    a3 = add(a3, b3); d3 = i8x16.relaxed_swizzle(v128.xor(d3, a3), by16);
    c0 = add(c0, d0); b0 = rotate(v128.xor(b0, c0), 12);
    c1 = add(c1, d1); b1 = rotate(v128.xor(b1, c1), 12);
    c2 = add(c2, d2); b2 = rotate(v128.xor(b2, c2), 12);
    c3 = add(c3, d3); b3 = rotate(v128.xor(b3, c3), 12);
    a0 = add(a0, b0); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a0), by8);
    a1 = add(a1, b1); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a1), by8);
    a2 = add(a2, b2); d2 = i8x16.relaxed_swizzle(v128.xor(d2, a2), by8);
    a3 = add(a3, b3); d3 = i8x16.relaxed_swizzle(v128.xor(d3, a3), by8);
    c0 = add(c0, d0); b0 = rotate(v128.xor(b0, c0), 7);
    c1 = add(c1, d1); b1 = rotate(v128.xor(b1, c1), 7);
    c2 = add(c2, d2); b2 = rotate(v128.xor(b2, c2), 7);
    c3 = add(c3, d3); b3 = rotate(v128.xor(b3, c3), 7);
    // Diagonals.
    a0 = add(a0, b1); d3 = i8x16.relaxed_swizzle(v128.xor(d3, a0), by16);
    a1 = add(a1, b2); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a1), by16);
    a2 = add(a2, b3); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a2), by16);
    a3 = add(a3, b0); d2 = i8x16.relaxed_swizzle(v128.xor(d2, a3), by16);
    c2 = add(c2, d3); b1 = rotate(v128.xor(b1, c2), 12);
    c3 = add(c3, d0); b2 = rotate(v128.xor(b2, c3), 12);
    c0 = add(c0, d1); b3 = rotate(v128.xor(b3, c0), 12);
    c1 = add(c1, d2); b0 = rotate(v128.xor(b0, c1), 12);
    a0 = add(a0, b1); d3 = i8x16.relaxed_swizzle(v128.xor(d3, a0), by8);
    a1 = add(a1, b2); d0 = i8x16.relaxed_swizzle(v128.xor(d0, a1), by8);
    a2 = add(a2, b3); d1 = i8x16.relaxed_swizzle(v128.xor(d1, a2), by8);
    a3 = add(a3, b0); d2 = i8x16.relaxed_swizzle(v128.xor(d2, a3), by8);
    c2 = add(c2, d3); b1 = rotate(v128.xor(b1, c2), 7);
    c3 = add(c3, d0); b2 = rotate(v128.xor(b2, c3), 7);
    c0 = add(c0, d1); b3 = rotate(v128.xor(b3, c0), 7);
    c1 = add(c1, d2); b0 = rotate(v128.xor(b0, c1), 7);
  }

  if (subkeys != 0) {
    storeWords(subkeys, 32, a0, a1, a2, a3);
    storeWords(subkeys + 16, 32, d0, d1, d2, d3);
    return;
  }
  storeWords(
    KEY_STREAM, 64,
    add(a0, word(CONSTANTS, 0)), add(a1, word(CONSTANTS, 1)),
    add(a2, word(CONSTANTS, 2)), add(a3, word(CONSTANTS, 3)),
  );
  storeWords(
    KEY_STREAM + 16, 64,
    add(b0, word(key, 0)), add(b1, word(key, 1)), add(b2, word(key, 2)), add(b3, word(key, 3)),
  );
  storeWords(
    KEY_STREAM + 32, 64,
    add(c0, word(key, 4)), add(c1, word(key, 5)), add(c2, word(key, 6)), add(c3, word(key, 7)),
  );
  storeWords(
    KEY_STREAM + 48, 64,
    add(d0, v128.load(LAST_WORDS)), add(d1, v128.load(LAST_WORDS, 16)),
    add(d2, v128.load(LAST_WORDS, 32)), add(d3, v128.load(LAST_WORDS, 48)),
  );
}
