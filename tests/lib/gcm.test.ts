import { assertEquals, assertThrows } from "@std/assert";
import { createCipheriv } from "node:crypto";
import test from "node:test";
import { encryptBlock } from "../../lib/aes.ts";
import { AesGcm } from "../../lib/gcm.ts";
import { assertErases } from "../tools/erasure.ts";
import { hex, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

const SPEC_KEY = "feffe9928665731c6d6a8f9467308308";
const SPEC_NONCE = "cafebabefacedbaddecaf888";
const SPEC_AAD = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const SPEC_PLAIN = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
  "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

/** Test cases of the specification of GCM (its appendix B). */
const KNOWN: readonly (readonly [name: string, key: string, sealed: string, tag: string])[] = [
  [
    "4",
    SPEC_KEY,
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" +
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
    "5bc94fbc3221a5db94fae95ae7121a47",
  ],
  [
    "16",
    SPEC_KEY + SPEC_KEY,
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
    "76fc6ece0f4e1768cddf8853bb2d551b",
  ],
];

for (const [name, key, sealed, tag] of KNOWN) {
  for (const tagSize of [8, 16]) {
    test(`AesGcm gives the packet of GCM's test case ${name} with ${tagSize} bytes of tag`, () => {
      const packet = hex(SPEC_AAD + SPEC_PLAIN + "ee".repeat(17));
      const size = key.length / 2 as 16 | 32;
      new AesGcm(hex(key), size, tagSize).seal(packet, 20, 60, hex(SPEC_NONCE));
      const wanted = SPEC_AAD + sealed + tag.slice(0, 2 * tagSize) + "ee".repeat(17 - tagSize);
      assertEquals(toHex(packet), wanted);
    });
  }
}

for (const size of [16, 32] as const) {
  test(`AesGcm with ${size} bytes of key seals and opens nothing any more once it is erased`, () => {
    const make = (key: Uint8Array) => new AesGcm(key, size, size / 2);
    assertErases({ make, keySize: size, nonceSize: 12, tagSize: size / 2 });
  });

  // With round keys and a hash key of zeros a tag is what AES makes of the nonce.
  test(`AesGcm with ${size} bytes of key opens nothing that is forged for what is left of it`, () => {
    const block = Int32Array.of(0, 0, 0, 1);
    encryptBlock(new Int32Array(size + 28), block);
    const packet = new Uint8Array(36);
    block.forEach((word, i) => new DataView(packet.buffer).setInt32(20 + 4 * i, word));
    const aead = new AesGcm(new Uint8Array(size).fill(1), size, 16);
    aead.erase();
    assertEquals(aead.open(packet, 0, 20, new Uint8Array(12), new Uint8Array(20)), false);
  });

  test(`AesGcm with ${size} bytes of key counts more blocks than one and two bytes can`, () => {
    const random = seededRandom(size);
    const [key, nonce] = [randomBytes(random, size), randomBytes(random, 12)];
    const plain = new Uint8Array(16 * (2 ** 16 + 3) + 5).map((_, i) => i * 7);
    const packet = new Uint8Array(plain.length + 16);
    packet.set(plain);
    new AesGcm(key, size, 16).seal(packet, 0, plain.length, nonce);
    const cipher = createCipheriv(size === 16 ? "aes-128-gcm" : "aes-256-gcm", key, nonce);
    const sealed = cipher.update(plain);
    cipher.final();
    assertEquals(packet.findIndex((byte, i) => i < sealed.length && byte !== sealed[i]), -1);
    assertEquals(toHex(packet.subarray(plain.length)), toHex(cipher.getAuthTag()));
  });

  for (const wrong of [0, 15, 17, 24, 48 - size]) {
    test(`AesGcm with ${size} bytes of key refuses a key of ${wrong} bytes`, () => {
      assertThrows(
        () => new AesGcm(new Uint8Array(wrong), size, 16),
        RangeError,
        `Cannot use an AES key of ${wrong} bytes: this one has ${size} bytes`,
      );
    });
  }
}
