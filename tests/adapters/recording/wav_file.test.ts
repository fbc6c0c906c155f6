import { assertEquals, assertRejects } from "@std/assert";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk } from "../../../adapters/recording/disk.ts";
import { type WavDisk, WavFile } from "../../../adapters/recording/wav_file.ts";
import { parseWav } from "../../../lib/audio/wav.ts";
import { temporaryFolder } from "./fixtures.ts";

function read(path: string): { samples: number[]; channels: number } {
  const { samples, channels } = parseWav(new Uint8Array(readFileSync(path)));
  return { samples: [...samples], channels };
}

test("WavFile writes samples at their places, silence in between, and completes to a length", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const file = new WavFile(disk, join(folder.path, "new", "a.wav"), 2);
  await file.write(1, Int16Array.of(1, -1, 2, -2));
  await file.write(5, Int16Array.of(3, -3));
  await file.finish(7);
  await disk.close();
  assertEquals(read(file.path), {
    samples: [0, 0, 1, -1, 2, -2, 0, 0, 0, 0, 3, -3, 0, 0],
    channels: 2,
  });
});

test("WavFile cuts off what lies behind its length", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const file = new WavFile(disk, join(folder.path, "a.wav"), 1);
  await file.write(0, Int16Array.of(1, 2, 3, 4));
  await file.finish(3);
  await disk.close();
  assertEquals(read(file.path).samples, [1, 2, 3]);
});

test("WavFile writes pieces of any size and gaps of any length", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const file = new WavFile(disk, join(folder.path, "a.wav"), 1);
  const expected = new Int16Array(400_000);
  let at = 0;
  for (const [gap, size] of [[0, 100], [47_000, 900], [1, 48_001], [100_000, 150_000], [0, 7]]) {
    at += gap;
    const samples = expected.subarray(at, at + size).map((_, i) => at + i);
    expected.set(samples, at);
    await file.write(at, samples);
    at += size;
  }
  await file.finish(at);
  await disk.close();
  assertEquals(Int16Array.from(read(file.path).samples), expected.subarray(0, at));
});

test("WavFile is whole up to the last second while it is written", async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const file = new WavFile(disk, join(folder.path, "a.wav"), 1);
  for (let at = 0; at < 480_000; at += 960) {
    await file.write(at, new Int16Array(960).fill(at / 960 + 1));
    if (at % 96_000 !== 48_000) continue;
    const { samples } = read(file.path);
    assertEquals(at - samples.length <= 48_000, true, `${samples.length} of ${at}`);
    samples.forEach((sample, i) => assertEquals(sample, Math.floor(i / 960) + 1));
  }
  await file.flush();
  assertEquals(read(file.path).samples.length, 480_000);
  await disk.close();
});

test("WavFile becomes RF64 beyond 4 GiB, in its first bytes only", async () => {
  const written: [position: number, first: string, size: number][] = [];
  let resized = 0;
  const disk: WavDisk = {
    create: () => Promise.resolve(),
    write: (_path, bytes, position) => {
      const first = String.fromCharCode(...bytes.subarray(0, 4));
      written.push([position, position === 0 ? first : "", bytes.length]);
      return Promise.resolve();
    },
    resize: (_path, size) => Promise.resolve(void (resized = size)),
  };
  const file = new WavFile(disk, "large.wav", 2);
  const length = 2 ** 30; // 4 GiB in two channels
  await file.write(length - 10_000, new Int16Array(2 * 9000));
  await file.flush();
  await file.write(length - 1000, new Int16Array(2 * 2000));
  await file.finish(length + 1000);
  const { headerSize } = file;
  assertEquals(written, [
    [headerSize + 4 * (length - 10_000), "", 36_000],
    [0, "RIFF", headerSize],
    [headerSize + 4 * (length - 1000), "", 8000],
    [0, "RF64", headerSize],
    [0, "RF64", headerSize],
  ]);
  assertEquals(resized, headerSize + 4 * (length + 1000));
});

test("WavFile tells with the next operation that it cannot be made", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a.wav");
  mkdirSync(path);
  const disk = new Disk();
  const file = new WavFile(disk, path, 1);
  await assertRejects(() => file.write(0, new Int16Array(1)), Error, "EISDIR");
  await assertRejects(() => file.flush(), Error, "EISDIR");
  await assertRejects(() => file.finish(1), Error, "EISDIR");
  await disk.close();
});
