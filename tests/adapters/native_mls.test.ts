import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gcm } from "@noble/ciphers/aes.js";
import { p256 } from "@noble/curves/nist.js";
import test from "node:test";
import { nativeMlsCrypto } from "../../adapters/native_mls.ts";
import {
  encodeAppend,
  ExternalSender,
  type MlsCrypto,
  MlsMember,
  nobleMlsCrypto,
} from "../../lib/dave/mls/mod.ts";
import { checkEcdhCases, checkEcdsaCases, checkHkdfCases } from "../lib/dave/mls/suite_cases.ts";
import { bitFlips, hex, randomBytes, seededRandom, toHex, truncations } from "../tools/vectors.ts";

const random = seededRandom(1);
const noble = nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
const native = nativeMlsCrypto;

/** A private key; some begin with zeros. */
function privateKey(n = 1): Uint8Array {
  const key = randomBytes(random, 32).fill(0, 0, n % 7 === 0 ? 1 + n % 5 : 0);
  key[31]! |= 1;
  key[0]! &= 0x7f;
  return key;
}

test("nativeMlsCrypto equals noble's hashes at all sizes", () => {
  for (let size = 0; size < 300; size++) {
    const [key, data] = [randomBytes(random, size % 100), randomBytes(random, size)];
    assertEquals(native.sha256(data), noble.sha256(data));
    assertEquals(native.hmac(key, data), noble.hmac(key, data));
    assertEquals(native.extract(key, data), noble.extract(key, data));
    const derived = noble.sha256(key);
    assertEquals(native.expand(derived, data, size), noble.expand(derived, data, size));
  }
});

test("nativeMlsCrypto.seal() and open() equal noble's", () => {
  for (let size = 0; size < 200; size++) {
    const [key, nonce] = [randomBytes(random, 16), randomBytes(random, 12)];
    const [aad, plain] = [randomBytes(random, size % 40), randomBytes(random, size)];
    const sealed = native.seal(key, nonce, aad, plain);
    assertEquals(sealed, gcm(key, nonce, aad).encrypt(plain));
    assertEquals(native.open(key, nonce, aad, sealed), plain);
  }
});

test("nativeMlsCrypto.open() returns nothing where a bit is wrong or missing", () => {
  const [key, nonce, aad] = [randomBytes(random, 16), randomBytes(random, 12), hex("aabb")];
  const sealed = native.seal(key, nonce, aad, hex("001122334455"));
  for (const wrong of [...bitFlips(sealed), ...truncations(sealed)]) {
    assertEquals(native.open(key, nonce, aad, wrong), undefined);
  }
  assertEquals(native.open(key, nonce, hex("aabc"), sealed), undefined);
});

test("nativeMlsCrypto.publicKey() and agree() equal noble's for 60 keys", () => {
  for (let n = 0; n < 60; n++) {
    const [own, others] = [privateKey(n), privateKey(n + 1)];
    const point = native.publicKey(own);
    assertEquals(point, noble.publicKey(own));
    assertEquals(native.agree(others, point), noble.agree(others, point));
    assertEquals(native.agree(others, point), native.agree(own, native.publicKey(others)));
  }
});

test("nativeMlsCrypto.sign() makes what noble verifies, and the other way round", () => {
  for (let n = 0; n < 40; n++) {
    const [own, message] = [privateKey(n), randomBytes(random, 7 * n)];
    const point = noble.publicKey(own);
    for (const [from, to] of [[native, noble], [noble, native]] as const) {
      const signature = from.sign(own, message);
      assert(to.verify(point, message, signature));
      assert(!to.verify(point, Uint8Array.of(...message, 0), signature));
      assert(!to.verify(noble.publicKey(privateKey()), message, signature));
    }
  }
});

test("nativeMlsCrypto agrees with all of Wycheproof's ECDSA cases", () => {
  checkEcdsaCases(native);
});

test("nativeMlsCrypto agrees with all of Wycheproof's ECDH cases", () => {
  checkEcdhCases(native);
});

test("nativeMlsCrypto agrees with all of Wycheproof's HKDF cases", () => {
  checkHkdfCases(native);
});

test("nativeMlsCrypto gives noble's verdict on every flipped bit and truncation of a signature", () => {
  const [own, message] = [privateKey(), hex("001122")];
  const point = noble.publicKey(own);
  const signature = noble.sign(own, message);
  for (const wrong of [...bitFlips(signature), ...truncations(signature)]) {
    assertEquals(native.verify(point, message, wrong), false, toHex(wrong));
  }
  assertEquals(native.verify(point, message, Uint8Array.of(...signature, 0)), false);
  // Both s and n - s are good: DAVE's signatures need not be of the low form.
  const { r, s } = p256.Signature.fromBytes(signature, "der");
  const mirrored = new p256.Signature(r, p256.Point.Fn.neg(s)).toBytes("der");
  assertEquals(native.verify(point, message, mirrored), true);
});

test("nativeMlsCrypto takes uncompressed points of the curve alone", () => {
  const [own, message] = [privateKey(), hex("001122")];
  const point = noble.publicKey(own);
  const signature = noble.sign(own, message);
  const hybrid = point.slice();
  hybrid[0] = 6 + (point[64]! & 1);
  const compressed = p256.getPublicKey(own, true);
  const infinity = Uint8Array.of(0);
  const zero = new Uint8Array(65).fill(4, 0, 1);
  const beyond = new Uint8Array(65).fill(0xff).fill(4, 0, 1);
  const longer = Uint8Array.of(...point, 0);
  const hostile = [hybrid, compressed, infinity, zero, beyond, longer, new Uint8Array(65)];
  for (const wrong of [...hostile, ...bitFlips(point), ...truncations(point)]) {
    assertEquals(native.isPublicKey(wrong), false);
    assertEquals(native.agree(own, wrong), undefined);
    assertEquals(native.verify(wrong, message, signature), false);
  }
  assertEquals(native.isPublicKey(point), true);
  assertEquals(native.verify(point, message, signature), true);
});

test("nativeMlsCrypto neither changes nor keeps what it is given, and returns plain arrays", () => {
  const memory = new Uint8Array(200);
  const own = memory.subarray(3, 35);
  own.set(privateKey());
  const before = own.slice();
  const point = native.publicKey(own);
  const results = [
    point,
    native.sign(own, hex("00")),
    native.agree(own, noble.publicKey(privateKey()))!,
    native.sha256(own),
    native.hmac(own, own),
    native.extract(own, own),
    native.expand(own, own, 48),
    native.seal(own.subarray(0, 16), own.subarray(0, 12), own, own),
  ];
  for (const result of results) {
    assertEquals(Object.getPrototypeOf(result), Uint8Array.prototype);
    const copies = results.map(toHex);
    result.fill(0);
    const other = results.findIndex((one, i) => one !== result && toHex(one) !== copies[i]);
    assertEquals(other, -1);
  }
  assertEquals(own, before);
  own.fill(1);
  assertEquals(native.publicKey(own), noble.publicKey(own));
  assertEquals(native.publicKey(before), noble.publicKey(before));
});

test("nativeMlsCrypto.random() fills an array", () => {
  const [a, b] = [new Uint8Array(32), new Uint8Array(32)];
  native.random(a);
  native.random(b);
  assertNotEquals(a, b);
});

test("members with nativeMlsCrypto and members with noble come to the same epochs", () => {
  const groupId = new Uint8Array(8);
  const sender = new ExternalSender(native);
  const member = (id: number, crypto: MlsCrypto) => {
    const made = new MlsMember({
      crypto,
      groupId,
      identity: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, id),
    });
    made.setExternalSender(sender.bytes);
    return made;
  };
  let members = [member(1, native)];
  for (let epoch = 0n; epoch < 12n; epoch++) {
    const leaves = epoch % 3n === 2n ? [members.at(-2)!] : [];
    const staying = members.filter((one) => !leaves.includes(one));
    const joining = leaves.length > 0
      ? []
      : [noble, native].map((crypto, i) => member(2 + 2 * Number(epoch) + i, crypto));
    const body = encodeAppend([
      ...leaves.map((one) => sender.remove(groupId, epoch, one.leafIndex!).message),
      ...joining.map((one) => sender.add(groupId, epoch, one.createKeyPackage()).message),
    ]);
    for (const one of staying) one.processProposals(body, () => true);
    const { commit, welcome } = staying[Number(epoch) % staying.length]!.commit()!;
    for (const one of staying) one.processCommit(commit);
    for (const one of joining) one.joinFromWelcome(welcome!);
    members = [...staying, ...joining];
    const authenticators = members.map((one) => toHex(one.epochAuthenticator!));
    assertEquals(new Set(authenticators).size, 1);
  }
  assertEquals(members.length, 1 + 8 * 2 - 4);
});
