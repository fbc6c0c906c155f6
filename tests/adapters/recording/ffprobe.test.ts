/**
 * What is recorded is what `ffprobe` finds in it. Where `CI` is `true`, a missing `ffprobe` is a
 * failure.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { Disk } from "../../../adapters/recording/disk.ts";
import { recordCall, RECORDING_FORMATS } from "../../../adapters/recording/mod.ts";
import { WavFile } from "../../../adapters/recording/wav_file.ts";
import { FakeCall, temporaryFolder } from "./fixtures.ts";

const SECONDS = 3;
const USERS = ["1", "2", "3"];

function ffprobe(...args: string[]): string {
  return spawnSync("ffprobe", ["-v", "error", ...args], { encoding: "utf8" }).stdout;
}

const isMissing = spawnSync("ffprobe", ["-version"]).error !== undefined;
const skip = isMissing && process.env.CI !== "true" ? "there is no ffprobe" : false;
if (skip !== false) console.error(`Skipped: ${skip}`);

function probe(file: string): string {
  const entries = "stream=codec_name,sample_rate,channels,duration_ts";
  return ffprobe("-show_entries", entries, "-of", "csv=p=0", file).trim();
}

test("recordings of all formats are what ffprobe finds in them", { skip }, async () => {
  using folder = temporaryFolder();
  const channels = { wav: 2, ogg: 2, multichannel: USERS.length, mix: 2 };
  for (const format of RECORDING_FORMATS) {
    const call = new FakeCall();
    const recording = recordCall(call, { to: folder.path, format });
    const speakers = USERS.map((userId) => call.join(userId));
    call.position = SECONDS * 48_000;
    speakers[0].hold(4800, 9600, 1000);
    const opus = Uint8Array.of(0xfc, 0xff, 0xfe);
    for (const position of [100, 1060]) speakers[1].opus.push({ position, duration: 960, opus });
    call.end();
    const { users } = await recording.finished;
    const codec = format === "ogg" ? "opus" : "pcm_s16le";
    for (const { file } of users) {
      assertEquals(probe(file), `${codec},48000,${channels[format]},${SECONDS * 48_000}`, format);
    }
  }
});

test("a WAV file beyond 4 GiB is what ffprobe finds in it", { skip }, async () => {
  using folder = temporaryFolder();
  const disk = new Disk();
  const file = new WavFile(disk, join(folder.path, "large.wav"), 2);
  const length = 2 ** 30 + 48_000;
  await file.finish(length); // takes next to no room: it is all silence
  await disk.close();
  assertEquals(probe(file.path), `pcm_s16le,48000,2,${length}`);
});
