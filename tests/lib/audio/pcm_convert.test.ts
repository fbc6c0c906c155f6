import { assertEquals } from "@std/assert";
import test from "node:test";
import { pcmToFloat32, pcmToInt16, saturate } from "../../../lib/audio/pcm_convert.ts";

test("pcmToFloat32() and pcmToInt16() give every 16-bit sample back", () => {
  const all = Int16Array.from({ length: 65536 }, (_, i) => i - 32768);
  assertEquals(pcmToInt16(pcmToFloat32(all)), all);
});

test("pcmToInt16() rounds, saturates, and makes silence of what is no number", () => {
  const samples = [1, 2, -2, Infinity, -Infinity, NaN, 1.4 / 32768, 1.6 / 32768, -1.6 / 32768];
  assertEquals(
    pcmToInt16(Float32Array.from(samples)),
    Int16Array.of(32767, 32767, -32768, 32767, -32768, 0, 1, 2, -2),
  );
});

test("saturate() keeps within 16 bits", () => {
  assertEquals([32767.4, 32767.6, -32768.6, 1e9, -1e9].map(saturate), [
    ...[32767, 32767, -32768, 32767, -32768],
  ]);
});
