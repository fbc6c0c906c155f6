/**
 * Two speakers in a call of ten minutes, on virtual time, with pauses, loss, jitter and clocks that
 * are not the recorder's: what they say at one instant is at one place in their tracks.
 *
 * A decoder of the test's makes of each packet what its sender meant: mostly a murmur, and in
 * some packets a marker, a burst of noise that is found in the track by correlation.
 *
 * @module
 */

import { assertEquals, assertGreater, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import test from "node:test";
import { recordCall } from "../../../adapters/recording/mod.ts";
import { JitterBuffer, type JitterPacket } from "../../../lib/audio/jitter_buffer.ts";
import type { OpusDecoder } from "../../../lib/audio/opus_decoder.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { Playout } from "../../../lib/audio/playout.ts";
import { wavRecordingHeaderSize } from "../../../lib/audio/wav_recording.ts";
import { SeededRandom } from "../../../lib/testing/seeded_random.ts";
import { FakeCall, temporaryFolder } from "./fixtures.ts";

const MINUTES = 10;
const END = MINUTES * 60_000;
const TRANSIT = 40;
const FRAME = 960;
const MARKER_SIZE = 120;
const TOLERANCE = 20 * 48;
const MARK = 0xaa;
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

const noise = new SeededRandom(7);
const MARKER = Int16Array.from({ length: MARKER_SIZE }, () => noise.next() < 0.5 ? -9000 : 9000);

interface Sender {
  readonly seed: number;
  /** How much faster its clock is than the recorder's. */
  readonly drift: number;
  /** Whether its timestamps stand still in pauses. */
  readonly isPausing: boolean;
}

/** A sender's packets as they come, and when its markers would come if nothing held them up. */
interface Talk {
  readonly packets: readonly JitterPacket[];
  readonly markers: readonly number[];
}

/** Talks at the same times as every other sender, and marks the same instants. */
function talk({ seed, drift, isPausing }: Sender): Talk {
  const [schedule, network] = [new SeededRandom(1), new SeededRandom(seed)];
  const [packets, markers]: [JitterPacket[], number[]] = [[], []];
  let [sequence, timestamp] = [65_000, 2 ** 32 - 48_000 * 60];
  const step = 20 / (1 + drift); // of a packet, on the recorder's clock
  for (let start = 500; start < END - 40_000;) {
    const isLong = schedule.next() < 0.05;
    const count = isLong ? 1500 : 30 + Math.floor(schedule.next() * 100);
    const marks = new Set([1, 10, count - 10, Math.floor(count / 2)]);
    for (let i = 0; i < count + 5; i++) {
      const sentAt = start + i * step;
      const isMarked = marks.has(i);
      const mark = isMarked ? MARK : 0;
      const id = [markers.length & 255, markers.length >> 8];
      const opus = i < count ? Uint8Array.of(0xfc, mark, ...id) : SILENCE;
      const packet = { ssrc: seed, sequence, timestamp, opus };
      sequence = (sequence + 1) & 0xffff;
      timestamp = (timestamp + FRAME) >>> 0;
      const delay = network.next() ** 4 * 60;
      if (isMarked) markers.push(sentAt + TRANSIT);
      if (network.next() >= 0.1) packets.push({ ...packet, at: sentAt + TRANSIT + delay });
    }
    const pause = 500 + schedule.next() * 9000;
    if (!isPausing) timestamp = (timestamp + Math.round(pause * 48 * (1 + drift))) >>> 0;
    start += (count + 5) * 20 + pause;
  }
  return { packets: packets.sort((a, b) => a.at - b.at), markers };
}

/** The number of the marker that a packet is. */
function markerOf(packet: Uint8Array): number | undefined {
  return packet[1] === MARK ? packet[2] + 256 * packet[3] : undefined;
}

/** Makes of a packet what the sender meant, and notes its markers. */
function decoderOf(played: number[]): OpusDecoder {
  return {
    channels: 2,
    decode: (packet) => {
      const samples = new Int16Array(2 * FRAME);
      const marker = markerOf(packet);
      if (marker === undefined) return packet.length === 3 ? samples : samples.fill(100);
      played.push(marker);
      return samples.map((_, i) => MARKER[i >> 1] ?? 0);
    },
    conceal: (size) => new Int16Array(2 * size),
    decodeFec: () => undefined,
  };
}

/** Puts packets in, in the order in which they come, and takes out what is due before each. */
function* playing<T>(
  packets: readonly JitterPacket[],
  buffer: {
    push(it: JitterPacket): unknown;
    pull(now: number): T;
    pollTimeout(): number | undefined;
  },
): Generator<NonNullable<T>> {
  function* drain(until: number): Generator<NonNullable<T>> {
    for (let at; (at = buffer.pollTimeout()) !== undefined && at <= until;) {
      const item = buffer.pull(at);
      if (item !== undefined && item !== null) yield item;
    }
  }
  for (const packet of packets) {
    yield* drain(packet.at);
    buffer.push(packet);
  }
  yield* drain(Infinity);
}

/** Where the marker is in a stereo WAV, looked for around a place; in samples. */
function findMarker(file: number, around: number): number {
  const range = 1.25 * TOLERANCE;
  const bytes = new Uint8Array(4 * (2 * range + MARKER_SIZE));
  readSync(file, bytes, 0, bytes.length, wavRecordingHeaderSize(2) + 4 * (around - range));
  const samples = new Int16Array(bytes.buffer).filter((_, i) => i % 2 === 0);
  let best = [-Infinity, 0];
  for (let at = 0; at <= 2 * range; at++) {
    let sum = 0;
    for (let i = 0; i < MARKER_SIZE; i++) sum += samples[at + i] * MARKER[i];
    if (sum > best[0]) best = [sum, at];
  }
  assertGreater(best[0], 0.5 * 9000 ** 2 * MARKER_SIZE, "there is no marker");
  return around - range + best[1];
}

const SENDERS: readonly Sender[] = [
  { seed: 11, drift: 200e-6, isPausing: false },
  { seed: 12, drift: -200e-6, isPausing: true },
];

/** By how much each marker that was played is off its place, in samples. */
type Errors = ReadonlyMap<number, number>;

/** Nearly all markers were played, none is far from its place, nor from its like in the other track. */
function assertAligned([first, second]: readonly Errors[], count: number): void {
  for (const errors of [first, second]) {
    assertGreaterOrEqual(errors.size, 0.85 * count);
    for (const error of errors.values()) assertLessOrEqual(Math.abs(error), TOLERANCE);
  }
  const pairs = [...first].filter(([marker]) => second.has(marker));
  assertGreater(pairs.length, 100);
  for (const [marker, error] of pairs) {
    assertLessOrEqual(Math.abs(error - second.get(marker)!), TOLERANCE);
  }
}

test(`WAV tracks of a call of ${MINUTES} minutes are aligned within 20 ms`, async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  call.position = END * 48;
  const talks = SENDERS.map(talk);
  const played = talks.map(({ packets }, i) => {
    const speaker = call.join(`${i}`);
    const markers: number[] = [];
    const playout = new Playout({ decoder: decoderOf(markers), userId: `${i}`, start: 0 });
    for (const { position, samples, origin } of playing(packets, playout)) {
      speaker.say(position, samples, origin);
    }
    return markers;
  });
  call.end();
  const { users, seconds } = await recording.finished;
  assertEquals([seconds, users[0].seconds, users[1].seconds], [END / 1000, END / 1000, END / 1000]);
  const errors = users.map((user, i) => {
    const file = openSync(user.file, "r");
    const found = played[i].map((marker): [number, number] => {
      const place = talks[i].markers[marker] * 48;
      return [marker, findMarker(file, Math.round(place)) - place];
    });
    closeSync(file);
    return new Map(found);
  });
  assertAligned(errors, talks[0].markers.length);
});

test(`Ogg Opus tracks of a call of ${MINUTES} minutes are aligned within 20 ms`, async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path, format: "ogg" });
  call.position = END * 48;
  const talks = SENDERS.map(talk);
  talks.forEach(({ packets }, i) => {
    const speaker = call.join(`${i}`);
    for (const item of playing(packets, new JitterBuffer())) {
      if (item.type === "pause") continue;
      const opus = item.type === "packet" ? item.opus : undefined;
      const position = Math.round(item.nominal * 48);
      speaker.opus.push({ position, duration: item.duration, opus });
    }
  });
  call.end();
  const { users } = await recording.finished;
  const errors = users.map((user, i) => {
    const found = new Map<number, number>();
    let position = 0;
    const file = readOggOpus(new Uint8Array(readFileSync(user.file)));
    for (const { packet, duration } of file.packets) {
      const marker = markerOf(packet);
      if (marker !== undefined) found.set(marker, position - talks[i].markers[marker] * 48);
      position += duration;
    }
    assertLessOrEqual(Math.abs(position - END * 48), 120);
    return found;
  });
  assertAligned(errors, talks[0].markers.length);
});
