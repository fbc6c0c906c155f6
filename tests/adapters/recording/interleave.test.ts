import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Disk, OPEN_FILE_LIMIT } from "../../../adapters/recording/disk.ts";
import { interleave } from "../../../adapters/recording/interleave.ts";
import { WavFile } from "../../../adapters/recording/wav_file.ts";
import { parseWav } from "../../../lib/audio/wav.ts";
import { temporaryFolder } from "./fixtures.ts";

for (const [channels, length] of [[0, 100], [1, 10], [3, 400_000], [2 * OPEN_FILE_LIMIT, 30_000]]) {
  test(`interleave() of ${channels} files of ${length} samples`, async () => {
    using folder = temporaryFolder();
    const disk = new Disk();
    const parts: string[] = [];
    for (let channel = 0; channel < channels; channel++) {
      const part = new WavFile(disk, join(folder.path, `${channel}`), 1);
      await part.write(channel, Int16Array.from({ length: length - channel }, (_, i) => i));
      await part.finish(length);
      parts.push(part.path);
    }
    const target = new WavFile(disk, join(folder.path, "all.wav"), Math.max(1, channels));
    await interleave(disk, parts, target, length);
    await disk.close();
    const wav = parseWav(new Uint8Array(readFileSync(target.path)));
    assertEquals([wav.channels, wav.samples.length], [target.channels, target.channels * length]);
    const expected = new Int16Array(wav.samples.length);
    for (let at = 0; at < length; at++) {
      for (let channel = 0; channel < channels; channel++) {
        expected[at * channels + channel] = Math.max(0, at - channel);
      }
    }
    assertEquals(wav.samples, expected);
  });
}
