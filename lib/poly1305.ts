/**
 * Poly1305 (RFC 8439, section 2.5) as ChaCha20-Poly1305 uses it: every string that is taken in is
 * filled up with zeros to whole blocks.
 *
 * A number of 130 bits is kept as six doubles, each a multiple of its weight: 1, 2^22, 2^44, 2^66,
 * 2^88 and 2^110 (the way of poly1305-53). A product then has the right weight by itself, and what
 * lies above 2^130 is multiplied by 5 * 2^-130. Adding and taking away 1.5 * 2^52 * w rounds to a
 * multiple of w, which is the carry to the next limb. After the carries a limb has 22 bits with its
 * sign and little more; with a block added 23; the sums of their products with the multiplier stay
 * below 2^52 units: every operation is exact. Beside noble's ten limbs of 13 bits in integers a
 * block takes a third of the time on V8 and two thirds on JavaScriptCore.
 *
 * Constant time: there is no branch, no index and no division that depends on a secret, only
 * additions, multiplications and shifts. No double is subnormal, infinite or NaN. That holds for the
 * program: what an engine makes of it nobody promises.
 *
 * @module
 */

/** Bytes that are taken in at once. */
const BLOCK_SIZE = 16;

const LIMB = 2 ** 22 - 1;
const TOP_LIMB = 2 ** 20 - 1;
const W1 = 2 ** 22;
const W2 = 2 ** 44;
const W3 = 2 ** 66;
const W4 = 2 ** 88;
const W5 = 2 ** 110;

/**
 * What rounds each limb to the weight of the next, then the factor of what leaves the last. They are
 * read from memory because both engines build a double that stands in the code anew at each use.
 */
const ROUNDING: Float64Array = /* @__PURE__ */ Float64Array.of(
  1.5 * 2 ** 74,
  1.5 * 2 ** 96,
  1.5 * 2 ** 118,
  1.5 * 2 ** 140,
  1.5 * 2 ** 162,
  1.5 * 2 ** 182,
  5 * 2 ** -130,
);

/** Authenticates one message after another, each with a key of its own. */
export class Poly1305 {
  readonly #sum = new Float64Array(6);
  readonly #multiplier = new Float64Array(6);
  readonly #limbs = new Int32Array(6);
  readonly #pad = new Int32Array(4);

  /**
   * Begins a message.
   *
   * @param key The one-time key: its first eight words, little endian.
   */
  start(key: Int32Array): void {
    const w0 = key[0] & 0x0fffffff;
    const w1 = key[1] & 0x0ffffffc;
    const w2 = key[2] & 0x0ffffffc;
    const w3 = key[3] & 0x0ffffffc;
    const multiplier = this.#multiplier;
    multiplier[0] = w0 & LIMB;
    multiplier[1] = ((w0 >>> 22 | w1 << 10) & LIMB) * W1;
    multiplier[2] = ((w1 >>> 12 | w2 << 20) & LIMB) * W2;
    multiplier[3] = (w2 >>> 2 & LIMB) * W3;
    multiplier[4] = ((w2 >>> 24 | w3 << 8) & LIMB) * W4;
    multiplier[5] = (w3 >>> 14) * W5;
    for (let i = 0; i < 4; i++) this.#pad[i] = key[4 + i];
    this.#sum.fill(0);
  }

  /** Takes in a string of bytes; zeros fill its last block. */
  absorb(bytes: Uint8Array, start: number, end: number): void {
    const sum = this.#sum;
    const multiplier = this.#multiplier;
    const rounding = ROUNDING;
    const m0 = rounding[0], m1 = rounding[1], m2 = rounding[2];
    const m3 = rounding[3], m4 = rounding[4], m5 = rounding[5], wrap = rounding[6];
    const r0 = multiplier[0], r1 = multiplier[1], r2 = multiplier[2];
    const r3 = multiplier[3], r4 = multiplier[4], r5 = multiplier[5];
    const s1 = r1 * wrap, s2 = r2 * wrap, s3 = r3 * wrap, s4 = r4 * wrap, s5 = r5 * wrap;
    let h0 = sum[0], h1 = sum[1], h2 = sum[2], h3 = sum[3], h4 = sum[4], h5 = sum[5];
    for (let at = start; at < end; at += BLOCK_SIZE) {
      let w0: number, w1: number, w2: number, w3: number;
      if (at + BLOCK_SIZE <= end) {
        w0 = readWord(bytes, at);
        w1 = readWord(bytes, at + 4);
        w2 = readWord(bytes, at + 8);
        w3 = readWord(bytes, at + 12);
      } else {
        w0 = readWordBefore(bytes, at, end);
        w1 = readWordBefore(bytes, at + 4, end);
        w2 = readWordBefore(bytes, at + 8, end);
        w3 = readWordBefore(bytes, at + 12, end);
      }
      h0 += w0 & LIMB;
      h1 += ((w0 >>> 22 | w1 << 10) & LIMB) * W1;
      h2 += ((w1 >>> 12 | w2 << 20) & LIMB) * W2;
      h3 += (w2 >>> 2 & LIMB) * W3;
      h4 += ((w2 >>> 24 | w3 << 8) & LIMB) * W4;
      h5 += (w3 >>> 14 | 2 ** 18) * W5;

      const d0 = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1;
      const d1 = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2;
      const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3;
      const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4;
      const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5;
      const d5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0;

      // Two chains of carries at once, each over the first limb of the other.
      const c0 = d0 + m0 - m0, c3 = d3 + m3 - m3;
      const c1 = d1 + c0 + m1 - m1, c4 = d4 + c3 + m4 - m4;
      const c2 = d2 + c1 + m2 - m2, c5 = d5 + c4 + m5 - m5;
      h0 = d0 - c0 + c5 * wrap, h3 = d3 - c3 + c2;
      const again0 = h0 + m0 - m0, again3 = h3 + m3 - m3;
      h0 -= again0, h3 -= again3;
      h1 = d1 + c0 - c1 + again0, h4 = d4 + c3 - c4 + again3;
      h2 = d2 + c1 - c2, h5 = d5 + c4 - c5;
    }
    sum[0] = h0, sum[1] = h1, sum[2] = h2, sum[3] = h3, sum[4] = h4, sum[5] = h5;
  }

  /**
   * Ends the message.
   *
   * @param tag Receives the four words of the tag, little endian.
   */
  finish(tag: Int32Array): void {
    const limbs = this.#limbs;
    for (let i = 0, unit = 1; i < limbs.length; i++, unit *= 2 ** -22) {
      limbs[i] = this.#sum[i] * unit;
    }
    // The sum is between -2^129 and 2^129, and little more: below 0 the modulus 2^130 - 5 is added.
    carry(limbs, 5 * carry(limbs, 0));
    const pad = this.#pad;
    let sum = ((limbs[0] | limbs[1] << 22) >>> 0) + (pad[0] >>> 0);
    tag[0] = sum;
    sum = ((limbs[1] >>> 10 | limbs[2] << 12) >>> 0) + (pad[1] >>> 0) + (sum * 2 ** -32 | 0);
    tag[1] = sum;
    sum = ((limbs[2] >>> 20 | limbs[3] << 2 | limbs[4] << 24) >>> 0) + (pad[2] >>> 0) +
      (sum * 2 ** -32 | 0);
    tag[2] = sum;
    tag[3] = (limbs[4] >>> 8 | limbs[5] << 14) + pad[3] + (sum * 2 ** -32 | 0);
  }

  /** Overwrites what it keeps of a key. */
  erase(): void {
    for (const secret of [this.#sum, this.#multiplier, this.#limbs, this.#pad]) secret.fill(0);
  }
}

/** Adds to a number and carries; gives what lies above 2^130, and cuts it off. */
function carry(limbs: Int32Array, addend: number): number {
  let rest = addend;
  for (let i = 0; i < 5; i++) {
    rest += limbs[i];
    limbs[i] = rest & LIMB;
    rest >>= 22;
  }
  rest += limbs[5];
  limbs[5] = rest & TOP_LIMB;
  return rest >> 20;
}

function readWord(bytes: Uint8Array, at: number): number {
  return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
}

function readWordBefore(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let i = 0; i < 4 && at + i < end; i++) word |= bytes[at + i] << 8 * i;
  return word;
}
