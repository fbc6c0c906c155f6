import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { endsBefore, SEEK_PRE_ROLL } from "../../../lib/audio/seek.ts";

const { packets } = readOggOpus(
  new Uint8Array(readFileSync(new URL("../../audio/talk.ogg", import.meta.url))),
);
const first = (from: number): number => packets.findIndex((it) => !endsBefore(it, from));

test("endsBefore() leaves out what has ended, not what sounds", () => {
  assertEquals([0.1, 13.4, 13.5, 13.6, 33.4, 33.5, 5000].map(first), [0, 0, 1, 1, 1, 2, 250]);
  assertEquals(first(5000 - SEEK_PRE_ROLL), 246);
});

test("endsBefore() leaves out nothing at 0 or before it, and all behind the end", () => {
  const short = { time: -6.5, duration: 120 };
  assertEquals([0, -0, -5, NaN].map((from) => endsBefore(short, from)), [
    ...[false, false, false, false],
  ]);
  assertEquals(endsBefore(short, 1), true);
  assertEquals([first(11_000), first(Infinity)], [-1, -1]);
});
