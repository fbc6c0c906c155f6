import { assertEquals } from "@std/assert";
import test from "node:test";
import { Departures } from "../../../adapters/worker/departures.ts";
import { seededRandom } from "../../tools/vectors.ts";

function take(departures: Departures, now: number): string[] {
  const taken: string[] = [];
  departures.take(now, ({ id, size, bytes }) => taken.push(`${id}:${bytes.slice(0, size)}`));
  return taken;
}

test("Departures.take() gives what is due half a millisecond from now, and no more", () => {
  const departures = new Departures(1000.2);
  departures.add(1, 1005.4, Uint8Array.of(1));
  departures.add(2, 1005.4, Uint8Array.of(2, 3));
  departures.add(3, 1005.9, Uint8Array.of(4));
  departures.add(4, 900, Uint8Array.of(5));
  assertEquals(departures.size, 4);
  assertEquals(take(departures, 1000.3), ["4:5"]);
  assertEquals(take(departures, 1004.8), []);
  assertEquals(take(departures, 1005), ["1:1", "2:2,3"]);
  assertEquals(take(departures, 1005.1), []);
  assertEquals(take(departures, 1005.5), ["3:4"]);
  assertEquals(departures.size, 0);
});

test("Departures keeps what is far ahead until its instant, and gives all after a long stall", () => {
  const departures = new Departures(0);
  departures.add(1, 5000, Uint8Array.of(1));
  departures.add(2, 511, Uint8Array.of(2));
  for (let now = 0; now < 4999; now += 7) {
    assertEquals(take(departures, now), now === 511 ? ["2:2"] : []);
  }
  assertEquals(take(departures, 5000), ["1:1"]);
  departures.add(3, 5100, Uint8Array.of(3));
  departures.add(4, 5001, Uint8Array.of(4));
  assertEquals(take(departures, 90_000).toSorted(), ["3:3", "4:4"]);
});

test("Departures.discard() takes out what waits for one socket, wherever it waits", () => {
  const departures = new Departures(0);
  assertEquals(departures.discard(1), 0);
  for (const at of [5, 5, 5, 6, 300, 9000]) {
    for (const id of [1, 2]) departures.add(id, at, Uint8Array.of(id));
  }
  assertEquals([departures.discard(3), departures.size], [0, 12]);
  assertEquals([departures.discard(1), departures.size], [6, 6]);
  assertEquals([departures.discard(1), departures.size], [0, 6]);
  assertEquals(take(departures, 5), ["2:2", "2:2", "2:2"]);
  departures.add(4, 6, Uint8Array.of(4));
  assertEquals(take(departures, 6), ["2:2", "4:4"]);
  assertEquals(departures.size, 2);
});

test("Departures gives each datagram once, at its instant, whatever comes and whenever it looks", () => {
  const integers = seededRandom(3);
  const random = () => integers() / 2 ** 32;
  const departures = new Departures(0);
  const waiting = new Map<number, number>();
  let now = 0;
  for (let id = 0; id < 20_000; id++) {
    const at = now + random() * 700 - 20;
    departures.add(id, at, Uint8Array.of(id & 255));
    waiting.set(id, at);
    if (random() < 0.5) continue;
    now += random() < 0.01 ? 900 * random() : 4 * random();
    departures.take(now, (departure) => {
      assertEquals(departure.at, waiting.get(departure.id));
      assertEquals(departure.at <= now + 0.5, true);
      assertEquals(departure.bytes[0], departure.id & 255);
      waiting.delete(departure.id);
    });
    for (const left of waiting.values()) assertEquals(left > now + 0.5, true);
  }
  assertEquals(departures.size, waiting.size);
});

test("Departures keeps the order of what is due over more than a lap of its slots", () => {
  const departures = new Departures(0);
  for (let at = 0; at < 511; at += 20) departures.add(at, at, Uint8Array.of(0));
  const order: number[] = [];
  departures.take(800, ({ at }) => order.push(at));
  assertEquals(order, Array.from({ length: 26 }, (_, i) => 20 * i));
});
