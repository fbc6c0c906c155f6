import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  findStartCode,
  hidesStartCode,
  layOutH264,
  layOutH265,
} from "../../../../lib/dave/frames/h26x.ts";
import { ClearRanges } from "../../../../lib/dave/frames/ranges.ts";
import { hex, randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

/** The first range of an H264 frame. */
function clearOfH264(frame: string): string {
  const ranges = new ClearRanges();
  const into = new Uint8Array(100);
  layOutH264(hex(frame), into, ranges);
  return toHex(into.subarray(0, ranges.sizes[0]));
}

test("findStartCode() finds what a search at each offset finds", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 20_000; round++) {
    const bytes = randomBytes(random, random() % 24).map((byte) => byte % 3);
    const start = random() % 4;
    const end = Math.min(bytes.length, start + random() % 24);
    const text = toHex(bytes.subarray(0, end));
    let wanted = -1;
    for (let i = start; wanted < 0 && i + 3 <= end; i++) {
      if (text.slice(2 * i, 2 * i + 6) === "000001") wanted = i;
    }
    assertEquals(findStartCode(bytes, start, end), wanted, `${text} from ${start}`);
  }
});

test("layOutH264() leaves the three codes of a slice clear, without its own end", () => {
  assertEquals(clearOfH264("0000000161e0fafafa"), "0000000161e0");
  // The third byte of 00 00 03 is not a part of a code, also amid its last bits.
  assertEquals(clearOfH264("0000000161000003010000030080e0aa"), "0000000161000003010000030080e0");
  // Longer than any code can be: nothing but the header.
  assertEquals(clearOfH264("000000016100000300000300aabbcc"), "0000000161");
  // No three codes in all of the unit.
  assertEquals(clearOfH264("000000016141"), "000000016141");
  assertEquals(clearOfH264("0000000161"), "0000000161");
});

test("layOutH264() does not read the codes of a slice from the unit behind it", () => {
  const ranges = new ClearRanges();
  const into = new Uint8Array(100);
  const size = layOutH264(hex("000001614100000165e0aabb"), into, ranges);
  assertEquals(toHex(into.subarray(0, size)), "00000001614100000001" + "65e0aabb");
  assertEquals([ranges.count, ranges.offsets[0], ranges.sizes[0]], [1, 0, 12]);
});

test("layOutH265() leaves no more than two bytes of a slice clear", () => {
  const ranges = new ClearRanges();
  const into = new Uint8Array(100);
  assertEquals(layOutH265(hex("0000010200000126"), into, ranges), 10);
  assertEquals(toHex(into.subarray(0, 10)), "00000001020000000126");
  assertEquals([ranges.count, ranges.sizes[0]], [1, 10]);
});

test("hidesStartCode() looks at what is encrypted and two bytes around it", () => {
  const ranges = new ClearRanges();
  const hides = (frame: string) => hidesStartCode(hex(frame), frame.length / 2, ranges);
  ranges.append(0, 4);
  ranges.append(8, 4);
  assertEquals(hides("00000001aabbccdd00000001eeff"), false);
  assertEquals(hides("00000001000001dd00000001eeff"), true);
  assertEquals(hides("00000001aabbccdd00000001000001"), true);
  assertEquals(hides("00000000" + "01bbccdd" + "00000001eeff"), true);
  assertEquals(hides("00000001aabb0000" + "01ffffff" + "eeff"), true);
  assertEquals(hides("00000001aabbcc00" + "0001ffff" + "eeff"), true);
  assertEquals(hides("00000001aabbccdd000000" + "00" + "01ff"), true);
  ranges.clear();
  assertEquals(hides("aa000001"), true);
  ranges.append(0, 4);
  assertEquals(hides("aa000001"), false);
});
