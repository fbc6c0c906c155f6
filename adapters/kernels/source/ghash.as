// GHASH (NIST SP 800-38D, 6.4) by vector permutes. The product of a block with the hash key H is the
// sum of the products of its 32 half bytes. For each place m of a byte in a product there are two
// rows of 16 bytes in the key: byte m of n*H, for each n in a high half, and of n*H*x^4, for each n
// in a low half. So one permute gives byte m of all 16 products at once, each to be added m places
// behind its own: the sum moves by one place with each row. Look-ups in registers, at addresses that
// are the same for all messages: constant time.
//
// Vectors hold blocks with their bytes reversed: then x^127 is bit 0, and moving towards higher
// powers is shifting to the right.

import { padBlock } from "./memory";

// A key: 16 rows for high halves, 16 for low ones.
const LOW_ROWS: usize = 256;

let hash: v128 = i64x2(0, 0);

function reverse(block: v128): v128 {
  return v128.shuffle<u8>(block, block, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/** Starts a message. */
export function startHash(): void {
  hash = i64x2.splat(0);
}

/** Takes bytes in; zeros fill their last block. */
export function absorb(key: usize, from: usize, size: i32): void {
  const whole = size & ~15;
  absorbBlocks(key, from, whole);
  if (whole != size) absorbBlocks(key, padBlock(from + whole, size - whole), 16);
}

/** Ends the message with its two lengths, and returns the hash. */
export function finishHash(key: usize, aadSize: i32, size: i32): v128 {
  const block = padBlock(0, 0);
  store<u64>(block, bswap(<u64> aadSize << 3));
  store<u64>(block, bswap(<u64> size << 3), 8);
  absorbBlocks(key, block, 16);
  return reverse(hash);
}

function absorbBlocks(key: usize, from: usize, size: i32): void {
  const half = i8x16.splat(15), zero = i64x2.splat(0);
  let sum = hash;
  for (const end = from + size; from < end; from += 16) {
    const block = v128.xor(sum, reverse(v128.load(from)));
    const high = v128.and(i32x4.shr_u(block, 4), half), low = v128.and(block, half);
    // `sum` holds x^0 to x^127 of the product, `rest` x^128 to x^255. Rows of even and of odd places
    // are added up side by side: half the time is spent waiting for the last sum.
    let rest = zero, odd = zero, oddRest = zero;
    sum = zero;
    for (let row = key + 224; row >= key; row -= 32) {
      rest = v128.shuffle<u16>(rest, sum, 1, 2, 3, 4, 5, 6, 7, 8);
      sum = v128.shuffle<u16>(sum, zero, 1, 2, 3, 4, 5, 6, 7, 8);
      sum = v128.xor(sum, products(row, high, low));
      oddRest = v128.shuffle<u16>(oddRest, odd, 1, 2, 3, 4, 5, 6, 7, 8);
      odd = v128.shuffle<u16>(odd, zero, 1, 2, 3, 4, 5, 6, 7, 8);
      odd = v128.xor(odd, products(row + 16, high, low));
    }
    rest = v128.xor(rest, moveOn(oddRest, odd));
    sum = v128.xor(v128.xor(sum, moveOn(odd, zero)), reduce(rest));
  }
  hash = sum;
}

/** One byte of the products of all half bytes. */
function products(row: usize, high: v128, low: v128): v128 {
  return v128.xor(
    i8x16.relaxed_swizzle(v128.load(row), high),
    i8x16.relaxed_swizzle(v128.load(row, LOW_ROWS), low),
  );
}

/** Moves by one place; the last byte of `before` comes in. */
function moveOn(block: v128, before: v128): v128 {
  return v128.shuffle<u8>(block, before, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
}

/** Times 1 + x + x^2 + x^7, which is x^128; the last eight bits of `rest` are zero. */
function reduce(rest: v128): v128 {
  const crossing = v128.xor(
    i64x2.shl(rest, 63),
    v128.xor(i64x2.shl(rest, 62), i64x2.shl(rest, 57)),
  );
  const shifted = v128.xor(
    v128.xor(rest, i64x2.shr_u(rest, 1)),
    v128.xor(i64x2.shr_u(rest, 2), i64x2.shr_u(rest, 7)),
  );
  return v128.xor(shifted, v128.shuffle<i64>(crossing, i64x2.splat(0), 1, 2));
}

/** Makes the rows of the hash key, 16 bytes at `from`. */
export function makeRows(key: usize, from: usize): void {
  let high = bswap(load<u64>(from)), low = bswap(load<u64>(from, 8));
  for (let rows = key; rows <= key + LOW_ROWS; rows += LOW_ROWS) {
    memory.fill(rows, 0, 256);
    for (let bit = 8; bit > 0; bit >>= 1) {
      addProduct(rows, bit, high, low);
      const carry = -(low & 1);
      low = low >> 1 | high << 63;
      high = high >> 1 ^ carry & 0xe100000000000000;
    }
  }
}

/** Adds a power's product to all half bytes that have its bit. */
function addProduct(rows: usize, bit: i32, high: u64, low: u64): void {
  for (let n = bit; n < 16; n++) {
    if ((n & bit) == 0) continue;
    for (let m = 0; m < 16; m++) {
      const byte = <i32> ((m < 8 ? high : low) >> (56 - 8 * (m & 7)));
      const at = rows + 16 * m + n;
      store<u8>(at, load<u8>(at) ^ byte);
    }
  }
}
