import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  DEFAULT_HEARTBEAT_INTERVAL,
  Heartbeat,
  MAX_HEARTBEAT_INTERVAL,
  MIN_HEARTBEAT_INTERVAL,
} from "../../lib/heartbeat.ts";

test("Heartbeat has an interval before Hello, and keeps that of Hello over stop()", () => {
  const heartbeat = new Heartbeat();
  assertEquals(DEFAULT_HEARTBEAT_INTERVAL, 13_750);
  assertEquals(heartbeat.interval, DEFAULT_HEARTBEAT_INTERVAL);
  heartbeat.stop();
  assertEquals(heartbeat.interval, DEFAULT_HEARTBEAT_INTERVAL);
  heartbeat.start(13750.5);
  assertEquals(heartbeat.interval, 13750.5);
  heartbeat.stop();
  assertEquals(heartbeat.interval, 13750.5);
});

test("Heartbeat does not beat more often than it must", () => {
  const heartbeat = new Heartbeat();
  heartbeat.start(Number.MIN_VALUE);
  assertEquals(heartbeat.interval, MIN_HEARTBEAT_INTERVAL);
});

test("Heartbeat does not beat more seldom than once a minute", () => {
  assertEquals(MAX_HEARTBEAT_INTERVAL, 60_000);
  for (const [asked, interval] of [[59_999.5, 59_999.5], [60_000, 60_000], [60_001, 60_000]]) {
    const heartbeat = new Heartbeat();
    heartbeat.start(asked);
    assertEquals(heartbeat.interval, interval);
  }
  const heartbeat = new Heartbeat();
  heartbeat.start(Number.MAX_VALUE);
  assertEquals(heartbeat.interval, MAX_HEARTBEAT_INTERVAL);
});

test("Heartbeat counts integer nonces up, over stop() and start() too", () => {
  const heartbeat = new Heartbeat();
  heartbeat.start(100);
  assertEquals([heartbeat.beat(0), heartbeat.beat(100.5)], [1, 2]);
  heartbeat.stop();
  heartbeat.start(100);
  assertEquals([heartbeat.beat(200), heartbeat.beat(300)], [3, 4]);
});

test("Heartbeat is dead after two beats without an answer", () => {
  const heartbeat = new Heartbeat();
  heartbeat.start(100);
  const dead = [heartbeat.dead];
  for (let i = 0; i < 3; i++) {
    heartbeat.beat(100 * i);
    dead.push(heartbeat.dead);
  }
  assertEquals(dead, [false, false, true, true]);
});

test("Heartbeat lives again with an answer, with Hello, and with stop()", () => {
  const heartbeat = new Heartbeat();
  const die = () => [heartbeat.beat(0), heartbeat.beat(0)][1];
  for (
    const revive of [
      (nonce: number) => heartbeat.acknowledge(nonce, 1),
      (nonce: number) => heartbeat.acknowledge(nonce - 1, 1),
      () => heartbeat.start(100),
      () => heartbeat.stop(),
    ]
  ) {
    const nonce = die();
    assertEquals(heartbeat.dead, true);
    revive(nonce);
    assertEquals(heartbeat.dead, false);
  }
});

test("Heartbeat does not live on answers to what was never sent", () => {
  const heartbeat = new Heartbeat();
  heartbeat.beat(0);
  heartbeat.beat(10);
  for (const nonce of [0, -1, 3, 2 ** 52, NaN]) {
    assertEquals(heartbeat.acknowledge(nonce, 20), undefined);
    assertEquals(heartbeat.dead, true);
  }
});

test("Heartbeat measures the round trip of each beat, in whatever order answers come", () => {
  const heartbeat = new Heartbeat();
  heartbeat.start(100);
  heartbeat.beat(0);
  assertEquals(heartbeat.acknowledge(1, 30.25), 30.25);
  heartbeat.beat(100);
  heartbeat.beat(200);
  assertEquals(heartbeat.acknowledge(3, 240), 40);
  assertEquals(heartbeat.acknowledge(2, 250), 150);
});

test("Heartbeat measures an answer once, though it comes twice", () => {
  const heartbeat = new Heartbeat();
  heartbeat.beat(5);
  heartbeat.beat(10);
  assertEquals([1, 1, 2, 1, 2].map((nonce) => heartbeat.acknowledge(nonce, 20)), [
    15,
    undefined,
    10,
    undefined,
    undefined,
  ]);
});

test("Heartbeat waits for the answers of the last four beats, and of none before", () => {
  for (const beats of [4, 5, 9]) {
    const heartbeat = new Heartbeat();
    for (let i = 1; i <= beats; i++) heartbeat.beat(i);
    const roundTrips = Array.from(
      { length: beats },
      (_, i) => heartbeat.acknowledge(i + 1, 100),
    );
    const last = Array.from({ length: 4 }, (_, i) => 99 - (beats - 4) - i);
    assertEquals(roundTrips, [...Array(beats - 4).fill(undefined), ...last]);
  }
});

test("Heartbeat lives on a late answer, though it is too late to be measured", () => {
  const heartbeat = new Heartbeat();
  for (let i = 1; i <= 9; i++) heartbeat.beat(i);
  assertEquals([heartbeat.dead, heartbeat.acknowledge(1, 10), heartbeat.dead], [
    true,
    undefined,
    false,
  ]);
});

test("Heartbeat answers a request once a second, and does not wait for an answer", () => {
  const heartbeat = new Heartbeat();
  heartbeat.start(5000);
  assertEquals(heartbeat.beat(0), 1);
  const nonces = [100, 200, 1099, 1100, 2100].map((now) => heartbeat.answerRequest(now));
  assertEquals(nonces, [2, undefined, undefined, 3, 4]);
  assertEquals([heartbeat.dead, heartbeat.acknowledge(4, 2130)], [false, 30]);
});
