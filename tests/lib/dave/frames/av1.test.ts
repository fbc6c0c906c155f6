import { assertEquals } from "@std/assert";
import test from "node:test";
import { layOutAv1 } from "../../../../lib/dave/frames/av1.ts";
import { ClearRanges } from "../../../../lib/dave/frames/ranges.ts";
import { hex, toHex } from "../../../tools/vectors.ts";

function layOut(frame: string): { frame: string; ranges: number[][] } {
  const ranges = new ClearRanges();
  const into = new Uint8Array(100);
  const size = layOutAv1(hex(frame.replaceAll(" ", "")), into, ranges);
  return {
    frame: size < 0 ? "malformed" : toHex(into.subarray(0, size)),
    ranges: Array.from({ length: ranges.count }, (_, i) => [ranges.offsets[i], ranges.sizes[i]]),
  };
}

test("layOutAv1() takes the size from the last unit only", () => {
  assertEquals(layOut("0a02aabb 3203ccddee"), {
    frame: "0a02aabb30ccddee",
    ranges: [[0, 2], [4, 1]],
  });
  assertEquals(layOut("0a02aabb 30ccddee"), {
    frame: "0a02aabb30ccddee",
    ranges: [[0, 2], [4, 1]],
  });
});

test("layOutAv1() writes a padded size in the fewest bytes", () => {
  assertEquals(layOut("0a828000aabb 30cc").frame, "0a02aabb30cc");
  assertEquals(layOut("0a8280808080808000aabb 30cc").frame, "0a02aabb30cc");
  assertEquals(layOut("0a828080808080808000aabb 30cc").frame, "malformed");
});

test("layOutAv1() keeps the byte of extension clear", () => {
  assertEquals(layOut("0e4001aa 3648 02bbcc"), {
    frame: "0e4001aa3448bbcc",
    ranges: [[0, 3], [4, 2]],
  });
});

test("layOutAv1() drops delimiter, tile list and padding", () => {
  assertEquals(layOut("1200 3201aa 4201bb 7a01cc").frame, "3201aa");
  assertEquals(layOut("1200").frame, "");
});

for (const frame of ["0a", "0e", "0e40", "0a03aabb", "0aff", "1200 0a", "1200 0a02aa"]) {
  test(`layOutAv1() refuses ${frame}`, () => {
    assertEquals(layOut(frame).frame, "malformed");
  });
}
