import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  hasFec,
  isSilence,
  MAX_PACKET_DURATION,
  OPUS_SILENCE,
  opusFrames,
  packetDuration,
  parseToc,
} from "../../../lib/audio/opus_toc.ts";
import { hex } from "../../tools/vectors.ts";

/** RFC 6716, table 2, as printed there: frame sizes in milliseconds. */
const TABLE: readonly (readonly [string, string, readonly number[]])[] = [
  ["silk", "narrowband", [10, 20, 40, 60]],
  ["silk", "mediumband", [10, 20, 40, 60]],
  ["silk", "wideband", [10, 20, 40, 60]],
  ["hybrid", "superwideband", [10, 20]],
  ["hybrid", "fullband", [10, 20]],
  ["celt", "narrowband", [2.5, 5, 10, 20]],
  ["celt", "wideband", [2.5, 5, 10, 20]],
  ["celt", "superwideband", [2.5, 5, 10, 20]],
  ["celt", "fullband", [2.5, 5, 10, 20]],
];

const ROWS = TABLE.flatMap(([mode, bandwidth, sizes]) =>
  sizes.map((ms) => ({ mode, bandwidth, frameSize: ms * 48 }))
);

test("parseToc() agrees with RFC 6716, table 2, for all 256 first bytes", () => {
  assertEquals(ROWS.length, 32);
  for (let toc = 0; toc < 256; toc++) {
    const row = ROWS[toc >> 3];
    const code = toc & 3;
    const frameCount = [1, 2, 2, 3][code];
    const packet = Uint8Array.of(toc, 3);
    if (frameCount * row.frameSize > MAX_PACKET_DURATION) {
      assertThrows(() => parseToc(packet), SyntaxError, "want at most 5760");
      continue;
    }
    assertEquals({ ...parseToc(packet) } as unknown, {
      config: toc >> 3,
      mode: row.mode,
      bandwidth: row.bandwidth,
      stereo: (toc & 4) === 4,
      code,
      frameCount,
      frameSize: row.frameSize,
      duration: frameCount * row.frameSize,
    });
  }
});

test("packetDuration() takes every frame count of code 3 up to 120 ms and no more", () => {
  for (let config = 0; config < 32; config++) {
    for (let frameCount = 0; frameCount < 64; frameCount++) {
      const duration = frameCount * ROWS[config].frameSize;
      const packet = Uint8Array.of(config << 3 | 3, 0xc0 | frameCount);
      if (frameCount > 0 && duration <= 5760) assertEquals(packetDuration(packet), duration);
      else assertThrows(() => packetDuration(packet), SyntaxError, "Cannot parse Opus packet: it ");
    }
  }
});

test("packetDuration() refuses a packet without its table of contents", () => {
  assertThrows(() => packetDuration(new Uint8Array(0)), SyntaxError, "it is empty");
  assertThrows(() => packetDuration(Uint8Array.of(0xff)), SyntaxError, "before its frame count");
});

test("OPUS_SILENCE is 20 ms of mono CELT and cannot be changed", () => {
  assertEquals(Uint8Array.from(OPUS_SILENCE), Uint8Array.of(0xf8, 0xff, 0xfe));
  const { mode, stereo, duration } = parseToc(Uint8Array.from(OPUS_SILENCE));
  assertEquals([mode, stereo, duration], ["celt", false, 960]);
  assert(Object.isFrozen(OPUS_SILENCE));
});

const CELT = 31 << 3;
const sizes = (packet: number[]): number[] =>
  opusFrames(Uint8Array.from(packet)).map((frame) => frame.length);

test("opusFrames() splits all four frame count codes", () => {
  assertEquals(sizes([CELT]), [0]);
  assertEquals(sizes([CELT, 1, 2, 3]), [3]);
  assertEquals(sizes([CELT | 1, 1, 2, 3, 4]), [2, 2]);
  assertEquals(sizes([CELT | 2, 1, 7, 8, 9]), [1, 2]);
  assertEquals(sizes([CELT | 2, 252, 1, ...new Array(256).fill(5), 6]), [256, 1]);
  assertEquals(sizes([CELT | 3, 3, 1, 2, 3]), [1, 1, 1]);
  assertEquals(sizes([CELT | 3, 0x83, 1, 2, 1, 2, 3, 4]), [1, 2, 1]);
  assertEquals(sizes([CELT | 3, 0x42, 2, 1, 2, 0, 0]), [1, 1]); // 2 bytes of padding
  const padded = [CELT | 3, 0x41, 255, 1, 9, ...new Array(255).fill(0)]; // 254 + 1 of it
  assertEquals(opusFrames(Uint8Array.from(padded)), [Uint8Array.of(9)]);
});

test("opusFrames() refuses every truncation of a packet with sizes for each frame", () => {
  const packet = [CELT | 3, 0xc3, 1, 2, 1, 1, 2, 3, 4, 0];
  assertEquals(sizes(packet), [2, 1, 1]);
  for (let size = 0; size < 8; size++) {
    assertThrows(() => sizes(packet.slice(0, size)), SyntaxError, "Cannot parse Opus packet: ");
  }
});

test("opusFrames() refuses frames that do not fit", () => {
  assertThrows(() => sizes([CELT | 1, 1, 2, 3]), SyntaxError, "2 equal frames");
  assertThrows(() => sizes([CELT | 2]), SyntaxError, "before its frame sizes");
  assertThrows(() => sizes([CELT | 2, 5, 1]), SyntaxError, "4 bytes more");
  assertThrows(() => sizes([CELT | 3, 0x41, 9, 1]), SyntaxError, "padding is larger");
  assertThrows(() => sizes([CELT, ...new Array(1276).fill(0)]), SyntaxError, "1276 bytes");
});

/** What the first bits of a frame say: of mid, and in stereo of side, activity each 20 ms, then FEC. */
function flagsOf(mode: string, frameSize: number, stereo: boolean): string {
  if (mode === "celt") return "........";
  const channel = "v".repeat(Math.max(1, frameSize / 960)) + "F";
  return (stereo ? channel + channel : channel).padEnd(8, ".");
}

test("hasFec() reads its bits alone, for all 256 first bytes", () => {
  assertEquals(flagsOf("silk", 2880, true), "vvvFvvvF");
  for (let toc = 0; toc < 256; toc++) {
    const { mode, frameSize } = ROWS[toc >> 3];
    const flags = flagsOf(mode, frameSize, (toc & 4) === 4);
    const isShort = [1, 2, 2, 1][toc & 3] * frameSize <= MAX_PACKET_DURATION;
    for (let bit = 0; bit < 8; bit++) {
      const frame = 0x80 >> bit;
      // One frame, two of equal size, two, one with its count: the second ones have all bits set.
      const rest = [[frame, 255], [frame, 255], [1, frame, 255], [1, frame, 255]][toc & 3];
      const packet = Uint8Array.of(toc, ...rest);
      assertEquals(hasFec(packet), isShort && flags[bit] === "F", `${toc} ${flags} ${bit}`);
      const others = flags.split("").some((flag, i) => flag === "F" && i !== bit);
      if ((toc & 3) === 0) assertEquals(hasFec(Uint8Array.of(toc, ~frame)), others, `not ${bit}`);
    }
  }
});

test("hasFec() is false for a packet without a frame, or none at all", () => {
  const speech = 9 << 3;
  assert(hasFec(Uint8Array.of(speech, 0x40)));
  const packets = [
    [],
    [speech],
    [speech | 1, 0x40, 0x40, 0x40], // frames of unequal size
    [speech | 2, 0, 0x40], // a first frame of 0 bytes
    [speech | 2, 5, 0x40],
    [speech | 3],
    [speech | 3, 0, 0x40],
    [speech | 3, 7, ...new Array(7).fill(0x40)], // 140 ms
    [speech | 3, 0x41, 9, 0x40],
    [speech, ...new Array(1276).fill(0x40)],
  ];
  for (const packet of packets) assertEquals(hasFec(Uint8Array.from(packet)), false);
});

test("isSilence() is true for F8 FF FE alone", () => {
  assertEquals(isSilence(hex("f8fffe")), true);
  for (const other of ["", "f8ff", "f8ffff", "f9fffe", "f8fefe", "f8fffe00", "00f8fffe"]) {
    assertEquals(isSilence(hex(other)), false, other);
  }
});
