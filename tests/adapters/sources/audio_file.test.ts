import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { createReadStream } from "node:fs";
import test from "node:test";
import { audioSource } from "../../../adapters/sources/audio_file.ts";
import type { AudioInput } from "../../../adapters/sources/byte_input.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { writeOggOpus } from "../../../lib/audio/ogg_writer.ts";
import { toneSamples } from "../../../lib/audio/tone.ts";
import { readWebmOpus } from "../../../lib/audio/webm_opus.ts";
import { encodeWav } from "../../../lib/audio/wav.ts";
import { until, within } from "../../tools/waiting.ts";
import {
  audioBytes,
  audioPath,
  chunks,
  concat,
  drain,
  left,
  packetsOf,
  pitchOf,
  samplesOf,
  serve,
} from "./world.ts";

const LIMIT = 20_000;
const TALK = audioBytes("talk.ogg");
const PACKETS = readOggOpus(TALK).packets.map(({ packet }) => packet);

/** A second of a tone of 441 Hz at 44.1 kHz. */
const MONO = new Uint8Array(encodeWav(
  Int16Array.from({ length: 44_100 }, (_, i) => 20_000 * Math.sin(i / 100 * 2 * Math.PI)),
  44_100,
  1,
));

const SHAPES: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => AudioInput>> = {
  "bytes": (bytes) => bytes,
  "a Blob": (bytes) => new Blob([bytes]),
  "a web stream": (bytes) => new Blob([bytes]).stream(),
  "pieces of 7 bytes": (bytes) => chunks(bytes, 7),
};

for (const [name, shape] of Object.entries(SHAPES)) {
  const seekable = name === "bytes" || name === "a Blob";

  test(
    `audioSource() passes on the packets of Ogg Opus out of ${name}`,
    within(LIMIT, async () => {
      const source = await audioSource(shape(TALK));
      assertEquals([source.kind, source.seekable, source.title], ["opus", seekable, undefined]);
      assertEquals(source.duration, seekable ? 10_000 : undefined);
      assertEquals(await packetsOf(source), PACKETS);
    }),
  );

  test(
    `audioSource() converts a WAV file out of ${name}`,
    within(LIMIT, async () => {
      const source = await audioSource(shape(MONO));
      assertEquals([source.kind, source.seekable, source.duration], ["pcm", seekable, 1000]);
      const samples = await samplesOf(source);
      assertEquals(samples.length, 96_000);
      assertEquals(left(samples), samples.filter((_, i) => i % 2 === 1));
      assertAlmostEquals(pitchOf(samples), 441, 0.01);
    }),
  );
}

test(
  "audioSource() passes on the packets of WebM, bytes and stream",
  within(LIMIT, async () => {
    const bytes = audioBytes("recorder.webm");
    const expected = readWebmOpus(bytes).packets.map(({ packet }) => packet);
    for (const input of [bytes, chunks(bytes, 100)]) {
      const source = await audioSource(input);
      assertEquals(source.kind, "opus");
      assertEquals(await packetsOf(source), expected);
    }
  }),
);

test(
  "audioSource() opens what it can open again from any time",
  within(LIMIT, async () => {
    const opus = await audioSource(audioPath("talk.ogg"), { title: "A talk" });
    assertEquals([opus.title, opus.duration], ["A talk", 10_000]);
    assertEquals((await packetsOf(opus, 5000)).length, 251);
    assertEquals(await packetsOf(opus, 5000), PACKETS.slice(-251));
    assertEquals(await packetsOf(opus), PACKETS);
    assertEquals(await packetsOf(opus, 20_000), []);
    const wav = await audioSource(MONO);
    const whole = await samplesOf(wav);
    for (const from of [10, 250, 500, 990]) {
      const late = await samplesOf(wav, from);
      assertEquals(late.length, 96 * (1000 - from));
      // The first samples stand beside silence.
      const inner = late.subarray(2 * 200, -2 * 200);
      const same = whole.subarray(96 * from + 2 * 200, -2 * 200);
      for (let i = 0; i < inner.length; i++) assertAlmostEquals(inner[i], same[i], 2);
    }
    assertEquals((await samplesOf(wav, 1000)).length, 0);
    for (const from of [-1, NaN, Infinity]) {
      assertThrows(() => opus.open(from), RangeError, `Cannot begin at ${from} ms`);
      assertThrows(() => wav.open(from), RangeError, `Cannot begin at ${from} ms`);
    }
  }),
);

test(
  "audioSource() of a stream is read once, from its start",
  within(LIMIT, async () => {
    for (const bytes of [TALK, MONO]) {
      const source = await audioSource(chunks(bytes, 1000));
      assertThrows(() => source.open(1), RangeError, "the source is not seekable, want 0");
      await source.open()[Symbol.asyncIterator]().next();
      await assertRejects(
        () => drainOrThrow(source.open()),
        TypeError,
        "Cannot open a stream again",
      );
    }
  }),
);

async function drainOrThrow(pieces: AsyncIterable<unknown>): Promise<void> {
  const { error } = await drain(pieces);
  if (error !== undefined) throw error;
}

test(
  "audioSource() gives 16-bit stereo at 48 kHz back to the bit",
  within(LIMIT, async () => {
    const samples = toneSamples(0, 4800, { amplitude: 1 });
    assertEquals(await samplesOf(await audioSource(encodeWav(samples, 48_000, 2))), samples);
  }),
);

test(
  "audioSource() gives all that is whole of what is cut off, then says so",
  within(LIMIT, async () => {
    const wav = await audioSource(MONO.subarray(0, MONO.length - 2000));
    const { given, error } = await drain<Int16Array>(wav.open());
    assertEquals(concat(given).length, 2 * Math.ceil((44_100 - 1000) * 48_000 / 44_100));
    assertInstanceOf(error, SyntaxError);
    assertEquals(error.message, "Cannot parse WAV: it ends after 86200 of 88200 bytes of data");
    const ogg = await audioSource(TALK.subarray(0, TALK.length - 10));
    const broken = await drain(ogg.open());
    assert(broken.given.length > 400);
    assertInstanceOf(broken.error, SyntaxError);
  }),
);

test(
  "audioSource() refuses nothing at all",
  within(LIMIT, async () => {
    await assertRejects(
      () => audioSource(new Uint8Array(0)),
      SyntaxError,
      "Cannot read 0 bytes: it is empty",
    );
    await assertRejects(() => audioSource([]), SyntaxError, "Cannot read a stream: it is empty");
    await assertRejects(() => audioSource("no/such/file"), Error, "Cannot read no/such/file: ");
  }),
);

test(
  "audioSource() takes what it cannot read itself to ffmpeg, and tells where that is missing",
  within(LIMIT, async () => {
    const ffmpeg = "no-such-ffmpeg";
    const vorbis = writeOggOpus([]);
    vorbis.set(new TextEncoder().encode("\x01vorbis "), 28);
    const alaw = MONO.with(20, 6);
    for (const bytes of [vorbis, alaw, new Uint8Array(100), TALK.subarray(1)]) {
      const { given, error } = await drain((await audioSource(bytes, { ffmpeg })).open());
      assertEquals(given, []);
      assertInstanceOf(error, Error);
      assertEquals(
        error.message,
        "Cannot start no-such-ffmpeg: it is not installed; it is needed for all but Opus in Ogg or " +
          "WebM and plain WAV (apt install ffmpeg, brew install ffmpeg, winget install ffmpeg)",
      );
    }
    await assertRejects(
      () => audioSource(audioPath("talk.mp3"), { ffmpeg }),
      Error,
      "Cannot start no-such-ffmpeg: it is not installed",
    );
  }),
);

test(
  "audioSource() of an address streams it, and tells of a connection that breaks",
  within(LIMIT, async () => {
    await using server = await serve((path, response) => {
      const bytes = path.startsWith("/talk") ? TALK : MONO;
      if (!path.endsWith("broken")) response.end(bytes);
      else {response.write(bytes.subarray(0, 80_000), () =>
          setTimeout(() =>
            response.destroy(), 20));}
    });
    const whole = await audioSource(`${server.origin}/talk.ogg`);
    assertEquals([whole.seekable, whole.title], [true, `${server.origin}/talk.ogg`]);
    assertEquals(await packetsOf(whole, 2000), PACKETS.slice(100));
    const opus = await drain((await audioSource(`${server.origin}/talk-broken`)).open());
    assert(opus.given.length > 180);
    assertEquals(opus.given, PACKETS.slice(0, opus.given.length));
    assertInstanceOf(opus.error, Error);
    assert(
      opus.error.message.startsWith(`Cannot fetch ${server.origin}/talk-broken: the connection`),
    );
    const wav = await audioSource(new URL(`${server.origin}/wav-broken`));
    const { given, error } = await drain<Int16Array>(wav.open());
    assertEquals(concat(given).length, 2 * Math.ceil((80_000 - 44) / 2 * 48_000 / 44_100));
    assertInstanceOf(error, Error);
  }),
);

test(
  "audioSource() closes what it has opened: after the probe, on return, on abort",
  within(LIMIT, async () => {
    let open = 0;
    await using server = await serve((_, response) => {
      open++;
      response.on("close", () => open--);
      response.write(TALK.subarray(0, 120_000)); // and never ends
    });
    const outer = new AbortController();
    const source = await audioSource(server.origin, { signal: outer.signal });
    await until(() => open === 0);
    const packets = source.open()[Symbol.asyncIterator]();
    await packets.next();
    assertEquals(open, 1);
    await packets.return!();
    await until(() => open === 0);
    const aborted = source.open()[Symbol.asyncIterator]();
    await aborted.next();
    outer.abort(new Error("enough"));
    await assertRejects(
      async () => {
        while (!(await aborted.next()).done);
      },
      Error,
      "enough",
    );
    await until(() => open === 0);
    await assertRejects(
      () => audioSource(server.origin, { signal: outer.signal }),
      Error,
      "enough",
    );
    const stream = createReadStream(audioPath("talk.ogg"));
    const pieces = (await audioSource(stream)).open()[Symbol.asyncIterator]();
    await pieces.next();
    await pieces.return!();
    assert(stream.destroyed);
  }),
);
