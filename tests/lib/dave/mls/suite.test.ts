import { assertEquals } from "@std/assert";
import test from "node:test";
import { validPrivateKey } from "../../../../lib/dave/mls/suite.ts";
import { hex } from "../../../tools/vectors.ts";
import { checkEcdhCases, checkEcdsaCases, checkHkdfCases } from "./suite_cases.ts";
import { seededSuite } from "./vectors.ts";

const suite = seededSuite(1);

test("MlsCrypto.verify() agrees with all of Wycheproof's ECDSA cases", () => {
  checkEcdsaCases(suite);
});

test("MlsCrypto.agree() agrees with all of Wycheproof's ECDH cases", () => {
  checkEcdhCases(suite);
});

test("MlsCrypto.extract() and expand() agree with all of Wycheproof's HKDF cases", () => {
  checkHkdfCases(suite);
});

test("MlsCrypto.open() returns what seal() has sealed, and nothing else", () => {
  const [key, nonce] = [new Uint8Array(16).fill(1), new Uint8Array(12).fill(2)];
  const sealed = suite.seal(key, nonce, Uint8Array.of(3), Uint8Array.of(4, 5));
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), sealed), Uint8Array.of(4, 5));
  assertEquals(suite.open(key, nonce, Uint8Array.of(4), sealed), undefined);
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), sealed.slice(1)), undefined);
  assertEquals(suite.open(key, nonce, Uint8Array.of(3), new Uint8Array(3)), undefined);
});

test("validPrivateKey() holds from 1 to less than the order of P-256", () => {
  const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
  assertEquals(validPrivateKey(hex("00".repeat(31) + "01")), true);
  assertEquals(validPrivateKey(hex(order.slice(0, -1) + "0")), true);
  assertEquals(validPrivateKey(hex(order)), false);
  assertEquals(validPrivateKey(hex("ff".repeat(32))), false);
  assertEquals(validPrivateKey(new Uint8Array(32)), false);
  assertEquals(validPrivateKey(new Uint8Array(31).fill(1)), false);
});

test("MlsCrypto.isPublicKey() holds for uncompressed points of the curve alone", () => {
  const key = suite.publicKey(hex("00".repeat(31) + "05"));
  const off = key.slice();
  off[64]! ^= 1;
  const hybrid = key.slice();
  hybrid[0] = 6;
  assertEquals(suite.isPublicKey(key), true);
  for (const wrong of [off, hybrid, key.slice(1), key.slice(0, 33), new Uint8Array(65)]) {
    assertEquals(suite.isPublicKey(wrong), false);
  }
});
