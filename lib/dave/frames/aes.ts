/**
 * AES-128 in one direction (FIPS 197), which is all that GCM needs: one block in place, with
 * nothing allocated. The block cipher of `@noble/ciphers` returns an object for each block,
 * which costs as much as the block.
 *
 * The rounds are looked up in tables, by secret values: time depends on the state of the
 * processor's cache.
 *
 * @module
 */

/** Words of a block, big-endian. */
export const BLOCK_WORDS = 4;

const ROUNDS = 10;
const KEY_WORDS = 4;

const SBOX = makeSbox();
/** S-box and MixColumns, for each byte of a column. */
const [T0, T1, T2, T3] = [0, 8, 16, 24].map(makeTable);

/**
 * The round keys.
 *
 * @param key 16 bytes.
 * @returns 44 words, for the caller to erase.
 */
export function expandKey(key: Uint8Array): Int32Array {
  const schedule = new Int32Array(KEY_WORDS * (ROUNDS + 1));
  for (let i = 0; i < KEY_WORDS; i++) {
    const at = 4 * i;
    schedule[i] = key[at] << 24 | key[at + 1] << 16 | key[at + 2] << 8 | key[at + 3];
  }
  for (let i = KEY_WORDS, constant = 1; i < schedule.length; i++) {
    let word = schedule[i - 1];
    if (i % KEY_WORDS === 0) {
      word = substitute(word << 8 | word >>> 24) ^ constant << 24;
      constant = double(constant);
    }
    schedule[i] = schedule[i - KEY_WORDS] ^ word;
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
  let k = KEY_WORDS;
  for (let round = 1; round < ROUNDS; round++, k += KEY_WORDS) {
    const e = T0[a >>> 24] ^ T1[b >>> 16 & 255] ^ T2[c >>> 8 & 255] ^ T3[d & 255];
    const f = T0[b >>> 24] ^ T1[c >>> 16 & 255] ^ T2[d >>> 8 & 255] ^ T3[a & 255];
    const g = T0[c >>> 24] ^ T1[d >>> 16 & 255] ^ T2[a >>> 8 & 255] ^ T3[b & 255];
    const h = T0[d >>> 24] ^ T1[a >>> 16 & 255] ^ T2[b >>> 8 & 255] ^ T3[c & 255];
    a = e ^ schedule[k];
    b = f ^ schedule[k + 1];
    c = g ^ schedule[k + 2];
    d = h ^ schedule[k + 3];
  }
  block[0] = lastRound(a, b, c, d) ^ schedule[k];
  block[1] = lastRound(b, c, d, a) ^ schedule[k + 1];
  block[2] = lastRound(c, d, a, b) ^ schedule[k + 2];
  block[3] = lastRound(d, a, b, c) ^ schedule[k + 3];
}

function lastRound(a: number, b: number, c: number, d: number): number {
  return SBOX[a >>> 24] << 24 | SBOX[b >>> 16 & 255] << 16 | SBOX[c >>> 8 & 255] << 8 |
    SBOX[d & 255];
}

function substitute(word: number): number {
  return lastRound(word, word, word, word);
}

/** Multiplies an element of AES's field by two. */
function double(value: number): number {
  return (value << 1 ^ (value >>> 7) * 0x11b) & 255;
}

function makeTable(rotation: number): Int32Array {
  return Int32Array.from(SBOX, (s) => {
    const word = double(s) << 24 | s << 16 | s << 8 | double(s) ^ s;
    return word >>> rotation | word << 32 - rotation;
  });
}

/** The S-box: the inverse in the field, then an affine map. */
function makeSbox(): Uint8Array {
  const box = new Uint8Array(256);
  // Powers of 3 meet every element but zero; those of its inverse meet their inverses.
  for (let i = 0, power = 1, inverse = 1; i < 255; i++) {
    const spread = inverse * 0x101;
    box[power] = inverse ^ spread >>> 4 ^ spread >>> 5 ^ spread >>> 6 ^ spread >>> 7 ^ 0x63;
    power ^= double(power);
    inverse = third(inverse);
  }
  box[0] = 0x63;
  return box;
}

/** Divides an element of the field by three: multiplies it by 0xf6. */
function third(value: number): number {
  let product = 0;
  for (let factor = 0xf6; factor > 0; factor >>>= 1, value = double(value)) {
    if ((factor & 1) === 1) product ^= value;
  }
  return product;
}
