import { assertAlmostEquals, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import test from "node:test";
import { encodeWav, parseWav, wavHeader } from "../../../lib/audio/wav.ts";

const samples = Int16Array.of(0, -1, 32767, -32768, 258, 12345);

/** A chunk with its padding. */
function chunk(id: string, body: readonly number[], size = body.length): number[] {
  const bytes = [...Array.from(id, (char) => char.charCodeAt(0)), ...le(size, 4), ...body];
  return body.length % 2 === 1 ? [...bytes, 0] : bytes;
}

function le(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

function wav(...chunks: number[][]): Uint8Array {
  const body = [...Array.from("WAVE", (char) => char.charCodeAt(0)), ...chunks.flat()];
  return Uint8Array.from(chunk("RIFF", body));
}

/** A format chunk's body, 16 bytes. */
function format(tag: number, channels: number, sampleRate: number, bits: number): number[] {
  const align = channels * bits / 8;
  return [
    ...[...le(tag, 2), ...le(channels, 2), ...le(sampleRate, 4)],
    ...[...le(sampleRate * align, 4), ...le(align, 2), ...le(bits, 2)],
  ];
}

const GUID_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const extensible = (tag: number, bits: number): number[] => [
  ...format(0xfffe, 2, 48000, bits),
  ...[...le(22, 2), ...le(bits, 2), ...le(3, 4), ...le(tag, 2), ...GUID_TAIL],
];

test("encodeWav() and parseWav() give the samples back, for 1, 2 and 3 channels", () => {
  for (const channels of [1, 2, 3]) {
    const file = encodeWav(samples, 44100, channels);
    assertEquals(file.length, 44 + 12);
    assertEquals(parseWav(file), { sampleRate: 44100, channels, samples });
  }
  assertEquals(parseWav(encodeWav(new Int16Array(0), 8000, 1)).samples, new Int16Array(0));
});

test("encodeWav() makes the bytes of the specification", () => {
  const expected = wav(chunk("fmt ", format(1, 2, 48000, 16)), chunk("data", [1, 0, 254, 255]));
  assertEquals(encodeWav(Int16Array.of(1, -2), 48000, 2), expected);
});

test("encodeWav() and parseWav() take views into larger memory", () => {
  const file = encodeWav(samples.subarray(2, 4), 48000, 2);
  const shifted = new Uint8Array(file.length + 3);
  shifted.set(file, 3);
  assertEquals(parseWav(shifted.subarray(3)).samples, Int16Array.of(32767, -32768));
});

test("wavHeader() without a size is read until the end, less an unfinished frame", () => {
  const stream = [...wavHeader({ sampleRate: 48000, channels: 2 }), 1, 0, 2, 0, 3, 0, 4];
  assertEquals(parseWav(Uint8Array.from(stream)).samples, Int16Array.of(1, 2));
  const patched = Uint8Array.from(stream);
  patched.set(wavHeader({ sampleRate: 48000, channels: 2 }, 4));
  assertEquals(parseWav(patched).samples, Int16Array.of(1, 2));
});

test("wavHeader() refuses numbers that do not fit", () => {
  const refused: [number, number, number | undefined, string][] = [
    [0, 2, 0, "the sample rate is 0"],
    [48000.5, 2, 0, "the sample rate is 48000.5"],
    [2 ** 31, 1, 0, "the sample rate is 2147483648"],
    [48000, 0, 0, "the channel count is 0"],
    [48000, NaN, 0, "the channel count is NaN"],
    [48000, 2, -1, "the data size is -1"],
    [48000, 2, 2 ** 32 - 1, "the data size is 4294967295"],
  ];
  for (const [sampleRate, channels, size, message] of refused) {
    assertThrows(() => wavHeader({ sampleRate, channels }, size), RangeError, message);
  }
  assertThrows(() => encodeWav(new Int16Array(3), 48000, 2), RangeError, "a multiple of 2");
});

test("parseWav() reads floats, plain and extensible", () => {
  const bytes = [...new Uint8Array(Float32Array.of(0.5, -1).buffer)];
  for (const fmt of [format(3, 2, 48000, 32), extensible(3, 32)]) {
    const { samples, channels } = parseWav(wav(chunk("fmt ", fmt), chunk("data", bytes)));
    assertInstanceOf(samples, Float32Array);
    assertEquals(channels, 2);
    assertAlmostEquals(samples[0], 0.5);
    assertAlmostEquals(samples[1], -1);
  }
});

test("parseWav() reads extensible PCM and skips chunks that it does not know", () => {
  const file = wav(
    chunk("LIST", [1, 2, 3]), // odd, so padded
    chunk("fmt ", extensible(1, 16)),
    chunk("fact", [0, 0, 0, 0]),
    chunk("data", [1, 0, 2, 0]),
    chunk("id3 ", [9]),
  );
  assertEquals(parseWav(file), { sampleRate: 48000, channels: 2, samples: Int16Array.of(1, 2) });
});

test("parseWav() makes floats of what is not 16 bits wide", () => {
  const file = wav(chunk("fmt ", format(1, 1, 8000, 24)), chunk("data", [0, 0, 64, 0, 0, 192]));
  assertEquals(parseWav(file).samples, Float32Array.of(0.5, -0.5));
});

test("parseWav() refuses other encodings by name", () => {
  const data = chunk("data", [0, 0, 0, 0]);
  for (const [tag, bits] of [[1, 40], [3, 16], [7, 8], [85, 0]]) {
    assertThrows(
      () => parseWav(wav(chunk("fmt ", format(tag, 1, 48000, bits)), data)),
      SyntaxError,
      `Cannot parse WAV: its samples have format ${tag} (`,
    );
  }
  const ambisonic = extensible(1, 16).with(39, 0);
  assertThrows(() => parseWav(wav(chunk("fmt ", ambisonic), data)), SyntaxError, "format 65534");
});

test("parseWav() refuses every truncation of a file", () => {
  for (
    const file of [
      encodeWav(samples, 48000, 2),
      wav(chunk("fmt ", extensible(1, 16)), chunk("data", [1, 0, 2, 0])),
    ]
  ) {
    for (let size = 0; size < file.length; size++) {
      assertThrows(() => parseWav(file.subarray(0, size)), SyntaxError, "Cannot parse WAV: it");
    }
  }
});

test("parseWav() refuses broken structure", () => {
  const fmt = chunk("fmt ", format(1, 2, 48000, 16));
  const refused: [Uint8Array, string][] = [
    [Uint8Array.from("RIFX....WAVE", (char) => char.charCodeAt(0)), "does not begin"],
    [wav(chunk("data", [0, 0])), "its data comes before its format"],
    [wav(fmt), "it has no data chunk"],
    [wav(fmt, chunk("data", [0, 0])), "it has 2 bytes of data, want a multiple of 4"],
    [wav(chunk("fmt ", [1, 0])), "its format chunk has 2 bytes"],
    [wav(chunk("fmt ", format(0xfffe, 2, 48000, 16))), "its format chunk has 16 bytes"],
    [wav(chunk("fmt ", format(1, 0, 48000, 16))), "0 channels at 48000 Hz"],
    [wav(fmt, chunk("a\nb\0", [0], 9)), "it ends inside a chunk"],
  ];
  for (const [file, message] of refused) {
    assertThrows(() => parseWav(file), SyntaxError, message);
  }
});
