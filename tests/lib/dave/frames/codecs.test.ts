import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import {
  type FrameCodec,
  hasStartCodes,
  layOutFrame,
  sealedSizeLimit,
} from "../../../../lib/dave/frames/codecs.ts";
import { ClearRanges } from "../../../../lib/dave/frames/ranges.ts";
import { hex, loadVectors, randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

interface RangeCase {
  readonly codec: FrameCodec;
  readonly name: string;
  readonly frame_hex: string;
  readonly media_size: number;
  readonly ranges: readonly (readonly number[])[];
  readonly clear_hex: string;
  readonly opened_hex: string;
}

const CODECS: readonly FrameCodec[] = ["opus", "vp8", "vp9", "h264", "h265", "av1"];
const { cases } = loadVectors<{ cases: RangeCase[] }>("dave_ranges.json");

interface LaidOut {
  readonly ranges: number[][];
  readonly frame: string;
  readonly clear: string;
}

function layOut(codec: FrameCodec, frame: Uint8Array): LaidOut {
  const ranges = new ClearRanges();
  const into = new Uint8Array(sealedSizeLimit(codec, frame.length));
  const size = layOutFrame(codec, frame, into, ranges);
  const listed = Array.from(
    { length: ranges.count },
    (_, i) => [ranges.offsets[i], ranges.sizes[i]],
  );
  const clear = listed.map(([offset, size]) => toHex(into.subarray(offset, offset + size)));
  return { ranges: listed, frame: toHex(into.subarray(0, size)), clear: clear.join("") };
}

for (const { codec, name, frame_hex, ranges, clear_hex, opened_hex } of cases) {
  // davey drops a frame in which it finds no NAL unit.
  if (name === "no start code") continue;
  test(`layOutFrame() of ${codec} agrees with davey: ${name}`, () => {
    const laidOut = layOut(codec, hex(frame_hex));
    assertEquals<unknown>(laidOut.ranges, ranges);
    assertEquals([laidOut.frame, laidOut.clear], [opened_hex, clear_hex]);
  });
}

test("the cases of davey are of all codecs", () => {
  assertEquals(CODECS.filter((codec) => !cases.some((item) => item.codec === codec)), []);
  assertEquals(cases.length, 58);
});

for (const codec of CODECS) {
  test(`layOutFrame() of ${codec} takes 20,000 random frames and keeps its bounds`, () => {
    const random = seededRandom(21);
    const ranges = new ClearRanges();
    const small = codec === "av1" ? 0x3f : 0x61;
    for (let round = 0; round < 20_000 / CODECS.length; round++) {
      const frame = randomBytes(random, random() % 300);
      // Mostly zeros and small values: start codes, units and sizes.
      const mask = random() % 3 === 0 ? 0xff : random() % 2 === 0 ? 1 : small;
      for (let i = 0; i < frame.length; i++) frame[i] &= mask;
      const limit = sealedSizeLimit(codec, frame.length);
      const into = new Uint8Array(limit + 1).fill(0xee);
      const size = layOutFrame(codec, frame, into, ranges);
      assert(size <= limit - 255 || size <= frame.length + Math.ceil(frame.length / 3));
      let free = 0;
      for (let i = 0; i < ranges.count; i++) {
        assert(ranges.offsets[i] >= free);
        free = ranges.offsets[i] + ranges.sizes[i];
      }
      assert(free <= size);
      assertEquals(into[limit], 0xee);
    }
  });
}

test("sealedSizeLimit() is what the worst frames need", () => {
  assertEquals(sealedSizeLimit("opus", 0), 16);
  assertEquals(sealedSizeLimit("vp9", 100), 116);
  assertEquals(sealedSizeLimit("vp8", 100), 118);
  assertEquals(sealedSizeLimit("av1", 100), 355);
  assertEquals(sealedSizeLimit("h264", 100), 389);
  const codes = new Uint8Array(99).map((_, i) => i % 3 === 2 ? 1 : 0);
  assertEquals(layOut("h264", codes).frame.length / 2, 132);
});

test("layOutFrame() leaves a frame whole that is not what its codec says", () => {
  for (const codec of ["h264", "h265"] as const) {
    for (const frame of ["", "00", "000001", "00000001", "ff00000165b8", "aabbccdd"]) {
      assertEquals(
        layOut(codec, hex(frame)),
        { ranges: [], frame, clear: "" },
        `${codec} ${frame}`,
      );
    }
  }
  for (
    const frame of ["", "0a", "0e", "0aff", "0a05aa", "0a8080808080808080808080", "0a01aa3205bb"]
  ) {
    assertEquals(layOut("av1", hex(frame)), { ranges: [], frame, clear: "" }, frame);
  }
});

test("layOutFrame() of VP8 leaves no more clear than there is", () => {
  assertEquals(layOut("vp8", hex("")), { ranges: [], frame: "", clear: "" });
  assertEquals(layOut("vp8", hex("00")).ranges, [[0, 1]]);
  assertEquals(layOut("vp8", hex("000102")).ranges, [[0, 3]]);
});

test("hasStartCodes() is true for H264 and H265", () => {
  assertEquals(CODECS.filter(hasStartCodes), ["h264", "h265"]);
});
