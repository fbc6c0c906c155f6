// AES (FIPS 197) by vector permutes, after Hamburg, "Accelerating AES with Vector Permute
// Instructions" (CHES 2009): the S-box is a handful of look-ups in tables of 16 bytes that stand in
// registers. A permute takes the same time whatever its indices are, and no address in memory
// depends on a secret: constant time, unlike the tables of 256 words of other software.
//
// Bytes of the state are kept in another basis: x = k + i t, where k, in the low half of a byte,
// and i, in the high half, are of the field of 16 elements, and t*t = a*t + a. The norm of x is
// N = k*k + a*i*k + a*i*i. With j = i + k
//
//     u = 1 / (1/i + a/k) + j = N / (k + a*i)
//     v = 1 / (1/j + a/k) + i = N / (k + a*j)
//
// and 1/x is a linear function of 1/u and 1/v. So two tables, of u and of v, give all that is linear
// behind the inverse at once: the rest of the S-box, times 2 if wanted, and the change of basis. A
// set high bit stands for infinity: a permute makes zero of it, its reciprocal.
//
// ShiftRows is never done: the columns are looked for where they are, which comes again every four
// rounds.

import { KEY_STREAM, NONCE } from "./memory";

// A key: 15 round keys, then the number of rounds.
const ROUNDS: usize = 240;

const INVERSE: usize = memory.data(16, 16);
const INVERSE_A: usize = memory.data(16, 16);
const IN_LOW: usize = memory.data(16, 16);
const IN_HIGH: usize = memory.data(16, 16);
/** The S-box in our basis, once and twice, and in that of AES. */
const ONCE_U: usize = memory.data(16, 16);
const ONCE_V: usize = memory.data(16, 16);
const TWICE_U: usize = memory.data(16, 16);
const TWICE_V: usize = memory.data(16, 16);
const OUT_U: usize = memory.data(16, 16);
const OUT_V: usize = memory.data(16, 16);
/** Where the next and the last byte of each column are, after so many ShiftRows. */
const NEXT: usize = memory.data(64, 16);
const LAST: usize = memory.data(64, 16);
/** Two ShiftRows, which is what 10 and 14 of them leave to do. */
const SHIFT_ROWS_2: usize = memory.data(16, 16);
const LOW_HALF: usize = memory.data<u64>([0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f], 16);

function look(table: v128, indices: v128): v128 {
  return i8x16.relaxed_swizzle(table, indices);
}

/**
 * Encrypts counter blocks, two side by side, to `KEY_STREAM`.
 *
 * @param key What `expandKey` made.
 * @param counter That of the first block.
 * @param count How many; one more is made where it is odd. 16 at most.
 */
export function encryptCounters(key: usize, counter: i32, count: i32): void {
  const low = v128.load(LOW_HALF);
  const inverse = v128.load(INVERSE), inverseA = v128.load(INVERSE_A);
  const last = key + 16 * load<i32>(key, ROUNDS);
  for (let out = KEY_STREAM, end = out + 16 * count; out < end; out += 32, counter += 2) {
    let x = v128.load(NONCE);
    let y = i32x4.replace_lane(x, 3, bswap(counter + 1));
    x = i32x4.replace_lane(x, 3, bswap(counter));
    x = v128.xor(toBasis(x), v128.load(key));
    y = v128.xor(toBasis(y), v128.load(key));
    let columns: usize = 16;
    for (let at = key + 16;; at += 16) {
      let k = v128.and(x, low), i = v128.and(i32x4.shr_u(x, 4), low), j = v128.xor(i, k);
      let ak = look(inverseA, k);
      const xu = v128.xor(look(inverse, v128.xor(look(inverse, i), ak)), j);
      const xv = v128.xor(look(inverse, v128.xor(look(inverse, j), ak)), i);
      k = v128.and(y, low), i = v128.and(i32x4.shr_u(y, 4), low), j = v128.xor(i, k);
      ak = look(inverseA, k);
      const yu = v128.xor(look(inverse, v128.xor(look(inverse, i), ak)), j);
      const yv = v128.xor(look(inverse, v128.xor(look(inverse, j), ak)), i);
      if (at == last) {
        storeBlock(out, xu, xv, last);
        storeBlock(out + 16, yu, yv, last);
        break;
      }
      // MixColumns: 2 s + s' + (2 s + s')' + s''', with ' for the next byte of the column.
      const next = v128.load(NEXT + columns), before = v128.load(LAST + columns);
      const roundKey = v128.load(at);
      const sx = v128.xor(look(v128.load(ONCE_U), xu), look(v128.load(ONCE_V), xv));
      const sy = v128.xor(look(v128.load(ONCE_U), yu), look(v128.load(ONCE_V), yv));
      let tx = v128.xor(look(v128.load(TWICE_U), xu), look(v128.load(TWICE_V), xv));
      let ty = v128.xor(look(v128.load(TWICE_U), yu), look(v128.load(TWICE_V), yv));
      tx = v128.xor(tx, look(sx, next));
      ty = v128.xor(ty, look(sy, next));
      x = v128.xor(v128.xor(tx, look(tx, next)), v128.xor(look(sx, before), roundKey));
      y = v128.xor(v128.xor(ty, look(ty, next)), v128.xor(look(sy, before), roundKey));
      columns = columns + 16 & 48;
    }
  }
}

function storeBlock(out: usize, u: v128, v: v128, lastKey: usize): void {
  const s = v128.xor(look(v128.load(OUT_U), u), look(v128.load(OUT_V), v));
  v128.store(out, v128.xor(look(s, v128.load(SHIFT_ROWS_2)), v128.load(lastKey)));
}

function toBasis(x: v128): v128 {
  const low = v128.load(LOW_HALF);
  return v128.xor(
    look(v128.load(IN_LOW), v128.and(x, low)),
    look(v128.load(IN_HIGH), v128.and(i32x4.shr_u(x, 4), low)),
  );
}

/** Four bytes through the S-box. */
function substitute(word: u32): u32 {
  const low = v128.load(LOW_HALF);
  const inverse = v128.load(INVERSE);
  const x = toBasis(i32x4.splat(word));
  const k = v128.and(x, low), i = v128.and(i32x4.shr_u(x, 4), low), j = v128.xor(i, k);
  const ak = look(v128.load(INVERSE_A), k);
  const u = v128.xor(look(inverse, v128.xor(look(inverse, i), ak)), j);
  const v = v128.xor(look(inverse, v128.xor(look(inverse, j), ak)), i);
  const s = v128.xor(look(v128.load(OUT_U), u), look(v128.load(OUT_V), v));
  return i32x4.extract_lane(s, 0) ^ 0x63636363;
}

/**
 * Makes the round keys of a key that stands at their place.
 *
 * @param size Bytes of the key: 16 or 32.
 */
export function expandKey(key: usize, size: i32): void {
  const rounds = 6 + (size >> 2);
  store<i32>(key, rounds, ROUNDS);
  let constant: u32 = 1;
  for (let at = size, end = 16 * (rounds + 1); at < end; at += 4) {
    let word = load<u32>(key + at - 4);
    if (at % size == 0) {
      word = substitute(rotr(word, 8)) ^ constant;
      constant = double(constant);
    } else if (size == 32 && at % 32 == 16) word = substitute(word);
    store<u32>(key + at, load<u32>(key + at - size) ^ word);
  }
  // The S-box's constant goes through MixColumns as it is: it is added with the round keys.
  const constants = i8x16.splat(0x63);
  for (let round = 0; round <= rounds; round++) {
    const at = key + 16 * round;
    let roundKey = v128.load(at);
    if (round > 0) roundKey = v128.xor(roundKey, constants);
    if (round < rounds) roundKey = toBasis(shiftRows(roundKey, -round));
    v128.store(at, roundKey);
  }
}

/** Does so many ShiftRows. */
function shiftRows(block: v128, count: i32): v128 {
  v128.store(KEY_STREAM, block);
  for (let at = 0; at < 16; at++) {
    store<u8>(KEY_STREAM + 16 + at, load<u8>(KEY_STREAM + place(at, count)));
  }
  return v128.load(KEY_STREAM, 16);
}

/** Where ShiftRows, done so many times, takes the byte at a place from. */
function place(at: i32, count: i32): i32 {
  const row = at & 3;
  return (at + 4 * count * row & 12) + row;
}

// The tables, made of the field's arithmetic once: nothing of it is secret.

function double(x: u32): u32 {
  return (x << 1 ^ (x >> 7) * 0x11b) & 255;
}

function multiply(x: u32, y: u32): u32 {
  let product: u32 = 0;
  for (; y > 0; y >>= 1, x = double(x)) if (y & 1) product ^= x;
  return product;
}

function power(x: u32, exponent: i32): u32 {
  let result: u32 = 1;
  while (exponent-- > 0) result = multiply(result, x);
  return result;
}

function inverseOf(x: u32): u32 {
  return power(x, 254);
}

/** The element of the field of 16 that a half byte stands for: a sum of powers of 3^17. */
function element(half: u32): u32 {
  let sum: u32 = 0;
  for (let bit = 0; bit < 4; bit++) if (half >> bit & 1) sum ^= power(3, 17 * bit);
  return sum;
}

/** Fills the key stream's place with what each byte is in our basis. */
function fillBasis(t: u32): void {
  for (let high: u32 = 0; high < 16; high++) {
    const part = multiply(t, element(high));
    for (let low: u32 = 0; low < 16; low++) {
      store<u8>(KEY_STREAM + (part ^ element(low)), high << 4 | low);
    }
  }
}

function inBasis(x: u32): u32 {
  return load<u8>(KEY_STREAM + x);
}

/** The linear part of the S-box's affine map. */
function spread(x: u32): u32 {
  const wide = x * 0x101;
  return (x ^ wide >> 7 ^ wide >> 6 ^ wide >> 5 ^ wide >> 4) & 255;
}

export function makeTables(): void {
  let t: u32 = 2;
  // Trace and norm are to be the same element of the small field, of which t is none.
  while (power(t, 16) == t || (t ^ power(t, 16)) != power(t, 17)) t++;
  fillBasis(t);
  const a = power(t, 17);
  const b = inverseOf(multiply(a, a));
  const ofU = 1 ^ multiply(t, inverseOf(a) ^ b), ofV = multiply(t, b);
  for (let half: u32 = 0; half < 16; half++) {
    store<u8>(IN_LOW + half, inBasis(half));
    store<u8>(IN_HIGH + half, inBasis(half << 4));
    const inverse = inverseOf(element(half));
    store<u8>(INVERSE + half, half == 0 ? 0x80 : inBasis(inverse));
    store<u8>(INVERSE_A + half, half == 0 ? 0x80 : inBasis(multiply(a, inverse)));
    fill(half, spread(multiply(inverse, ofU)), ONCE_U, TWICE_U, OUT_U);
    fill(half, spread(multiply(inverse, ofV)), ONCE_V, TWICE_V, OUT_V);
  }
  for (let at = 0; at < 64; at++) {
    const row = at & 3, count = at >> 4;
    store<u8>(NEXT + at, neighbour(at & 15, row + 1 & 3, count));
    store<u8>(LAST + at, neighbour(at & 15, row + 3 & 3, count));
  }
  for (let at = 0; at < 16; at++) store<u8>(SHIFT_ROWS_2 + at, place(at, 2));
}

function fill(half: u32, s: u32, once: usize, twice: usize, out: usize): void {
  store<u8>(once + half, inBasis(s));
  store<u8>(twice + half, inBasis(double(s)));
  store<u8>(out + half, s);
}

/** Where the byte of another row stands that is in the same column after so many ShiftRows. */
function neighbour(at: i32, row: i32, count: i32): i32 {
  return (at + 4 * count * (row - (at & 3)) & 12) + row;
}
