import { assert, assertEquals, assertThrows } from "@std/assert";
import { gcm } from "@noble/ciphers/aes.js";
import { createCipheriv } from "node:crypto";
import test from "node:test";
import { FRAME_TAG_SIZE, writeFrameNonce } from "../../../../lib/dave/frames/aead.ts";
import { pureFrameAead } from "../../../../lib/dave/frames/gcm.ts";
import {
  bitFlips,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
} from "../../../tools/vectors.ts";

interface WycheproofCase {
  readonly tcId: number;
  readonly key: string;
  readonly iv: string;
  readonly aad: string;
  readonly msg: string;
  readonly ct: string;
  readonly tag: string;
  readonly result: "valid" | "invalid";
}

interface WycheproofGroup {
  readonly keySize: number;
  readonly tests: readonly WycheproofCase[];
}

const GROUPS = loadVectors<{ testGroups: WycheproofGroup[] }>("wycheproof/aes_gcm_test.json")
  .testGroups.filter(({ keySize }) => keySize === 128);

function seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): string {
  const packet = new Uint8Array(aad.length + plain.length + FRAME_TAG_SIZE + 1).fill(0xee);
  packet.set(aad);
  packet.set(plain, aad.length);
  pureFrameAead.aes128gcm(key).seal(packet, aad.length, plain.length, nonce);
  return toHex(packet);
}

for (const { tests } of GROUPS) {
  test(`pureFrameAead agrees with the ${tests.length} cases of Wycheproof, tags cut to 8 bytes`, () => {
    for (const { tcId, key, iv, aad, msg, ct, tag, result } of tests) {
      const packet = hex(aad + ct + tag.slice(0, 16));
      const into = new Uint8Array(msg.length / 2 + 1).fill(0xee);
      const aead = pureFrameAead.aes128gcm(hex(key));
      const opened = aead.open(packet, aad.length / 2, ct.length / 2, hex(iv), into);
      const right = seal(hex(key), hex(iv), hex(aad), hex(msg)) === toHex(packet) + "ee";
      // A tag that is wrong only behind its first 8 bytes is not wrong here.
      assertEquals(opened, right, `case ${tcId}`);
      if (result === "valid") assertEquals(opened, true, `case ${tcId}`);
      assertEquals(toHex(into), opened ? msg + "ee" : "ee".repeat(into.length), `case ${tcId}`);
    }
  });
}

test("pureFrameAead seals as noble's gcm and node:crypto do, at all sizes", () => {
  const random = seededRandom(1);
  for (let size = 0; size <= 1400; size += size < 70 ? 1 : 133) {
    for (const aadSize of [0, 1, 15, 16, 17, 100]) {
      const key = randomBytes(random, 16);
      const nonce = randomBytes(random, 12);
      const aad = randomBytes(random, aadSize);
      const plain = randomBytes(random, size);
      const wanted = gcm(key, nonce, aad).encrypt(plain).subarray(0, size + FRAME_TAG_SIZE);
      assertEquals(seal(key, nonce, aad, plain), toHex(aad) + toHex(wanted) + "ee");
      const cipher = createCipheriv("aes-128-gcm", key, nonce, { authTagLength: FRAME_TAG_SIZE });
      cipher.setAAD(aad);
      const native = toHex(cipher.update(plain)) + toHex(cipher.final()) +
        toHex(cipher.getAuthTag());
      assertEquals(toHex(wanted), native);
    }
  }
});

test("pureFrameAead counts more blocks than one and two bytes can", () => {
  const [key, nonce] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2)];
  for (const size of [5000, 2 ** 20 + 40]) {
    const plain = new Uint8Array(size);
    const cipher = createCipheriv("aes-128-gcm", key, nonce, { authTagLength: FRAME_TAG_SIZE });
    const native = toHex(cipher.update(plain)) + toHex(cipher.final()) + toHex(cipher.getAuthTag());
    assert(seal(key, nonce, hex(""), plain) === native + "ee", `${size} bytes`);
  }
});

test("pureFrameAead refuses every flipped bit and writes nothing then", () => {
  const key = hex("000102030405060708090a0b0c0d0e0f");
  const nonce = hex("000000000000000001000000");
  const packet = hex(seal(key, nonce, hex("aabbcc"), hex("0011223344556677889900aabbccddeeff")))
    .subarray(0, 28);
  const aead = pureFrameAead.aes128gcm(key);
  const into = new Uint8Array(17);
  for (const wrong of bitFlips(packet)) {
    assertEquals(aead.open(wrong, 3, 17, nonce, into), false);
    assertEquals(toHex(into), "00".repeat(17));
  }
  for (const wrong of bitFlips(nonce)) assertEquals(aead.open(packet, 3, 17, wrong, into), false);
  for (const wrong of bitFlips(key)) {
    assertEquals(pureFrameAead.aes128gcm(wrong).open(packet, 3, 17, nonce, into), false);
  }
  assertEquals(aead.open(packet, 4, 16, nonce, into), false);
  assertEquals(aead.open(packet, 3, 17, nonce, into), true);
  assertEquals(toHex(into), "0011223344556677889900aabbccddeeff");
});

test("pureFrameAead keeps a key of its own until it is erased", () => {
  const key = hex("000102030405060708090a0b0c0d0e0f");
  const nonce = new Uint8Array(12);
  const packet = hex(seal(key, nonce, hex(""), hex("001122"))).subarray(0, 11);
  const aead = pureFrameAead.aes128gcm(key);
  key.fill(0);
  assertEquals(aead.open(packet, 0, 3, nonce, new Uint8Array(3)), true);
  aead.erase();
  assertEquals(aead.open(packet, 0, 3, nonce, new Uint8Array(3)), false);
});

test("pureFrameAead reads a key and a message that are views", () => {
  const memory = hex("ffffff000102030405060708090a0b0c0d0e0fff");
  const key = memory.subarray(3, 19);
  const wanted = seal(key.slice(), new Uint8Array(12), hex(""), hex("001122"));
  assertEquals(seal(key, memory.subarray(0, 12).map(() => 0), hex(""), hex("001122")), wanted);
});

for (const size of [0, 15, 17, 32]) {
  test(`pureFrameAead refuses a key of ${size} bytes`, () => {
    assertThrows(() => pureFrameAead.aes128gcm(new Uint8Array(size)), RangeError, `${size} bytes`);
  });
}

test("writeFrameNonce() writes the counter in little endian at the end", () => {
  const nonce = new Uint8Array(12);
  writeFrameNonce(0x01020304, nonce);
  assertEquals(toHex(nonce), "000000000000000004030201");
  writeFrameNonce(2 ** 32 - 1, nonce);
  assertEquals(toHex(nonce), "0000000000000000ffffffff");
});
