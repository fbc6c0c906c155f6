import { assertEquals, assertThrows } from "@std/assert";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import test from "node:test";
import { XChaCha20Poly1305 } from "../../lib/xchacha20poly1305.ts";
import { hex, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
test("XChaCha20Poly1305 gives the packet of the draft", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const nonce = Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i);
  const aad = hex("50515253c0c1c2c3c4c5c6c7");
  const plain = new TextEncoder().encode(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
      "sunscreen would be it.",
  );
  const packet = Uint8Array.from([...aad, ...plain, ...new Uint8Array(16)]);
  new XChaCha20Poly1305(key).seal(packet, 12, plain.length, nonce);
  assertEquals(
    toHex(packet.subarray(12)),
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb" +
      "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452" +
      "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9" +
      "21f9664c97637da9768812f615c68b13b52e" + "c0875924c1c7987947deafd8780acf49",
  );
});

// In Discord's modes the counter is in the nonce's first bytes; other users count in the last.
test("XChaCha20Poly1305 makes a new subkey for each change of the nonce, wherever it is", () => {
  const key = new Uint8Array(32).fill(1);
  const aead = new XChaCha20Poly1305(key);
  for (let at = 0; at < 24; at++) {
    const nonce = new Uint8Array(24);
    nonce[at] = 1;
    const packet = new Uint8Array(20 + 16);
    aead.seal(packet, 0, 20, nonce);
    assertEquals(packet, xchacha20poly1305(key, nonce).encrypt(new Uint8Array(20)));
  }
});

test("XChaCha20Poly1305 counts more blocks than one and two bytes can", () => {
  const random = seededRandom(1);
  const [key, nonce] = [randomBytes(random, 32), randomBytes(random, 24)];
  const size = 64 * (2 ** 16 + 3) + 5;
  const plain = new Uint8Array(size).map((_, i) => i * 7);
  const packet = new Uint8Array(size + 16);
  packet.set(plain);
  new XChaCha20Poly1305(key).seal(packet, 0, size, nonce);
  const wanted = xchacha20poly1305(key, nonce).encrypt(plain);
  assertEquals(packet.findIndex((byte, i) => byte !== wanted[i]), -1);
});

// Words that are all zero stay so in ChaCha20, and Poly1305 makes zeros of them.
test("XChaCha20Poly1305 opens nothing that is forged for what is left of it once it is erased", () => {
  const aead = new XChaCha20Poly1305(new Uint8Array(32).fill(1));
  aead.erase();
  const packet = new Uint8Array(20 + 16);
  assertEquals(aead.open(packet, 0, 20, new Uint8Array(24), new Uint8Array(20)), false);
});

for (const size of [0, 16, 31, 33]) {
  test(`XChaCha20Poly1305 refuses a key of ${size} bytes`, () => {
    assertThrows(
      () => new XChaCha20Poly1305(new Uint8Array(size)),
      RangeError,
      `Cannot use a key of ${size} bytes`,
    );
  });
}
