import { assertEquals } from "@std/assert";
import test from "node:test";
import { TrackAssembler } from "../../../lib/audio/track_assembler.ts";

const HOUR = 3600 * 48_000;

test("TrackAssembler fills gaps with silence and joins what abuts", () => {
  const track = new TrackAssembler();
  assertEquals(track.place(480, 960, HOUR), { silence: 480, skip: 0, take: 960 });
  assertEquals(track.place(1440, 960, HOUR), { silence: 0, skip: 0, take: 960 });
  assertEquals(track.place(9600, 960, HOUR), { silence: 7200, skip: 0, take: 960 });
  assertEquals([track.length, track.late, track.misplaced], [10_560, 0, 0]);
});

test("TrackAssembler leaves out the beginning of what overlaps, and counts it", () => {
  const track = new TrackAssembler();
  track.place(0, 960, HOUR);
  assertEquals(track.place(957, 960, HOUR), { silence: 0, skip: 3, take: 957 });
  assertEquals(track.place(1000, 960, HOUR), { silence: 0, skip: 917, take: 43 });
  assertEquals([track.length, track.late], [1960, 920]);
});

test("TrackAssembler leaves out what comes too late or twice, and counts it", () => {
  const track = new TrackAssembler();
  track.place(4800, 960, HOUR);
  assertEquals(track.place(0, 960, HOUR), { silence: 0, skip: 960, take: 0 });
  assertEquals(track.place(4800, 960, HOUR), { silence: 0, skip: 960, take: 0 });
  assertEquals([track.length, track.late], [5760, 1920]);
});

test("TrackAssembler cuts off what began before the track", () => {
  const track = new TrackAssembler();
  assertEquals(track.place(-2000, 960, HOUR), { silence: 0, skip: 960, take: 0 });
  assertEquals(track.place(-100, 960, HOUR), { silence: 0, skip: 100, take: 860 });
  assertEquals(track.length, 860);
});

test("TrackAssembler puts what claims a place beyond the limit before it, and counts it", () => {
  const track = new TrackAssembler();
  track.place(0, 960, 48_000);
  assertEquals(track.place(HOUR, 960, 48_000), { silence: 46_080, skip: 0, take: 960 });
  assertEquals([track.length, track.misplaced], [48_000, 960]);
  assertEquals(track.place(Infinity, 960, 48_000), { silence: 0, skip: 0, take: 0 });
  assertEquals(track.place(NaN, 960, 48_100), { silence: 0, skip: 0, take: 100 });
  assertEquals([track.length, track.misplaced], [48_100, 2880]);
});

test("TrackAssembler never grows beyond the limit, whatever the positions are", () => {
  const track = new TrackAssembler();
  let written = 0;
  for (let i = 0; i < 3000; i++) {
    const position = (i * 7919 % 4001 - 1000) * (i % 3 === 0 ? 1e6 : 40);
    const limit = i * 48;
    const { silence, skip, take } = track.place(position, 960, limit);
    assertEquals([silence >= 0, skip >= 0, take >= 0, skip + take <= 960], Array(4).fill(true));
    written += silence + take;
    assertEquals(track.length, written);
    assertEquals(written <= limit, true, `${written} of ${limit}`);
  }
});

test("TrackAssembler pads up to a length, and cuts nothing", () => {
  const track = new TrackAssembler();
  track.place(0, 960, HOUR);
  assertEquals([track.pad(1000), track.length], [40, 1000]);
  assertEquals([track.pad(500), track.length], [0, 1000]);
});
