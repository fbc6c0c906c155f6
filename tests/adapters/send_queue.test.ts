import { assertEquals } from "@std/assert";
import test from "node:test";

import { SEND_QUEUE_CAPACITY, type SendDone, SendQueue } from "../../adapters/send_queue.ts";

/** A queue on a socket that ends a send when the test says so. */
function manualQueue() {
  const started: { bytes: Uint8Array; done: SendDone }[] = [];
  const errors: string[] = [];
  const queue = new SendQueue(
    (bytes, _to, done) => void started.push({ bytes, done }),
    (error) => void errors.push(error.message),
  );
  return { queue, started, errors };
}

/** Closes a queue and ends its sends, which others would wait for. */
function finish({ queue, started }: ReturnType<typeof manualQueue>): void {
  queue.close(() => {});
  for (const { done } of started) done();
}

test("SendQueue has one send in flight and keeps the order", () => {
  const { queue, started } = manualQueue();
  const buffer = new Uint8Array(1);
  for (let n = 0; n < 5; n++) {
    buffer[0] = n;
    queue.push(buffer);
  }
  for (let n = 0; n < 5; n++) {
    assertEquals(started.length, n + 1);
    assertEquals([...started[n].bytes], [n]);
    started[n].done();
  }
});

test("SendQueue drops and counts what does not fit", () => {
  const manual = manualQueue();
  const { queue, started } = manual;
  for (let n = 0; n < SEND_QUEUE_CAPACITY + 1; n++) queue.push(new Uint8Array(1));
  assertEquals(queue.dropped, 0);
  queue.push(new Uint8Array(1));
  assertEquals(queue.dropped, 1);
  queue.push(new Uint8Array(1));
  assertEquals(queue.dropped, 2);
  started[0].done();
  queue.push(new Uint8Array(1));
  assertEquals(queue.dropped, 2);
  finish(manual);
  assertEquals(started.length, SEND_QUEUE_CAPACITY + 2);
});

test("SendQueue reports a failed send and goes on", () => {
  const { queue, started, errors } = manualQueue();
  queue.push(Uint8Array.of(1));
  queue.push(Uint8Array.of(2));
  started[0].done(new Error("first"));
  started[1].done(null);
  assertEquals(errors, ["first"]);
});

test("SendQueue goes on after a send that throws", () => {
  const errors: string[] = [];
  const queue = new SendQueue(([byte], _to, done) => {
    if (byte === 1) throw new Error("thrown");
    done();
  }, (error) => void errors.push(error.message));
  for (const byte of [1, 2, 1]) queue.push(Uint8Array.of(byte));
  assertEquals(errors, ["thrown", "thrown"]);
});

test("SendQueue.close sends what waits, takes nothing more, reports nothing, and ends once", () => {
  const { queue, started, errors } = manualQueue();
  let ended = 0;
  queue.push(Uint8Array.of(1));
  queue.push(Uint8Array.of(2));
  queue.close(() => ended++);
  queue.close(() => ended++);
  queue.push(Uint8Array.of(3));
  started[0].done(new Error("late"));
  assertEquals([started.length, ended], [2, 0]);
  assertEquals([...started[1].bytes], [2]);
  started[1].done();
  started[1].done();
  assertEquals([started.length, ended, errors, queue.dropped], [2, 1, [], 0]);

  const idle = manualQueue();
  idle.queue.close(() => ended++);
  assertEquals(ended, 2);
});

test("SendQueue bounds the sends in flight over all queues, first come first served", () => {
  const queues = Array.from({ length: 70 }, manualQueue);
  for (const { queue } of queues) {
    queue.push(Uint8Array.of(1));
    queue.push(Uint8Array.of(2));
    queue.push(Uint8Array.of(3));
  }
  const running = () => queues.map(({ started }) => started.length).join("");
  assertEquals(running(), "1".repeat(64) + "0".repeat(6));
  queues[0].started[0].done();
  assertEquals(running(), "1".repeat(65) + "0".repeat(5));
  queues[69].queue.close(() => {}); // still waits for its turn
  for (let n = 1; n < 6; n++) queues[n].started[0].done();
  assertEquals(running(), "1".repeat(70));
  queues[6].started[0].done(); // the place goes to queue 0, which asked first
  assertEquals(running(), "2" + "1".repeat(69));
  for (let n = 0; n < 3; n++) for (const { started } of queues) started.at(-1)!.done();
  assertEquals(running(), "3".repeat(70));
});
