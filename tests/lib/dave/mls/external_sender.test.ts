import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { takeExternalSender } from "../../../../lib/dave/mls/external_sender.ts";
import { hasSignature, takePublicMessage } from "../../../../lib/dave/mls/framing.ts";
import {
  encodeAppend,
  encodeRevoke,
  ExternalSender,
  MlsError,
} from "../../../../lib/dave/mls/mod.ts";
import { toHex } from "../../../tools/vectors.ts";
import { Party, user } from "./party.ts";
import { seededSuite } from "./vectors.ts";

const NONE = new Uint8Array(0);

test("ExternalSender tells its key and its identity as opcode 25 does", () => {
  const { bytes } = new ExternalSender(seededSuite(1));
  assertEquals(bytes.length, 71);
  assertEquals([...bytes.slice(0, 3)], [0x40, 65, 4]);
  assertEquals([...bytes.slice(67)], [0, 1, 1, 0]);
  const { signatureKey, bytes: again } = takeWhole(bytes, takeExternalSender);
  assertEquals([signatureKey, again], [bytes.slice(2, 67), bytes]);
});

test("ExternalSender signs proposals without a group context, laid out as DAVE's are", () => {
  const suite = seededSuite(2);
  const sender = new ExternalSender(suite);
  const { signatureKey } = takeWhole(sender.bytes, takeExternalSender);
  const { message } = sender.remove(user(1), 5n, 3);
  assertEquals(
    toHex(message).slice(0, 68),
    "00010001" + "080000000000000001" + "0000000000000005" + "0200000000" + "00" + "02" +
      "000300000003",
  );
  const read = takeWhole(message, takePublicMessage);
  assert(hasSignature(suite, signatureKey, read, NONE));
  const { signatureKey: other } = takeWhole(new ExternalSender(suite).bytes, takeExternalSender);
  assertEquals(hasSignature(suite, other, read, NONE), false);
});

test("ExternalSender.add() wraps the key package as it is, and refuses what is none", () => {
  const party = new Party(3);
  const own = party.member(1).createKeyPackage();
  const { message, ref } = party.sender.add(party.groupId, 0n, own);
  assert(toHex(message).includes(`0001${toHex(own)}`));
  assertEquals(ref.length, 32);
  assertThrows(() => party.sender.add(party.groupId, 0n, own.slice(1)), MlsError);
});

test("ExternalSender.close() erases the key, so that it signs no more", () => {
  const suite = seededSuite(4);
  const sender = new ExternalSender(suite);
  sender.close();
  assertThrows(() => sender.remove(user(1), 0n, 0));
});

test("encodeAppend() and encodeRevoke() make the bodies of opcode 27", () => {
  const message = Uint8Array.of(1, 2);
  assertEquals(encodeAppend([message, message]), Uint8Array.of(0, 4, 1, 2, 1, 2));
  const ref = new Uint8Array(32).fill(7);
  assertEquals(encodeRevoke([ref]), Uint8Array.of(1, 33, 32, ...ref));
  assertEquals(encodeRevoke([]), Uint8Array.of(1, 0));
});
