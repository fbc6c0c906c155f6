import { test } from "node:test";
import { assertEquals, assertInstanceOf } from "@std/assert";
import { FrameQueue, type PacketSource, READ_AHEAD } from "../../../adapters/player/frame_queue.ts";
import { until } from "../../tools/waiting.ts";
import { shortPackets } from "./fixtures.ts";

/** Opens a queue, and tells how often it has called. */
function open(source: () => PacketSource): { frames: FrameQueue; calls: () => number } {
  let calls = 0;
  return { frames: new FrameQueue(source, () => calls++), calls: () => calls };
}

test("FrameQueue gives each packet with its duration, then ends", async () => {
  const { frames, calls } = open(() => [...shortPackets(2), Uint8Array.of(0xf8)]);
  await until(() => frames.hasEnded);
  const taken = [];
  for (; frames.first !== undefined; frames.shift()) taken.push(frames.first.duration);
  assertEquals(taken, [120, 120, 960]);
  // Once where there was none before, and once at the end.
  assertEquals([calls(), frames.failure], [2, undefined]);
});

test("FrameQueue calls again for each packet that finds it empty", async () => {
  const [end, ...gates] = Array.from({ length: 3 }, () => Promise.withResolvers<void>());
  const { frames, calls } = open(async function* () {
    for (const [i, packet] of shortPackets(2).entries()) {
      await gates[i]!.promise;
      yield packet;
    }
    await end.promise;
  });
  for (const [i, gate] of gates.entries()) {
    assertEquals([frames.first, calls()], [undefined, i]);
    gate.resolve();
    await until(() => frames.first !== undefined);
    assertEquals(calls(), i + 1);
    frames.shift();
  }
  end!.resolve();
  await until(() => frames.hasEnded);
});

test("FrameQueue stops reading where enough is there, and goes on where half is left", async () => {
  let given = 0;
  const { frames } = open(function* () {
    for (; given < 30; given++) yield Uint8Array.of(0xe0, given);
  });
  await until(() => given === READ_AHEAD - 1);
  const half = READ_AHEAD / 2;
  for (let i = 1; i < half; i++) frames.shift();
  await null;
  assertEquals(given, READ_AHEAD - 1);
  frames.shift();
  await until(() => given === READ_AHEAD + half - 1);
  for (let i = half; i < 30; i++) {
    await until(() => frames.first !== undefined);
    assertEquals(frames.first!.packet[1], i);
    frames.shift();
  }
  await until(() => frames.hasEnded);
});

test("FrameQueue keeps what came before a fault", async () => {
  for (
    const source of [
      function* () {
        yield* shortPackets(1);
        throw new SyntaxError("broken");
      },
      () => [...shortPackets(1), new Uint8Array(0), ...shortPackets(1)],
    ]
  ) {
    const { frames } = open(source);
    await until(() => frames.hasEnded);
    assertInstanceOf(frames.failure?.error, SyntaxError);
    frames.shift();
    assertEquals(frames.first, undefined);
  }
});

test("FrameQueue tells of a source that cannot be opened, after it is made", async () => {
  const fault = new Error("no such file");
  const { frames, calls } = open(() => {
    throw fault;
  });
  assertEquals(calls(), 0);
  await until(() => calls() === 1);
  assertEquals(frames.failure, { error: fault });
});

test("FrameQueue.close() closes the source, also one that hangs, and tells nothing more", async () => {
  let returned = 0;
  const hanging = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<Uint8Array>>(() => {}),
      return: () => {
        returned++;
        return Promise.reject(new Error("cannot be closed"));
      },
    }),
  };
  const { frames, calls } = open(() => hanging);
  await null;
  frames.close();
  frames.close();
  assertEquals([returned, frames.hasEnded, calls()], [1, true, 0]);
  const full = open(() => shortPackets(100));
  await until(() => full.calls() === 1);
  for (let i = 0; i < 2 * READ_AHEAD; i++) await null;
  full.frames.close();
  assertEquals(full.frames.first, undefined);
  await null;
  assertEquals(full.calls(), 1);
});
