import { assertEquals } from "@std/assert";
import test from "node:test";
import { STREAM_LIMIT, Streams } from "../../lib/streams.ts";

test("Streams follows each SSRC on its own", () => {
  const streams = new Streams();
  assertEquals([streams.receive(1, 10), streams.receive(2, 10)], ["next", "next"]);
  assertEquals([streams.receive(1, 13), streams.receive(1, 12)], ["next", "late"]);
  assertEquals([streams.receive(2, 10), streams.receive(2, 11)], ["duplicate", "next"]);
  assertEquals(streams.stats(), [
    { ssrc: 1, received: 3, lost: 1, late: 1, duplicates: 0, jitter: 0 },
    { ssrc: 2, received: 2, lost: 0, late: 0, duplicates: 1, jitter: 0 },
  ]);
});

test("Streams starts empty and gives a copy of its counters", () => {
  const streams = new Streams();
  assertEquals(streams.stats(), []);
  streams.receive(0, 0);
  const before = streams.stats();
  streams.receive(0, 1);
  assertEquals(before[0].received, 1);
  assertEquals(streams.stats()[0].received, 2);
});

test("Streams drops the oldest SSRC beyond the bound", () => {
  const streams = new Streams();
  for (let ssrc = 0; ssrc < STREAM_LIMIT; ssrc++) streams.receive(ssrc, 5);
  assertEquals(streams.receive(0, 5), "duplicate");
  streams.receive(STREAM_LIMIT, 5);
  const known = streams.stats().map(({ ssrc }) => ssrc);
  assertEquals([known.length, known[0], known.at(-1)], [STREAM_LIMIT, 1, STREAM_LIMIT]);
  assertEquals(streams.receive(0, 5), "next");
  assertEquals(streams.stats().length, STREAM_LIMIT);
});
