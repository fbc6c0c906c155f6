import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { VolumeTransformer } from "../../../adapters/discordjs/volume_transformer.ts";

function applied(volume: VolumeTransformer, value = 10_000, length = 960): Int16Array {
  const samples = new Int16Array(2 * length).fill(value);
  volume.apply(samples);
  return samples;
}

test("VolumeTransformer.setVolume() scales each sample, and saturates", () => {
  const volume = new VolumeTransformer();
  assertEquals(applied(volume)[0], 10_000);
  const half = new VolumeTransformer();
  half.setVolume(0.5);
  assertEquals([half.volume, applied(half)[0], applied(half, -10_000)[7]], [0.5, 5000, -5000]);
  const loud = new VolumeTransformer();
  loud.setVolume(10);
  assertEquals([applied(loud)[0], applied(loud, -10_000)[0]], [32_767, -32_768]);
});

test("VolumeTransformer fades over 10 ms where it has begun", () => {
  const volume = new VolumeTransformer();
  applied(volume);
  volume.setVolume(0);
  const samples = applied(volume);
  assertEquals([samples[0], samples[2 * 480], samples[2 * 900]], [10_000, 0, 0]);
});

test("VolumeTransformer sets and tells decibels and loudness", () => {
  const volume = new VolumeTransformer();
  volume.setVolumeDecibels(-20);
  assertAlmostEquals(volume.volume, 0.1, 1e-9);
  assertAlmostEquals(volume.volumeDecibels, -20, 1e-9);
  volume.setVolumeLogarithmic(0.5);
  assertAlmostEquals(volume.volume, 0.5 ** 1.660964, 1e-9);
  assertAlmostEquals(volume.volumeLogarithmic, 0.5, 1e-9);
  assertThrows(() => volume.setVolume(-1), RangeError);
  assertThrows(() => volume.setVolume(NaN), RangeError);
});
