import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  leb128Size,
  leb128Span,
  leb128Value,
  readLeb128,
  writeLeb128,
} from "../../../../lib/dave/frames/leb128.ts";
import { hex, randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

const KNOWN: readonly (readonly [value: number, bytes: string])[] = [
  [0, "00"],
  [1, "01"],
  [127, "7f"],
  [128, "8001"],
  [624485, "e58e26"],
  [2 ** 14 - 1, "ff7f"],
  [2 ** 14, "808001"],
  [2 ** 21 - 1, "ffff7f"],
  [2 ** 28, "8080808001"],
  [2 ** 31, "8080808008"],
  [2 ** 32 - 1, "ffffffff0f"],
];

for (const [value, bytes] of KNOWN) {
  test(`leb128 writes and reads ${value}`, () => {
    const into = new Uint8Array(8).fill(0xee);
    assertEquals(writeLeb128(value, into, 1), 1 + bytes.length / 2);
    assertEquals(toHex(into), `ee${bytes}`.padEnd(16, "e"));
    assertEquals(leb128Size(value), bytes.length / 2);
    assertEquals(readLeb128(into, 1, into.length), value);
    assertEquals(readLeb128(into, 1, 1 + bytes.length / 2), value);
    for (let end = 1; end < 1 + bytes.length / 2; end++) {
      assertEquals(readLeb128(into, 1, end), -1, `end ${end}`);
    }
  });
}

for (
  const bytes of [
    "",
    "80",
    "8000",
    "ff00",
    "8080808000",
    "8080808010",
    "ffffffff1f",
    "ffffffffff7f",
  ]
) {
  test(`readLeb128() refuses ${bytes || "nothing"}`, () => {
    assertEquals(readLeb128(hex(bytes), 0, bytes.length / 2), -1);
  });
}

test("leb128Span() and leb128Value() take padding", () => {
  assertEquals(leb128Span(hex("ff858000aa"), 1, 5), 3);
  assertEquals(leb128Value(hex("ff858000aa"), 1, 3), 5);
  assertEquals(leb128Span(hex("8585"), 0, 2), 0);
  assertEquals(leb128Value(hex("ffffffffffff7f"), 0, 7), 2 ** 49 - 1);
});

test("readLeb128() of random bytes gives only what writeLeb128() writes", () => {
  const random = seededRandom(5);
  const into = new Uint8Array(5);
  for (let round = 0; round < 20_000; round++) {
    const bytes = randomBytes(random, 1 + random() % 6).map((byte) =>
      random() % 2 === 0 ? byte | 0x80 : byte
    );
    const value = readLeb128(bytes, 0, bytes.length);
    if (value < 0) continue;
    const size = writeLeb128(value, into, 0);
    assertEquals(toHex(bytes.subarray(0, size)), toHex(into.subarray(0, size)));
  }
});
