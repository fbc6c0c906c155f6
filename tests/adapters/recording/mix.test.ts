import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk } from "../../../adapters/recording/disk.ts";
import { Mix, MIX_DELAY } from "../../../adapters/recording/mix.ts";
import { WavFile } from "../../../adapters/recording/wav_file.ts";
import { parseWav } from "../../../lib/audio/wav.ts";
import { temporaryFolder } from "./fixtures.ts";

const SECOND = 48_000;

test("Mix writes what nothing more can be added to, and keeps the rest open", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  let elapsed = 0;
  const mix = new Mix(new WavFile(disk, join(folder.path, "a.wav"), 1), () => elapsed);
  const [first, second] = [mix.input(), mix.input()];
  const read = () => parseWav(new Uint8Array(readFileSync(join(folder.path, "a.wav")))).samples;
  await first.write(0, new Int16Array(SECOND).fill(1));
  elapsed = MIX_DELAY + SECOND / 2;
  await mix.flush();
  assertEquals(read().length, SECOND / 2);
  await second.write(0, new Int16Array(SECOND).fill(10));
  assertEquals([first.late, second.late], [0, SECOND / 2]);
  await mix.finish(2 * SECOND);
  await disk.close();
  assertEquals([...new Set(read().subarray(0, SECOND / 2))], [1]);
  assertEquals([...new Set(read().subarray(SECOND / 2, SECOND))], [11]);
  assertEquals([...new Set(read().subarray(SECOND))], [0]);
  assertEquals(read().length, 2 * SECOND);
});

test("Mix keeps its order when many write at once, and pauses of hours take no room", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  let elapsed = 0;
  const file = new WavFile(disk, join(folder.path, "a.wav"), 1);
  const mix = new Mix(file, () => elapsed);
  const inputs = Array.from({ length: 5 }, () => mix.input());
  const writes: Promise<unknown>[] = [];
  for (const start of [0, 100 * 3600 * SECOND]) {
    for (let at = 0; at < 4 * SECOND; at += 960) {
      elapsed = start + at;
      for (const input of inputs) {
        writes.push(input.write(start + at, new Int16Array(960).fill(at / 960)));
      }
      writes.push(mix.flush());
    }
  }
  elapsed += MIX_DELAY + SECOND;
  await Promise.all([...writes, mix.flush()]);
  assertEquals(inputs.map(({ late }) => late), [0, 0, 0, 0, 0]);
  for (const start of [0, 100 * 3600 * SECOND]) {
    const samples = new Int16Array(4 * SECOND);
    await disk.read(file.path, new Uint8Array(samples.buffer), file.headerSize + 2 * start);
    samples.forEach((sample, i) => assertEquals(sample, 5 * Math.floor(i / 960)));
  }
  await disk.close();
});
