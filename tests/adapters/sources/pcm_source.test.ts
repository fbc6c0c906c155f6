import {
  assertAlmostEquals,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import test from "node:test";
import { type PcmSamples, pcmSource, tone } from "../../../adapters/sources/pcm_source.ts";
import { pcmToFloat32 } from "../../../lib/audio/pcm_convert.ts";
import { toneSamples } from "../../../lib/audio/tone.ts";
import { within } from "../../tools/waiting.ts";
import { concat, drain, pitchOf, samplesOf } from "./world.ts";

const LIMIT = 10_000;
const SAMPLES = toneSamples(0, 4800, { amplitude: 1 });
const BYTES = new Uint8Array(SAMPLES.slice().buffer);

function* pieces<T extends PcmSamples>(samples: T, size: number): Generator<T> {
  for (let at = 0; at < samples.length; at += size) yield samples.slice(at, at + size) as T;
}

const KINDS: readonly [name: string, samples: PcmSamples][] = [
  ["16-bit samples", SAMPLES],
  ["floats", pcmToFloat32(SAMPLES)],
  ["bytes", BYTES],
];

for (const [name, samples] of KINDS) {
  test(
    `pcmSource() of ${name} is seekable, and gives them back to the bit`,
    within(LIMIT, async () => {
      const source = pcmSource(samples);
      assertEquals([source.kind, source.duration, source.seekable], ["pcm", 100, true]);
      for (let i = 0; i < 2; i++) assertEquals(await samplesOf(source), SAMPLES);
      assertEquals(await samplesOf(source, 25), SAMPLES.subarray(2400));
      assertEquals((await samplesOf(source, 100)).length, 0);
      assertThrows(() => source.open(-1), RangeError, "Cannot begin at -1 ms");
    }),
  );

  test(
    `pcmSource() of pieces of ${name} of any length is read once`,
    within(LIMIT, async () => {
      for (const size of [1, 3, 1000, 99_999]) {
        const source = pcmSource(pieces(samples, size));
        assertEquals([source.duration, source.seekable], [undefined, false]);
        assertThrows(() => source.open(1), RangeError, "the source is not seekable");
        assertEquals(await samplesOf(source), SAMPLES);
        assertThrows(() => source.open(), TypeError, "Cannot open a stream again");
      }
    }),
  );
}

test(
  "pcmSource() converts any rate and number of channels",
  within(LIMIT, async () => {
    const mono = Int16Array.from(
      { length: 16_000 },
      (_, i) => 9000 * Math.sin(i * 2 * Math.PI / 40),
    );
    const source = pcmSource(mono, { sampleRate: 16_000, channels: 1 });
    assertEquals(source.duration, 1000);
    const samples = await samplesOf(source);
    assertEquals(samples.length, 96_000);
    assertAlmostEquals(pitchOf(samples), 400, 0.01);
    assertEquals((await samplesOf(source, 750)).length, 24_000);
    const surround = pcmSource(new Int16Array(6 * 441), { sampleRate: 44_100, channels: 6 });
    assertEquals((await samplesOf(surround)).length, 960);
  }),
);

test(
  "pcmSource() gives all whole frames, then tells of an unfinished one",
  within(LIMIT, async () => {
    for (
      const [samples, size] of [[SAMPLES.subarray(0, 7), 1], [BYTES.subarray(0, 13), 0.5]] as const
    ) {
      const { given, error } = await drain<Int16Array>(pcmSource(samples).open());
      assertEquals(concat(given), SAMPLES.subarray(0, 6));
      assertInstanceOf(error, SyntaxError);
      assertEquals(error.message, `Cannot read PCM: the last frame has ${size} samples, want 2`);
    }
    const text = ["text"] as unknown as Int16Array[];
    await assertRejects(() => samplesOf(pcmSource(text)), TypeError, "a piece is of type string");
  }),
);

test("pcmSource() refuses impossible formats at once", () => {
  assertThrows(() => pcmSource(SAMPLES, { sampleRate: 10 }), RangeError, "from 10 Hz");
  assertThrows(() => pcmSource([], { channels: 0 }), RangeError, "Cannot downmix 0 channels");
});

test(
  "pcmSource() closes the stream that it reads",
  within(LIMIT, async () => {
    let isClosed = false;
    const live = function* () {
      try {
        for (;;) yield SAMPLES;
      } finally {
        isClosed = true;
      }
    };
    for await (const _ of pcmSource(live()).open()) break;
    assertEquals(isClosed, true);
  }),
);

test(
  "tone() lasts as long as it should, from any time, or for ever",
  within(LIMIT, async () => {
    const source = tone({ frequency: 1000, amplitude: 1, duration: 90.5 });
    assertEquals([source.duration, source.seekable], [90.5, true]);
    const whole = await samplesOf(source);
    assertEquals(whole, toneSamples(0, 4344, { frequency: 1000, amplitude: 1 }));
    assertEquals(await samplesOf(source, 30), whole.subarray(2880));
    assertEquals((await samplesOf(tone({ duration: 0 }))).length, 0);
    const endless = tone();
    assertEquals(endless.duration, undefined);
    let count = 0;
    for await (const piece of endless.open(1000)) {
      assertEquals(piece.length, 1920);
      if (++count === 500) break;
    }
    assertThrows(() => tone({ duration: -1 }), RangeError, "Cannot make a tone of -1 ms");
    assertThrows(() => tone({ frequency: 0 }), RangeError, "Cannot make a tone of 0 Hz");
  }),
);
