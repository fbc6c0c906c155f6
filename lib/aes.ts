/**
 * AES-128 and AES-256 in one direction (FIPS 197), which is all that GCM needs: one block in
 * place, with nothing allocated. The block cipher of `@noble/ciphers` returns an object for each
 * block, which costs as much as the block.
 *
 * The rounds are looked up in one table of a kilobyte, by secret values: time depends on the
 * state of the processor's cache.
 *
 * @module
 */

/** Words of a block, big-endian. */
export const BLOCK_WORDS = 4;

/** S-box and MixColumns for the first byte of a column: 2s, s, s, 3s. The others are rotated. */
const TABLE: Int32Array = /* @__PURE__ */ makeTable();

/**
 * The round keys.
 *
 * @param key 16 or 32 bytes.
 * @returns 44 or 60 words, for the caller to erase.
 */
export function expandKey(key: Uint8Array): Int32Array {
  const keyWords = key.length / 4;
  const schedule = new Int32Array(BLOCK_WORDS * (keyWords + 7));
  for (let i = 0; i < keyWords; i++) {
    const at = 4 * i;
    schedule[i] = key[at] << 24 | key[at + 1] << 16 | key[at + 2] << 8 | key[at + 3];
  }
  for (let i = keyWords, constant = 1; i < schedule.length; i++) {
    let word = schedule[i - 1];
    if (i % keyWords === 0) {
      word = substitute(rotate(word, 24)) ^ constant << 24;
      constant = double(constant);
    } else if (keyWords === 8 && i % 4 === 0) word = substitute(word);
    schedule[i] = schedule[i - keyWords] ^ word;
  }
  return schedule;
}

/**
 * Encrypts a block in place.
 *
 * @param schedule What `expandKey` returned.
 * @param block `BLOCK_WORDS` words.
 */
export function encryptBlock(schedule: Int32Array, block: Int32Array): void {
  let a = block[0] ^ schedule[0];
  let b = block[1] ^ schedule[1];
  let c = block[2] ^ schedule[2];
  let d = block[3] ^ schedule[3];
  const last = schedule.length - BLOCK_WORDS;
  let k = BLOCK_WORDS;
  for (; k < last; k += BLOCK_WORDS) {
    const e = TABLE[a >>> 24] ^ rotate(TABLE[b >>> 16 & 255], 8) ^
      rotate(TABLE[c >>> 8 & 255], 16) ^ rotate(TABLE[d & 255], 24) ^ schedule[k];
    const f = TABLE[b >>> 24] ^ rotate(TABLE[c >>> 16 & 255], 8) ^
      rotate(TABLE[d >>> 8 & 255], 16) ^ rotate(TABLE[a & 255], 24) ^ schedule[k + 1];
    const g = TABLE[c >>> 24] ^ rotate(TABLE[d >>> 16 & 255], 8) ^
      rotate(TABLE[a >>> 8 & 255], 16) ^ rotate(TABLE[b & 255], 24) ^ schedule[k + 2];
    d = TABLE[d >>> 24] ^ rotate(TABLE[a >>> 16 & 255], 8) ^
      rotate(TABLE[b >>> 8 & 255], 16) ^ rotate(TABLE[c & 255], 24) ^ schedule[k + 3];
    a = e;
    b = f;
    c = g;
  }
  block[0] = lastColumn(a, b, c, d) ^ schedule[k];
  block[1] = lastColumn(b, c, d, a) ^ schedule[k + 1];
  block[2] = lastColumn(c, d, a, b) ^ schedule[k + 2];
  block[3] = lastColumn(d, a, b, c) ^ schedule[k + 3];
}

/** Without MixColumns. */
function lastColumn(a: number, b: number, c: number, d: number): number {
  return TABLE[a >>> 24] << 8 & 0xff000000 | TABLE[b >>> 16 & 255] & 0xff0000 |
    TABLE[c >>> 8 & 255] & 0xff00 | TABLE[d & 255] >>> 8 & 0xff;
}

function substitute(word: number): number {
  return lastColumn(word, word, word, word);
}

/** To the right. */
function rotate(word: number, bits: number): number {
  return word >>> bits | word << 32 - bits;
}

/** Multiplies an element of AES's field by two. */
function double(value: number): number {
  return (value << 1 ^ (value >>> 7) * 0x11b) & 255;
}

/** The S-box is the inverse in the field, then an affine map. */
function makeTable(): Int32Array {
  const table = new Int32Array(256);
  // Powers of 3 meet every element but zero; those of its inverse meet their inverses.
  for (let i = 0, power = 1, inverse = 1; i < 255; i++) {
    const spread = inverse * 0x101;
    table[power] = spread ^ spread >>> 4 ^ spread >>> 5 ^ spread >>> 6 ^ spread >>> 7 ^ 0x63;
    power ^= double(power);
    inverse = third(inverse);
  }
  table[0] = 0x63;
  return table.map((word) => {
    const s = word & 255;
    return double(s) << 24 | s << 16 | s << 8 | double(s) ^ s;
  });
}

/** Divides an element of the field by three: multiplies it by 0xf6. */
function third(value: number): number {
  let product = 0;
  for (let factor = 0xf6; factor > 0; factor >>>= 1, value = double(value)) {
    if ((factor & 1) === 1) product ^= value;
  }
  return product;
}
