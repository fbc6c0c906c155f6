import { assertEquals } from "@std/assert";
import { createCipheriv } from "node:crypto";
import test from "node:test";
import { encryptBlock, expandKey } from "../../lib/aes.ts";
import { hex, randomBytes, seededRandom, toHex } from "../tools/vectors.ts";

function wordsOf(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i));
}

function wordText(words: Int32Array): string {
  return Array.from(words, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

// FIPS 197 appendices A.1 and B.
test("expandKey() and encryptBlock() agree with FIPS 197", () => {
  const schedule = expandKey(hex("2b7e151628aed2a6abf7158809cf4f3c"));
  assertEquals(schedule.length, 44);
  assertEquals(wordText(schedule.subarray(4, 8)), "a0fafe1788542cb123a339392a6c7605");
  assertEquals(wordText(schedule.subarray(40)), "d014f9a8c9ee2589e13f0cc8b6630ca6");
  const block = wordsOf(hex("3243f6a8885a308d313198a2e0370734"));
  encryptBlock(schedule, block);
  assertEquals(wordText(block), "3925841d02dc09fbdc118597196a0b32");
});

test("encryptBlock() equals node:crypto for 2000 random keys and blocks", () => {
  const random = seededRandom(1);
  for (let n = 0; n < 2000; n++) {
    const [key, plain] = [randomBytes(random, 16), randomBytes(random, 16)];
    const cipher = createCipheriv("aes-128-ecb", key, null);
    const wanted = toHex(cipher.update(plain)).slice(0, 32);
    const block = wordsOf(plain);
    encryptBlock(expandKey(key), block);
    assertEquals(wordText(block), wanted);
  }
});
