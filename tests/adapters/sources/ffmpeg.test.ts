import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { spawnSync } from "node:child_process";
import { createReadStream } from "node:fs";
import test from "node:test";
import { audioSource } from "../../../adapters/sources/audio_file.ts";
import type { PcmSource } from "../../../adapters/sources/audio_source.ts";
import { type AudioInput, byteInput } from "../../../adapters/sources/byte_input.ts";
import { decoded } from "../../../adapters/sources/decoded.ts";
import { ffmpegSource } from "../../../adapters/sources/ffmpeg.ts";
import { encodeWav } from "../../../lib/audio/wav.ts";
import { within } from "../../tools/waiting.ts";
import {
  audioBytes,
  audioPath,
  childrenNamed,
  chunks,
  concat,
  correlation,
  drain,
  left,
  pitchOf,
  samplesOf,
  serve,
  skipWithout,
} from "./world.ts";

const LIMIT = 30_000;
const skip = skipWithout("ffmpeg");
const MP3 = audioBytes("talk.mp3");
const PATH = audioPath("talk.mp3");

function ffmpegTest(name: string, run: () => Promise<void>): void {
  test(
    name,
    { skip },
    within(LIMIT, async () => {
      await run();
      assertEquals(childrenNamed("ffmpeg"), [], "no ffmpeg is left");
    }),
  );
}

/** A WAV file of A-law, which is left to ffmpeg: as long as it is read. */
function* endless(onChunk: () => void = () => {}): Generator<Uint8Array, void> {
  const header = encodeWav(new Int16Array(0), 8000, 1);
  const view = new DataView(header.buffer);
  view.setUint32(4, 0xffffffff, true);
  view.setUint16(20, 6, true);
  view.setUint32(28, 8000, true);
  view.setUint16(32, 1, true);
  view.setUint16(34, 8, true);
  view.setUint32(40, 0xffffffff, true);
  yield header;
  for (;;) {
    onChunk();
    yield new Uint8Array(65536).fill(0x55);
  }
}

ffmpegTest("audioSource() decodes MP3 of a file: duration, seeking, the same sound", async () => {
  const source = await audioSource(PATH);
  assertEquals([source.kind, source.seekable], ["pcm", true]);
  assertAlmostEquals(source.duration!, 10_000, 50);
  const whole = await samplesOf(source);
  assertAlmostEquals(whole.length / 96, 10_000, 30);
  const late = await samplesOf(source, 9000);
  assertAlmostEquals(late.length / 96, 1000, 30);
  assertGreater(correlation(whole.subarray(whole.length - late.length), late), 0.9);
  const original = await samplesOf(decoded(await audioSource(audioPath("talk.ogg"))));
  const shifts = Array.from({ length: 9 }, (_, i) => 2 * 240 * (i - 4)); // 5 ms each
  const similarities = shifts.map((shift) =>
    correlation(loudness(whole.subarray(96_000 + shift)), loudness(original.subarray(96_000)))
  );
  assertGreater(Math.max(...similarities), 0.95);
});

/** Energy of every 5 ms. */
function loudness(samples: Int16Array): Int16Array {
  return Int16Array.from({ length: 1000 }, (_, i) => {
    const part = samples.subarray(480 * i, 480 * (i + 1));
    return Math.sqrt(part.reduce((sum, sample) => sum + sample * sample, 0) / 480);
  });
}

const STREAMS: Readonly<Record<string, () => AudioInput>> = {
  "bytes": () => MP3,
  "a Node stream": () => createReadStream(PATH),
};

for (const [name, make] of Object.entries(STREAMS)) {
  ffmpegTest(`audioSource() decodes MP3 of ${name}, from its start`, async () => {
    const source = await audioSource(make());
    assertEquals([source.kind, source.seekable, source.duration], ["pcm", false, undefined]);
    assertThrows(() => source.open(1), RangeError, "the source is not seekable");
    assertAlmostEquals((await samplesOf(source)).length / 96, 10_000, 30);
  });
}

ffmpegTest("audioSource() decodes MP3 of an address, which ffmpeg fetches", async () => {
  await using server = await serve((path, response) => {
    if (path.startsWith("/lost")) response.statusCode = 404;
    response.end(path.startsWith("/talk") ? MP3 : "no");
  });
  const source = await audioSource(`${server.origin}/talk.mp3?key=hidden`);
  assertEquals([source.seekable, source.title], [true, `${server.origin}/talk.mp3`]);
  assertAlmostEquals(source.duration!, 10_000, 50);
  assertAlmostEquals((await samplesOf(source, 8000)).length / 96, 2000, 60);
  await assertRejects(
    () => audioSource(`${server.origin}/lost?key=hidden`),
    Error,
    `Cannot fetch ${server.origin}/lost: the server answers 404, want 200`,
  );
  const error = await assertRejects(
    () => audioSource(`${server.origin}/text?key=hidden`),
    SyntaxError,
    `Cannot decode ${server.origin}/text: ffmpeg says "`,
  );
  assert(!error.message.includes("hidden"), error.message);
});

ffmpegTest("audioSource() leaves Vorbis in Ogg and FLAC in Matroska to ffmpeg", async () => {
  for (const [codec, container] of [["libvorbis", "ogg"], ["flac", "matroska"]]) {
    const sine = ["-f", "lavfi", "-i", "sine=frequency=500:duration=1"];
    const { stdout } = spawnSync(
      "ffmpeg",
      ["-v", "error", ...sine, "-c:a", codec, "-f", container, "-"],
      { maxBuffer: 2 ** 24 },
    );
    const source = await audioSource(new Uint8Array(stdout));
    assertEquals(source.kind, "pcm");
    const samples = await samplesOf(source);
    assertAlmostEquals(samples.length / 96, 1000, 30);
    assertAlmostEquals(pitchOf(samples.subarray(9600, -9600)), 500, 1);
  }
});

ffmpegTest("audioSource() tells what ffmpeg says of what it cannot read", async () => {
  await assertRejects(
    () => audioSource(new URL("../../audio/README.md", import.meta.url)),
    SyntaxError,
    "Invalid data found when processing input",
  );
  const { given, error } = await drain((await audioSource(new Uint8Array(5000).fill(7))).open());
  assertEquals(given, []);
  assertInstanceOf(error, SyntaxError);
  assertMatch(error.message, /^Cannot decode 5000 bytes: ffmpeg says ".*Invalid data found/);
});

ffmpegTest("audioSource() does not let an input make ffmpeg read another", async () => {
  const list = `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${PATH.href}\n#EXT-X-ENDLIST\n`;
  const { given, error } = await drain(
    (await audioSource(new TextEncoder().encode(list))).open(),
  );
  assertEquals(given, []);
  assertInstanceOf(error, SyntaxError);
});

ffmpegTest(
  "audioSource() gives all that ffmpeg made of a stream that breaks, then its error",
  async () => {
    const wrong = new Error("the disk is gone");
    async function* failing() {
      yield* chunks(MP3.subarray(0, 100_000), 5000);
      await Promise.resolve();
      throw wrong;
    }
    const { given, error } = await drain<Int16Array>((await audioSource(failing())).open());
    assertEquals(error, wrong);
    assertGreater(concat(given).length / 96, 5000);
  },
);

ffmpegTest("audioSource() reads no further than it is asked, and return ends ffmpeg", async () => {
  let count = 0;
  let isClosed = false;
  const input = function* () {
    try {
      yield* endless(() => count++);
    } finally {
      isClosed = true;
    }
  };
  const source = await audioSource(input()) as PcmSource;
  const samples = source.open()[Symbol.asyncIterator]();
  assertEquals((await samples.next()).done, false);
  let before = -1;
  for (let same = 0; same < 10; before = count) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    same = before === count ? same + 1 : 0;
  }
  assertLess(count, 40); // 8 s each
  await samples.return!();
  assertEquals([(await samples.next()).done, isClosed], [true, true]);
});

ffmpegTest("a signal ends ffmpeg: while it decodes, and while it waits for its input", async () => {
  const outer = new AbortController();
  const source = await audioSource(endless(), { signal: outer.signal }) as PcmSource;
  const stalled = await audioSource({
    async *[Symbol.asyncIterator]() {
      yield MP3.subarray(0, 70_000);
      await new Promise(() => {});
    },
  }, { signal: outer.signal }) as PcmSource;
  const iterators = [source, stalled].map((it) => it.open()[Symbol.asyncIterator]());
  await Promise.all(iterators.map((it) => it.next()));
  outer.abort(new Error("enough"));
  for (const it of iterators) {
    await assertRejects(
      async () => {
        while (!(await it.next()).done);
      },
      Error,
      "enough",
    );
  }
  await assertRejects(() => audioSource(PATH, { signal: outer.signal }), Error, "enough");
});

ffmpegTest("return ends ffmpeg that waits for its input", async () => {
  const source = await audioSource({
    async *[Symbol.asyncIterator]() {
      yield new Uint8Array(70_000).fill(0xff);
      await new Promise(() => {});
    },
  });
  const samples = (source as PcmSource).open()[Symbol.asyncIterator]();
  const next = samples.next().catch((error) => error);
  await samples.return!();
  assertEquals((await next)?.name, "AbortError");
});

ffmpegTest("a WAV file that is converted here sounds as ffmpeg makes it", async () => {
  const tone = Int16Array.from({ length: 6 * 22_050 }, (_, i) => {
    const channel = i % 6;
    return 3000 * (channel + 1) *
      Math.sin(Math.floor(i / 6) * 2 * Math.PI * 50 * (channel + 4) / 22_050);
  });
  const bytes = encodeWav(tone, 22_050, 6);
  const here = await samplesOf(await audioSource(bytes));
  const there = await samplesOf(await ffmpegSource(byteInput(bytes)));
  assertEquals(here.length, there.length);
  let worst = 0;
  for (let i = 2000; i < here.length - 2000; i++) {
    worst = Math.max(worst, Math.abs(here[i] - there[i]));
  }
  assertLess(worst, 40); // of 32768
  assertGreater(pitchOf(here), 100);
  assert(left(here).some((sample) => sample !== 0));
});
