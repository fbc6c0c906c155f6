import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import test from "node:test";
import { createOpus } from "../../../adapters/opus.ts";
import { ConnectionCall } from "../../../adapters/recording/connection_call.ts";
import { type Speaker, SpeakerFeed } from "../../../adapters/receive/speakers.ts";
import { ticker } from "../../../adapters/ticker.ts";
import type { ReceivedFrame } from "../../../lib/received_frame.ts";

const [BOB, CAROL] = ["100000000000000002", "100000000000000003"];
const VOICE = Uint8Array.of(0xfc, 0xff, 0xfe); // decodes to silence, but is no pause to the buffer

/** A connection that has one reader, and frames that come when the test says. */
class FakeConnection {
  readonly #feed = new SpeakerFeed(0, () => this.isRead = false);
  isRead = true;

  speakers(): ReadableStream<Speaker> {
    return this.#feed.stream;
  }

  /** A row of packets of 20 ms, the first of which comes at an instant. */
  hear(userId: string, at: number, packets: readonly (Uint8Array | undefined)[]): void {
    packets.forEach((opus, i) => {
      if (opus === undefined) return;
      const time = { sequence: 65_530 + i & 0xffff, timestamp: 2 ** 32 - 960 + i * 960 >>> 0 };
      const frame: ReceivedFrame = { userId, ssrc: 5, ...time, at: at + 20 * i, opus };
      this.#feed.push(frame);
    });
  }

  leave(userId: string): void {
    this.#feed.remove(userId);
  }

  end(): void {
    this.#feed.end();
  }
}

async function first<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  return value!;
}

test("ConnectionCall's clock starts at once and counts samples of 48 kHz", async () => {
  const before = performance.now();
  const call = new ConnectionCall(new FakeConnection());
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertGreater(call.position, 19 * 48);
  assertLess(call.position, (performance.now() - before + 1) * 48);
});

test("ConnectionCall tells the packets of a speaker in order, with their places and what is lost", async () => {
  const connection = new FakeConnection();
  const call = new ConnectionCall(connection);
  const start = performance.now() - call.position / 48;
  connection.hear(BOB, start + 100, [VOICE, VOICE, undefined, VOICE, new Uint8Array(0), VOICE]);
  connection.end();
  const speakers = await Array.fromAsync(call.speakers());
  assertEquals(speakers.map(({ userId }) => userId), [BOB]);
  const packets = await Array.fromAsync(speakers[0].packets());
  // The end of what came is not told: it sounds as if more had been lost.
  const shown = packets.slice(0, 6);
  assertEquals(shown.map(({ opus }) => opus), [VOICE, VOICE, undefined, VOICE, undefined, VOICE]);
  shown.forEach(({ position, duration }, i) => {
    assertAlmostEquals(position, 4800 + 960 * i, 100);
    assertEquals(duration, 960);
  });
  const { received, undecodable } = speakers[0].stats;
  assertEquals([received, undecodable], [5, 1]);
  assertEquals(ticker.size, 0);
});

test("ConnectionCall tells the sound of each speaker", async () => {
  using encoder = await createOpus({ channels: 2 });
  const tone = Array.from(
    { length: 20 },
    () =>
      encoder.encode(Int16Array.from({ length: 1920 }, (_, i) => 9000 * Math.sin((i >> 1) * 0.1))),
  );
  const connection = new FakeConnection();
  const call = new ConnectionCall(connection);
  const now = performance.now();
  connection.hear(BOB, now, tone);
  connection.hear(CAROL, now, new Array(20).fill(VOICE));
  connection.end();
  const peaks = [];
  for await (const speaker of call.speakers()) {
    const frames = await Array.fromAsync(speaker.pcm());
    const decoded = frames.filter(({ origin }) => origin === "decoded");
    assertEquals([decoded.length, decoded[0].channels, decoded[0].userId], [20, 2, speaker.userId]);
    assertEquals([speaker.stats.received, speaker.stats.undecodable], [20, 0]);
    peaks.push(decoded.flatMap(({ samples }) => [...samples]).reduce((a, b) => Math.max(a, b), 0));
  }
  assertGreater(peaks[0], 8000);
  assertEquals(peaks[1], 0);
});

test("ConnectionCall tells a packet behind which nothing comes", async () => {
  const connection = new FakeConnection();
  const call = new ConnectionCall(connection);
  connection.hear(BOB, performance.now(), [VOICE]);
  const speaker = await first(call.speakers());
  const packets = speaker.packets();
  assertEquals((await first(packets)).opus, VOICE);
  await packets.cancel();
  assertEquals(ticker.size, 0);
});

test("ConnectionCall holds back for a slow reader, and loses nothing of what came in time", async () => {
  const connection = new FakeConnection();
  const call = new ConnectionCall(connection);
  const before = performance.now() - 8000;
  connection.hear(BOB, before, new Array(400).fill(VOICE));
  const reader = (await first(call.speakers())).packets().getReader();
  await new Promise((resolve) => setTimeout(resolve, 150));
  connection.end();
  const packets = [];
  for (let item; !(item = await reader.read()).done;) packets.push(item.value);
  assertEquals(packets.filter(({ opus }) => opus !== undefined).length, 400);
  assertEquals(ticker.size, 0);
});

test("ConnectionCall lets go of what its reader gives up", async () => {
  const connection = new FakeConnection();
  const call = new ConnectionCall(connection);
  const speakers = call.speakers().getReader();
  connection.hear(BOB, performance.now(), new Array(100).fill(VOICE));
  const { value } = await speakers.read();
  const frames = value!.pcm().getReader();
  await frames.read();
  await frames.cancel();
  await speakers.cancel();
  assertEquals(connection.isRead, false);
  connection.hear(BOB, performance.now(), [VOICE]);
  await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(ticker.size, 0);
});
