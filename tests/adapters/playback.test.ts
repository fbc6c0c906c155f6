import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { delay } from "@std/async";
import test from "node:test";
import { Playback } from "../../adapters/playback.ts";
import type { PacketSource } from "../../adapters/player/frame_queue.ts";
import { AudioPlayer, SILENCE_COUNT } from "../../adapters/player/player.ts";
import { OPUS_SILENCE, packetDuration } from "../../lib/audio/opus_toc.ts";
import { LocalProtocolError } from "../../lib/errors.ts";
import { until, within } from "../tools/waiting.ts";

const SILENCE = Uint8Array.from(OPUS_SILENCE);
const LIMIT = 10_000;
/** The timestamp wraps within the first packets. */
const BASE = 0xffff_ff00;
const TOC = { 2.5: 0xe0, 20: 0xf8, 60: 0x58 } as const;
type Milliseconds = keyof typeof TOC;
/** The schedule lets a frame be so late; the rest is what a loaded machine takes to send it. */
const GREATEST_LATENESS = 100 + 150;
/** The first packet, from which the time is counted, may have been delayed on its way here. */
const GREATEST_EARLINESS = 60;

interface Sent {
  readonly packet: Uint8Array;
  readonly timestamp: number;
  readonly at: number;
}

/** A playback whose packets are kept instead of sent, while `accept` says so. */
function setUp(accept: (sent: readonly Sent[]) => boolean = () => true): {
  playback: Playback;
  sent: Sent[];
} {
  const sent: Sent[] = [];
  const playback = new Playback({
    send(packet, timestamp = NaN) {
      const accepted = accept(sent);
      if (accepted) sent.push({ packet: packet.slice(), timestamp, at: performance.now() });
      return accepted;
    },
    lead: 0,
    pacing: undefined,
    timestamp: BASE,
  }, () => {});
  return { playback, sent };
}

/** Packets that can be told apart, of these durations in turn. */
function packets(count: number, durations: readonly Milliseconds[] = [20]): Uint8Array[] {
  return Array.from(
    { length: count },
    (_, i) => Uint8Array.of(TOC[durations[i % durations.length]], i >> 8, i & 0xff),
  );
}

/** Each packet once, in order, the silence behind them, and all of it at its time. */
function assertPlayed(sent: readonly Sent[], expected: readonly Uint8Array[]): void {
  const silence = new Array<Uint8Array>(SILENCE_COUNT).fill(SILENCE);
  assertEquals(sent.map(({ packet }) => packet), [...expected, ...silence]);
  assertOnTime(sent);
}

/** The timestamp is the time, and nothing overlaps. */
function assertOnTime(sent: readonly Sent[]): void {
  const [first] = sent;
  sent.forEach(({ timestamp, at }, i) => {
    const late = at - first.at - ((timestamp - first.timestamp) >>> 0) / 48;
    assertGreater(late, -GREATEST_EARLINESS, `packet ${i} is sent ahead of its time`);
    assertLess(late, GREATEST_LATENESS, `packet ${i} is sent behind its time`);
    if (i === 0) return;
    const step = (timestamp - sent[i - 1].timestamp) >>> 0;
    assertGreaterOrEqual(step, packetDuration(sent[i - 1].packet), `packet ${i} overlaps`);
  });
}

/** What a source was asked. */
class Source implements AsyncIterable<Uint8Array> {
  returned = 0;
  given = 0;
  readonly #packets: readonly Uint8Array[];
  readonly #wait: (index: number) => Promise<unknown> | undefined;

  /** Gives the packets, each after `wait`. */
  constructor(
    packets: readonly Uint8Array[],
    wait: (index: number) => Promise<unknown> | undefined = () => undefined,
  ) {
    this.#packets = packets;
    this.#wait = wait;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void> {
    return {
      next: async () => {
        await this.#wait(this.given);
        return this.given < this.#packets.length
          ? { done: false, value: this.#packets[this.given++] }
          : { done: true, value: undefined };
      },
      return: () => {
        this.returned++;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }
}

const FOREVER = new Promise<never>(() => {});

for (
  const [name, wanted] of [
    ["20 ms", packets(8)],
    ["2.5, 20 and 60 ms", packets(12, [2.5, 20, 60])],
    ["2.5 ms", packets(40, [2.5])],
    ["no", []],
  ] as const
) {
  test(
    `Playback.play sends ${name} packets once, in order and on time`,
    within(LIMIT, async () => {
      const { playback, sent } = setUp();
      playback.resume();
      const result = await playback.play(wanted, {});
      assertEquals(result, {
        packetsSent: wanted.length,
        packetsSkipped: 0,
        silenceSent: SILENCE_COUNT,
      });
      assertPlayed(sent, wanted);
      assertEquals(sent[0].timestamp, BASE);
      assertEquals(playback.playing, false);
    }),
  );
}

test(
  "Playback.play steps the timestamp by each packet's own duration",
  within(LIMIT, async () => {
    const wanted = packets(9, [2.5, 20, 60]);
    // A machine that stalls for more than 100 ms shifts the schedule: then once more.
    for (let attempt = 0;; attempt++) {
      const { playback, sent } = setUp();
      playback.resume();
      await playback.play(wanted, {});
      const steps = sent.slice(1).map(({ timestamp }, i) => (timestamp - sent[i].timestamp) >>> 0);
      const durations = [120, 960, 2880, 120, 960, 2880, 120, 960, 2880, 960, 960, 960, 960];
      if (attempt < 5 && steps.some((step, i) => step > durations[i])) continue;
      return assertEquals(steps, durations);
    }
  }),
);

const SOURCES: Readonly<Record<string, (packets: Uint8Array[]) => PacketSource>> = {
  "an array": (packets) => packets,
  "a set": (packets) => new Set(packets),
  "a generator": (packets) => packets.values(),
  "an async generator": async function* (packets) {
    for (const packet of packets) yield await Promise.resolve(packet);
  },
  "an async iterable without return()": (packets) => {
    const iterator = packets.values();
    return { [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(iterator.next()) }) };
  },
  "a ReadableStream": (packets) => ReadableStream.from(packets),
};
for (const [name, source] of Object.entries(SOURCES)) {
  test(
    `Playback.play takes ${name}`,
    within(LIMIT, async () => {
      if (name === "a ReadableStream" && !("from" in ReadableStream)) return; // not yet in Bun
      const { playback, sent } = setUp();
      playback.resume();
      const wanted = packets(3);
      const { packetsSent } = await playback.play(source(wanted), {});
      assertEquals(packetsSent, 3);
      assertPlayed(sent, wanted);
    }),
  );
}

test(
  "Playback.play waits for the first resume",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    const playing = playback.play(packets(2), {});
    assertEquals(playback.playing, true);
    await delay(30);
    assertEquals(sent, []);
    playback.resume();
    await playing;
    assertPlayed(sent, packets(2));
  }),
);

for (const pause of [30, 250]) {
  test(
    `Playback.suspend of ${pause} ms loses and doubles nothing`,
    within(LIMIT, async () => {
      const { playback, sent } = setUp();
      playback.resume();
      const playing = playback.play(packets(20, [2.5, 20]), {});
      await until(() => sent.length >= 4);
      playback.suspend();
      const { length } = sent;
      const suspendedAt = performance.now();
      await delay(pause);
      const passed = performance.now() - suspendedAt;
      assertEquals(sent.length, length);
      playback.resume();
      assertEquals((await playing).packetsSent, 20);
      assertPlayed(sent, packets(20, [2.5, 20]));
      const jumped = ((sent[length].timestamp - sent[length - 1].timestamp) >>> 0) / 48;
      if (pause > 100) assertGreater(jumped, passed - 1);
    }),
  );
}

test(
  "Playback.suspend during the frames of silence delays them",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const playing = playback.play(packets(1), {});
    await until(() => sent.length >= 2);
    playback.suspend();
    playback.suspend();
    const { length } = sent;
    await delay(40);
    assertEquals(sent.length, length);
    playback.resume();
    playback.resume();
    assertEquals((await playing).silenceSent, SILENCE_COUNT);
    assertPlayed(sent, packets(1));
  }),
);

test(
  "Playback.play tries a packet again that could not be sent",
  within(LIMIT, async () => {
    let calls = 0;
    const { playback, sent } = setUp(() => ++calls % 3 === 0);
    playback.resume();
    assertEquals((await playback.play(packets(4), {})).packetsSent, 4);
    assertEquals(calls, 3 * (4 + SILENCE_COUNT));
    assertPlayed(sent, packets(4));
  }),
);

test(
  "Playback.play leaves the event loop alone while nothing can be sent",
  within(LIMIT, async () => {
    let calls = 0;
    const { playback } = setUp(() => (calls++, false));
    playback.resume();
    const stop = new AbortController();
    const playing = playback.play(packets(1), { signal: stop.signal });
    await delay(200);
    assertLess(calls, 30);
    playback.end(new Error("over"));
    await assertRejects(() => playing, Error, "over");
  }),
);

test(
  "Playback.play sends silence where the source stalls, and shifts the timestamp",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const wanted = packets(10);
    await playback.play(new Source(wanted, (i) => i === 4 ? delay(300) : undefined), {});
    const stall = new Array<Uint8Array>(SILENCE_COUNT).fill(SILENCE);
    assertPlayed(sent, [...wanted.slice(0, 4), ...stall, ...wanted.slice(4)]);
    assertGreater((sent[9].timestamp - sent[3].timestamp) >>> 0, 200 * 48);
    // No burst: what follows is spread over its own time.
    assertGreater(sent[14].at - sent[9].at, 5 * 20 - GREATEST_EARLINESS);
  }),
);

test(
  "Playback.play goes on from the time, not from the end of the last source",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    await playback.play(packets(2), {});
    await delay(60);
    await playback.play(packets(2), {});
    assertOnTime(sent);
    assertEquals(sent.length, 2 * (2 + SILENCE_COUNT));
    const [before, after] = sent.slice(1 + SILENCE_COUNT);
    assertGreater((after.timestamp - before.timestamp) >>> 0, 59 * 48);
  }),
);

test(
  "Playback.pacing counts every frame that was sent",
  within(LIMIT, async () => {
    const { playback } = setUp();
    assertEquals(playback.pacing, { count: 0, p50: 0, p99: 0 });
    playback.resume();
    for (const rounds of [1, 2]) {
      await playback.play(packets(3), {});
      const { count, p50, p99 } = playback.pacing;
      assertEquals(count, rounds * (3 + SILENCE_COUNT));
      assert(p50 >= 0 && p50 <= p99 && p99 < GREATEST_LATENESS, `${p50}, ${p99}`);
    }
  }),
);

test(
  "Playback.subscribe hears a player, and again after play; not while another one plays",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const player = new AudioPlayer();
    const letGo = playback.subscribe(player);
    assertStrictEquals(playback.player, player);
    const playing = player.play(packets(4));
    await assertRejects(() => playback.play(packets(1), {}), LocalProtocolError, "playing");
    await playing;
    await playback.play(packets(2), {});
    assertStrictEquals(playback.player, player);
    await player.play(packets(3));
    assertEquals(sent.length, 4 + 2 + 3 + 3 * SILENCE_COUNT);
    letGo();
    letGo();
    assertEquals(playback.player, undefined);
    assertEquals(playback.playing, false);
    playback.subscribe(player);
    playback.end(new Error("over"));
    assertEquals(playback.player, undefined);
    assertThrows(() => playback.subscribe(player), Error, "over");
  }),
);

// How a play ends early

test(
  "Playback.play sends silence after an abort, and rejects with its reason",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const stop = new AbortController();
    const source = new Source(packets(500));
    const playing = playback.play(source, { signal: stop.signal });
    await until(() => sent.length >= 3);
    const { length } = sent;
    const reason = new Error("enough");
    stop.abort(reason);
    assertStrictEquals(await assertRejects(() => playing), reason);
    assertPlayed(sent, packets(length));
    assertEquals(source.returned, 1);
    assertEquals(playback.playing, false);
    await playback.play(packets(1), {});
    assertEquals(sent.length, length + 1 + 2 * SILENCE_COUNT);
  }),
);

test(
  "Playback.play sends nothing of a source whose signal is aborted already",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const reason = new Error("too late");
    const source = new Source(packets(3));
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => playback.play(source, { signal })), reason);
    assertEquals(sent.some(({ packet }) => packet[1] !== SILENCE[1]), false);
  }),
);

test(
  "Playback.play rejects with what the source throws",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const reason = new Error("disk on fire");
    const source = (function* () {
      yield* packets(2);
      throw reason;
    })();
    assertStrictEquals(await assertRejects(() => playback.play(source, {})), reason);
    assertPlayed(sent, packets(2));
    assertEquals(playback.playing, false);
  }),
);

for (
  const [name, bad] of [
    ["is empty", new Uint8Array(0)],
    ["holds no frames", Uint8Array.of(0xfb, 0)],
    ["lasts too long", Uint8Array.of(0x5b, 63)],
  ] as const
) {
  test(
    `Playback.play rejects a packet that ${name}`,
    within(LIMIT, async () => {
      const { playback, sent } = setUp();
      playback.resume();
      const source = new Source([...packets(2), bad, ...packets(1)]);
      await assertRejects(() => playback.play(source, {}), SyntaxError, "Opus packet");
      assertPlayed(sent, packets(2));
      assertEquals(source.returned, 1);
    }),
  );
}

test(
  "Playback.play does not close a source that has ended",
  within(LIMIT, async () => {
    const { playback } = setUp();
    playback.resume();
    const source = new Source(packets(2));
    await playback.play(source, {});
    assertEquals(source.returned, 0);
  }),
);

interface Ending {
  readonly source: Source;
  readonly resumed?: boolean;
  readonly accept?: () => boolean;
  readonly sentBefore: number;
  readonly returned: number;
}

const ENDINGS: Readonly<Record<string, () => Ending>> = {
  "between two packets": () => ({ source: new Source(packets(500)), sentBefore: 2, returned: 1 }),
  "that waits for a connection": () => ({
    source: new Source(packets(500)),
    resumed: false,
    sentBefore: 0,
    returned: 1,
  }),
  "that cannot send": () => ({
    source: new Source(packets(500)),
    accept: () => false,
    sentBefore: 0,
    returned: 1,
  }),
  "in its silence": () => ({ source: new Source(packets(1)), sentBefore: 2, returned: 0 }),
  "that waits for its source": () => ({
    source: new Source(packets(5), (i) => i === 2 ? FOREVER : undefined),
    sentBefore: 2,
    returned: 1,
  }),
};
for (const [name, ending] of Object.entries(ENDINGS)) {
  test(
    `Playback.end rejects a play ${name}`,
    within(LIMIT, async () => {
      const { source, resumed = true, accept, sentBefore, returned } = ending();
      const { playback, sent } = setUp(accept);
      if (resumed) playback.resume();
      const playing = playback.play(source, {});
      await until(() => sent.length >= sentBefore && source.given > 0);
      const reason = new Error("the connection is gone");
      const rejected = assertRejects(() => playing);
      const countBefore = sent.length;
      playback.end(reason);
      assertStrictEquals(await rejectedWithin(rejected), reason);
      assertEquals(source.returned, returned);
      assertEquals(sent.length, countBefore);
      assertEquals(playback.playing, false);
    }),
  );
}

test(
  "Playback.play stops at once on an abort while it waits for its source",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const stop = new AbortController();
    const source = new Source(packets(5), (i) => i === 2 ? FOREVER : undefined);
    const rejected = assertRejects(() => playback.play(source, { signal: stop.signal }));
    await until(() => sent.length === 2);
    const reason = new Error("enough");
    stop.abort(reason);
    assertStrictEquals(await rejectedWithin(rejected), reason);
    assertPlayed(sent, packets(2));
    assertEquals(source.returned, 1);
  }),
);

test(
  "Playback.play after end rejects with its reason",
  within(LIMIT, async () => {
    const { playback, sent } = setUp();
    playback.resume();
    const reason = new Error("the connection is gone");
    playback.end(reason);
    assertStrictEquals(await assertRejects(() => playback.play(packets(2), {})), reason);
    assertEquals(sent, []);
  }),
);

/** What `rejected` gives, or a word where that takes long. */
function rejectedWithin(rejected: Promise<unknown>): Promise<unknown> {
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("not rejected within 2 s"), 2000);
  return Promise.race([rejected, late.promise]).finally(() => clearTimeout(timer));
}
