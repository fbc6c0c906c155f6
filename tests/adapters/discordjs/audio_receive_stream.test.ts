import { assert, assertEquals } from "@std/assert";
import type { Buffer } from "node:buffer";
import { once } from "node:events";
import test from "node:test";
import {
  AudioReceiveStream,
  createDefaultAudioReceiveStreamOptions,
  type EndBehavior,
  EndBehaviorType,
  RECEIVE_BUFFER_SIZE,
} from "../../../adapters/discordjs/audio_receive_stream.ts";
import { type FakeTime, inFakeTime } from "../fake_sockets.ts";
import { packets, settle, SILENCE } from "./fixtures.ts";

const [FIRST, SECOND] = packets(2);

test("createDefaultAudioReceiveStreamOptions() gives fresh options that never end", () => {
  const options = createDefaultAudioReceiveStreamOptions();
  assertEquals(options, { end: { behavior: EndBehaviorType.Manual } });
  assert(options !== createDefaultAudioReceiveStreamOptions());
  assertEquals({ ...EndBehaviorType }, { Manual: 0, AfterSilence: 1, AfterInactivity: 2 });
});

test("AudioReceiveStream hands out Buffers in object mode", async () => {
  const stream = new AudioReceiveStream(createDefaultAudioReceiveStreamOptions());
  const reading = Array.fromAsync(stream);
  assert(stream.push(FIRST));
  stream.push(SECOND);
  stream.push(null);
  const heard = await reading;
  assertEquals(heard, [FIRST, SECOND]);
  assert(!stream.push(FIRST), "after the end nothing is taken");
});

test("AudioReceiveStream is bounded where nobody reads", () => {
  const stream = new AudioReceiveStream(createDefaultAudioReceiveStreamOptions());
  for (let i = 0; i < RECEIVE_BUFFER_SIZE + 2; i++) stream.push(FIRST);
  assertEquals([stream.readableLength, stream.dropped], [RECEIVE_BUFFER_SIZE, 2]);
  stream.destroy();
  assert(!stream.push(FIRST));
});

/** After how many milliseconds a stream ends, given what comes and when. */
async function endsAfter(
  time: FakeTime,
  end: EndBehavior,
  comes: readonly { readonly at: number; readonly packet: Buffer }[],
): Promise<number | undefined> {
  const stream = new AudioReceiveStream({ end });
  const closed = once(stream, "close");
  stream.resume();
  let ended: number | undefined;
  for (let at = 0; at <= 600 && ended === undefined; at += 10) {
    if (stream.destroyed) ended = at;
    for (const item of comes) if (item.at === at) stream.push(item.packet);
    time.advance(10);
    await settle();
  }
  stream.destroy();
  await closed;
  assertEquals(time.armed, []);
  return ended;
}

test(
  "AudioReceiveStream ends after silence, inactivity, or never",
  inFakeTime(async (time) => {
    const { AfterInactivity, AfterSilence, Manual } = EndBehaviorType;
    const comes = [
      { at: 0, packet: FIRST },
      { at: 100, packet: SECOND },
      { at: 150, packet: SILENCE },
    ];
    assertEquals(await endsAfter(time, { behavior: AfterSilence, duration: 200 }, comes), 300);
    assertEquals(await endsAfter(time, { behavior: AfterInactivity, duration: 200 }, comes), 350);
    assertEquals(await endsAfter(time, { behavior: Manual }, comes), undefined);
    // Before the first packet no time passes; silence as the first one counts.
    assertEquals(await endsAfter(time, { behavior: AfterSilence, duration: 50 }, []), undefined);
    const silent = [{ at: 100, packet: SILENCE }, { at: 120, packet: SILENCE }];
    assertEquals(await endsAfter(time, { behavior: AfterSilence, duration: 50 }, silent), 150);
  }),
);

test(
  "AudioReceiveStream closes also where nobody reads it, and gives all to who does",
  inFakeTime(async (time) => {
    const end = { behavior: EndBehaviorType.AfterInactivity, duration: 50 } as const;
    const unread = new AudioReceiveStream({ end });
    unread.push(FIRST);
    time.advance(50);
    await settle();
    assert(unread.destroyed);
    const read = new AudioReceiveStream({ end });
    const heard = Array.fromAsync(read);
    read.push(FIRST);
    read.push(SECOND);
    time.advance(50);
    assertEquals(await heard, [FIRST, SECOND]);
  }),
);
