import { assertEquals } from "@std/assert";
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import test from "node:test";
import { invert, ORDER, takeNumber, takePoint } from "../../../../lib/dave/mls/curve.ts";
import { isSignedBy } from "../../../../lib/dave/mls/ecdsa.ts";
import { bitFlips, hex, randomBytes, seededRandom } from "../../../tools/vectors.ts";

test("isSignedBy() gives noble's verdict on what 60 keys have signed, and on what they have not", () => {
  const random = seededRandom(1);
  for (let n = 0; n < 60; n++) {
    const { secretKey, publicKey } = p256.keygen(randomBytes(random, 48));
    const message = randomBytes(random, n);
    const hash = sha256(message);
    const point = takePoint(p256.Point.fromBytes(publicKey).toBytes(false))!;
    const bytes = p256.sign(message, secretKey, { lowS: false });
    const { r, s } = p256.Signature.fromBytes(bytes, "compact");
    assertEquals(isSignedBy(point, hash, { r, s }), true);
    assertEquals(isSignedBy(point, hash, { r, s: ORDER - s }), true);
    assertEquals(isSignedBy(point, hash, { r: s, s: r }), false);
    assertEquals(isSignedBy(point, hash, { r, s: s === 1n ? 2n : s - 1n }), false);
    assertEquals(isSignedBy(point, hash, { r: r === 1n ? 2n : r - 1n, s }), false);
    const wrong = bitFlips(hash)[n]!;
    assertEquals(isSignedBy(point, wrong, { r, s }), false);
  }
});

// With such keys, u1 G + u2 Q meets all cases that formulas of addition leave out.
test("isSignedBy() agrees with noble where key and nonce are small multiples of the base point", () => {
  const factors = [1n, 2n, 3n, ORDER - 1n, ORDER - 2n];
  let valid = 0;
  for (const key of factors) {
    const bytes = p256.Point.BASE.multiply(key).toBytes(false);
    for (const hash of [hex("00".repeat(32)), hex("00".repeat(31) + "01"), hex("ff".repeat(32))]) {
      for (const nonce of factors) {
        const r = p256.Point.BASE.multiply(nonce).x % ORDER;
        const right = (takeNumber(hash) + r * key) * invert(nonce, ORDER) % ORDER;
        for (const s of [right, 1n, 2n, ORDER - 1n]) {
          const signature = new p256.Signature(r, s).toBytes("compact");
          const wanted = p256.verify(signature, hash, bytes, { prehash: false, lowS: false });
          assertEquals(isSignedBy(takePoint(bytes)!, hash, { r, s }), wanted);
          if (wanted) valid++;
        }
      }
    }
  }
  assertEquals(valid, 75);
});
