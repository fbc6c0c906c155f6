import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { Clocked } from "../../../adapters/receive/clocked.ts";
import { JitterBuffer, type JitterItem } from "../../../lib/audio/jitter_buffer.ts";
import { until, within } from "../../tools/waiting.ts";

const LIMIT = 5_000;

function packet(sequence: number, at: number) {
  return { ssrc: 1, sequence, timestamp: 480 * sequence, at, opus: Uint8Array.of(0xf0, 1, 2, 3) };
}

function setUp(): { clocked: Clocked<JitterItem>; items: { item: JitterItem; at: number }[] } {
  const items: { item: JitterItem; at: number }[] = [];
  const buffer = new JitterBuffer({ minDelay: 20 });
  const clocked = new Clocked(buffer, (item) => items.push({ item, at: performance.now() }));
  return { clocked, items };
}

test(
  "Clocked gives each item when it is due, and nothing after the pause",
  within(LIMIT, async () => {
    const { clocked, items } = setUp();
    const start = performance.now();
    for (const sequence of [3, 1, 2]) clocked.push(packet(sequence, start + 10 * sequence));
    await until(() => items.some(({ item }) => item.type === "pause"));
    const packets = items.flatMap(({ item }) => item.type === "packet" ? [item.sequence] : []);
    assertEquals(packets, [1, 2, 3]);
    for (const { item, at } of items) assert(at >= item.at - 1, `${at} is before ${item.at}`);
    const { length } = items;
    await delay(30);
    assertEquals(items.length, length);
    clocked.end();
    assertEquals(items.length, length);
  }),
);

test("Clocked.end() gives what is left at once, stop() nothing", () => {
  const ended = setUp();
  const stopped = setUp();
  for (const { clocked } of [ended, stopped]) {
    const start = performance.now();
    for (const sequence of [1, 2, 4]) clocked.push(packet(sequence, start + 10 * sequence));
  }
  ended.clocked.end();
  stopped.clocked.stop();
  assertEquals(ended.items.map(({ item }) => item.type), ["packet", "packet", "loss", "packet"]);
  assertEquals(stopped.items, []);
});
