import { assertEquals, assertRejects } from "@std/assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk, OPEN_FILE_LIMIT } from "../../../adapters/recording/disk.ts";
import { temporaryFolder } from "./fixtures.ts";

test("Disk writes at places of one's choice, zeros in between, and replaces what was there", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "a", "b", "file");
  const disk = new Disk();
  await disk.create(path);
  await Promise.all([
    disk.write(path, Uint8Array.of(5, 6), 5),
    disk.write(path, Uint8Array.of(1), 0),
  ]);
  assertEquals([...readFileSync(path)], [1, 0, 0, 0, 0, 5, 6]);
  const into = new Uint8Array(4).fill(9);
  await disk.read(path, into, 4);
  assertEquals(into, Uint8Array.of(0, 5, 6, 0));
  await disk.resize(path, 9);
  assertEquals([...readFileSync(path)], [1, 0, 0, 0, 0, 5, 6, 0, 0]);
  await disk.resize(path, 1);
  await disk.create(path);
  assertEquals(readFileSync(path).length, 0);
  await disk.close();
  assertEquals(disk.openCount, 0);
});

test("Disk keeps few of many files open, and loses nothing", async () => {
  using folder = temporaryFolder();
  const paths = Array.from({ length: 3 * OPEN_FILE_LIMIT }, (_, i) => join(folder.path, `${i}`));
  const disk = new Disk();
  await Promise.all(paths.map((path) => disk.create(path)));
  for (const round of [0, 1]) {
    await Promise.all(paths.map((path, i) => disk.write(path, Uint8Array.of(i, round), 2 * round)));
    assertEquals(disk.openCount, OPEN_FILE_LIMIT);
  }
  await disk.close();
  paths.forEach((path, i) => assertEquals([...readFileSync(path)], [i, 0, i, 1]));
});

test("Disk tells what cannot be written, and goes on with other files", async () => {
  using folder = temporaryFolder();
  const [taken, inside, good] = ["taken", "file/inside", "good"].map((it) => join(folder.path, it));
  mkdirSync(taken);
  writeFileSync(join(folder.path, "file"), "");
  const disk = new Disk();
  await assertRejects(() => disk.create(taken), Error, "EISDIR");
  await assertRejects(() => disk.create(inside), Error);
  await assertRejects(() => disk.write(join(folder.path, "none"), new Uint8Array(1), 0), Error);
  await disk.create(good);
  await disk.write(good, Uint8Array.of(7), 0);
  await disk.close();
  assertEquals([...readFileSync(good)], [7]);
});
