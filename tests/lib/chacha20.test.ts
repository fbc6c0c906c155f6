import { assertEquals } from "@std/assert";
import { chacha20, hchacha } from "@noble/ciphers/chacha.js";
import test from "node:test";
import {
  chacha20Block,
  COUNTER_AT,
  hchacha20,
  KEY_AT,
  KEY_WORDS,
  STATE_WORDS,
  writeConstants,
} from "../../lib/chacha20.ts";
import { hex, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);

/** A state; `nonce` is counter and nonce, 16 bytes. */
function stateOf(key: Uint8Array, nonce: Uint8Array): Int32Array {
  const state = new Int32Array(STATE_WORDS);
  writeConstants(state);
  state.set(wordsOf(key), KEY_AT);
  state.set(wordsOf(nonce), COUNTER_AT);
  return state;
}

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i, true));
}

function bytesOf(words: Int32Array): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setInt32(4 * i, word, true));
  return bytes;
}

function blockOf(state: Int32Array): Uint8Array {
  const block = new Int32Array(STATE_WORDS);
  chacha20Block(state, block);
  return bytesOf(block);
}

// RFC 8439, section 2.3.2.
test("chacha20Block() gives the block of RFC 8439", () => {
  const state = stateOf(KEY, hex("01000000000000090000004a00000000"));
  const before = state.slice();
  assertEquals(
    toHex(blockOf(state)),
    "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e" +
      "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
  );
  assertEquals(state, before);
});

test("chacha20Block() equals noble's chacha20 for 500 random keys, at the last counter too", () => {
  const random = seededRandom(1);
  for (let n = 0; n < 500; n++) {
    const [key, nonce] = [randomBytes(random, 32), randomBytes(random, 12)];
    const counter = n % 3 === 0 ? 2 ** 32 - 2 - n : random() >>> 1;
    const state = stateOf(key, Uint8Array.from([0, 0, 0, 0, ...nonce]));
    state[COUNTER_AT] = counter;
    const wanted = chacha20(key, nonce, new Uint8Array(64), undefined, counter);
    assertEquals(toHex(blockOf(state)), toHex(wanted));
  }
});

// draft-irtf-cfrg-xchacha-03, section 2.2.1.
test("hchacha20() gives the key of the draft and leaves all but the key alone", () => {
  const nonce = hex("000000090000004a0000000031415927");
  const state = stateOf(KEY, nonce);
  hchacha20(state, new Int32Array(STATE_WORDS));
  const subkey = hex("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");
  assertEquals(state, stateOf(subkey, nonce));
});

test("hchacha20() equals noble's for 200 random keys", () => {
  const random = seededRandom(2);
  for (let n = 0; n < 200; n++) {
    const state = stateOf(randomBytes(random, 32), randomBytes(random, 16));
    const wanted = new Uint32Array(KEY_WORDS);
    const parts = [[0, KEY_AT], [KEY_AT, COUNTER_AT], [COUNTER_AT, STATE_WORDS]] as const;
    const [constants, key, input] = parts.map(([from, to]) =>
      Uint32Array.from(state.slice(from, to))
    );
    hchacha(constants, key, input, wanted);
    hchacha20(state, new Int32Array(STATE_WORDS));
    assertEquals(state.slice(KEY_AT, COUNTER_AT), Int32Array.from(wanted));
  }
});
