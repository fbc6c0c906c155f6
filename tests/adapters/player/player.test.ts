import { test } from "node:test";
import { assert, assertEquals, assertGreater, assertRejects, assertThrows } from "@std/assert";
import { delay } from "@std/async";
import { createOpus } from "../../../adapters/opus.ts";
import { READ_AHEAD } from "../../../adapters/player/frame_queue.ts";
import {
  AudioPlayer,
  type PlayerOptions,
  type PlayerState,
  QUEUE_LIMIT,
  SILENCE_COUNT,
} from "../../../adapters/player/player.ts";
import { until, within } from "../../tools/waiting.ts";
import { inFakeTime } from "../fake_sockets.ts";
import { isSilence, Output, pcm, seekable, shortPackets } from "./fixtures.ts";

const LIMIT = 10_000;

function setUp(options?: PlayerOptions): { player: AudioPlayer; output: Output } {
  const player = new AudioPlayer(options);
  const output = new Output();
  player.addOutput(output);
  return { player, output };
}

test(
  "AudioPlayer plays one source after another without a gap",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const told: unknown[] = [];
    const [first, second] = [shortPackets(10, 1), shortPackets(10, 2)];
    player.on("start", ({ source }) => told.push(["start", source]));
    player.on("end", ({ source, packetsSent }) => told.push(["end", source, packetsSent]));
    const firstDone = player.enqueue(first);
    const secondDone = player.enqueue(second);
    assertEquals(player.queue, [second]);
    assertEquals(await firstDone, { packetsSent: 10, packetsSkipped: 0, silenceSent: 0 });
    assertEquals((await secondDone).silenceSent, SILENCE_COUNT);
    const steps = output.sent.slice(1, 21).map(({ sampleTime }, i) =>
      sampleTime - output.sent[i].sampleTime
    );
    assertEquals(output.content, [...first, ...second]);
    // A machine that stands still may shift the schedule, but nothing lies between the two.
    assertEquals(output.sent.slice(0, 20).some(({ packet }) => isSilence(packet)), false);
    assert(steps.every((step) => step >= 120), `${steps}`);
    assertEquals(told, [
      ["start", first],
      ["end", first, 10],
      ["start", second],
      ["end", second, 10],
    ]);
    assertEquals(output.speaking, [true, false]);
    assertEquals(player.state, "idle");
  }),
);

test(
  "AudioPlayer.pause() sends silence once, and resume() goes on where it was",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const states: PlayerState[] = [];
    player.on("stateChange", ({ to }) => states.push(to));
    const packets = shortPackets(40);
    const done = player.play(seekable(packets));
    await until(() => output.sent.length >= 10);
    player.pause();
    await until(() => output.silenceCount === SILENCE_COUNT);
    const { position } = player;
    const { length } = output.sent;
    await delay(60);
    assertEquals(output.sent.length, length);
    assertEquals(player.position, position);
    assertEquals(position, 2.5 * output.content.length);
    player.resume();
    await done;
    assertEquals(output.content, packets);
    const pause = output.sent[length].sampleTime - output.sent[length - 1].sampleTime;
    const passed = output.sent[length].at - output.sent[length - 1].at;
    assert(Math.abs(pause / 48 - passed) < 30, `${pause / 48} ms told, ${passed} ms passed`);
    assertEquals(states, ["buffering", "playing", "paused", "playing", "idle"]);
    assertEquals(output.speaking, [true, false, true, false]);
  }),
);

test(
  "AudioPlayer.stop() and skip() end a source early and close it",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    let closed = 0;
    const endless = () =>
      (async function* () {
        try {
          for (;;) yield Uint8Array.of(0xe0, 1, 1);
        } finally {
          closed++;
        }
      })();
    const results = [player.play(endless()), player.enqueue(endless()), player.enqueue([])];
    await until(() => output.sent.length > 5);
    player.skip();
    assertGreater((await results[0]).packetsSent, 5);
    await until(() => output.sent.length > 15);
    player.pause();
    player.stop();
    assertEquals((await results[2]).packetsSent, 0);
    await player.enqueue(shortPackets(1));
    await results[1];
    await until(() => closed === 2);
    assertEquals([player.state, player.source, player.queue], ["idle", undefined, []]);
    assertEquals(output.content.at(-1), shortPackets(1)[0]);
  }),
);

test(
  "AudioPlayer.seek() opens the source elsewhere",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const packets = shortPackets(200);
    const source = seekable(packets);
    const done = player.play(source, { from: 25 });
    assertEquals(player.position, 25);
    assertEquals(player.duration, 500);
    await until(() => output.content.length >= 3);
    player.seek(475);
    await done;
    const { content } = output;
    assertEquals(content[0], packets[10]);
    assertEquals(content.slice(-10), packets.slice(190));
    assertEquals(source.opened, [25, 475]);
    assertThrows(() => player.seek(0), RangeError, "nothing");
    void player.play(shortPackets(100));
    assertThrows(() => player.seek(0), RangeError, "beginning");
    void player.play(source);
    for (const position of [-1, NaN, Infinity]) {
      assertThrows(() => player.seek(position), RangeError, `${position}`);
    }
    player.stop();
  }),
);

test(
  "AudioPlayer sends to each connection that is ready, and waits where none is",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const other = new Output();
    other.isReady = false;
    player.addOutput(other);
    const packets = shortPackets(60);
    const done = player.play(packets);
    await until(() => output.content.length >= 5);
    other.isReady = true;
    player.outputChanged();
    await until(() => other.content.length >= 5);
    output.isReady = other.isReady = false;
    player.outputChanged();
    assertEquals(player.state, "waiting");
    const { length } = output.sent;
    await delay(40);
    assertEquals(output.sent.length, length);
    output.isReady = true;
    player.outputChanged();
    await done;
    assertEquals(output.content, packets);
    const start = packets.indexOf(other.content[0]);
    assertEquals(other.content, packets.slice(start, start + other.content.length));
    player.removeOutput(output);
    player.removeOutput(output);
    assertEquals(output.speaking, [true, false]);
  }),
);

test(
  "AudioPlayer without a connection waits, and is stopped at once",
  within(LIMIT, async () => {
    const player = new AudioPlayer();
    const done = player.play(shortPackets(3));
    assertEquals(player.state, "waiting");
    player.stop();
    assertEquals(await done, { packetsSent: 0, packetsSkipped: 0, silenceSent: 0 });
  }),
);

for (const late of ["burst", "shift", "skip"] as const) {
  test(
    `AudioPlayer with late: "${late}" accounts for each packet after a stall`,
    within(LIMIT, async () => {
      const { player, output } = setUp({ late });
      const packets = shortPackets(60);
      const done = player.play(packets);
      await until(() => output.sent.length >= 5);
      const { length } = output.sent;
      const stalledAt = performance.now();
      while (performance.now() < stalledAt + 70);
      const { packetsSent, packetsSkipped } = await done;
      assertEquals(packetsSent + packetsSkipped, 60);
      assertEquals(output.content.length, packetsSent);
      const gap = output.sent[length].sampleTime - output.sent[length - 1].sampleTime;
      if (late === "burst") assertEquals([packetsSkipped, gap], [0, 120]);
      if (late === "shift") assert(packetsSkipped === 0 && gap > 40 * 48, `${gap}`);
      if (late === "skip") assert(packetsSkipped > 5 && gap > 40 * 48, `${packetsSkipped}`);
    }),
  );
}

test(
  "AudioPlayer goes on behind a source that fails",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const errors: unknown[] = [];
    player.on("error", ({ error }) => errors.push(error));
    const fault = new Error("disk on fire");
    const broken = async function* () {
      yield* shortPackets(3, 1);
      throw fault;
    };
    const done = player.enqueue(broken());
    const next = player.enqueue(shortPackets(3, 2));
    await assertRejects(() => done, Error, "on fire");
    await next;
    assertEquals(errors, [fault]);
    assertEquals(output.content, [...shortPackets(3, 1), ...shortPackets(3, 2)]);
    const opening = { kind: "opus", duration: undefined, seekable: true, open } as const;
    function open(): never {
      throw fault;
    }
    await assertRejects(() => player.play(opening), Error, "on fire");
    assertEquals(errors.length, 2);
  }),
);

test(
  "AudioPlayer gives up a source whose signal is aborted, in its turn or before",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const stop = new AbortController();
    const first = player.play(shortPackets(100), { signal: stop.signal });
    const second = player.enqueue(shortPackets(100), { signal: stop.signal });
    const third = player.enqueue(shortPackets(2, 3));
    await until(() => output.sent.length > 3);
    stop.abort(new Error("enough"));
    await assertRejects(() => first, Error, "enough");
    await assertRejects(() => second, Error, "enough");
    await third;
    assertEquals(output.content.slice(-2), shortPackets(2, 3));
    const errors: unknown[] = [];
    player.on("error", (event) => errors.push(event));
    await assertRejects(() => player.play([], { signal: stop.signal }), Error, "enough");
    assertEquals(errors, []);
  }),
);

test(
  "AudioPlayer reads a bounded number of packets ahead",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    let given = 0;
    const source = async function* () {
      for (; given < 100; given++) yield Uint8Array.of(0xe0, 0, given);
    };
    const done = player.play(source());
    let most = 0;
    while (output.content.length < 100) {
      most = Math.max(most, given - output.content.length);
      await delay(1);
    }
    await done;
    assert(most > 1 && most <= READ_AHEAD, `${most} packets ahead`);
  }),
);

test(
  "AudioPlayer lets a listener play from inside an event",
  within(LIMIT, async () => {
    const { player, output } = setUp();
    const last = Promise.withResolvers<void>();
    let rounds = 0;
    player.on("end", () => {
      if (++rounds === 3) return last.resolve();
      void player.play(shortPackets(4, rounds));
    });
    void player.play(shortPackets(4, 0));
    await last.promise;
    assertEquals(output.content, [0, 1, 2].flatMap((mark) => shortPackets(4, mark)));
  }),
);

test("AudioPlayer refuses options, volumes and queues out of range", () => {
  assertThrows(() => new AudioPlayer({ late: "now" as "skip" }), RangeError, '"now"');
  for (const volume of [-1, 11, NaN]) {
    assertThrows(() => new AudioPlayer({ volume }), RangeError, `${volume}`);
    assertThrows(() => new AudioPlayer().volume = volume, RangeError, `${volume}`);
  }
  assertThrows(() => new AudioPlayer().fadeTo(1, -1), RangeError, "-1 ms");
  const player = new AudioPlayer();
  for (let i = 0; i <= QUEUE_LIMIT; i++) void player.enqueue([]);
  assertThrows(() => player.enqueue([]), RangeError, `${QUEUE_LIMIT}`);
  player.stop();
});

/** Two seconds of a tone, stereo. */
function tone(frames: number): Int16Array {
  return Int16Array.from({ length: 2 * frames }, (_, i) => {
    return 10_000 * Math.sin(2 * Math.PI * 440 * (i >> 1) / 48000);
  });
}

async function decoded(packets: readonly Uint8Array[]): Promise<Int16Array> {
  using codec = await createOpus();
  return Int16Array.from(packets.flatMap((packet) => [...codec.decode(packet)]));
}

function rms(samples: Int16Array): number {
  return Math.hypot(...samples) / Math.sqrt(samples.length);
}

test(
  "AudioPlayer encodes samples, and two sources in a row as if they were one",
  within(LIMIT, async () => {
    const samples = tone(9600);
    const whole = setUp();
    await whole.player.play(pcm(samples, 1000));
    const parts = setUp();
    // 4700 frames end in the midst of a frame of the encoder.
    void parts.player.enqueue(pcm(samples.subarray(0, 9400), 1000));
    await parts.player.enqueue(pcm(samples.subarray(9400), 777));
    assertEquals(parts.output.content, whole.output.content);
    assertEquals(whole.output.content.length, 10);
    const heard = await decoded(whole.output.content);
    assert(Math.abs(rms(heard.subarray(4000)) / rms(samples) - 1) < 0.05);
    for (const { player } of [whole, parts]) player[Symbol.dispose]();
  }),
);

test(
  "AudioPlayer.fadeTo() and volume are heard in what it encodes",
  within(LIMIT, async () => {
    const { player, output } = setUp({ volume: 0.5 });
    assertEquals(player.volume, 0.5);
    player.fadeTo(0, 100);
    assertEquals(player.volume, 0);
    await player.play(pcm(tone(14400), 960));
    const heard = await decoded(output.content);
    const part = (from: number) => rms(heard.subarray(96 * from, 96 * (from + 20)));
    assert(part(20) > 2000 && part(20) < 4000, `${part(20)}`);
    assert(part(60) < part(20), `${part(60)}`);
    assert(part(240) < 50, `${part(240)}`);
    player[Symbol.dispose]();
  }),
);

/** An output that wants frames early. */
class EarlyOutput extends Output {
  readonly lead = 100;
}

function lead(output: Output): number {
  return output instanceof EarlyOutput ? output.lead : 0;
}

/** Milliseconds by which each frame was given before its instant. */
function leads({ sent }: Output): number[] {
  return sent.map(({ sampleTime, at }) => sampleTime / 48 - at);
}

test(
  "AudioPlayer gives frames early to an output that wants it, and ends when they are out",
  within(LIMIT, async () => {
    const player = new AudioPlayer();
    const output = new EarlyOutput();
    player.addOutput(output);
    const packets = Array.from({ length: 12 }, (_, i) => Uint8Array.of(0xf8, i));
    const done = player.play(packets);
    await until(() => output.sent.length === 12 + SILENCE_COUNT);
    const before = performance.now();
    assertEquals(output.speaking, [true]);
    assertEquals(await done, { packetsSent: 12, packetsSkipped: 0, silenceSent: SILENCE_COUNT });
    const out = output.sent.at(-1)!.sampleTime / 48 + 20;
    assert(performance.now() > out - 2, "the end is told before the last frame is out");
    assert(before < out - 20, "the last frame is not given early");
    assertEquals(output.speaking, [true, false]);
    assertEquals(output.content, packets);
    const steps = output.sent.slice(1).map(({ sampleTime }, i) =>
      sampleTime - output.sent[i].sampleTime
    );
    assertEquals(steps, Array(16).fill(960));
    assert(leads(output).every((lead) => lead < 101), `${leads(output)}`);
    assert(Math.max(...leads(output)) > 80, `${leads(output)}`);
  }),
);

test(
  "AudioPlayer loses nothing of its time where the process stands still for less than the lead",
  within(LIMIT, async () => {
    const player = new AudioPlayer();
    const output = new EarlyOutput();
    player.addOutput(output);
    const done = player.play(Array.from({ length: 20 }, (_, i) => Uint8Array.of(0xf8, i)));
    await until(() => output.sent.length > 6);
    for (const start = performance.now(); performance.now() < start + 60;);
    await done;
    const late = leads(output).filter((lead) => lead < 0);
    // Unless the machine itself stands still on top of it.
    assert(late.length < 3, `${leads(output)}`);
  }),
);

test(
  "AudioPlayer says silence on time, not early, where a source stalls",
  within(LIMIT, async () => {
    const player = new AudioPlayer();
    const output = new EarlyOutput();
    player.addOutput(output);
    const gate = Promise.withResolvers<void>();
    const done = player.play((async function* () {
      yield Uint8Array.of(0xf8, 1);
      yield Uint8Array.of(0xf8, 2);
      await gate.promise;
      yield Uint8Array.of(0xf8, 3);
    })());
    await until(() => output.sent.length >= 3);
    assert(isSilence(output.sent[2].packet));
    assert(leads(output)[2] < 2, `${leads(output)}`);
    gate.resolve();
    await done;
    assertEquals(output.content.map((packet) => packet[1]), [1, 2, 3]);
  }),
);

test(
  "AudioPlayer gives no frame early where another output does not want that",
  within(LIMIT, async () => {
    const player = new AudioPlayer();
    const [early, plain] = [new EarlyOutput(), new Output()];
    player.addOutput(early);
    player.addOutput(plain);
    await player.play(shortPackets(8));
    assert(leads(early).every((lead) => lead < 2), `${leads(early)}`);
    assertEquals(early.content, plain.content);
  }),
);

test(
  "AudioPlayer begins its schedule on the grid, again after a pause, and where the timer is late",
  inFakeTime(async (time) => {
    const { player, output } = setUp();
    const long = Array.from({ length: 40 }, () => Uint8Array.of(0xf8, 1));
    const read = async () => {
      for (let i = 0; i < 3 * READ_AHEAD; i++) await null;
    };
    void player.play(long);
    await read();
    time.now += 3.7;
    const begun = time.armed[0].at;
    time.now = begun + 0.9;
    time.fire();
    const times = () => output.sent.map(({ sampleTime }) => sampleTime / 48 - begun);
    for (let i = 0; i < 2; i++) time.advance(20);
    player.pause();
    time.advance(207.3);
    const silent = output.sent.length;
    assertEquals(times(), Array.from({ length: silent }, (_, i) => 20 * i));
    player.resume();
    time.advance(60);
    assertGreater(output.sent.length, silent);
    assertEquals(times().filter((at) => at % 20 !== 0), []);
    assertEquals([begun % 5, time.armed[0].at % 5], [0, 0]);
    player.stop();
    time.advance(200);
  }),
);

for (const output of [new Output(), new EarlyOutput()]) {
  test(
    `AudioPlayer goes on in time where the clock went back in a pause, lead ${lead(output)}`,
    inFakeTime(async (time) => {
      const player = new AudioPlayer();
      player.addOutput(output);
      const read = async () => {
        for (let i = 0; i < 3 * READ_AHEAD; i++) await null;
      };
      time.now = 90_000;
      void player.play(Array.from({ length: 40 }, (_, i) => Uint8Array.of(0xf8, i)));
      await read();
      time.advance(60);
      player.pause();
      time.advance(400);
      await read();
      assertEquals(output.speaking, [true, false]);
      const { length } = output.sent;
      time.now -= 60_000;
      player.resume();
      time.advance(100);
      const times = output.sent.slice(length).map(({ sampleTime }) => sampleTime / 48);
      assertGreater(times.length, 3);
      assertEquals(times.slice(1).map((at, i) => at - times[i]), Array(times.length - 1).fill(20));
      player.stop();
      time.advance(400);
      assertEquals(output.speaking, [true, false, true, false]);
    }),
  );
}
