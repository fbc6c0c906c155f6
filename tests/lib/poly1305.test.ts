import { assert, assertEquals } from "@std/assert";
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import test from "node:test";
import { chacha20Block, COUNTER_AT, KEY_AT, writeConstants } from "../../lib/chacha20.ts";
import { Poly1305 } from "../../lib/poly1305.ts";
import { hex, loadVectors, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i, true));
}

function tagOf(authenticator: Poly1305, key: Int32Array, ...parts: Uint8Array[]): string {
  const tag = new Int32Array(4);
  authenticator.start(key);
  for (const part of parts) authenticator.absorb(part, 0, part.length);
  authenticator.finish(tag);
  return toHex(Uint8Array.from({ length: 16 }, (_, i) => tag[i >> 2] >>> 8 * (i & 3)));
}

/** The definition of RFC 8439, section 2.5.1, with whole numbers of any size. */
function definition(key: Uint8Array, message: Uint8Array): string {
  const numberOf = (bytes: Uint8Array) => BigInt("0x" + toHex(bytes.slice().reverse()));
  const r = numberOf(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = numberOf(message.subarray(at, at + 16)) + 2n ** 128n;
    sum = (sum + block) * r % (2n ** 130n - 5n);
  }
  const tag = (sum + numberOf(key.subarray(16))) % 2n ** 128n;
  return toHex(hex(tag.toString(16).padStart(32, "0")).reverse());
}

// RFC 8439, appendix A.3: those of whole blocks.
const KNOWN: readonly (readonly [name: string, key: string, message: string, tag: string])[] = [
  ["1", "00".repeat(32), "00".repeat(64), "00".repeat(16)],
  ["7", "02" + "00".repeat(31), "ff".repeat(16), "03" + "00".repeat(15)],
  ["8", "02" + "00".repeat(15) + "ff".repeat(16), "02" + "00".repeat(15), "03" + "00".repeat(15)],
  [
    "9",
    "01" + "00".repeat(31),
    "ff".repeat(16) + "f0" + "ff".repeat(15) + "11" + "00".repeat(15),
    "05" + "00".repeat(15),
  ],
  [
    "10",
    "01" + "00".repeat(31),
    "ff".repeat(16) + "fb" + "fe".repeat(15) + "01".repeat(16),
    "00".repeat(16),
  ],
  ["11", "02" + "00".repeat(31), "fd" + "ff".repeat(15), "fa" + "ff".repeat(15)],
];

for (const [name, key, message, tag] of KNOWN) {
  test(`Poly1305 gives the tag of RFC 8439, A.3 #${name}`, () => {
    assertEquals(tagOf(new Poly1305(), wordsOf(hex(key)), hex(message)), tag);
  });
}

test("Poly1305 follows the definition where numbers are as large or as small as they come", () => {
  const random = seededRandom(1);
  const extremes = (size: number) =>
    Uint8Array.from({ length: size }, () => [0, 0xff, 0xff, 0xfb, 0x80, 1][random() % 6]);
  const authenticator = new Poly1305();
  for (let n = 0; n < 1500; n++) {
    const key = n % 4 === 0 ? new Uint8Array(32).fill(0xff) : extremes(32);
    const message = n % 5 === 0 ? new Uint8Array(320).fill(0xff) : extremes(16 * (random() % 12));
    assertEquals(tagOf(authenticator, wordsOf(key), message), definition(key, message), `${n}`);
  }
});

test("Poly1305 equals noble's for random messages of 0 to 200 bytes, filled up with zeros", () => {
  const random = seededRandom(2);
  const authenticator = new Poly1305();
  for (let size = 0; size <= 200; size++) {
    const [key, message] = [randomBytes(random, 32), randomBytes(random, size)];
    const filled = new Uint8Array(Math.ceil(size / 16) * 16);
    filled.set(message);
    const wanted = toHex(poly1305(filled, key));
    assertEquals(tagOf(authenticator, wordsOf(key), message), wanted);
    const [head, tail] = [filled.subarray(0, 16), filled.subarray(16)];
    assertEquals(
      tagOf(authenticator, wordsOf(key), head, tail),
      size === 0 ? tagOf(authenticator, wordsOf(key)) : wanted,
    );
  }
});

// Their ciphertexts are chosen to bring sums and limbs to their borders.
test("Poly1305 with ChaCha20's first block gives all valid tags of Wycheproof", () => {
  interface File {
    readonly testGroups: readonly { readonly tests: readonly Readonly<Record<string, string>>[] }[];
  }
  const { testGroups } = loadVectors<File>("wycheproof/chacha20_poly1305_test.json");
  const cases = testGroups.flatMap(({ tests }) => tests).filter(({ result }) => result === "valid");
  const [state, block, authenticator] = [new Int32Array(16), new Int32Array(16), new Poly1305()];
  writeConstants(state);
  for (const { key, iv, aad, ct, tag } of cases) {
    state.set(wordsOf(hex(key)), KEY_AT);
    state.set([0, ...wordsOf(hex(iv))], COUNTER_AT);
    chacha20Block(state, block);
    const sizes = Uint8Array.from(
      [aad, ct].flatMap((text) =>
        Array.from({ length: 8 }, (_, i) => i < 4 ? text.length / 2 >>> 8 * i : 0)
      ),
    );
    assertEquals(tagOf(authenticator, block, hex(aad), hex(ct), sizes), tag);
  }
  assertEquals(cases.length, 256);
});

test("Poly1305 knows nothing of the key once it is erased", () => {
  const [authenticator, key] = [new Poly1305(), wordsOf(new Uint8Array(32).fill(7))];
  const tag = tagOf(authenticator, key, new Uint8Array(16));
  authenticator.erase();
  const words = new Int32Array(4);
  authenticator.absorb(new Uint8Array(16), 0, 16);
  authenticator.finish(words);
  assertEquals(words, new Int32Array(4));
  assert(tag === tagOf(authenticator, key, new Uint8Array(16)));
});
