import { assertEquals, assertGreater } from "@std/assert";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk } from "../../../adapters/recording/disk.ts";
import { OggTrack } from "../../../adapters/recording/ogg_track.ts";
import { OggDemuxer } from "../../../lib/audio/ogg.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { temporaryFolder } from "./fixtures.ts";

const HOUR = 3600 * 48_000;
const VOICE = Uint8Array.of(0xfc, 1, 2, 3);

function write(track: OggTrack, position: number, opus?: Uint8Array): Promise<void> {
  return track.write({ position: 1e9, duration: 960, opus }, position, HOUR);
}

test("OggTrack trims the end to the sample", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const path = join(folder.path, "a.ogg");
  const track = new OggTrack(disk, path);
  await write(track, 960, VOICE);
  await track.finish(10_001);
  await disk.close();
  const file = new Uint8Array(readFileSync(path));
  const durations = readOggOpus(file).packets.map(({ duration }) => duration);
  assertEquals(durations.reduce((a, b) => a + b), 10_080);
  const demuxer = new OggDemuxer();
  demuxer.push(file);
  demuxer.end();
  let granule: bigint | undefined;
  for (let packet; (packet = demuxer.pull()) !== undefined;) {
    if (packet.eos) granule = packet.granule;
  }
  assertEquals(granule, 10_001n);
});

test("OggTrack counts voice, losses and what is late, and leaves out what is no packet", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const path = join(folder.path, "a.ogg");
  const track = new OggTrack(disk, path);
  await write(track, 0, VOICE);
  await write(track, 960);
  await write(track, 1920, new Uint8Array(0));
  await write(track, 0, VOICE);
  await write(track, 2880, VOICE);
  assertEquals([track.spoken, track.concealed, track.late, track.length], [1920, 1, 960, 3840]);
  assertEquals(track.takePeak(), undefined);
  await track.finish(3840);
  await disk.close();
  const packets = readOggOpus(new Uint8Array(readFileSync(path))).packets;
  assertEquals(packets.map(({ packet }) => [...packet]), [
    [...VOICE],
    [0xfc],
    [0xfc, 0xff, 0xfe],
    [...VOICE],
  ]);
});

test("OggTrack writes hours of silence in pieces, and can be read meanwhile", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const path = join(folder.path, "a.ogg");
  const track = new OggTrack(disk, path);
  await write(track, HOUR / 4, VOICE);
  const size = statSync(path).size;
  assertGreater(size, 100_000);
  await track.flush();
  assertGreater(statSync(path).size, size);
  assertGreater(readOggOpus(new Uint8Array(readFileSync(path))).packets.length, 44_900);
  await disk.close();
});
