import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import {
  checkKeyPackage,
  encodeKeyPackage,
  hashKeyPackage,
  takeKeyPackage,
} from "../../../../lib/dave/mls/key_package.ts";
import {
  encodeAppend,
  ExternalSender,
  type MlsCrypto,
  MlsError,
  MlsMember,
} from "../../../../lib/dave/mls/mod.ts";
import { toHex } from "../../../tools/vectors.ts";
import { everybody, Party, user } from "./party.ts";
import { seededSuite } from "./vectors.ts";

const own = new Party(1).member(1).createKeyPackage();

/** Every signature is right, so that what stands behind the check of signatures is reached. */
const credulous: MlsCrypto = { ...seededSuite(1), verify: () => true };

/** Where things are in a key package of DAVE. */
const AT = { initKey: 6, encryptionKey: 73, capabilities: 216, source: 227, extensions: 244 };

/** The key package with bytes in place of as many, or of some others. */
function changed(at: number, bytes: readonly number[], instead: number = bytes.length): Uint8Array {
  return Uint8Array.of(...own.slice(0, at), ...bytes, ...own.slice(at + instead));
}

function codeFor(bytes: Uint8Array): string {
  const check = () => checkKeyPackage(credulous, takeWhole(bytes, takeKeyPackage));
  return assertThrows(check, MlsError).code;
}

test("createKeyPackage() makes the bytes that DAVE wants", () => {
  assertEquals(toHex(own.slice(0, 7)), "00010002404104");
  assertEquals(
    toHex(own.slice(AT.capabilities, AT.extensions + 1)),
    "020001" + "020002" + "00" + "00" + "020001" + "01" + "0".repeat(16) + "f".repeat(16) + "00",
  );
  const keyPackage = takeWhole(own, takeKeyPackage);
  checkKeyPackage(seededSuite(2), keyPackage);
  assertEquals(keyPackage.leaf.identity, user(1));
  assertEquals(encodeKeyPackage(keyPackage), own);
  assertEquals(hashKeyPackage(credulous, own).length, 32);
});

test("checkKeyPackage() refuses keys that are none, and an init key that is the leaf's", () => {
  const zeros = Array.from({ length: 64 }, () => 0);
  assertEquals(codeFor(changed(AT.encryptionKey + 1, zeros)), "malformed");
  assertEquals(codeFor(changed(AT.initKey + 1, zeros)), "bad-key-package");
  const leafKey = own.slice(AT.encryptionKey, AT.encryptionKey + 65);
  assertEquals(codeFor(changed(AT.initKey, [...leafKey])), "bad-key-package");
});

test("checkKeyPackage() refuses leaves that can do something else, or were made for it", () => {
  assertEquals(codeFor(changed(AT.capabilities + 2, [2])), "unsupported");
  assertEquals(codeFor(changed(AT.capabilities + 5, [3])), "unsupported");
  assertEquals(codeFor(changed(AT.capabilities + 10, [2])), "unsupported");
  assertEquals(codeFor(changed(AT.extensions, [3, 0, 10, 0], 1)), "unsupported");
  assertEquals(codeFor(changed(AT.extensions, [6, 0, 10, 0, 0, 10, 0], 1)), "malformed");
  assertEquals(codeFor(changed(AT.source, [2], 17)), "bad-key-package");
  assertEquals(codeFor(changed(AT.source, [4])), "malformed");
});

test("checkKeyPackage() takes an extension that the leaf can do", () => {
  // Extension 10 among the capabilities, and in the leaf.
  const able = changed(AT.extensions, [3, 0, 10, 0], 1);
  const at = AT.capabilities + 6;
  const bytes = Uint8Array.of(...able.slice(0, at), 2, 0, 10, ...able.slice(at + 1));
  checkKeyPackage(credulous, takeWhole(bytes, takeKeyPackage));
});

test("processProposals() bounds how many proposals wait", () => {
  let count = 0;
  const suite: MlsCrypto = {
    ...credulous,
    sign: () => Uint8Array.of(count >>> 8, count++),
  };
  const sender = new ExternalSender(suite);
  const groupId = user(7);
  const member = new MlsMember({ crypto: suite, groupId, identity: user(1) });
  member.setExternalSender(sender.bytes);
  const remove = () => sender.remove(groupId, 0n, 0).message;
  const most = Array.from({ length: 1024 }, remove);
  member.processProposals(encodeAppend(most), everybody);
  assertEquals(member.pendingProposals, 1024);
  const more = () => member.processProposals(encodeAppend([remove()]), everybody);
  assertThrows(more, MlsError, "over 1024 wait");
  assertEquals(member.pendingProposals, 1024);
});
