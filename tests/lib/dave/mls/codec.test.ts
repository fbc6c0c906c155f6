import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  Reader,
  takeWhole,
  u16,
  u32,
  u64,
  u8,
  vector,
  vectorHeader,
} from "../../../../lib/dave/mls/codec.ts";
import { MlsError } from "../../../../lib/dave/mls/error.ts";
import { hex, toHex, truncations } from "../../../tools/vectors.ts";
import { rfcCases } from "./vectors.ts";

test("vectorHeader() writes the sizes of RFC 9420's deserialization vectors, all 14", () => {
  const cases = rfcCases<{ vlbytes_header: string; length: number }>("deserialization");
  for (const { vlbytes_header, length } of cases) {
    assertEquals(toHex(vectorHeader(length)), vlbytes_header);
  }
  assertEquals(cases.length, 14);
});

test("Reader.vector() reads the sizes of RFC 9420's deserialization vectors", () => {
  const cases = rfcCases<{ vlbytes_header: string; length: number }>("deserialization");
  for (const { vlbytes_header, length } of cases) {
    const header = hex(vlbytes_header);
    if (length > 0xffff) {
      const error = assertThrows(() => new Reader(header).vector(), MlsError);
      assertEquals(error.message, `Cannot read ${length} bytes: 0 are left`);
      continue;
    }
    const bytes = new Uint8Array(header.length + length);
    bytes.set(header);
    assertEquals(new Reader(bytes).vector().length, length);
  }
});

test("Reader.vector() refuses sizes that are longer than need be, and reserved ones", () => {
  for (const bytes of ["4000", "403f", "80000000", "80003fff", "c0", "ffffffff"]) {
    const error = assertThrows(() => new Reader(hex(bytes.padEnd(600, "0"))).vector(), MlsError);
    assertEquals(error.code, "malformed", bytes);
  }
});

test("Reader reads what the writers write, and refuses every truncation", () => {
  const bytes = Uint8Array.of(
    ...u8(0xfe),
    ...u16(0xfedc),
    ...u32(0xfedcba98),
    ...u64(0xfedcba9876543210n),
    ...vector(u8(1), u8(2)),
    1,
    7,
    0,
  );
  const take = (reader: Reader) => [
    reader.u8(),
    reader.u16(),
    reader.u32(),
    reader.u64(),
    reader.list((item) => item.u8()),
    reader.optional((item) => item.u8()),
    reader.optional((item) => item.u8()),
  ];
  const values = [0xfe, 0xfedc, 0xfedcba98, 0xfedcba9876543210n, [1, 2], 7, undefined];
  assertEquals(takeWhole(bytes, take), values);
  for (const cut of truncations(bytes)) assertThrows(() => takeWhole(cut, take), MlsError);
  assertThrows(() => takeWhole(Uint8Array.of(...bytes, 0), take), MlsError, "1 bytes are left");
});

test("Reader.optional() refuses a presence that is neither 0 nor 1", () => {
  assertThrows(() => new Reader(Uint8Array.of(2, 0)).optional((item) => item.u8()), MlsError);
});

test("takeWhole() copies what it reads", () => {
  const bytes = Uint8Array.of(1, 9);
  const content = takeWhole(bytes, (reader) => reader.vector());
  bytes.fill(0);
  assertEquals(content, Uint8Array.of(9));
});

test("vectorHeader() refuses more than 30 bits", () => {
  assertThrows(() => vectorHeader(0x40000000), RangeError);
});
