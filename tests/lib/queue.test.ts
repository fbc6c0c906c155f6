import { assertEquals } from "@std/assert";
import test from "node:test";
import { Queue } from "../../lib/queue.ts";

test("Queue gives what it was given in order, and is empty then, twice", () => {
  const queue = new Queue<number>();
  for (let i = 0; i < 2; i++) {
    assertEquals(queue.shift(), undefined);
    queue.push(1);
    queue.push(2);
    assertEquals([queue.shift(), queue.shift(), queue.shift()], [1, 2, undefined]);
  }
});

test("Queue takes items while others are taken out", () => {
  const queue = new Queue<number>();
  const taken: (number | undefined)[] = [];
  for (let i = 0; i < 100; i++) {
    queue.push(2 * i);
    queue.push(2 * i + 1);
    taken.push(queue.shift());
  }
  for (let i = 0; i < 100; i++) taken.push(queue.shift());
  assertEquals(taken, Array.from({ length: 200 }, (_, i) => i));
  assertEquals(queue.shift(), undefined);
});

test("Queue keeps order and size while items wait in it all the time", () => {
  const queue = new Queue<number>();
  for (let i = 0; i < 1500; i++) queue.push(i);
  for (let i = 0; i < 10_000; i++) {
    assertEquals([queue.size, queue.shift()], [1500, i]);
    queue.push(1500 + i);
  }
  queue.clear();
  assertEquals([queue.size, queue.shift(), queue.size], [0, undefined, 0]);
});
