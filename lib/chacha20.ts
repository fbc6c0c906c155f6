/**
 * The block function of ChaCha20 (RFC 8439, section 2.3), and HChaCha20 (draft-irtf-cfrg-xchacha,
 * section 2.2), which makes a key of a key and 16 bytes of nonce.
 *
 * Two rounds stand unrolled on sixteen local variables, which engines keep in registers as far
 * as there are any. Additions, exclusive ors and rotations by constants take the same time
 * whatever the key is.
 *
 * @module
 */

/** Words of a state, of a block too. */
export const STATE_WORDS = 16;

/** Words of a key. They stand behind the constants, and nonce and counter behind them. */
export const KEY_WORDS = 8;

/** Where the key stands in a state. */
export const KEY_AT = 4;

/** Where counter and nonce stand in a state. */
export const COUNTER_AT = 12;

/** Writes "expand 32-byte k", with which each state begins. */
export function writeConstants(state: Int32Array): void {
  state[0] = 0x61707865;
  state[1] = 0x3320646e;
  state[2] = 0x79622d32;
  state[3] = 0x6b206574;
}

/**
 * Makes a block of key stream.
 *
 * @param state Constants, key, counter and nonce: `STATE_WORDS` words, little endian.
 * @param into Receives the block, `STATE_WORDS` words.
 */
export function chacha20Block(state: Int32Array, into: Int32Array): void {
  let x0 = state[0], x1 = state[1], x2 = state[2], x3 = state[3];
  let x4 = state[4], x5 = state[5], x6 = state[6], x7 = state[7];
  let x8 = state[8], x9 = state[9], x10 = state[10], x11 = state[11];
  let x12 = state[12], x13 = state[13], x14 = state[14], x15 = state[15];
  for (let round = 0; round < 20; round += 2) {
    x0 = x0 + x4 | 0, x12 ^= x0, x12 = x12 << 16 | x12 >>> 16;
    x8 = x8 + x12 | 0, x4 ^= x8, x4 = x4 << 12 | x4 >>> 20;
    x0 = x0 + x4 | 0, x12 ^= x0, x12 = x12 << 8 | x12 >>> 24;
    x8 = x8 + x12 | 0, x4 ^= x8, x4 = x4 << 7 | x4 >>> 25;
    x1 = x1 + x5 | 0, x13 ^= x1, x13 = x13 << 16 | x13 >>> 16;
    x9 = x9 + x13 | 0, x5 ^= x9, x5 = x5 << 12 | x5 >>> 20;
    x1 = x1 + x5 | 0, x13 ^= x1, x13 = x13 << 8 | x13 >>> 24;
    x9 = x9 + x13 | 0, x5 ^= x9, x5 = x5 << 7 | x5 >>> 25;
    x2 = x2 + x6 | 0, x14 ^= x2, x14 = x14 << 16 | x14 >>> 16;
    x10 = x10 + x14 | 0, x6 ^= x10, x6 = x6 << 12 | x6 >>> 20;
    x2 = x2 + x6 | 0, x14 ^= x2, x14 = x14 << 8 | x14 >>> 24;
    x10 = x10 + x14 | 0, x6 ^= x10, x6 = x6 << 7 | x6 >>> 25;
    x3 = x3 + x7 | 0, x15 ^= x3, x15 = x15 << 16 | x15 >>> 16;
    x11 = x11 + x15 | 0, x7 ^= x11, x7 = x7 << 12 | x7 >>> 20;
    x3 = x3 + x7 | 0, x15 ^= x3, x15 = x15 << 8 | x15 >>> 24;
    x11 = x11 + x15 | 0, x7 ^= x11, x7 = x7 << 7 | x7 >>> 25;

    x0 = x0 + x5 | 0, x15 ^= x0, x15 = x15 << 16 | x15 >>> 16;
    x10 = x10 + x15 | 0, x5 ^= x10, x5 = x5 << 12 | x5 >>> 20;
    x0 = x0 + x5 | 0, x15 ^= x0, x15 = x15 << 8 | x15 >>> 24;
    x10 = x10 + x15 | 0, x5 ^= x10, x5 = x5 << 7 | x5 >>> 25;
    x1 = x1 + x6 | 0, x12 ^= x1, x12 = x12 << 16 | x12 >>> 16;
    x11 = x11 + x12 | 0, x6 ^= x11, x6 = x6 << 12 | x6 >>> 20;
    x1 = x1 + x6 | 0, x12 ^= x1, x12 = x12 << 8 | x12 >>> 24;
    x11 = x11 + x12 | 0, x6 ^= x11, x6 = x6 << 7 | x6 >>> 25;
    x2 = x2 + x7 | 0, x13 ^= x2, x13 = x13 << 16 | x13 >>> 16;
    x8 = x8 + x13 | 0, x7 ^= x8, x7 = x7 << 12 | x7 >>> 20;
    x2 = x2 + x7 | 0, x13 ^= x2, x13 = x13 << 8 | x13 >>> 24;
    x8 = x8 + x13 | 0, x7 ^= x8, x7 = x7 << 7 | x7 >>> 25;
    x3 = x3 + x4 | 0, x14 ^= x3, x14 = x14 << 16 | x14 >>> 16;
    x9 = x9 + x14 | 0, x4 ^= x9, x4 = x4 << 12 | x4 >>> 20;
    x3 = x3 + x4 | 0, x14 ^= x3, x14 = x14 << 8 | x14 >>> 24;
    x9 = x9 + x14 | 0, x4 ^= x9, x4 = x4 << 7 | x4 >>> 25;
  }
  into[0] = x0 + state[0], into[1] = x1 + state[1];
  into[2] = x2 + state[2], into[3] = x3 + state[3];
  into[4] = x4 + state[4], into[5] = x5 + state[5];
  into[6] = x6 + state[6], into[7] = x7 + state[7];
  into[8] = x8 + state[8], into[9] = x9 + state[9];
  into[10] = x10 + state[10], into[11] = x11 + state[11];
  into[12] = x12 + state[12], into[13] = x13 + state[13];
  into[14] = x14 + state[14], into[15] = x15 + state[15];
}

/**
 * Replaces the key in a state by the one that HChaCha20 makes of it and of what stands in the
 * place of counter and nonce.
 *
 * @param state Constants, key and 16 bytes of nonce.
 * @param block Room for `STATE_WORDS` words.
 */
export function hchacha20(state: Int32Array, block: Int32Array): void {
  chacha20Block(state, block);
  // It takes the words of constants and nonce as the rounds leave them: nothing is added to them.
  for (let i = 0; i < 4; i++) {
    state[KEY_AT + i] = block[i] - state[i];
    state[KEY_AT + 4 + i] = block[COUNTER_AT + i] - state[COUNTER_AT + i];
  }
}
