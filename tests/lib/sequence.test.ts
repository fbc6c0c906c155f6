import { assertEquals } from "@std/assert";
import test from "node:test";
import { SequenceTracker } from "../../lib/sequence.ts";
import { seededRandom } from "../tools/vectors.ts";

function receive(tracker: SequenceTracker, ...sequences: number[]): string {
  return sequences.map((sequence) => tracker.receive(sequence & 0xffff)[0]).join("");
}

function counters({ received, lost, late, duplicates }: SequenceTracker): number[] {
  return [received, lost, late, duplicates];
}

test("SequenceTracker starts with nothing", () => {
  const tracker = new SequenceTracker();
  assertEquals(counters(tracker), [0, 0, 0, 0]);
  assertEquals(tracker.highest, -1);
});

for (const first of [0, 1, 100, 0x7ffe, 0x7fff, 0x8000, 0xfffe, 0xffff]) {
  test(`SequenceTracker follows a sender that starts at ${first}, over every wrap`, () => {
    const tracker = new SequenceTracker();
    for (let i = 0; i < 0x20010; i++) {
      const arrival = tracker.receive((first + i) & 0xffff);
      if (arrival !== "next") assertEquals([i, arrival], [i, "next"]);
    }
    assertEquals(counters(tracker), [0x20010, 0, 0, 0]);
  });

  test(`SequenceTracker tells late from duplicate around ${first}`, () => {
    const tracker = new SequenceTracker();
    assertEquals(
      receive(tracker, first, first + 3, first + 1, first + 1, first + 3, first),
      "nnlddd",
    );
    assertEquals(counters(tracker), [3, 1, 1, 3]);
    assertEquals(receive(tracker, first + 2, first + 2, first + 4), "ldn");
    assertEquals(counters(tracker), [5, 0, 2, 4]);
  });
}

test("SequenceTracker counts a gap as lost, twice", () => {
  const tracker = new SequenceTracker();
  receive(tracker, 10, 15);
  assertEquals(tracker.lost, 4);
  receive(tracker, 20);
  assertEquals(tracker.lost, 8);
});

test("SequenceTracker.highest goes on over the wrap", () => {
  const tracker = new SequenceTracker();
  receive(tracker, 0xffff);
  const { highest } = tracker;
  receive(tracker, 0);
  assertEquals(tracker.highest, highest + 1);
  receive(tracker, 0xffff);
  assertEquals(tracker.highest, highest + 1);
});

test("SequenceTracker takes what is older than its window for known", () => {
  const tracker = new SequenceTracker();
  receive(tracker, 1000, 1300);
  assertEquals(receive(tracker, 1300 - 255), "l");
  assertEquals(receive(tracker, 1300 - 256), "d");
});

test("SequenceTracker takes a jump of 3000 for a new start, either way", () => {
  const tracker = new SequenceTracker();
  receive(tracker, 10_000);
  assertEquals(receive(tracker, 12_999), "n");
  assertEquals(tracker.lost, 2998);
  assertEquals(receive(tracker, 12_999 + 3000, 12_999 + 3001), "nn");
  assertEquals(tracker.lost, 2998);
  assertEquals(receive(tracker, 5, 6, 5), "nnd");
  assertEquals(tracker.lost, 2998);
  assertEquals(tracker.received, 6);
});

// RFC 3550 appendix A.1: two packets in sequence from elsewhere are a sender that started again.
test("SequenceTracker soon hears a sender again that starts again nearby", () => {
  for (const back of [300, 1000, 2999]) {
    const tracker = new SequenceTracker();
    for (let i = 0; i < 500; i++) tracker.receive(5000 + i);
    let deaf = 0;
    while (deaf < 4000 && tracker.receive(5499 - back + deaf) === "duplicate") deaf++;
    assertEquals(deaf <= 2, true, `${back} back: ${deaf} packets unheard`);
  }
});

test("SequenceTracker accepts each packet of a disordered network once", () => {
  const random = seededRandom(8);
  const tracker = new SequenceTracker();
  const total = 5000;
  const queue: number[] = [];
  let accepted = 0;
  for (let i = 0; i < total; i++) {
    for (let copies = 1 + random() % 2; copies > 0; copies--) {
      queue.splice(Math.max(0, queue.length - random() % 20), 0, i);
    }
  }
  const first = queue[0];
  for (const i of queue) accepted += Number(tracker.receive((65_000 + i) & 0xffff) !== "duplicate");
  assertEquals(accepted, total);
  assertEquals(tracker.received, total);
  assertEquals(tracker.duplicates, queue.length - total);
  assertEquals(tracker.highest - (0x10000 + 65_000 + first), total - 1 - first);
});
