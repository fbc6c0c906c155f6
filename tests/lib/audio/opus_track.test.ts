import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { OpusTrackAssembler } from "../../../lib/audio/opus_track.ts";
import { packetDuration } from "../../../lib/audio/opus_toc.ts";
import { createOpus } from "../../../adapters/opus.ts";

const HOUR = 3600 * 48_000;
const VOICE = Uint8Array.of(0xfc, 1, 2, 3, 4); // 20 ms, stereo
const MONO = Uint8Array.of(0x78, 5, 6, 7); // hybrid, 20 ms, mono
const LONG = Uint8Array.of(0x1b, 0x01, 9); // SILK, 60 ms, mono

function place(
  track: OpusTrackAssembler,
  position: number,
  opus: Uint8Array | null = VOICE,
  limit = HOUR,
  duration = 960,
): number[][] {
  return Array.from(
    track.place({ position, duration, opus: opus ?? undefined }, limit),
    (it) => [...it],
  );
}

function total(packets: Iterable<Uint8Array | number[]>): number {
  let sum = 0;
  for (const packet of packets) sum += packetDuration(Uint8Array.from(packet));
  return sum;
}

test("OpusTrackAssembler fills a gap with silence of 20 ms and less, as mono as what came before", () => {
  const track = new OpusTrackAssembler();
  assertEquals(place(track, 960 + 480 + 240 + 120 + 119), [
    [0xf8, 0xff, 0xfe],
    [0xf0, 0xff, 0xfe],
    [0xe8, 0xff, 0xfe],
    [0xe0, 0xff, 0xfe],
    [...VOICE],
  ]);
  assertEquals(track.length, 2760);
  assertEquals(place(track, 2760 + 960), [[0xfc, 0xff, 0xfe], [...VOICE]]);
  place(track, track.length, MONO);
  assertEquals(place(track, track.length + 960)[0], [0xf8, 0xff, 0xfe]);
});

test("OpusTrackAssembler's silence is silence, of the duration that it claims", async () => {
  const track = new OpusTrackAssembler();
  using codec = await createOpus({ channels: 2 });
  for (const opus of [VOICE, MONO]) {
    const silence = [...track.place({ position: track.length + 1800, duration: 0, opus }, HOUR)]
      .slice(0, -1);
    assertEquals(silence.map((packet) => codec.decode(packet).length / 2), [960, 480, 240, 120]);
    for (const packet of silence) {
      assertEquals(codec.decode(packet).every((sample) => sample === 0), true);
    }
  }
});

test("OpusTrackAssembler leaves small differences to the next pause", () => {
  const track = new OpusTrackAssembler();
  for (const position of [0, 960 + 470, 1920 - 470, 2880]) {
    assertEquals(place(track, position), [[...VOICE]]);
  }
  assertEquals(place(track, 3840 + 490), [[0xf4, 0xff, 0xfe], [...VOICE]]);
  assertEquals([track.length, track.late], [3840 + 480 + 960, 0]);
});

test("OpusTrackAssembler follows a fast and a slow sender within 10 ms", () => {
  for (const drift of [-300e-6, 300e-6]) {
    const track = new OpusTrackAssembler();
    for (let i = 0; i < 30_000; i++) {
      const position = Math.round(i * 960 * (1 + drift));
      const before = track.length;
      const packets = place(track, position);
      if (packets.length === 0) continue;
      const actual = before + total(packets) - 960;
      assertEquals(Math.abs(actual - position) <= 480, true, `${actual} for ${position}`);
    }
  }
});

test("OpusTrackAssembler leaves out what comes too late or twice, and counts it", () => {
  const track = new OpusTrackAssembler();
  place(track, 9600);
  assertEquals(place(track, 0), []);
  assertEquals(place(track, 9600), []);
  assertEquals(place(track, 9600 + 479), []);
  assertEquals([track.length, track.late], [10_560, 3]);
  assertEquals(place(track, 10_560), [[...VOICE]]);
});

test("OpusTrackAssembler leaves a lost packet to the player's decoder", async () => {
  const track = new OpusTrackAssembler();
  place(track, 0);
  assertEquals(place(track, 960, null), [[0xfc]]);
  assertEquals(place(track, 1920, null, HOUR, 2880), [[0xfc], [0xfc], [0xfc]]);
  place(track, track.length, LONG);
  const lost = place(track, track.length, null, HOUR, 2880 + 1080 + 7);
  assertEquals(lost, [[0x18], [0xf8], [0xe0]]);
  using codec = await createOpus({ channels: 2 });
  assertEquals(lost.map((it) => codec.decode(Uint8Array.from(it)).length / 2), [2880, 960, 120]);
});

test("OpusTrackAssembler bounds a loss to 120 ms", () => {
  const track = new OpusTrackAssembler();
  assertEquals(total(place(track, 0, null, HOUR, HOUR)), 5760);
});

test("OpusTrackAssembler puts what claims a place beyond the limit before it, and counts it", () => {
  const track = new OpusTrackAssembler();
  assertEquals(total(place(track, 1e15, VOICE, 48_000)), 48_000);
  assertEquals([track.length, track.misplaced], [48_000, 1]);
  assertEquals(place(track, NaN, VOICE, 48_000), []);
  assertEquals(place(track, Infinity, VOICE, 48_000), []);
  assertEquals([track.length, track.misplaced], [48_000, 3]);
});

test("OpusTrackAssembler changes nothing for what is no packet", () => {
  const track = new OpusTrackAssembler();
  for (const broken of [[], [0x03], [0x03, 0x3f]]) {
    assertThrows(() => place(track, 4800, Uint8Array.from(broken)), SyntaxError);
  }
  assertEquals([track.length, track.late, track.misplaced], [0, 0, 0]);
});

test("OpusTrackAssembler pads up to a length, by less than 2.5 ms more", () => {
  const track = new OpusTrackAssembler();
  place(track, 0);
  assertEquals([total(track.pad(2000)), track.length], [1080, 2040]);
  assertEquals([total(track.pad(2040)), total(track.pad(5)), track.length], [0, 0, 2040]);
});
