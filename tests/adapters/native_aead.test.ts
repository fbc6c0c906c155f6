import { assert, assertEquals } from "@std/assert";
import test from "node:test";

import { nativeAead } from "../../adapters/native_aead.ts";
import { TAG_SIZE } from "../../lib/aead.ts";
import { nobleCiphers } from "../../lib/secretbox.ts";

const CIPHERS = [["aes256gcm", 12], ["xchacha20poly1305", 24]] as const;

/** A seeded generator (mulberry32), so that a failure can be repeated. */
function seededRandom(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function randomBytes(random: (below: number) => number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random(256));
}

for (const [name, nonceSize] of CIPHERS) {
  test(`nativeAead.${name} equals nobleCiphers for 300 random packets`, () => {
    const random = seededRandom(nonceSize);
    for (let n = 0; n < 300; n++) {
      const key = randomBytes(random, 32);
      const [native, noble] = [nativeAead[name](key), nobleCiphers[name](key)];
      const nonce = randomBytes(random, nonceSize);
      const aadSize = 12 + random(13);
      const plainSize = n < 40 ? n : random(1401);
      const packet = randomBytes(random, aadSize + plainSize + TAG_SIZE);
      const plain = packet.slice(aadSize, aadSize + plainSize);
      const expected = packet.slice();
      native.seal(packet, aadSize, plainSize, nonce);
      noble.seal(expected, aadSize, plainSize, nonce);
      assertEquals(packet, expected);

      const into = new Uint8Array(plainSize + 8).fill(7);
      assert(native.open(packet, aadSize, plainSize, nonce, into));
      assertEquals(into.subarray(0, plainSize), plain);
      assertEquals([...into.subarray(plainSize)], Array(8).fill(7));
      assertEquals(packet, expected);
    }
  });

  test(`nativeAead.${name} refuses every flipped bit and every truncation`, () => {
    const random = seededRandom(1);
    const [aadSize, plainSize] = [12, 5];
    const aead = nativeAead[name](randomBytes(random, 32));
    const nonce = randomBytes(random, nonceSize);
    const packet = randomBytes(random, aadSize + plainSize + TAG_SIZE);
    const into = new Uint8Array(plainSize);
    aead.seal(packet, aadSize, plainSize, nonce);
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const forged = packet.slice();
      forged[bit >> 3] ^= 1 << (bit & 7);
      assertEquals(aead.open(forged, aadSize, plainSize, nonce, into), false);
    }
    for (let bit = 0; bit < nonceSize * 8; bit++) {
      const other = nonce.slice();
      other[bit >> 3] ^= 1 << (bit & 7);
      assertEquals(aead.open(packet, aadSize, plainSize, other, into), false);
    }
    for (let size = 0; size < packet.length; size++) {
      assertEquals(aead.open(packet.slice(0, size), aadSize, plainSize, nonce, into), false);
    }
    assert(aead.open(packet, aadSize, plainSize, nonce, into));
  });

  test(`nativeAead.${name} works on a part of a larger buffer and copies the key`, () => {
    const random = seededRandom(2);
    const key = randomBytes(random, 32);
    const aead = nativeAead[name](key);
    const noble = nobleCiphers[name](key);
    key.fill(0);
    const nonce = randomBytes(random, nonceSize);
    const store = randomBytes(random, 200);
    const expected = store.slice();
    aead.seal(store.subarray(50, 150), 12, 72, nonce);
    noble.seal(expected.subarray(50, 150), 12, 72, nonce);
    assertEquals(store, expected);
    const into = new Uint8Array(100);
    assert(aead.open(store.subarray(50, 150), 12, 72, nonce, into.subarray(10)));
  });
}

test("nativeAead takes secretbox from nobleCiphers", () => {
  assertEquals(nativeAead.xsalsa20poly1305, nobleCiphers.xsalsa20poly1305);
});
