import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { makeTick, Ticker } from "../../adapters/ticker.ts";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";

import { inFakeTime } from "./fake_sockets.ts";
import { thrownLater } from "./thrown_later.ts";

const soon = () => performance.now() + 5;

test("Ticker calls ticks in the order of their instants, not before them", async () => {
  const ticker = new Ticker();
  const random = new SeededRandom(7);
  const start = performance.now();
  const called: number[] = [];
  await new Promise<void>((done) => {
    for (let i = 0; i < 200; i++) {
      const at = start + 1 + random.next() * 40;
      const tick = makeTick((now) => {
        assert(now >= at);
        called.push(at);
        if (called.length === 200) done();
      });
      ticker.set(tick, at);
    }
  });
  assertEquals(called, called.toSorted((a, b) => a - b));
  assertEquals(ticker.size, 0);
});

test("Ticker calls ticks of one instant in the order in which they were set, round after round", async () => {
  const ticker = new Ticker();
  const rounds: number[][] = [[], [], [], []];
  const start = soon();
  await new Promise<void>((done) => {
    for (let i = 0; i < 100; i++) {
      let round = 0;
      const tick = makeTick(() => {
        rounds[round++]!.push(i);
        if (round < rounds.length) ticker.set(tick, start + 2 * round);
        else if (i === 99) done();
      });
      ticker.set(tick, start);
    }
  });
  for (const round of rounds) assertEquals(round, Array.from({ length: 100 }, (_, i) => i));
});

test("Ticker.set() forgets the earlier instant of a tick", async () => {
  const ticker = new Ticker();
  let count = 0;
  const tick = makeTick(() => count++);
  ticker.set(tick, soon() + 10_000);
  ticker.set(tick, soon());
  assertEquals(ticker.size, 1);
  await new Promise<void>((done) => ticker.set(makeTick(() => done()), soon() + 10));
  assertEquals(count, 1);
  assertEquals(ticker.size, 0);
});

test("Ticker.clear() also stops a tick that is due in the same round", async () => {
  const ticker = new Ticker();
  const at = soon();
  let count = 0;
  const second = makeTick(() => count++);
  await new Promise<void>((done) => {
    ticker.set(
      makeTick(() => {
        ticker.clear(second);
        ticker.clear(second);
        setTimeout(done, 10);
      }),
      at,
    );
    ticker.set(second, at);
  });
  assertEquals(count, 0);
});

test(
  "Ticker goes on behind a tick that throws",
  inFakeTime(async (time) => {
    const ticker = new Ticker();
    let count = 0;
    const thrown = await thrownLater(() => {
      ticker.set(
        makeTick(() => {
          throw new Error("of a tick");
        }),
        time.now,
      );
      ticker.set(makeTick(() => count++), time.now);
      time.advance(1);
    });
    assertEquals([thrown.map((error) => (error as Error).message), count], [["of a tick"], 1]);
  }),
);

test(
  "Ticker.clearAll() has no tick called and no timer left, and goes on with new ones",
  inFakeTime((time) => {
    const ticker = new Ticker();
    let count = 0;
    const tick = makeTick(() => count++);
    for (let i = 0; i < 2; i++) {
      ticker.set(tick, time.now + 5);
      ticker.set(makeTick(() => count++), time.now + 1);
      ticker.clearAll();
      assertEquals([ticker.size, time.armed], [0, []]);
      time.advance(10);
      assertEquals(count, i);
      ticker.set(tick, time.now + 5);
      time.advance(10);
      assertEquals(count, i + 1);
    }
  }),
);

test("Ticker goes on behind a tick that sets itself for now", async () => {
  const ticker = new Ticker();
  let rounds = 0;
  const greedy = makeTick((now) => {
    rounds++;
    ticker.set(greedy, now);
  });
  ticker.set(greedy, soon());
  await new Promise<void>((done) => ticker.set(makeTick(() => done()), soon() + 5));
  ticker.clear(greedy);
  assert(rounds > 0);
  assertEquals(ticker.size, 0);
});
