import { assertEquals } from "@std/assert";
import test from "node:test";
import { type AeadFactory, TAG_SIZE } from "../../lib/aead.ts";
import { pureAead } from "../../lib/pure_aead.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";
import { assertErases } from "../tools/erasure.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  toHex,
  type TransportVector,
  type TransportVectors,
} from "../tools/vectors.ts";

const { vectors } = loadVectors<TransportVectors>("transport.json");
const CIPHERS: readonly [name: string, factory: AeadFactory, vector: TransportVector][] = [
  ["aes256gcm", nobleCiphers.aes256gcm, byId(vectors, "V13")],
  ["xchacha20poly1305", nobleCiphers.xchacha20poly1305, byId(vectors, "V18")],
  ["xsalsa20poly1305", nobleCiphers.xsalsa20poly1305, byId(vectors, "V07")],
  ["pure aes256gcm", pureAead.aes256gcm, byId(vectors, "V13")],
  ["pure xchacha20poly1305", pureAead.xchacha20poly1305, byId(vectors, "V18")],
];

for (const [name, factory, vector] of CIPHERS) {
  const key = hex(vector.key!);
  const nonce = hex(vector.nonce!);
  const secretbox = vector.aad === null;
  const aad = hex(vector.clear_prefix);
  const plain = hex(vector.encrypted_plaintext);
  const box = [vector.ciphertext, vector.tag];
  const sealed = hex(vector.clear_prefix + (secretbox ? box.reverse() : box).join(""));

  test(`${name} seals the known answer in place and touches nothing behind the tag`, () => {
    const packet = new Uint8Array(sealed.length + 4).fill(0xee);
    packet.set(aad);
    packet.set(plain, aad.length);
    factory(key).seal(packet, aad.length, plain.length, nonce);
    assertEquals(toHex(packet), toHex(sealed) + "eeeeeeee");
  });

  test(`${name} opens the known answer and leaves the packet alone`, () => {
    const packet = sealed.slice();
    const into = new Uint8Array(plain.length + 2).fill(0xee);
    assertEquals(factory(key).open(packet, aad.length, plain.length, nonce, into), true);
    assertEquals(toHex(into), toHex(plain) + "eeee");
    assertEquals(packet, sealed);
  });

  test(`${name} keeps a key of its own`, () => {
    const borrowed = key.slice();
    const aead = factory(borrowed);
    borrowed.fill(0);
    const into = new Uint8Array(plain.length);
    assertEquals(aead.open(sealed, aad.length, plain.length, nonce, into), true);
  });

  test(`${name} seals and opens nothing any more once it is erased`, () => {
    assertErases({ make: factory, keySize: 32, nonceSize: nonce.length, tagSize: TAG_SIZE });
  });

  test(`${name} opens again and again, after a failure too`, () => {
    const aead = factory(key);
    const into = new Uint8Array(plain.length);
    const broken = sealed.slice();
    broken[aad.length] ^= 1;
    const results = [sealed, broken, sealed, sealed].map((packet) =>
      aead.open(packet, aad.length, plain.length, nonce, into)
    );
    assertEquals(results, [true, false, true, true]);
  });

  test(`${name} refuses every flipped bit of ${secretbox ? "" : "additional data, "}ciphertext and tag`, () => {
    const aead = factory(key);
    const into = new Uint8Array(plain.length);
    for (const [bit, packet] of bitFlips(sealed).entries()) {
      const free = secretbox && bit < 8 * aad.length;
      assertEquals(aead.open(packet, aad.length, plain.length, nonce, into), free, `bit ${bit}`);
    }
  });

  test(`${name} refuses every flipped bit of nonce and key`, () => {
    const into = new Uint8Array(plain.length);
    for (const wrong of bitFlips(nonce)) {
      assertEquals(factory(key).open(sealed, aad.length, plain.length, wrong, into), false);
    }
    for (const wrong of bitFlips(key)) {
      assertEquals(factory(wrong).open(sealed, aad.length, plain.length, nonce, into), false);
    }
  });

  test(`${name} refuses other borders between additional data and ciphertext`, () => {
    const into = new Uint8Array(sealed.length);
    const size = sealed.length - TAG_SIZE;
    for (let border = 0; border <= size; border++) {
      const opened = factory(key).open(sealed, border, size - border, nonce, into);
      assertEquals(opened, border === aad.length, `border ${border}`);
    }
  });

  test(`${name} seals and opens nothing at all`, () => {
    const aead = factory(key);
    const packet = new Uint8Array(TAG_SIZE);
    aead.seal(packet, 0, 0, nonce);
    assertEquals(aead.open(packet, 0, 0, nonce, new Uint8Array(0)), true);
    packet[0] ^= 1;
    assertEquals(aead.open(packet, 0, 0, nonce, new Uint8Array(0)), false);
  });
}
