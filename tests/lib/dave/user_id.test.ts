import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { decodeId, encodeId } from "../../../lib/dave/user_id.ts";

test("encodeId() is big-endian unless told, decodeId() reads it back", () => {
  const id = "72623859790382856";
  assertEquals(encodeId(id), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  assertEquals(encodeId(id, true), Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1));
  assertEquals(decodeId(encodeId(id)), id);
  assertEquals(decodeId(encodeId("18446744073709551615")), "18446744073709551615");
  assertEquals(decodeId(Uint8Array.of(9, 1, 2, 3, 4, 5, 6, 7, 8, 9).subarray(1, 9)), id);
});

test("encodeId() refuses what is no unsigned 64-bit integer, decodeId() what has not 8 bytes", () => {
  for (const id of ["", "-1", "1.5", "0x1", " 1", "18446744073709551616"]) {
    assertThrows(() => encodeId(id), RangeError);
  }
  for (const size of [0, 7, 9]) assertEquals(decodeId(new Uint8Array(size)), undefined);
});
