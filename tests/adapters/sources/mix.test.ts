import { assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import test from "node:test";
import type { PcmSource } from "../../../adapters/sources/audio_source.ts";
import { mix } from "../../../adapters/sources/mix.ts";
import { opusPackets } from "../../../adapters/sources/opus_packets.ts";
import { pcmSource, tone } from "../../../adapters/sources/pcm_source.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { within } from "../../tools/waiting.ts";
import { audioBytes, drain, left, samplesOf } from "./world.ts";

const LIMIT = 20_000;

/** A constant, so long. */
function constant(value: number, ms: number): PcmSource {
  return pcmSource(new Int16Array(96 * ms).fill(value));
}

/** A constant that comes in pieces when it is told to, and tells when it is closed. */
function live(value: number) {
  let wake = Promise.withResolvers<void>();
  let pieces = 0;
  let isEnded = false;
  let isClosed = false;
  const go = (change: () => void) => {
    change();
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const source = {
    ...constant(0, 0),
    async *open() {
      try {
        for (;;) {
          for (; pieces > 0; pieces--) yield new Int16Array(1920).fill(value);
          if (isEnded) return;
          await wake.promise;
        }
      } finally {
        isClosed = true;
      }
    },
  } satisfies PcmSource;
  return {
    source,
    give: (count: number) => go(() => pieces += count),
    end: () => go(() => isEnded = true),
    isClosed: () => isClosed,
  };
}

/** The first sample of each frame of a piece, if they are all equal. */
function levelOf(piece: IteratorResult<Int16Array>): number | undefined {
  if (piece.done) return undefined;
  const [first] = piece.value;
  assertEquals(piece.value, new Int16Array(piece.value.length).fill(first));
  return first;
}

test(
  "mix() adds up sources of any length, and ends with the longest",
  within(LIMIT, async () => {
    const mixed = mix([constant(1000, 100), constant(200, 35)]);
    mixed.add(constant(60, 60.5), { gain: 0.5 });
    assertEquals([mixed.kind, mixed.seekable, mixed.duration, mixed.size], [
      "pcm",
      false,
      undefined,
      3,
    ]);
    const level = (await samplesOf(mixed)).filter((_, i) => i % 2 === 0);
    const expected = Int16Array.from(
      { length: 4800 },
      (_, i) => 1000 + (i < 1680 ? 200 : 0) + (i < 2904 ? 30 : 0),
    );
    assertEquals(level, expected);
    assertEquals(mixed.size, 0);
  }),
);

test(
  "mix() of one source longer than its queue gives it back to the bit",
  within(LIMIT, async () => {
    const source = tone({ duration: 2345.6, amplitude: 1 });
    assertEquals(await samplesOf(mix([source])), await samplesOf(source));
  }),
);

test(
  "mix() decodes Opus",
  within(LIMIT, async () => {
    const packets = readOggOpus(audioBytes("talk.ogg")).packets.slice(0, 50);
    const mixed = await samplesOf(mix([opusPackets(packets.map(({ packet }) => packet))]));
    assertEquals(mixed.length, 96_000);
    assertEquals(left(mixed).some((sample) => Math.abs(sample) > 1000), true);
  }),
);

test(
  "mix() takes sources in and out while it plays",
  within(LIMIT, async () => {
    const mixed = mix([constant(100, 10_000)]);
    const samples = mixed.open()[Symbol.asyncIterator]();
    assertEquals(levelOf(await samples.next()), 100);
    const jingle = mixed.add(constant(7, 40));
    const other = live(1000);
    other.give(50);
    const removed = mixed.add(other.source);
    await new Promise((resolve) => setTimeout(resolve, 5)); // so that they are read
    assertEquals(levelOf(await samples.next()), 1107);
    assertEquals(levelOf(await samples.next()), 1107);
    assertEquals(await jingle.ended, undefined);
    assertEquals(levelOf(await samples.next()), 1100);
    removed.remove();
    assertEquals(await removed.ended, undefined);
    assertEquals(levelOf(await samples.next()), 100);
    assertEquals(mixed.size, 1);
    await samples.return!();
    assertThrows(() => mixed.add(constant(1, 1)), TypeError, "the mix is at its end");
    assertThrows(() => mixed.open(), TypeError, "Cannot open a mix again");
  }),
);

test(
  "MixedSource.fadeTo() changes the volume of one source",
  within(LIMIT, async () => {
    const mixed = mix([constant(500, 200)]);
    const loud = mixed.add(constant(10_000, 200));
    const samples = mixed.open()[Symbol.asyncIterator]();
    assertEquals(levelOf(await samples.next()), 10_500);
    loud.fadeTo(0);
    const piece = (await samples.next()).value!;
    assertEquals([piece[0], piece[2 * 480]], [10_500, 500]);
    for (let i = 2; i < piece.length; i += 2) assertLess(Math.abs(piece[i] - piece[i - 2]), 40);
    assertEquals(levelOf(await samples.next()), 500);
    loud.fadeTo(0.5, 0);
    assertEquals(levelOf(await samples.next()), 5500);
    assertThrows(() => loud.fadeTo(-1), RangeError, "Cannot set volume -1");
    await samples.return!();
  }),
);

test(
  "mix() waits at first, later goes on without what has stalled, and takes it up again",
  within(LIMIT, async () => {
    const stream = live(7);
    const mixed = mix([constant(100, 1000), stream.source]);
    const samples = mixed.open()[Symbol.asyncIterator]();
    const first = samples.next();
    assertEquals(await Promise.race([first.then(() => "early"), pause(80)]), "paused");
    stream.give(2);
    assertEquals(levelOf(await first), 107);
    assertEquals(levelOf(await samples.next()), 107);
    const before = performance.now();
    assertEquals(levelOf(await samples.next()), 100); // waited for in vain
    assertAlmostEquals(performance.now() - before, 50, 45);
    for (let i = 0; i < 10; i++) assertEquals(levelOf(await samples.next()), 100);
    stream.give(1);
    await pause(5);
    assertEquals(levelOf(await samples.next()), 107);
    stream.end();
    await pause(5);
    assertEquals(levelOf(await samples.next()), 100);
    assertEquals(mixed.size, 1);
    await samples.return!();
  }),
);

function pause(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, "paused"));
}

test(
  "mix() of nothing but what has stalled waits for it",
  within(LIMIT, async () => {
    const stream = live(7);
    stream.give(1);
    const samples = mix([stream.source]).open()[Symbol.asyncIterator]();
    assertEquals(levelOf(await samples.next()), 7);
    const next = samples.next();
    assertEquals(await Promise.race([next.then(() => "early"), pause(120)]), "paused");
    stream.give(1);
    assertEquals(levelOf(await next), 7);
    await samples.return!();
  }),
);

test(
  "mix() goes on where a source fails, tells it, and throws it at the end",
  within(LIMIT, async () => {
    const wrong = new Error("the line is dead");
    const failing: PcmSource = {
      ...constant(0, 0),
      async *open() {
        yield await Promise.resolve(new Int16Array(1920).fill(3));
        throw wrong;
      },
    };
    const mixed = mix([constant(100, 60)]);
    const { ended } = mixed.add(failing);
    const { given, error } = await drain<Int16Array>(mixed.open());
    assertEquals(given.map((piece) => piece[0]), [103, 100, 100]);
    assertEquals([error, await ended], [wrong, wrong]);
  }),
);

test(
  "mix() closes all of its sources, also those that have stalled",
  within(LIMIT, async () => {
    const [one, two] = [live(1), live(2)];
    one.give(1);
    two.give(1);
    const mixed = mix([one.source, two.source]);
    const ended = mixed.add(constant(1, 5000)).ended;
    const samples = mixed.open()[Symbol.asyncIterator]();
    assertEquals(levelOf(await samples.next()), 4);
    await samples.return!();
    assertEquals(await ended, undefined);
    one.end();
    two.end();
    await pause(5);
    assertEquals([one.isClosed(), two.isClosed(), mixed.size], [true, true, 0]);
  }),
);

test(
  "mix() has a bound, is opened at 0 only, and is silent where it is empty",
  within(LIMIT, async () => {
    const mixed = mix(Array.from({ length: 64 }, () => constant(1, 20)));
    assertThrows(() => mixed.add(constant(1, 1)), RangeError, "the mixer has 64");
    assertThrows(() => mixed.open(1), RangeError, "the source is not seekable");
    assertEquals((await samplesOf(mixed))[0], 64);
    assertEquals((await samplesOf(mix())).length, 0);
    assertThrows(() => mix().add(tone(), { gain: -1 }), RangeError, "Cannot set volume -1");
  }),
);
