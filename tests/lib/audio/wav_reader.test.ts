import { assertAlmostEquals, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import test from "node:test";
import { encodeWav, wavHeader } from "../../../lib/audio/wav.ts";
import { WavReader } from "../../../lib/audio/wav_reader.ts";

const PCM = 1;
const FLOAT = 3;

function le(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

const ascii = (text: string): number[] => Array.from(text, (char) => char.charCodeAt(0));

/** A chunk with its padding. */
function chunk(id: string, body: ArrayLike<number>, size = body.length): number[] {
  const bytes = [...ascii(id), ...le(size, 4), ...Array.from(body)];
  return body.length % 2 === 1 ? [...bytes, 0] : bytes;
}

function file(...chunks: number[][]): Uint8Array {
  return Uint8Array.from(chunk("RIFF", [...ascii("WAVE"), ...chunks.flat()]));
}

/** A format chunk; `more` extends it. */
function format(
  tag: number,
  channels: number,
  rate: number,
  bits: number,
  size = bits / 8,
  more: number[] = [],
): number[] {
  const align = channels * size;
  return chunk("fmt ", [
    ...[...le(tag, 2), ...le(channels, 2), ...le(rate, 4)],
    ...[...le(rate * align, 4), ...le(align, 2), ...le(bits, 2)],
    ...more,
  ]);
}

const SUBTYPE_TAIL = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
const MONO16 = format(PCM, 1, 48000, 16);

interface Outcome {
  readonly samples: number[];
  readonly error: string | undefined;
  readonly reader: WavReader;
}

/** Pushes pieces and pulls in between. */
function read(bytes: Uint8Array, piece = Infinity): Outcome {
  const reader = new WavReader();
  const samples: number[] = [];
  const drain = () => {
    for (let part; (part = reader.pull()) !== undefined;) samples.push(...part);
  };
  try {
    for (let at = 0; at < bytes.length; at += piece) {
      reader.push(bytes.subarray(at, at + piece));
      drain();
    }
    reader.end();
    drain();
    return { samples, error: undefined, reader };
  } catch (error) {
    assertThrows(() => reader.pull(), SyntaxError, (error as Error).message);
    return { samples, error: (error as Error).message, reader };
  }
}

const bytesOf = (samples: Float32Array | Float64Array) => new Uint8Array(samples.buffer);

const ENCODINGS: readonly [name: string, format: number[], data: ArrayLike<number>][] = [
  ["8 bits", format(PCM, 1, 8000, 8), [128, 192, 64, 0]],
  ["16 bits", format(PCM, 1, 8000, 16), [0, 0, 0, 64, 0, 192, 0, 128]],
  ["24 bits", format(PCM, 1, 8000, 24), [0, 0, 0, 0, 0, 64, 0, 0, 192, 0, 0, 128]],
  ["24 of 32 bits", format(PCM, 1, 8000, 24, 4), [
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    64,
    0,
    0,
    0,
    192,
    0,
    0,
    0,
    128,
  ]],
  ["32 bits", format(PCM, 1, 8000, 32), [0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 192, 0, 0, 0, 128]],
  ["float32", format(FLOAT, 1, 8000, 32), bytesOf(Float32Array.of(0, 0.5, -0.5, -1))],
  ["float64", format(FLOAT, 1, 8000, 64), bytesOf(Float64Array.of(0, 0.5, -0.5, -1))],
];

for (const [name, fmt, data] of ENCODINGS) {
  test(`WavReader reads ${name}, in pieces of any size`, () => {
    for (const piece of [1, 2, 3, 7, Infinity]) {
      const { samples, error, reader } = read(file(fmt, chunk("data", data)), piece);
      assertEquals(error, undefined);
      assertEquals(samples, [0, 0.5, -0.5, -1]);
      assertEquals([reader.encoding?.sampleRate, reader.frameCount], [8000, 4]);
    }
  });
}

test("WavReader reads small differences of 24 bits", () => {
  const { samples } = read(file(format(PCM, 1, 8000, 24), chunk("data", [1, 0, 0, 255, 255, 255])));
  assertAlmostEquals(samples[0], 2 ** -23, 1e-12);
  assertAlmostEquals(samples[1], -(2 ** -23), 1e-12);
});

test("WavReader reads the extensible header, and tells where the channels are", () => {
  const more = [...le(22, 2), ...le(24, 2), ...le(0x3f, 4), ...le(PCM, 2), ...SUBTYPE_TAIL];
  const { samples, reader } = read(
    file(format(0xfffe, 6, 96000, 24, 3, more), chunk("data", new Uint8Array(36))),
  );
  assertEquals(samples, new Array(12).fill(0));
  assertEquals(reader.encoding, {
    ...{ sampleRate: 96000, channels: 6, type: "pcm", sampleSize: 3, channelMask: 0x3f },
  });
});

test("WavReader skips other chunks before and behind, padded ones and large ones", () => {
  const large = new Uint8Array(3_000_001).fill(0xee);
  const bytes = Uint8Array.from([
    ...file(chunk("LIST", [1, 2, 3]), chunk("JUNK", [])),
    ...chunk("big ", large),
    ...MONO16,
    ...chunk("fact", [0, 0, 0, 0]),
    ...chunk("data", [0, 64]),
    ...chunk("id3 ", [9, 9, 9]),
  ]);
  for (const piece of [10_007, Infinity]) assertEquals(read(bytes, piece).samples, [0.5]);
});

test("WavReader does not store what it skips", () => {
  const reader = new WavReader();
  reader.push(file(chunk("LIST", [], 0xfffffff0)));
  assertEquals(reader.pull(), undefined);
  const piece = new Uint8Array(2 ** 20);
  const before = performance.now();
  for (let i = 0; i < 4095; i++) reader.push(piece); // 4 GiB
  assertLessOrEqual(performance.now() - before, 1000);
  assertEquals(reader.pull(), undefined);
  reader.end();
  assertThrows(() => reader.pull(), SyntaxError, "it ends inside a chunk");
});

test("WavReader reads what is live until its end, less an unfinished frame", () => {
  const stereo = format(PCM, 2, 48000, 16);
  const sound = [0, 64, 0, 64, 0, 192, 0, 192, 1, 2, 3];
  const live: [name: string, bytes: number[]][] = [
    ["0xffffffff", [...wavHeader({ sampleRate: 48000, channels: 2 }), ...sound]],
    ["sox", [...file(stereo), ...ascii("data"), ...le(0x7ffff000, 4), ...sound]],
    ["0 at the end", [...file(stereo, chunk("data", [])), ...sound]],
    ["0, and 0 for the file", [
      ...[...ascii("RIFF"), ...le(0, 4), ...ascii("WAVE"), ...stereo],
      ...[...chunk("data", []), ...sound],
    ]],
  ];
  for (const [name, bytes] of live) {
    for (const piece of [1, 5, Infinity]) {
      const { samples, error, reader } = read(Uint8Array.from(bytes), piece);
      assertEquals([samples, error], [[0.5, 0.5, -0.5, -0.5], undefined], name);
      assertEquals(reader.frameCount, undefined);
    }
  }
});

test("WavReader takes an empty data chunk for one where others follow it", () => {
  const { samples, error, reader } = read(file(MONO16, chunk("data", []), chunk("LIST", [1, 2])));
  assertEquals([samples, error, reader.frameCount], [[], undefined, 0]);
  assertEquals(read(encodeWav(new Int16Array(0), 48000, 2)).error, undefined);
});

test("WavReader reads RF64 and BW64, whose sizes are in a chunk of their own", () => {
  const ds64 = (riff: number[], data: number[]) =>
    chunk("ds64", [...riff, ...data, ...le(1, 8), ...le(0, 4)]);
  const sound = [...chunk("data", [0, 64], 0xffffffff), ...chunk("LIST", [1, 2])];
  for (const form of ["RF64", "BW64"]) {
    const head = [...ascii(form), ...le(0xffffffff, 4), ...ascii("WAVE")];
    const sized = Uint8Array.from([...head, ...ds64(le(100, 8), le(2, 8)), ...MONO16, ...sound]);
    for (const piece of [1, Infinity]) {
      const { samples, error, reader } = read(sized, piece);
      assertEquals([samples, error, reader.frameCount], [[0.5], undefined, 1]);
    }
    const huge = Uint8Array.from([...head, ...ds64(le(0, 8), le(2 ** 40, 8)), ...MONO16, ...sound]);
    assertEquals(read(huge).reader.frameCount, 2 ** 39);
    assertEquals(
      read(huge).error,
      "Cannot parse WAV: it ends after 12 of 1099511627776 bytes of data",
    );
    const unset = new Array(8).fill(0xff);
    const live = Uint8Array.from([...head, ...ds64(unset, unset), ...MONO16, ...sound]);
    assertEquals(read(live).samples.length, 6);
  }
});

test("WavReader gives all whole frames of a file that is cut off, then says so", () => {
  const samples = Int16Array.from({ length: 100 }, (_, i) => i * 100);
  const whole = encodeWav(samples, 48000, 2);
  for (let size = 0; size < whole.length; size++) {
    for (const piece of [13, Infinity]) {
      const { samples: given, error } = read(whole.subarray(0, size), piece);
      const frames = Math.max(0, Math.floor((size - 44) / 4));
      assertEquals(given, Array.from(samples.subarray(0, 2 * frames), (sample) => sample / 32768));
      const expected = size < 12
        ? 'Cannot parse WAV: it does not begin with a "RIFF" header of type "WAVE"'
        : size < 20
        ? "Cannot parse WAV: it has no data chunk"
        : size < 36
        ? "Cannot parse WAV: it ends inside a chunk"
        : size < 44
        ? "Cannot parse WAV: it has no data chunk"
        : `Cannot parse WAV: it ends after ${size - 44} of 200 bytes of data`;
      assertEquals(error, expected, `${size} bytes`);
    }
  }
});

test("WavReader refuses an unfinished frame behind all whole ones, and keeps nothing", () => {
  const bytes = file(format(PCM, 2, 48000, 16), chunk("data", [0, 64, 0, 64, 5, 5]));
  const { samples, error, reader } = read(bytes);
  assertEquals(samples, [0.5, 0.5]);
  assertEquals(error, "Cannot parse WAV: it has 6 bytes of data, want a multiple of 4");
  reader.push(new Uint8Array(4));
});

test("WavReader refuses other encodings by name, and says what to do", () => {
  const data = chunk("data", [0, 0, 0, 0]);
  const refused: [number[], string][] = [
    [format(85, 2, 44100, 0, 1), "format 85 (MP3) with 0 bits"],
    [format(2, 1, 8000, 4, 1), "format 2 (ADPCM) with 4 bits"],
    [format(7, 1, 8000, 8), "format 7 (mu-law) with 8 bits"],
    [format(PCM, 2, 48000, 16, 1.5), "format 1 (in blocks of another size) with 16 bits"],
    [format(FLOAT, 1, 48000, 16), "format 3 (in blocks of another size) with 16 bits"],
    [format(PCM, 1, 48000, 40), "format 1 (in blocks of another size) with 40 bits"],
    [format(0x1234, 1, 8000, 8), "format 4660 (unknown) with 8 bits"],
  ];
  for (const [fmt, message] of refused) {
    const { error } = read(file(fmt, data));
    assertEquals(error?.includes(message), true, error);
    assertEquals(error?.endsWith("ffmpeg converts others"), true, error);
  }
});

test("WavReader refuses what is no WAV file as soon as that is known", () => {
  const reader = new WavReader();
  reader.push(Uint8Array.from(ascii("OggS")));
  assertThrows(() => reader.pull(), SyntaxError, "it does not begin with");
  assertEquals(read(Uint8Array.from(ascii("RIFF\0\0\0\0AVI "))).samples, []);
  assertEquals(read(file(chunk("data", [0, 0]))).error?.includes("before its format"), true);
  assertEquals(read(file(chunk("fmt ", [1, 0]))).error?.includes("has 2 bytes"), true);
  assertEquals(read(file(format(PCM, 0, 8000, 16))).error?.includes("0 channels"), true);
  assertEquals(read(file(format(PCM, 1, 0, 16))).error?.includes("at 0 Hz"), true);
});

test("WavReader.skip() leaves out samples, wherever the pieces end", () => {
  const samples = Int16Array.from({ length: 20 }, (_, i) => i);
  const bytes = encodeWav(samples, 48000, 2);
  const reader = new WavReader();
  assertThrows(() => reader.skip(1), TypeError, "the sound has not begun");
  reader.push(bytes.subarray(0, 44));
  reader.pull();
  reader.skip(3);
  reader.push(bytes.subarray(44, 57));
  assertEquals(reader.pull(), undefined);
  reader.push(bytes.subarray(57));
  assertThrows(() => reader.skip(-1), RangeError, "Cannot skip -1 samples");
  assertEquals(reader.pull()?.[0], 6 / 32768);
  reader.skip(5);
  reader.end();
  assertEquals(reader.pull(), undefined);
});

test("WavReader.skip() beyond what is there is a file cut off", () => {
  const bytes = encodeWav(new Int16Array(20), 48000, 2);
  const reader = new WavReader();
  reader.push(bytes.subarray(0, 44));
  reader.pull();
  reader.skip(9);
  reader.push(bytes.subarray(44, 64));
  reader.end();
  assertThrows(() => reader.pull(), SyntaxError, "it ends after 20 of 40 bytes of data");
});

test("WavReader gives pieces of bounded size, and takes no more after its end", () => {
  const reader = new WavReader();
  reader.push(encodeWav(new Int16Array(99_999), 48000, 3));
  reader.end();
  const sizes: number[] = [];
  for (let part; (part = reader.pull()) !== undefined;) sizes.push(part.length);
  assertEquals(sizes, [...new Array(6).fill(16383), 99_999 - 6 * 16383]);
  assertThrows(() => reader.push(new Uint8Array(1)), TypeError, "it was ended");
});
