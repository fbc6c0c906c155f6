// Invariant: a frame has a trailer only where writing the parsed one gives the same bytes.

import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { ClearRanges } from "../../../../lib/dave/frames/ranges.ts";
import { TrailerParser, trailerSize, writeTrailer } from "../../../../lib/dave/frames/trailer.ts";
import {
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  truncations,
} from "../../../tools/vectors.ts";

interface LibdaveCase {
  readonly name: string;
  readonly frame_hex?: string;
  readonly expect: {
    readonly media_bytes: number;
    readonly tag_hex: string;
    readonly nonce: number;
    readonly unencrypted_ranges: readonly (readonly number[])[];
    readonly supplemental_size: number;
  };
}

const { cases } = loadVectors<{ cases: LibdaveCase[] }>("libdave_frames.json");
const TAG = "0102030405060708";

/** Whether a frame of so many bytes with this behind its tag has a trailer. */
function parses(mediaSize: number, behindTag: string): boolean {
  return new TrailerParser().parse(
    hex("ab".repeat(mediaSize) + TAG + behindTag.replaceAll(" ", "")),
  );
}

function rangesOf(parser: TrailerParser): number[][] {
  const { count, offsets, sizes } = parser.ranges;
  return Array.from({ length: count }, (_, i) => [offsets[i], sizes[i]]);
}

test("TrailerParser reads the frame of libdave's SplitReconstruct", () => {
  const { frame_hex, expect } = cases.find(({ name }) => name === "SplitReconstruct")!;
  const frame = hex(frame_hex!);
  const parser = new TrailerParser();
  assert(parser.parse(frame));
  assertEquals(parser.mediaSize, expect.media_bytes);
  assertEquals(parser.nonce, expect.nonce);
  assertEquals<unknown>(rangesOf(parser), expect.unencrypted_ranges);
  assertEquals(frame.length - parser.mediaSize, expect.supplemental_size);
  assertEquals(trailerSize(parser.nonce, parser.ranges), expect.supplemental_size);
  const tag = frame.subarray(parser.mediaSize, parser.mediaSize + 8);
  assertEquals(toHex(tag), expect.tag_hex);
  const written = frame.slice().fill(0, parser.mediaSize + 8);
  assertEquals(writeTrailer(written, parser.mediaSize, parser.nonce, parser.ranges), frame.length);
  assertEquals(toHex(written), toHex(frame));
});

test("TrailerParser finds no trailer in any truncation of that frame", () => {
  const { frame_hex } = cases.find(({ name }) => name === "SplitReconstruct")!;
  const parser = new TrailerParser();
  for (const frame of truncations(hex(frame_hex!))) assertEquals(parser.parse(frame), false);
});

test("TrailerParser takes frames of zero bytes and the largest nonce", () => {
  assertEquals(parses(0, "01 0c fafa"), true);
  assertEquals(parses(0, "ffffffff0f 10 fafa"), true);
  assertEquals(parses(20, "808001 0e fafa"), true);
});

const HOSTILE: readonly (readonly [what: string, mediaSize: number, behindTag: string])[] = [
  ["without a nonce", 5, "0b fafa"],
  ["with a size below the smallest", 5, "01 0a fafa"],
  ["with a size of zero", 5, "01 00 fafa"],
  ["with a size one too small", 5, "01 0b fafa"],
  ["with a size one too large", 5, "01 0d fafa"],
  ["with a size beyond the frame", 5, "01 ff fafa"],
  ["with half a marker", 5, "01 0c fbfa"],
  ["with the other half of a marker", 5, "01 0c fafb"],
  ["with a nonce in more bytes than it needs", 5, "8100 0d fafa"],
  ["with a nonce above 32 bits", 5, "ffffffff1f 10 fafa"],
  ["with a nonce that does not end", 5, "8080808080 10 fafa"],
  ["with an offset without a size", 5, "01 00 0d fafa"],
  ["with a size that does not end", 5, "01 00 80 0e fafa"],
  ["with a range that ends behind the frame", 5, "01 0006 0e fafa"],
  ["with a range that begins behind the frame", 5, "01 0600 0e fafa"],
  ["with a huge offset", 5, "01 ffffffff0f 01 12 fafa"],
  ["with a huge size", 5, "01 00 ffffffff0f 12 fafa"],
  ["with an offset and a size that sum up to 2^32", 5, "01 01 ffffffff0f 12 fafa"],
  ["with overlapping ranges", 9, "01 0003 0203 10 fafa"],
  ["with descending ranges", 9, "01 0401 0001 10 fafa"],
  ["with a range in more bytes than it needs", 9, "01 0081 00 0f fafa"],
];

for (const [what, mediaSize, behindTag] of HOSTILE) {
  test(`TrailerParser refuses a trailer ${what}`, () => {
    assertEquals(parses(mediaSize, behindTag), false);
  });
}

test("TrailerParser refuses a size one beyond the frame whose nonce would begin in the tag", () => {
  assertEquals(new TrailerParser().parse(hex("0102030405060788010dfafa")), false);
  assertEquals(new TrailerParser().parse(hex("aa0102030405060788010dfafa")), true);
});

test("TrailerParser takes ranges that touch, are empty, or cover the frame", () => {
  assertEquals(parses(9, "01 0003 0302 10 fafa"), true);
  assertEquals(parses(9, "01 0000 0000 10 fafa"), true);
  assertEquals(parses(9, "01 0009 0e fafa"), true);
  assertEquals(parses(9, "01 0900 0e fafa"), true);
});

test("TrailerParser takes as many ranges as fit, and they fit", () => {
  // An offset and a size of one byte each; the nonce and the last size take what is left.
  const pairs = Array.from({ length: 121 }, (_, i) => `${toHex(Uint8Array.of(i))}01`).join("");
  const parser = new TrailerParser();
  assert(parser.parse(hex("ab".repeat(200) + TAG + "8101" + pairs + "fffafa")));
  assertEquals([parser.ranges.count, parser.nonce, parser.mediaSize], [121, 129, 200]);
});

test("writeTrailer() writes what TrailerParser reads", () => {
  const random = seededRandom(3);
  const parser = new TrailerParser();
  const ranges = new ClearRanges();
  const into = new Uint8Array(2000);
  for (let round = 0; round < 2000; round++) {
    const mediaSize = random() % 1401;
    const nonce = random() >>> random() % 32;
    ranges.clear();
    for (let at = random() % 50; at < mediaSize && ranges.count < 40;) {
      const size = Math.min(random() % 90, mediaSize - at);
      ranges.append(at, size);
      at += size + random() % 60;
    }
    const size = writeTrailer(into, mediaSize, nonce, ranges);
    assertEquals(size - mediaSize, trailerSize(nonce, ranges));
    assert(parser.parse(into.subarray(0, size)));
    assertEquals([parser.mediaSize, parser.nonce], [mediaSize, nonce]);
    assertEquals(
      rangesOf(parser).flat(),
      [...ranges.offsets.subarray(0, ranges.count)]
        .flatMap((offset, i) => [offset, ranges.sizes[i]]),
    );
  }
});

test("TrailerParser of 20,000 random ends finds only trailers that are written so", () => {
  const random = seededRandom(11);
  const parser = new TrailerParser();
  let found = 0;
  for (let round = 0; round < 20_000; round++) {
    const frame = randomBytes(random, random() % 60);
    for (let i = 0; i < frame.length; i++) if (random() % 4 !== 0) frame[i] &= 0x0f;
    if (frame.length > 2 && random() % 8 !== 0) {
      frame[frame.length - 3] = 8 + random() % 30;
      frame.fill(0xfa, frame.length - 2);
    }
    if (!parser.parse(frame)) continue;
    found++;
    const written = frame.slice().fill(0, parser.mediaSize + 8);
    assertEquals(
      writeTrailer(written, parser.mediaSize, parser.nonce, parser.ranges),
      frame.length,
    );
    assertEquals(toHex(written), toHex(frame));
  }
  assert(found > 300, `${found} trailers`);
});
