import { assertEquals } from "@std/assert";
import test from "node:test";
import { HEARD_USER_LIMIT, STREAM_LIMIT, Streams } from "../../lib/streams.ts";

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

/** What is told of each user, as text, by name. */
function users(streams: Streams): string[] {
  return streams.users().map(({ userId, ssrcs, received, lost, late, duplicates }) =>
    `${userId} [${ssrcs}] ${received} ${lost} ${late} ${duplicates}`
  ).sort();
}

function hear(streams: Streams, ssrc: number, ...sequences: number[]): void {
  for (const sequence of sequences) streams.receive(ssrc, sequence);
}

test("Streams adds up each user's streams, those of earlier SSRCs and keys too", () => {
  const owners = new Map([[1, "a"], [2, "b"]]);
  const streams = new Streams((ssrc) => owners.get(ssrc));
  hear(streams, 1, 10, 12, 11, 11);
  hear(streams, 2, 5);
  assertEquals(users(streams), ["a [1] 3 0 1 1", "b [2] 1 0 0 0"]);
  owners.delete(1);
  streams.end(1);
  assertEquals(users(streams)[0], "a [1] 3 0 1 1");
  owners.set(7, "a");
  hear(streams, 7, 100, 103);
  assertEquals(users(streams), ["a [1,7] 5 2 1 1", "b [2] 1 0 0 0"]);
  streams.restart();
  assertEquals([users(streams), streams.stats()], [["a [] 5 2 1 1", "b [] 1 0 0 0"], []]);
  hear(streams, 7, 100);
  assertEquals(users(streams)[0], "a [7] 6 2 1 1");
  assertEquals(streams.totals(), { received: 7, lost: 2, late: 1, duplicates: 1 });
});

test("Streams gives what was heard of nobody to the user who is told later", () => {
  const streams = new Streams();
  hear(streams, 1, 1, 2);
  assertEquals([users(streams), streams.totals().received], [[], 2]);
  streams.assign(1, "a");
  streams.assign(99, "a");
  assertEquals(users(streams), ["a [1] 2 0 0 0"]);
});

test("Streams begins anew where another user gets an SSRC: his first packets are no duplicates", () => {
  const owners = new Map([[1, "a"]]);
  const streams = new Streams((ssrc) => owners.get(ssrc));
  hear(streams, 1, 1, 2, 3);
  owners.set(1, "b");
  streams.assign(1, "b");
  assertEquals(streams.receive(1, 2), "next");
  assertEquals(users(streams), ["a [1] 3 0 0 0", "b [1] 1 0 0 0"]);
  // The same user again: nothing ends.
  streams.assign(1, "b");
  assertEquals(streams.receive(1, 2), "duplicate");
  assertEquals(streams.stats().map(({ received }) => received), [1]);
});

test("Streams begins anew after end(), before anybody knows whose the SSRC is", () => {
  const owners = new Map([[1, "a"]]);
  const streams = new Streams((ssrc) => owners.get(ssrc));
  hear(streams, 1, 1, 2);
  owners.clear();
  streams.end(1);
  streams.end(2);
  assertEquals(streams.receive(1, 2), "next");
  assertEquals(users(streams), ["a [1] 2 0 0 0"]);
  streams.assign(1, "b");
  assertEquals(users(streams), ["a [1] 2 0 0 0", "b [1] 1 0 0 0"]);
});

test("Streams remembers a bounded number of users and of SSRCs of each", () => {
  const streams = new Streams((ssrc) => ssrc < 2000 ? `${ssrc}` : "many");
  for (let ssrc = 0; ssrc < HEARD_USER_LIMIT; ssrc++) streams.receive(ssrc, 0);
  streams.restart();
  streams.receive(0, 0);
  streams.receive(1500, 0);
  for (let i = 0; i < 20; i++) streams.receive(2000 + i, 0);
  streams.restart();
  const known = streams.users().map(({ userId }) => userId);
  assertEquals(known.length, HEARD_USER_LIMIT);
  // Whoever was heard last stays.
  assertEquals([known.includes("0"), known.includes("1"), known.at(-1)], [true, false, "many"]);
  assertEquals(streams.users().at(-1)?.received, 20);
  for (let i = 0; i < STREAM_LIMIT; i++) streams.receive(5000 + i, 0);
  for (let i = 0; i < 20; i++) streams.receive(7000 + i, 0);
  assertEquals(streams.totals().received, HEARD_USER_LIMIT + 22 + STREAM_LIMIT + 20);
});

test("Streams remembers the last eight SSRCs of a user who has them no more", () => {
  const owners = new Map<number, string>();
  const streams = new Streams((ssrc) => owners.get(ssrc));
  for (let ssrc = 0; ssrc < 20; ssrc++) {
    owners.set(ssrc, "a");
    streams.receive(ssrc, 0);
    owners.clear();
    streams.end(ssrc);
    streams.receive(ssrc, 0);
  }
  const [{ ssrcs, received }] = streams.users();
  assertEquals([ssrcs, received], [[12, 13, 14, 15, 16, 17, 18, 19], 20]);
});

test("Streams measures jitter by stream, and tells that of a user's newest", () => {
  const streams = new Streams(() => "a");
  streams.receive(1, 0, 0, 0);
  streams.receive(1, 1, 960, 36);
  streams.receive(2, 0, 0, 0);
  streams.receive(2, 1, 960, 52);
  assertEquals(streams.stats().map(({ jitter }) => jitter), [1, 2]);
  assertEquals(streams.users().map(({ jitter }) => jitter), [2]);
  streams.pause(2);
  streams.pause(3);
  streams.receive(2, 2, 1920, 900);
  assertEquals(streams.users()[0].jitter, 2);
  streams.restart();
  assertEquals(streams.users()[0].jitter, 2);
});

test("Streams.report() has a block for each stream with news, in turn where there are too many", () => {
  const streams = new Streams();
  for (let ssrc = 0; ssrc < 5; ssrc++) streams.receive(ssrc, 9);
  const report = (now: number) => streams.report(3, now).map(({ ssrc }) => ssrc);
  assertEquals([report(1), report(2), report(3)], [[0, 1, 2], [3, 4], []]);
  for (let ssrc = 0; ssrc < 5; ssrc++) streams.receive(ssrc, 10);
  assertEquals(report(4), [0, 1, 2]);
  for (let ssrc = 0; ssrc < 5; ssrc++) streams.receive(ssrc, 11);
  assertEquals(report(5), [3, 4, 0]);
  streams.end(1);
  assertEquals([report(6), report(7)], [[2], []]);
});

test("Streams.takeSenderReport() is for streams that are heard", () => {
  const streams = new Streams();
  streams.takeSenderReport(1, 77, 0);
  streams.receive(1, 9);
  assertEquals(streams.report(9, 1000)[0].lastSenderReport, 0);
  streams.takeSenderReport(1, 77, 1000);
  streams.receive(1, 10);
  const [{ lastSenderReport, delaySinceLastSenderReport }] = streams.report(9, 1500);
  assertEquals([lastSenderReport, delaySinceLastSenderReport], [77, 32_768]);
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
