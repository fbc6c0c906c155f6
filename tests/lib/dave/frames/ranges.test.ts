import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { ClearRanges, RANGE_LIMIT } from "../../../../lib/dave/frames/ranges.ts";
import { TRAILER_LIMIT, trailerSize } from "../../../../lib/dave/frames/trailer.ts";
import { randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

function listed(ranges: ClearRanges): number[][] {
  return Array.from({ length: ranges.count }, (_, i) => [ranges.offsets[i], ranges.sizes[i]]);
}

test("ClearRanges.extend() joins what adjoins, append() does not", () => {
  const ranges = new ClearRanges();
  ranges.extend(0, 4);
  ranges.extend(4, 2);
  ranges.extend(9, 1);
  assertEquals(listed(ranges), [[0, 6], [9, 1]]);
  assertEquals([ranges.clearSize, ranges.encodedSize, ranges.leading], [7, 4, false]);
  ranges.append(10, 200);
  assertEquals(listed(ranges), [[0, 6], [9, 1], [10, 200]]);
  assertEquals(ranges.encodedSize, 7);
  ranges.clear();
  assertEquals([listed(ranges), ranges.clearSize, ranges.leading], [[], 0, true]);
});

test("ClearRanges.leading is true only for none or one at the start", () => {
  const ranges = new ClearRanges();
  ranges.append(0, 3);
  assertEquals(ranges.leading, true);
  ranges.clear();
  ranges.append(1, 3);
  assertEquals(ranges.leading, false);
});

test("ClearRanges has a limit, with which no trailer has room for every nonce", () => {
  const ranges = new ClearRanges();
  for (let i = 0; i < RANGE_LIMIT + 2; i++) ranges.append(2 * i, 1);
  assertEquals([ranges.count, ranges.offsets[RANGE_LIMIT - 1]], [RANGE_LIMIT, 2 * RANGE_LIMIT - 2]);
  assert(trailerSize(2 ** 32 - 1, ranges) > TRAILER_LIMIT);
});

test("ClearRanges.gather() puts the ranges first, scatter() undoes it", () => {
  const ranges = new ClearRanges();
  ranges.append(1, 2);
  ranges.append(5, 1);
  const frame = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7);
  const gathered = new Uint8Array(8);
  ranges.gather(frame, 8, gathered);
  assertEquals(toHex(gathered), "0102050003040607");
  const back = new Uint8Array(9).fill(0xee);
  ranges.scatter(gathered, gathered, 3, 8, back);
  assertEquals(toHex(back), "0001020304050607ee");
});

test("ClearRanges.scatter() undoes gather() for random ranges", () => {
  const random = seededRandom(7);
  const ranges = new ClearRanges();
  for (let round = 0; round < 2000; round++) {
    const frame = randomBytes(random, random() % 200);
    ranges.clear();
    for (let at = random() % 9; at < frame.length; at += random() % 30) {
      const size = Math.min(random() % 20, frame.length - at);
      ranges.append(at, size);
      at += size;
    }
    const gathered = new Uint8Array(frame.length);
    ranges.gather(frame, frame.length, gathered);
    const back = new Uint8Array(frame.length);
    ranges.scatter(gathered, gathered.slice(ranges.clearSize), 0, frame.length, back);
    assertEquals(toHex(back), toHex(frame));
  }
});
