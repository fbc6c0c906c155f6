import { assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import {
  FRAME_BUFFER_SIZE,
  type Speaker,
  SPEAKER_BUFFER_SIZE,
  SpeakerFeed,
  SpeakerQueue,
} from "../../../adapters/receive/speakers.ts";
import type { ReceivedFrame } from "../../../lib/received_frame.ts";
import { within } from "../../tools/waiting.ts";

const LIMIT = 5_000;

function frame(userId: string, sequence: number): ReceivedFrame {
  const opus = Uint8Array.of(0xf8, sequence & 0xff);
  return { userId, ssrc: Number(userId), sequence, timestamp: 960 * sequence, at: 0, opus };
}

/** A feed, and how often it said that it was cancelled. */
function setUp(): { feed: SpeakerFeed; cancelled: SpeakerFeed[] } {
  const cancelled: SpeakerFeed[] = [];
  return { feed: new SpeakerFeed(0, (which) => cancelled.push(which)), cancelled };
}

/** Sequence numbers of a speaker that has ended. */
async function sequences(speaker: Speaker): Promise<number[]> {
  return (await Array.fromAsync(speaker)).map(({ sequence }) => sequence);
}

test(
  "SpeakerFeed puts a speaker out at a user's first frame, with all frames",
  within(LIMIT, async () => {
    const { feed } = setUp();
    for (const [userId, sequence] of [["1", 1], ["2", 1], ["1", 2], ["2", 2], ["1", 3]] as const) {
      feed.push(frame(userId, sequence));
    }
    feed.end();
    const speakers = await Array.fromAsync(feed.stream);
    assertEquals(speakers.map(({ userId }) => userId), ["1", "2"]);
    assertEquals(await Promise.all(speakers.map(sequences)), [[1, 2, 3], [1, 2]]);
  }),
);

test(
  "SpeakerFeed hands a frame to a reader that waits, unchanged",
  within(LIMIT, async () => {
    const { feed } = setUp();
    const speakers = feed.stream.getReader();
    const first = speakers.read();
    const sent = frame("1", 1);
    feed.push(sent);
    const frames = (await first).value!.frames.getReader();
    assertStrictEquals((await frames.read()).value, sent);
    const next = frames.read();
    feed.push(frame("1", 2));
    assertEquals((await next).value?.sequence, 2);
    feed.end();
    assertEquals([(await frames.read()).done, (await speakers.read()).done], [true, true]);
  }),
);

test(
  "SpeakerFeed.remove ends the speaker; a user who comes back is a new one",
  within(LIMIT, async () => {
    const { feed } = setUp();
    feed.push(frame("1", 1));
    feed.remove("2");
    feed.remove("1");
    feed.remove("1");
    feed.push(frame("1", 7));
    feed.end();
    const speakers = await Array.fromAsync(feed.stream);
    assertEquals(speakers.map(({ userId }) => userId), ["1", "1"]);
    assertEquals(await Promise.all(speakers.map(sequences)), [[1], [7]]);
  }),
);

test(
  "SpeakerFeed.stream cancelled says so once and ends its speakers",
  within(LIMIT, async () => {
    const { feed, cancelled } = setUp();
    feed.push(frame("1", 1));
    const reader = feed.stream.getReader();
    const speaker = (await reader.read()).value!;
    await reader.cancel();
    assertEquals(cancelled, [feed]);
    assertEquals(await sequences(speaker), [1]);
    feed.push(frame("1", 2));
    feed.remove("1");
    feed.end();
    assertEquals(cancelled.length, 1);
  }),
);

test(
  "SpeakerFeed.end twice, and frames after it, do no harm",
  within(LIMIT, async () => {
    const { feed, cancelled } = setUp();
    feed.end();
    feed.end();
    feed.push(frame("1", 1));
    assertEquals(await Array.fromAsync(feed.stream), []);
    assertEquals(cancelled, []);
  }),
);

test(
  "SpeakerFeed keeps a bounded number of speakers, and forgets none for good",
  within(LIMIT, async () => {
    const { feed } = setUp();
    const userIds = Array.from({ length: SPEAKER_BUFFER_SIZE + 2 }, (_, i) => `${i + 1}`);
    for (const userId of userIds) feed.push(frame(userId, 1));
    const reader = feed.stream.getReader();
    for (let i = 0; i < SPEAKER_BUFFER_SIZE; i++) {
      assertEquals((await reader.read()).value?.userId, userIds[i]);
    }
    const late = userIds.slice(SPEAKER_BUFFER_SIZE);
    for (const userId of late) feed.push(frame(userId, 2));
    feed.end();
    for (const userId of late) assertEquals((await reader.read()).value?.userId, userId);
  }),
);

for (const surplus of [1, 2]) {
  test(
    `Speaker counts ${surplus} frames that nobody read in time`,
    within(LIMIT, async () => {
      const speaker = new SpeakerQueue("1", 0);
      for (let i = 0; i < FRAME_BUFFER_SIZE; i++) speaker.push(frame("1", i));
      assertEquals(speaker.dropped, 0);
      for (let i = 0; i < surplus; i++) speaker.push(frame("1", 999));
      assertEquals(speaker.dropped, surplus);
      const reader = speaker.frames.getReader();
      assertEquals((await reader.read()).value?.sequence, 0);
      speaker.push(frame("1", 1000));
      assertEquals(speaker.dropped, surplus);
      reader.releaseLock();
      speaker.end();
      const rest = await sequences(speaker);
      assertEquals([rest.length, rest[0], rest.at(-1)], [FRAME_BUFFER_SIZE, 1, 1000]);
    }),
  );
}

test(
  "Speaker left early takes no further frames",
  within(LIMIT, async () => {
    const speaker = new SpeakerQueue("1", 0);
    speaker.push(frame("1", 1));
    for await (const { sequence } of speaker) {
      assertEquals(sequence, 1);
      break;
    }
    speaker.push(frame("1", 2));
    speaker.end();
    assertEquals(await Array.fromAsync(speaker.frames), []);
  }),
);
