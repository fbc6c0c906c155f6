import { assertEquals, assertThrows } from "@std/assert";
import { chacha20poly1305, hchacha, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import test from "node:test";
import { loadVectors, toHex } from "../tools/vectors.ts";
import type { Fields } from "../tools/vector_runner/fields.ts";
import {
  type AeadCase,
  checkAead,
  checkPrimitive,
  PROVIDERS,
  readAeadCase,
  transportAeads,
} from "../tools/vector_runner/wycheproof.ts";

interface WycheproofFile {
  readonly algorithm: string;
  readonly testGroups: readonly { readonly tests: readonly Fields[] }[];
}

const FILES = [
  { file: "aes_gcm", expressed: [39, 27], outside: [40, 27] },
  { file: "xchacha20_poly1305", expressed: [246, 60], outside: [0, 9] },
  { file: "chacha20_poly1305", expressed: [0, 0], outside: [256, 69] },
];

function load(file: string): { algorithm: string; cases: AeadCase[] } {
  const path = `wycheproof/${file}_test.json`;
  const { algorithm, testGroups } = loadVectors<WycheproofFile>(path);
  return { algorithm, cases: testGroups.flatMap(({ tests }) => tests.map(readAeadCase)) };
}

/** How many cases are valid, and how many are not. */
function countsOf(cases: readonly AeadCase[]): number[] {
  const valid = cases.filter((vector) => vector.valid).length;
  return [valid, cases.length - valid];
}

for (const { file, expressed, outside } of FILES) {
  const { algorithm, cases } = load(file);
  const inside = cases.filter((vector) => transportAeads(algorithm, vector).length > 0);
  const others = cases.filter((vector) => !inside.includes(vector));

  test(`Wycheproof ${algorithm}: all cases that the transport can express, and how many`, () => {
    for (const vector of inside) {
      const aeads = transportAeads(algorithm, vector);
      assertEquals(aeads.map(({ name }) => name), PROVIDERS.map(([name]) => name));
      for (const aead of aeads) checkAead(aead, vector);
    }
    assertEquals(countsOf(inside), expressed);
  });

  test(`Wycheproof ${algorithm}: the primitive passes all the others, and how many`, () => {
    for (const vector of others) checkPrimitive(algorithm, vector);
    assertEquals(countsOf(others), outside);
  });
}

// A nonce of another size seals nothing: those cases have neither ciphertext nor tag.
test("Wycheproof's cases outside of the transport have keys or nonces of other sizes", () => {
  const sizes = FILES.slice(0, 2).flatMap(({ file }) => {
    const { algorithm, cases } = load(file);
    return cases.filter((vector) => transportAeads(algorithm, vector).length === 0);
  }).map(({ key, iv, tag }) => [key, iv, tag].map((bytes) => 8 * bytes.length).join(" "));
  const counts: Record<string, number> = {};
  for (const size of sizes) counts[size] = (counts[size] ?? 0) + 1;
  assertEquals(counts, {
    "128 96 128": 67,
    "256 0 0": 1,
    "256 64 0": 1,
    "256 88 0": 1,
    "256 96 0": 1,
    "256 104 0": 1,
    "256 112 0": 1,
    "256 128 0": 1,
    "256 160 0": 1,
    "256 256 0": 1,
  });
});

test("checkAead() and checkPrimitive() catch a case that says the wrong thing", () => {
  for (const { file } of FILES) {
    const { algorithm, cases } = load(file);
    const check = (vector: AeadCase) => {
      for (const aead of transportAeads(algorithm, vector)) checkAead(aead, vector);
      checkPrimitive(algorithm, vector);
    };
    const sample = cases.find(({ valid, msg, aad }) => valid && msg.length > 0 && aad.length > 0)!;
    check(sample);
    assertThrows(() => check({ ...sample, valid: false }), Error, "opens it");
    for (const name of ["key", "iv", "aad", "ct", "tag"] as const) {
      const flipped = sample[name].slice();
      flipped[0] ^= 0x80;
      assertThrows(() => check({ ...sample, [name]: flipped }), Error, "rejects it");
    }
    const msg = sample.msg.slice();
    msg[0] ^= 1;
    assertThrows(() => check({ ...sample, msg }), Error, "plaintext");
    const forged = cases.find(({ valid }) => !valid)!;
    assertThrows(() => check({ ...forged, valid: true }), Error, "rejects it");
  }
});

/** "expand 32-byte k", the constants of ChaCha. */
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

// So what is shown of ChaCha20-Poly1305 holds for the cipher that the transport uses.
test("ChaCha20-Poly1305 under a key of HChaCha20 is XChaCha20-Poly1305", () => {
  let compared = 0;
  for (const { key, iv, aad, msg } of load("xchacha20_poly1305").cases) {
    if (iv.length !== 24) continue;
    const inner = new Uint32Array(8);
    hchacha(SIGMA, words(key), words(iv.subarray(0, 16)), inner);
    const nonce = new Uint8Array(12);
    nonce.set(iv.subarray(16), 4);
    assertEquals(
      toHex(chacha20poly1305(bytesOf(inner), nonce, aad).encrypt(msg)),
      toHex(xchacha20poly1305(key, iv, aad).encrypt(msg)),
    );
    compared++;
  }
  assertEquals(compared, 306);
});

function words(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => view.getUint32(4 * at, true));
}

function bytesOf(values: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [at, value] of values.entries()) view.setUint32(4 * at, value, true);
  return bytes;
}
