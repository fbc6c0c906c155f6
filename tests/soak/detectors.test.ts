import { assert, assertEquals, assertGreater, assertLess, assertThrows } from "@std/assert";
import { createSocket } from "node:dgram";
import test from "node:test";
import { nobleAead } from "../../lib/aead.ts";
import { until } from "../tools/waiting.ts";
import { heapInUse } from "./heap.ts";
import { openResources, SocketWatch, TimerWatch, watchedSignal } from "./watch.ts";
import { SoakClient, World } from "./world.ts";

// Each detector of the soak finds a leak that is planted, and finds none where there is none.

const CYCLES = 300;

const LEAKS: Readonly<Record<string, (index: number) => unknown>> = {
  "objects": (index) => Array.from({ length: 32 }, (_, i) => ({ value: index + i + 0.5 })),
  "a buffer": () => new Uint8Array(1024),
  "text": (index) => String(index).repeat(2000).split("").reverse().join("").slice(1, 1100),
};

for (const [name, leak] of Object.entries(LEAKS)) {
  test(`heapInUse sees 1 KB a cycle: ${name}`, async () => {
    const kept: unknown[] = new Array(CYCLES).fill(0);
    for (let i = 0; i < CYCLES; i++) leak(i);
    const before = await heapInUse();
    for (let i = 0; i < CYCLES; i++) leak(i);
    const without = (await heapInUse() - before) / CYCLES;
    for (let i = 0; i < CYCLES; i++) kept[i] = leak(i);
    const bytes = (await heapInUse() - before) / CYCLES;
    assertGreater(bytes, 900);
    assertLess(without, 256);
    assertEquals(kept.length, CYCLES);
  });
}

test("TimerWatch counts timers that live, and gives the real functions back", async () => {
  const real = globalThis.setTimeout;
  {
    using timers = new TimerWatch();
    const [timeout, interval] = [setTimeout(() => {}, 100_000), setInterval(() => {}, 100_000)];
    assertEquals(timers.live, 2);
    clearTimeout(timeout);
    assertEquals(timers.live, 1);
    clearInterval(interval);
    assertEquals(timers.live, 0);
    let told: unknown;
    setTimeout((value: unknown) => told = value, 1, "argument");
    assertEquals(timers.live, 1);
    await until(() => told !== undefined);
    assertEquals([told, timers.live], ["argument", 0]);
    clearTimeout(undefined);
  }
  assert(globalThis.setTimeout === real);
});

test("SocketWatch counts sockets until somebody closes them", () => {
  const closers: (() => void)[] = [];
  const watch = new SocketWatch();
  const watched = watch.watch({
    runtime: "node",
    aead: nobleAead,
    openWebSocket(_, handlers) {
      closers.push(() => handlers.close(1006, ""));
      return { send() {}, close() {} };
    },
    openDatagram(_, handlers) {
      closers.push(() => handlers.close(new Error("broken")));
      return { send() {}, dropped: 0, close() {} };
    },
  });
  const nothing = { open() {}, message() {}, error() {}, close() {} };
  const remote = { address: "127.0.0.1", port: 1 };
  const sockets = [
    watched.openWebSocket("", nothing),
    watched.openWebSocket("", nothing),
    watched.openDatagram(remote, nothing),
    watched.openDatagram(remote, nothing),
  ];
  assertEquals([watch.open, watch.opened], [4, 4]);
  sockets[0]!.close(1000);
  sockets[2]!.close(1000);
  assertEquals(watch.open, 2);
  for (const close of closers) close(); // two of which had been closed already
  assertEquals([watch.open, watch.opened], [0, 4]);
});

test("watchedSignal counts listeners", () => {
  const { signal, listeners } = watchedSignal();
  const listener = () => {};
  signal.addEventListener("abort", listener, { once: true });
  assertEquals(listeners(), 1);
  signal.removeEventListener("abort", listener);
  assertEquals(listeners(), 0);
});

test("openResources sees a socket, where the machine or the runtime tells", async () => {
  const before = openResources();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const during = openResources();
  const sum = (counts: object) => Object.values(counts).reduce((a: number, b: number) => a + b, 0);
  if ("descriptors" in before) assertGreater(sum(during), sum(before));
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  await until(() => sum(openResources()) === sum(before));
});

test("the world of the soak refuses a client that has not ended", () => {
  const world = new World();
  const client = new SoakClient(world, "1");
  client.join();
  assertEquals(client.session.state, "connected");
  assert(world.timeout() !== undefined);
  assertEquals([world.websockets.size, world.ports.size], [1, 1]);
  assertThrows(() => client.detach());
});
