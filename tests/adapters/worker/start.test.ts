import { assertEquals, assertMatch } from "@std/assert";
import test from "node:test";
import { LanePool } from "../../../adapters/worker/pool.ts";
import { startLaneThread } from "../../../adapters/worker/start.ts";
import { until } from "../../tools/waiting.ts";
import { transport as inner } from "../fixtures.ts";

const REMOTE = { address: "127.0.0.1", port: 9 };

/** Programs that end by themselves, and what is told of it. */
const ENDING: readonly [program: string, why: RegExp][] = [
  [`import process from "node:process"; process.exit(3);`, /it has ended with code 3$/],
  [`import process from "node:process"; setTimeout(() => process.exit(0), 5);`, /with code 0$/],
  [`throw new Error("broken from the start");`, /broken from the start/],
  [`setTimeout(() => { throw new Error("broken later"); }, 5);`, /broken later/],
  [`Promise.reject(new Error("rejected"));`, /rejected/],
];

test("startLaneThread tells that a worker has ended by itself, and its sockets hear of it once", async () => {
  await Promise.all(ENDING.map(async ([program, why]) => {
    const pool = new LanePool((handlers) => startLaneThread(handlers, program), 1);
    const transport = pool.transport(inner);
    const errors: Error[] = [];
    const open = () =>
      transport.openDatagram(REMOTE, {
        open() {},
        message() {},
        error() {},
        close: (error) => errors.push(error),
      });
    const sockets = [open(), open()];
    await until(() => errors.length === 2);
    for (const { message } of errors) {
      assertMatch(message, /^Cannot go on with a worker: /);
      assertMatch(message, why);
    }
    assertEquals(pool.size, 0);
    for (const socket of sockets) {
      socket.send(Uint8Array.of(1));
      socket.close();
    }
    const next = open();
    assertEquals(next.lead, undefined); // it is in this thread
    next.close();
  }));
});

test("startLaneThread gives messages on, and a worker is ended at once even where it is busy", async () => {
  const program = `import { parentPort } from "node:worker_threads";
    parentPort.on("message", (message) => {
      parentPort.postMessage(message);
      for (;;);
    });`;
  const heard: unknown[] = [];
  const thread = startLaneThread({
    message: (report) => heard.push(report),
    failed: ({ message }) => heard.push(message),
  }, program);
  thread.post({ type: "wake" });
  await until(() => heard.length === 1);
  thread.terminate();
  await until(() => heard.length === 2);
  assertEquals(heard[0], { type: "wake" });
  assertMatch(heard[1] as string, /it has ended with code/);
});
