import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { parseMatroskaBlock } from "../../../lib/audio/matroska_block.ts";
import { join } from "../../fuzz/mutate.ts";
import { block, lacedDifference, vint } from "../../tools/matroska.ts";

const frame = (size: number): Uint8Array => new Uint8Array(size).fill(size);
const sizesOf = (body: Uint8Array): number[] =>
  parseMatroskaBlock(body).frames.map(({ length }) => length);

test("parseMatroskaBlock() reads track and time", () => {
  for (const track of [1, 126, 127, 16_382, 2 ** 40]) {
    for (const timestamp of [0, 1, 32_767, -32_768, -1]) {
      const parsed = parseMatroskaBlock(block(track, timestamp, 0, frame(4)));
      assertEquals(parsed, { track, timestamp, frames: [frame(4)] });
    }
  }
});

test("parseMatroskaBlock() gives one frame without lacing, which may be empty", () => {
  assertEquals(sizesOf(block(1, 0, 0x80)), [0]);
  assertEquals(sizesOf(block(1, 0, 0xf9, frame(600))), [600]);
});

test("parseMatroskaBlock() splits Xiph lacing as RFC 9559 shows it", () => {
  // Section 10.3.2: frames of 800, 500 and 1000 bytes.
  const head = Uint8Array.of(0x02, 0xff, 0xff, 0xff, 0x23, 0xff, 0xf5);
  assertEquals(sizesOf(block(1, 0, 0x02, head, new Uint8Array(2300))), [800, 500, 1000]);
  const exact = Uint8Array.of(2, 255, 0, 0);
  assertEquals(sizesOf(block(1, 0, 0x02, exact, frame(255))), [255, 0, 0]);
});

test("parseMatroskaBlock() splits EBML lacing as RFC 9559 shows it", () => {
  // Section 10.3.3: the same frames.
  const head = Uint8Array.of(0x02, 0x43, 0x20, 0x5e, 0xd3);
  assertEquals(sizesOf(block(1, 0, 0x06, head, new Uint8Array(2300))), [800, 500, 1000]);
  for (const size of [1, 2, 3, 7]) {
    const sizes = join(
      Uint8Array.of(3),
      vint(40),
      lacedDifference(20, size),
      lacedDifference(-60, size),
    );
    assertEquals(sizesOf(block(1, 0, 0x06, sizes, new Uint8Array(107))), [40, 60, 0, 7]);
  }
});

test("parseMatroskaBlock() splits fixed lacing, up to 256 frames", () => {
  // Section 10.3.4.
  assertEquals(sizesOf(block(1, 0, 0x04, Uint8Array.of(2), new Uint8Array(2400))), [
    ...[800, 800, 800],
  ]);
  const frames = sizesOf(block(1, 0, 0x04, Uint8Array.of(255), new Uint8Array(512)));
  assertEquals(frames, new Array(256).fill(2));
});

test("parseMatroskaBlock() refuses every truncation that its lacing does not allow", () => {
  const bodies = [
    block(1, 0, 0x02, Uint8Array.of(1, 40), frame(40)),
    block(1, 0, 0x06, Uint8Array.of(2), vint(20), lacedDifference(0, 1), frame(40)),
  ];
  for (const body of bodies) {
    assertEquals(sizesOf(body).at(-1), 0);
    for (let size = 0; size < body.length; size++) {
      const message = "Cannot read Matroska block at byte 77: ";
      assertThrows(() => parseMatroskaBlock(body.subarray(0, size), 77), SyntaxError, message);
    }
  }
});

test("parseMatroskaBlock() refuses sizes that cannot be", () => {
  const refused: [Uint8Array, string][] = [
    [Uint8Array.of(0xff, 0, 0, 0), "it has no track number"],
    [
      block(1, 0, 0x06, Uint8Array.of(2), vint(1), lacedDifference(-2, 1), frame(9)),
      "a frame has -1 bytes",
    ],
    [block(1, 0, 0x06, Uint8Array.of(1, 0xff), frame(9)), "a frame has no size"],
    [block(1, 0, 0x06, Uint8Array.of(1), vint(2 ** 48), frame(9)), "bytes more than it has"],
    [block(1, 0, 0x06, Uint8Array.of(1), vint(3, 8), frame(9)), "a size has 8 bytes"],
    [block(1, 0, 0x02, Uint8Array.of(1), frame(255)), "it ends before its frame sizes"],
    [block(1, 0, 0x04, Uint8Array.of(1), frame(9)), "9 bytes do not make 2 equal frames"],
  ];
  for (const [body, message] of refused) {
    assertThrows(() => parseMatroskaBlock(body), SyntaxError, message);
  }
});
