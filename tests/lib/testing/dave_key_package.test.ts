import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";

import { concat } from "../../../lib/dave/mls/bytes.ts";
import { u64, u8, vector } from "../../../lib/dave/mls/codec.ts";
import { type MlsCrypto, MlsMember, nobleMlsCrypto } from "../../../lib/dave/mls/mod.ts";
import { encodeId } from "../../../lib/dave/user_id.ts";
import { admitKeyPackage, KEY_PACKAGE_LIMIT } from "../../../lib/testing/dave/key_package.ts";
import { demandRejection } from "../../../lib/testing/dave/rejection.ts";
import { hex, randomBytes, seededRandom, toHex, truncations } from "../../tools/vectors.ts";
import { CHANNEL, quickCrypto } from "./dave_call.ts";

const USER = "158049329150427136";

/** A key package that `@snazzah/davey` 0.1.12 has made for that user. */
const DAVEY = hex(
  "00010002404104a578e8813adb6bbbd0a8f7ffec9ac0860a9adf1faa4105b4a88e52ea66759e2ee30a8c3714d4685d" +
    "ee1055b5a0d6a16662766b13cf03b5e5cff5a2f9fd3f9ff6404104e20962eb3e098480c443672c0a096b82290bc4d9" +
    "0771dce7bfac0d586b0681c6a810bf8e30c2466fc98779c107a9c64a2043ed5a2bc70c73a1e05262e41c8dbf404104" +
    "5b59ab3fa3b388f9d72c1e0a8e709128b92f1411c0c2b81a88ae2eca2c71294a07e53d3f3ba24564ac43425e2f02bc" +
    "0fbfd4092ac9f4876c0a76f72de434ca2500010802318107090000000200010200020000020001010000000000000000" +
    "ffffffffffffffff004046304402201eb559e4f74f3900e9df71ef18bb4e3b66fc8aae2623c3c9a16aab1be6c4c0f4" +
    "02202b2709789468b1eea3a3ac7118e4b4b0f78eb9355b6132949e7234c9cd0176340040483046022100ddea02837a" +
    "43d89a5e7f777ffc85d8d4b0253ad4f104f2ad67c9c64a1102be20022100aa97262c4c269385dcdc8de064ae817fa4" +
    "b6aa5e0fbf5e6e9c51a3ee91d6017d",
);

function keyPackageOf(crypto: MlsCrypto, userId = USER): Uint8Array {
  const options = { crypto, groupId: encodeId(CHANNEL), identity: encodeId(userId) };
  return new MlsMember(options).createKeyPackage();
}

function reasonFor(crypto: MlsCrypto, body: Uint8Array, userId = USER): string {
  try {
    admitKeyPackage(crypto, body, userId);
    return "taken";
  } catch (error) {
    return demandRejection(error);
  }
}

function realCrypto(): MlsCrypto {
  const random = seededRandom(1);
  return nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
}

test("admitKeyPackage() takes our key packages and davey's", () => {
  const crypto = realCrypto();
  for (const body of [keyPackageOf(crypto), DAVEY]) {
    const before = toHex(body);
    const { bytes, ref, signatureKey } = admitKeyPackage(crypto, body, USER);
    assertEquals([toHex(bytes), ref.length, signatureKey.length], [before, 32, 65]);
    body.fill(0);
    assertEquals(toHex(bytes), before);
  }
});

test("admitKeyPackage() refuses every truncation, one byte more, and another user", () => {
  const crypto = quickCrypto(1);
  const body = keyPackageOf(crypto);
  for (const cut of truncations(body)) assertEquals(reasonFor(crypto, cut), "malformed");
  assertEquals(reasonFor(crypto, Uint8Array.of(...body, 0)), "malformed");
  assertEquals(reasonFor(crypto, body, "158049329150427137"), "wrong-identity");
  assertEquals(reasonFor(crypto, body), "taken");
});

test("admitKeyPackage() refuses other suites, MLSMessages, and what is too large", () => {
  const crypto = quickCrypto(1);
  const body = keyPackageOf(crypto);
  assertEquals(reasonFor(crypto, Uint8Array.of(0, 1, 0, 1, ...body.slice(4))), "unsupported");
  assertEquals(reasonFor(crypto, Uint8Array.of(0, 1, 0, 5, ...body)), "unsupported");
  assertEquals(reasonFor(crypto, new Uint8Array(KEY_PACKAGE_LIMIT + 1)), "too-large");
  assertEquals(reasonFor(crypto, new Uint8Array(KEY_PACKAGE_LIMIT)), "unsupported");
});

test("admitKeyPackage() refuses a signature that is wrong, and a lifetime that ends", () => {
  const crypto = quickCrypto(1);
  const body = keyPackageOf(crypto);
  const wrong = body.slice();
  wrong[wrong.length - 1] ^= 1;
  assertEquals(reasonFor(crypto, wrong), "bad-signature");
  const lifetime = toHex(concat(u8(1), u64(0n), u64(0xffff_ffff_ffff_ffffn), vector()));
  const ending = toHex(concat(u8(1), u64(0n), u64(0xffff_ffff_ffff_fffen), vector()));
  assertEquals(reasonFor(crypto, hex(toHex(body).replace(lifetime, ending))), "bad-lifetime");
});

test("demandRejection() throws what says nothing about a message", () => {
  assertThrows(() => demandRejection(new RangeError("a defect")), RangeError, "a defect");
});
