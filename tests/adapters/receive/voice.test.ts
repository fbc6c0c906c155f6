import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createOpus } from "../../../adapters/opus.ts";
import { AudioFrames } from "../../../adapters/receive/audio_frames.ts";
import { type Speaker, SpeakerFeed, SpeakerQueue } from "../../../adapters/receive/speakers.ts";
import { ticker } from "../../../adapters/ticker.ts";
import type { PcmFrame } from "../../../lib/audio/pcm.ts";
import type { ReceivedFrame } from "../../../lib/received_frame.ts";
import { until, within } from "../../tools/waiting.ts";

const LIMIT = 10_000;
const FIRST = 65_534; // wraps

/** A tone of `count` frames of 20 ms, the last of which comes now; but for those that are lost. */
async function tone(count: number, lost: readonly number[] = []): Promise<ReceivedFrame[]> {
  using codec = await createOpus();
  const frames: ReceivedFrame[] = [];
  const start = performance.now() - 20 * (count - 1);
  for (let i = 0; i < count; i++) {
    const samples = Int16Array.from({ length: 1920 }, (_, j) => {
      return 9000 * Math.sin(2 * Math.PI * 440 * (i * 960 + (j >> 1)) / 48000);
    });
    const [sequence, timestamp] = [(FIRST + i) & 0xffff, 960 * i >>> 0];
    const opus = codec.encode(samples);
    const at = start + 20 * i;
    const frame = { userId: "1", ssrc: 7, sequence, timestamp, at, opus };
    if (!lost.includes(i)) frames.push(frame);
  }
  return frames;
}

function loudness(samples: Int16Array): number {
  return Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length);
}

async function heard(speaker: Speaker, channels: 1 | 2 = 2): Promise<PcmFrame[]> {
  return await Array.fromAsync(speaker.pcm({ channels }));
}

test(
  "Speaker.pcm() decodes what came before it was asked for, and makes up what is lost",
  within(LIMIT, async () => {
    const start = performance.now() - 1000;
    const speaker = new SpeakerQueue("1", start);
    for (const frame of await tone(10, [4])) speaker.push(frame);
    const hearing = heard(speaker);
    speaker.end();
    const frames = await hearing;
    assertEquals(frames.map(({ origin }) => origin === "decoded" ? 1 : 0).join(""), "1111011111");
    assertEquals(frames[4].origin, "concealed");
    assertEquals(frames[0].position, frames[9].position - 9 * 960);
    assert(frames[0].position < 48 * (performance.now() - start));
    for (const { samples, channels, userId, ssrc } of frames) {
      assertEquals([samples.length, channels, userId, ssrc], [1920, 2, "1", 7]);
    }
    for (const { samples } of frames.slice(2)) {
      const loud = loudness(samples) / (9000 / Math.SQRT2);
      assert(loud > 0.5 && loud < 1.2, `${loud}`);
    }
    const { decoded, concealed, played } = speaker.playout!;
    assertEquals([decoded, concealed, played], [9, 1, 9]);
    assertEquals(speaker.dropped, 0);
  }),
);

test(
  "Speaker.pcm() gives sound as time goes by, in mono too, and ends with the speaker",
  within(LIMIT, async () => {
    const speaker = new SpeakerQueue("1", performance.now() - 1000);
    const reader = speaker.pcm({ channels: 1, minDelay: 20 }).getReader();
    for (const frame of await tone(3)) speaker.push(frame);
    for (let i = 0; i < 3; i++) {
      const { value } = await reader.read();
      assertEquals([value!.samples.length, value!.channels, value!.origin], [960, 1, "decoded"]);
    }
    speaker.end();
    while (!(await reader.read()).done);
    assertEquals(ticker.size, 0);
  }),
);

test(
  "Speaker.pcm() with fillSilence goes on during pauses, until it is cancelled",
  within(LIMIT, async () => {
    const speaker = new SpeakerQueue("1", performance.now() - 1000);
    const reader = speaker.pcm({ fillSilence: true }).getReader();
    for (const frame of await tone(2)) speaker.push(frame);
    const origins = new Set<string>();
    let next: number | undefined;
    while (!origins.has("silence")) {
      const { value } = await reader.read();
      origins.add(value!.origin);
      if (next !== undefined) assertEquals(value!.position, next);
      next = value!.position + value!.samples.length / 2;
    }
    await reader.cancel();
    await until(() => ticker.size === 0);
    speaker.push((await tone(1))[0]);
    assertEquals(ticker.size, 0);
  }),
);

test(
  "Speaker.packets() tells what is lost, in its place",
  within(LIMIT, async () => {
    const speaker = new SpeakerQueue("1", performance.now() - 1000);
    const frames = await tone(6, [1, 4]);
    const ordered = Array.fromAsync(speaker.packets());
    for (const frame of [frames[1], frames[0], ...frames.slice(2)]) speaker.push(frame);
    speaker.end();
    const packets = await ordered;
    const opus = packets.map((packet) => frames.findIndex((frame) => frame.opus === packet.opus));
    assertEquals(opus, [0, -1, 1, 2, -1, 3]);
    const places = packets.map(({ position }) => position - packets[0].position);
    assertEquals(places, [0, 960, 1920, 2880, 3840, 4800]);
    assertEquals(packets.map(({ timestamp }) => timestamp), places);
  }),
);

test(
  "Speaker counts sound that nobody read in time",
  within(LIMIT, async () => {
    const feed = new SpeakerFeed(performance.now(), () => {});
    const [frame] = await tone(1);
    feed.push(frame);
    const speaker = feed.speaker("1")!;
    const stream = speaker.packets();
    for (let i = 1; i <= 600; i++) {
      const [sequence, timestamp] = [(frame.sequence + i) & 0xffff, 960 * i];
      feed.push({ ...frame, sequence, timestamp, at: frame.at + 20 * i });
    }
    feed.end();
    const { length } = await Array.fromAsync(stream);
    // Those that lie too far ahead of the clock are the jitter buffer's to drop.
    assert(length <= 500 && length + speaker.dropped <= 601, `${length}, ${speaker.dropped}`);
    assertEquals(feed.speaker("1"), undefined);
  }),
);

test(
  "Speaker.packets() throws where delays are out of range, and the stream of pcm() fails",
  within(LIMIT, async () => {
    const speaker = new SpeakerQueue("1", 0);
    assertThrows(() => speaker.packets({ minDelay: -1 }), RangeError, "-1");
    await assertRejects(() => Array.fromAsync(speaker.pcm({ minDelay: -1 })), RangeError, "-1");
    const channels = 3 as 2;
    await assertRejects(() => Array.fromAsync(speaker.pcm({ channels })), RangeError, "3");
  }),
);

test(
  "AudioFrames decodes each user apart, and ends with the user",
  within(LIMIT, async () => {
    const frames: PcmFrame[] = [];
    const voices = new AudioFrames(performance.now(), (frame) => frames.push(frame));
    for (const frame of await tone(3)) {
      voices.push(frame);
      voices.push({ ...frame, userId: "2", ssrc: 8 });
    }
    await until(() => voices.statsOf("2")?.decoded === 3);
    assertEquals(voices.statsOf("3"), undefined);
    voices.remove("2");
    voices.remove("2");
    assertEquals(voices.statsOf("2"), undefined);
    voices.end();
    const decoded = frames.filter(({ origin }) => origin === "decoded");
    assertEquals(decoded.filter(({ userId }) => userId === "1").length, 3);
    assertEquals(decoded.filter(({ ssrc }) => ssrc === 8).length, 3);
    assertEquals(ticker.size, 0);
  }),
);
