// Poly1305 (RFC 8439, 2.5) in limbs of 32 bits: h and r are sums of limbs times powers of 2^32.
// The clamp leaves the two lowest bits of r1, r2 and r3 at zero, so that 2^130 = 5 turns a product
// that is too high into one with limb + limb / 4. Additions and products of 64 bits only: time
// does not depend on the values.

import { padBlock, TAG } from "./memory";

/** Low half of a word of 64 bits. */
const LOW: u64 = 0xffffffff;

/** The running sum, below 2^130 + a little. */
let h0: u64 = 0, h1: u64 = 0, h2: u64 = 0, h3: u64 = 0, h4: u64 = 0;

/** The multiplier. */
let r0: u64 = 0, r1: u64 = 0, r2: u64 = 0, r3: u64 = 0;

/** What is added at the end. */
let k0: u64 = 0, k1: u64 = 0, k2: u64 = 0, k3: u64 = 0;

/** Starts a message with a key of 32 bytes. */
export function start(key: usize): void {
  r0 = load<u32>(key) & 0x0fffffff;
  r1 = load<u32>(key, 4) & 0x0ffffffc;
  r2 = load<u32>(key, 8) & 0x0ffffffc;
  r3 = load<u32>(key, 12) & 0x0ffffffc;
  k0 = load<u32>(key, 16);
  k1 = load<u32>(key, 20);
  k2 = load<u32>(key, 24);
  k3 = load<u32>(key, 28);
  h0 = h1 = h2 = h3 = h4 = 0;
}

/** Takes bytes in; zeros fill their last block. */
export function absorb(from: usize, size: i32): void {
  const whole = size & ~15;
  absorbBlocks(from, whole);
  if (whole != size) absorbBlocks(padBlock(from + whole, size - whole), 16);
}

/** Takes the two lengths in, with which every message ends. */
export function absorbLengths(aadSize: i32, size: i32): void {
  const block = padBlock(0, 0);
  store<u32>(block, aadSize);
  store<u32>(block, size, 8);
  absorbBlocks(block, 16);
}

function absorbBlocks(from: usize, size: i32): void {
  // 5/4 of a limb; of the lowest one 5 times what its upper 30 bits hold.
  const q0: u64 = (r0 >> 2) * 5, q1: u64 = r1 + (r1 >> 2);
  const q2: u64 = r2 + (r2 >> 2), q3: u64 = r3 + (r3 >> 2);
  const a0 = r0, a1 = r1, a2 = r2, a3 = r3;
  let s0 = h0, s1 = h1, s2 = h2, s3 = h3, s4 = h4;

  for (const end = from + size; from < end; from += 16) {
    // Each below 2^33, the last below 8; r below 2^28: no sum reaches 2^64.
    s0 += load<u32>(from);
    s1 += load<u32>(from, 4);
    s2 += load<u32>(from, 8);
    s3 += load<u32>(from, 12);
    s4 += 1;
    const x0 = s0 * a0 + s1 * q3 + s2 * q2 + s3 * q1 + s4 * q0;
    const x1 = s0 * a1 + s1 * a0 + s2 * q3 + s3 * q2 + s4 * q1;
    const x2 = s0 * a2 + s1 * a1 + s2 * a0 + s3 * q3 + s4 * q2;
    const x3 = s0 * a3 + s1 * a2 + s2 * a1 + s3 * a0 + s4 * q3;
    // What stands at 2^128: two bits stay, the rest comes back five times at 1.
    const top = s4 * (a0 & 3) + (x3 >> 32);
    s0 = (x0 & LOW) + (top >> 2) * 5;
    s1 = (x1 & LOW) + (x0 >> 32) + (s0 >> 32);
    s2 = (x2 & LOW) + (x1 >> 32) + (s1 >> 32);
    s3 = (x3 & LOW) + (x2 >> 32) + (s2 >> 32);
    s4 = (top & 3) + (s3 >> 32);
    s0 &= LOW;
    s1 &= LOW;
    s2 &= LOW;
    s3 &= LOW;
  }
  h0 = s0;
  h1 = s1;
  h2 = s2;
  h3 = s3;
  h4 = s4;
}

/** Ends the message: its tag goes to `TAG`. */
export function finish(): void {
  // Is h at least 2^130 - 5? Then 5 more carry into 2^130, and the sum's low bits are the rest.
  const carry = (h0 + 5 >> 32) + h1 >> 32;
  const isAbove = ((carry + h2 >> 32) + h3 >> 32) + h4 >> 2;
  const t0 = h0 + 5 * isAbove + k0;
  const t1 = (t0 >> 32) + h1 + k1;
  const t2 = (t1 >> 32) + h2 + k2;
  const t3 = (t2 >> 32) + h3 + k3;
  store<u32>(TAG, <u32> t0);
  store<u32>(TAG, <u32> t1, 4);
  store<u32>(TAG, <u32> t2, 8);
  store<u32>(TAG, <u32> t3, 12);
}
