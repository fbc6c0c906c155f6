import { assertEquals } from "@std/assert";
import test from "node:test";
import { Ring } from "../../../adapters/worker/ring.ts";
import { randomBytes, seededRandom, toHex } from "../../tools/vectors.ts";

type Entry = readonly [id: number, at: number, bytes: string];

function readAll(ring: Ring): Entry[] {
  const entries: Entry[] = [];
  ring.read((id, at, bytes) => entries.push([id, at, toHex(bytes)]));
  return entries;
}

test("Ring gives what was written, in order, over many laps, and says when it is full", () => {
  const memory = Ring.allocate(256);
  const [writer, reader] = [new Ring(memory), new Ring(memory)];
  const random = seededRandom(1);
  const waiting: Entry[] = [];
  let refused = 0;
  for (let n = 0; n < 20_000; n++) {
    const bytes = randomBytes(random, random() % 60);
    if (writer.write(n, n / 3, bytes)) waiting.push([n, n / 3, toHex(bytes)]);
    else refused++;
    if (random() % 5 < 2) assertEquals(readAll(reader), waiting.splice(0));
  }
  assertEquals(readAll(reader), waiting);
  assertEquals(readAll(reader), []);
  assertEquals(refused > 1000, true);
});

test("Ring takes a record only where it fits, however empty it is", () => {
  const ring = new Ring(Ring.allocate(64));
  assertEquals(ring.write(1, 0, new Uint8Array(49)), false);
  assertEquals(ring.write(1, 0, new Uint8Array(48)), false);
  assertEquals(ring.write(1, 0, new Uint8Array(40)), true);
  assertEquals(ring.write(2, 0, new Uint8Array(0)), false);
  assertEquals(readAll(ring).length, 1);
  assertEquals(ring.write(2, 0.5, Uint8Array.of(7)), true);
  assertEquals(readAll(ring), [[2, 0.5, "07"]]);
});

test("Ring reads what is written while it reads the next time", () => {
  const ring = new Ring(Ring.allocate(256));
  ring.write(1, 0, Uint8Array.of(1));
  const seen: number[] = [];
  ring.read((id) => {
    seen.push(id);
    if (id < 3) ring.write(id + 1, 0, Uint8Array.of(id));
  });
  assertEquals(seen, [1]);
  ring.read((id) => seen.push(id));
  assertEquals(seen, [1, 2]);
});

test("Ring.rouse() is told to wake a sleeping reader once, and none sleeps on a full ring", () => {
  const ring = new Ring(Ring.allocate(256));
  ring.write(1, 0, Uint8Array.of(1));
  assertEquals([ring.rouse(), ring.rouse()], [true, false]);
  assertEquals(ring.sleep(), false);
  assertEquals(ring.rouse(), false);
  readAll(ring);
  assertEquals(ring.sleep(), true);
  assertEquals(ring.rouse(), true);
});
