import { assertAlmostEquals, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Downmix } from "../../../lib/audio/pcm_downmix.ts";

/** What each channel, alone at full scale, becomes. */
function sides(channels: number, mask?: number): [left: number, right: number][] {
  const downmix = new Downmix(channels, mask);
  return Array.from({ length: channels }, (_, i) => {
    const [left, right] = downmix.apply(new Float32Array(channels).fill(1, i, i + 1));
    return [left, right];
  });
}

function assertSides(
  actual: readonly (readonly [number, number])[],
  expected: readonly (readonly [number, number])[],
): void {
  assertEquals(actual.length, expected.length);
  for (const [i, side] of actual.entries()) {
    for (const j of [0, 1]) assertAlmostEquals(side[j], expected[i][j], 1e-6, `${i}.${j}`);
  }
}

const HALF = Math.SQRT1_2;

test("Downmix puts one channel on both sides as it is", () => {
  assertEquals(new Downmix(1).apply(Float32Array.of(1, -0.3)), Float32Array.of(1, 1, -0.3, -0.3));
});

test("Downmix leaves two channels untouched", () => {
  const samples = Float32Array.of(1, 2);
  assertStrictEquals(new Downmix(2).apply(samples), samples);
});

test("Downmix of 5.1 has the coefficients of BS.775, which add up to full scale", () => {
  const sum = 1 + HALF + HALF;
  assertSides(sides(6), [
    [1 / sum, 0],
    [0, 1 / sum],
    [HALF / sum, HALF / sum],
    [0, 0],
    [HALF / sum, 0],
    [0, HALF / sum],
  ]);
  const loud = new Downmix(6).apply(new Float32Array(6).fill(1));
  assertAlmostEquals(loud[0], 1, 1e-6);
});

test("Downmix follows the mask: four at the corners, or two and centre and back", () => {
  const corners = 1 + HALF;
  assertSides(sides(4), [
    [1 / corners, 0],
    [0, 1 / corners],
    [HALF / corners, 0],
    [0, HALF / corners],
  ]);
  const diamond = 1 + HALF + 0.5;
  assertSides(sides(4, 0x107), [
    [1 / diamond, 0],
    [0, 1 / diamond],
    [HALF / diamond, HALF / diamond],
    [0.5 / diamond, 0.5 / diamond],
  ]);
});

test("Downmix is heard and within full scale for all channel counts and masks", () => {
  for (const channels of [...Array.from({ length: 20 }, (_, i) => i + 1), 255, 65535]) {
    for (const mask of channels === 2 ? [0] : [0, 1, 8, 0x3ffff, 0xffffffff]) {
      const [left, right] = new Downmix(channels, mask).apply(new Float32Array(channels).fill(1));
      assertAlmostEquals(Math.max(left, right), 1, 1e-4, `${channels} channels, mask ${mask}`);
    }
  }
});

test("Downmix refuses impossible numbers", () => {
  for (const channels of [0, -1, 1.5, NaN, 65536]) {
    assertThrows(() => new Downmix(channels), RangeError, `Cannot downmix ${channels} channels`);
  }
  assertThrows(() => new Downmix(3).apply(new Float32Array(4)), RangeError, "a multiple of 3");
});
