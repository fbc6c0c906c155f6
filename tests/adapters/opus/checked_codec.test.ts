import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { CheckedCodec } from "../../../adapters/opus/checked_codec.ts";
import type { OpusEngine, OpusLibrary } from "../../../adapters/opus/library.ts";
import { hasFec } from "../../../lib/audio/opus_toc.ts";

/** Speech in a frame of 20 ms with FEC, so that the flag of it is the second bit. */
const WITH_FEC = Uint8Array.of(0x48, 0x40, 0);
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** A codec, and what its engine was asked to do. */
function codecWith(channels: 1 | 2, encodedDurations: number[]): [CheckedCodec, unknown[][]] {
  const calls: unknown[][] = [];
  const record = (...call: unknown[]): Int16Array => (calls.push(call), new Int16Array(0));
  const engine: OpusEngine = {
    encode: (_, duration, capacity) => (record("encode", duration, capacity), new Uint8Array(0)),
    decode: (packet, size) => record("decode", packet.length, size),
    conceal: (samples) => record("conceal", samples),
    decodeFec: (packet, samples) => record("decodeFec", packet.length, samples),
    free: () => void record("free"),
  };
  const library: OpusLibrary = {
    name: "fake",
    encodedDurations,
    open: () => Promise.resolve(engine),
  };
  return [new CheckedCodec(channels, library, engine), calls];
}

test("CheckedCodec hands on what is valid", () => {
  const [codec, calls] = codecWith(2, [120, 960, 1920, 2880]);
  assertEquals([codec.channels, codec.implementation] as unknown[], [2, "fake"]);
  for (const duration of [120, 960, 1920, 2880]) codec.encode(new Int16Array(duration * 2));
  codec.encode(new Int16Array(5760), new Uint8Array(3828));
  codec.decode(SILENCE);
  codec.decode(SILENCE, new Int16Array(1920));
  codec.conceal(120);
  codec.conceal(5760);
  codec.decodeFec(WITH_FEC, 960);
  codec.decodeFec(WITH_FEC, 5760);
  assertEquals(calls, [
    ["encode", 120, 1276],
    ["encode", 960, 1276],
    ["encode", 1920, 2552],
    ["encode", 2880, 3828],
    ["encode", 2880, 3828],
    ["decode", 3, 1920],
    ["decode", 3, 1920],
    ["conceal", 120],
    ["conceal", 5760],
    ["decodeFec", 3, 960],
    ["decodeFec", 3, 5760],
  ]);
});

test("CheckedCodec hands on nothing else", () => {
  const [codec, calls] = codecWith(2, [960, 2880]);
  const sound = new Int16Array(1920);
  for (const length of [0, 1, 960, 1919, 1921, 3840]) {
    const message = `Cannot encode ${length / 2} samples per channel: want 960, 2880`;
    assertThrows(() => codec.encode(new Int16Array(length)), RangeError, message);
  }
  assertThrows(() => codec.encode(sound, new Uint8Array(1275)), RangeError, "1275 elements");
  const long = new Int16Array(5760);
  assertThrows(() => codec.encode(long, new Uint8Array(3827)), RangeError, "at least 3828");
  assertThrows(() => codec.decode(SILENCE, new Int16Array(1919)), RangeError, "at least 1920");
  assertThrows(() => codec.decode(new Uint8Array(0)), SyntaxError, "it is empty");
  const large = new Uint8Array(65537);
  assertThrows(() => codec.decode(large), SyntaxError, "65537 bytes, want at most 65536");
  for (const samples of [0, -120, 100, 5880, NaN]) {
    assertThrows(() => codec.conceal(samples), RangeError, `Cannot conceal ${samples} samples`);
    const message = `Cannot recover ${samples} samples: want a multiple of 120, at most 5760`;
    assertThrows(() => codec.decodeFec(WITH_FEC, samples), RangeError, message);
  }
  const padded = new Uint8Array(65537); // a frame of 1 byte, 256 x 254 + 253 of padding
  padded.set([0x4b, 0x41, ...new Array(256).fill(255), 253, 0x40]);
  assert(hasFec(padded));
  for (const packet of [SILENCE, large, padded, new Uint8Array(0), WITH_FEC.subarray(0, 1)]) {
    assertEquals(codec.decodeFec(packet, 960), undefined);
  }
  assertEquals(codec.decodeFec(WITH_FEC, 840), undefined); // less than its frame
  assertEquals(calls, []);
});

test("CheckedCodec.delete() frees once and ends the codec", () => {
  const [codec, calls] = codecWith(1, [960]);
  codec.delete();
  codec.delete();
  codec[Symbol.dispose]();
  const uses = [
    () => codec.encode(new Int16Array(960)),
    () => codec.decode(SILENCE),
    () => codec.conceal(960),
    () => codec.decodeFec(WITH_FEC, 960),
  ];
  for (const use of uses) assertThrows(use, TypeError, "Cannot use the Opus codec: deleted");
  assertEquals(calls, [["free"]]);
});
