import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { readWebmOpus } from "../../../lib/audio/webm_opus.ts";
import { asciiOf, withPrefix } from "../../../lib/audio/webm_track.ts";
import { join } from "../../fuzz/mutate.ts";
import {
  block,
  cluster,
  ebml,
  element,
  live,
  opusEntry,
  opusHead,
  simple,
  text,
  uint,
} from "../../tools/matroska.ts";

const PACKET = Uint8Array.of(0xf8, 0xff, 0xfe);

const fileOf = (entry: Uint8Array, ...clusters: readonly Uint8Array[]): Uint8Array =>
  join(ebml(), live("Segment", element("Tracks", entry), ...clusters));

function encoding(...parts: readonly Uint8Array[]): Uint8Array {
  return element("ContentEncodings", element("ContentEncoding", ...parts));
}

function stripped(...prefix: readonly number[]): Uint8Array {
  return element(
    "ContentCompression",
    uint("ContentCompAlgo", 3),
    element("ContentCompSettings", Uint8Array.from(prefix)),
  );
}

function assertRefused(entry: Uint8Array, fault: string, type: ErrorConstructor): void {
  const file = fileOf(entry);
  const at = file.length - entry.length;
  const error = assertThrows(() => readWebmOpus(file));
  assertInstanceOf(error, type);
  assertEquals(error.message, `Cannot read WebM at byte ${at}: its Opus track ${fault}`);
}

test("TrackEntry puts back the headers that were stripped, in every frame of a lace", () => {
  const entry = opusEntry(encoding(stripped(0xf8, 0xff)));
  const laced = block(1, 20, 0x04, Uint8Array.of(2, 0xfe, 0xfd, 0xfc));
  const file = fileOf(
    entry,
    cluster(0, simple(0, Uint8Array.of(0xfe)), element("SimpleBlock", laced)),
  );
  assertEquals(readWebmOpus(file).packets.map(({ packet }) => packet), [
    PACKET,
    PACKET,
    Uint8Array.of(0xf8, 0xff, 0xfd),
    Uint8Array.of(0xf8, 0xff, 0xfc),
  ]);
});

test("TrackEntry strips headers from frames, CodecPrivate or both, as its scope says", () => {
  const head = opusHead();
  const frame = Uint8Array.of(1, 2, 2);
  const cut = (scope: number, codecPrivate: Uint8Array) =>
    element(
      "TrackEntry",
      ...[uint("TrackNumber", 1), uint("TrackType", 2), text("CodecID", "A_OPUS")],
      element("CodecPrivate", codecPrivate),
      encoding(uint("ContentEncodingScope", scope), stripped(...head.subarray(0, 1))),
    );
  const packetOf = (entry: Uint8Array) =>
    readWebmOpus(fileOf(entry, cluster(0, simple(0, frame)))).packets[0].packet;
  const whole = join(head.subarray(0, 1), frame);
  assertEquals(packetOf(cut(2, head.subarray(1))), frame);
  assertEquals(packetOf(cut(3, head.subarray(1))), whole);
  assertEquals(packetOf(cut(1, head)), whole);
  assertThrows(() => packetOf(cut(1, head.subarray(1))), SyntaxError, "OpusHead");
});

test("TrackEntry takes an encoding that changes nothing, as mkvmerge writes it", () => {
  const entry = opusEntry(encoding());
  const { packets } = readWebmOpus(fileOf(entry, cluster(0, simple(0, PACKET))));
  assertEquals(packets.map(({ packet }) => packet), [PACKET]);
});

test("TrackEntry refuses what cannot be sent on as it is", () => {
  const compressed = (...parts: readonly Uint8Array[]) =>
    opusEntry(encoding(element("ContentCompression", ...parts)));
  const by = (name: string) => `is compressed with ${name}, want header stripping at most`;
  assertRefused(compressed(), by("zlib"), RangeError);
  for (const [algorithm, name] of ["zlib", "bzlib", "LZO"].entries()) {
    assertRefused(compressed(uint("ContentCompAlgo", algorithm)), by(name), RangeError);
  }
  assertRefused(compressed(uint("ContentCompAlgo", 9)), by("algorithm 9"), RangeError);
  assertRefused(opusEntry(encoding(uint("ContentEncodingType", 1))), "is encrypted", RangeError);
  assertRefused(
    opusEntry(element("ContentEncodings", element("ContentEncoding"), element("ContentEncoding"))),
    "has 2 content encodings, want at most 1",
    RangeError,
  );
  assertRefused(
    opusEntry(encoding(stripped(...new Uint8Array(256)))),
    "has headers of 256 bytes stripped, want at most 255",
    RangeError,
  );
  const surround = join(opusHead(6).with(18, 1), Uint8Array.of(4, 2, 0, 4, 1, 2, 3, 5));
  assertRefused(
    opusEntry(element("CodecPrivate", surround)),
    "has 4 streams for 6 channels, want 1 stream (mono or stereo)",
    RangeError,
  );
});

test("TrackEntry refuses a track without number or identification header", () => {
  const bare = [uint("TrackType", 2), text("CodecID", "A_OPUS")];
  assertRefused(element("TrackEntry", ...bare), "has no number", SyntaxError);
  assertRefused(
    element("TrackEntry", uint("TrackNumber", 1), ...bare),
    "has no CodecPrivate",
    SyntaxError,
  );
});

test("asciiOf() ends at the first byte that is not printable, and after 32", () => {
  const of = (value: string) => asciiOf(Uint8Array.from(value, (char) => char.charCodeAt(0)));
  assertEquals(of("A_OPUS"), "A_OPUS");
  assertEquals(of("webm\0\0"), "webm");
  assertEquals(of("\x1b[2J"), "");
  assertEquals(of("x".repeat(99)), "x".repeat(32));
});

test("withPrefix() copies both", () => {
  const frame = Uint8Array.of(3);
  const whole = withPrefix(Uint8Array.of(1, 2), frame);
  frame[0] = 9;
  assertEquals(whole, Uint8Array.of(1, 2, 3));
});
