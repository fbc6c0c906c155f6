import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  EbmlReader,
  parseEbmlFloat,
  parseEbmlInt,
  parseEbmlUint,
  parseVint,
} from "../../../lib/audio/ebml.ts";
import { hex } from "../../tools/vectors.ts";

function readerOf(bytes: string): EbmlReader {
  const reader = new EbmlReader();
  reader.push(hex(bytes));
  return reader;
}

test("parseVint() reads every size, and the same value in each", () => {
  // RFC 8794, section 4.4: the value 2.
  const encodings = ["82", "4002", "200002", "10000002", "0800000002", "040000000002"]
    .concat("02000000000002", "0100000000000002");
  for (const [i, encoding] of encodings.entries()) {
    assertEquals(parseVint(hex(encoding), 0), { value: 2, size: i + 1 });
    assertEquals(parseVint(hex(`ffff${encoding}ff`), 2), { value: 2, size: i + 1 });
    for (let size = 0; size <= i; size++) {
      assertEquals(parseVint(hex(encoding).subarray(0, size), 0), undefined);
    }
  }
});

test("parseVint() knows the reserved value of every size", () => {
  for (let size = 1; size <= 8; size++) {
    const bytes = new Uint8Array(size).fill(0xff).with(0, 0xff >> (size - 1));
    assertEquals(parseVint(bytes, 0), { value: undefined, size });
    const value = parseVint(bytes.with(size - 1, bytes[size - 1] - 1), 0)!.value;
    assertEquals(value, 2 ** (7 * size) - 2);
  }
});

test("parseVint() has no value of 9 bytes", () => {
  assertEquals(parseVint(new Uint8Array(20), 0), undefined);
});

test("parseEbmlUint(), parseEbmlInt() and parseEbmlFloat() read bodies of every size", () => {
  assertEquals(["", "00", "ff", "0100", "ffffffff"].map((it) => parseEbmlUint(hex(it))), [
    ...[0, 0, 255, 256, 2 ** 32 - 1],
  ]);
  assertEquals(["", "7f", "80", "ff", "ff7f"].map((it) => parseEbmlInt(hex(it))), [
    ...[0, 127, -128, -1, -129],
  ]);
  assertEquals(parseEbmlInt(hex("fffffffffffffff0")), -16);
  assertEquals(parseEbmlFloat(hex("")), 0);
  assertAlmostEquals(parseEbmlFloat(hex("3fc00000")), 1.5);
  assertAlmostEquals(parseEbmlFloat(hex("40c3880000000000")), 10_000);
  assertEquals(parseEbmlFloat(hex("3fc0")), NaN);
});

test("EbmlReader.header() reads IDs of 1 to 4 bytes and where they are", () => {
  const reader = readerOf("ec81004286800400");
  assertEquals(reader.header(), { id: 0xec, size: 1, at: 0 });
  assertEquals(reader.read(1), hex("00"));
  assertEquals(reader.header(), { id: 0x4286, size: 0, at: 3 });
  assertThrows(() => reader.header(), SyntaxError, "at byte 6: the byte 4 begins no element ID");
  assertEquals(readerOf("1a45dfa301ffffffffffffff").header(), {
    ...{ id: 0x1a45dfa3, size: undefined, at: 0 },
  });
});

test("EbmlReader.header() reads nothing before all of a header has come", () => {
  const bytes = hex("2ad7b1080000000201");
  const reader = new EbmlReader();
  for (let i = 0; i < bytes.length - 1; i++) {
    assertEquals([reader.header(), reader.position, reader.unread], [undefined, 0, i]);
    reader.push(bytes.subarray(i, i + 1));
  }
  assertEquals(reader.header(), { id: 0x2ad7b1, size: 2, at: 0 });
  assertEquals(reader.position, 8);
});

test("EbmlReader.header() refuses sizes that are impossible or too large", () => {
  assertThrows(() => readerOf("ec00").header(), SyntaxError, "at byte 1: a size has more than 8");
  assertThrows(
    () => readerOf("ec0120000000000000").header(),
    SyntaxError,
    "Cannot read EBML at byte 1: a size has more than 53 bits",
  );
});

test("EbmlReader.skip() stores nothing of what comes", () => {
  const reader = readerOf("010203");
  reader.skip(2_000_000);
  assertEquals([reader.position, reader.unread, reader.toSkip], [3, 0, 1_999_997]);
  for (let i = 0; i < 19; i++) {
    reader.push(new Uint8Array(100_000));
    assertEquals(reader.unread, 0);
  }
  reader.push(new Uint8Array(99_999).with(99_997, 0x77));
  assertEquals([reader.position, reader.unread, reader.toSkip], [2_000_000, 2, 0]);
  assertEquals(reader.read(2), hex("7700"));
});

test("EbmlReader.peek() and read() give what has come, or nothing", () => {
  const reader = readerOf("010203");
  assertEquals([reader.peek(4), reader.read(4)], [undefined, undefined]);
  assertEquals(reader.peek(2), hex("0102"));
  assertEquals(reader.read(2), hex("0102"));
  reader.push(hex("0405"));
  assertEquals([reader.position, reader.read(3)], [2, hex("030405")]);
});

test("EbmlReader copies what is pushed, and keeps it over a larger body", () => {
  const reader = new EbmlReader();
  const chunk = new Uint8Array(1000);
  for (let i = 0; i < 20; i++) {
    reader.push(chunk.fill(i));
    if (i % 4 === 3) assertEquals(reader.read(500), new Uint8Array(500).fill(i >> 3));
  }
  const rest = reader.read(17_500)!;
  assertEquals([rest[0], rest[499], rest[500], rest.at(-1)], [2, 2, 3, 19]);
});
