import { assertEquals } from "@std/assert";
import test from "node:test";

import {
  READY_PATIENCE,
  RoomTransitions,
  TRANSITION_LIMIT,
} from "../../../lib/testing/dave/transitions.ts";

function dueIds(transitions: RoomTransitions<string>, now: number): number[] {
  const ids: number[] = [];
  for (let due; (due = transitions.takeDue(now)) !== undefined;) ids.push(due.id);
  return ids;
}

test("RoomTransitions executes once all are ready, or after 2 s", () => {
  const transitions = new RoomTransitions<string>();
  assertEquals([transitions.next(), transitions.takeDue(0)], [undefined, undefined]);
  const id = transitions.begin(1, ["a", "b"], 100);
  assertEquals([transitions.ready(id, "a"), dueIds(transitions, 100)], [true, []]);
  assertEquals([transitions.ready(id, "a"), transitions.ready(id, "b")], [true, true]);
  assertEquals(dueIds(transitions, 100), [1]);
  transitions.begin(1, ["a", "b"], 200);
  assertEquals(transitions.next(), 200 + READY_PATIENCE);
  assertEquals(dueIds(transitions, 199 + READY_PATIENCE), []);
  const due = transitions.takeDue(200 + READY_PATIENCE)!;
  assertEquals([due.id, [...due.waiting], [...due.audience]], [2, ["a", "b"], ["a", "b"]]);
});

test("RoomTransitions knows no readiness of others, of other ids, or once it is executed", () => {
  const transitions = new RoomTransitions<string>();
  const id = transitions.begin(1, ["a"], 0);
  for (const [other, member] of [[id, "b"], [0, "a"], [id + 1, "a"], [-1, "a"]] as const) {
    assertEquals([transitions.ready(other, member), dueIds(transitions, 0)], [false, []]);
  }
  assertEquals([transitions.ready(id, "a"), dueIds(transitions, 0)], [true, [id]]);
  assertEquals(transitions.ready(id, "a"), false);
});

test("RoomTransitions executes in the order in which they began", () => {
  const transitions = new RoomTransitions<string>();
  const [first, second] = [transitions.begin(1, ["a", "b"], 0), transitions.begin(1, ["a"], 0)];
  transitions.ready(second, "a");
  assertEquals(dueIds(transitions, 0), []);
  transitions.ready(first, "a");
  transitions.ready(first, "b");
  assertEquals(dueIds(transitions, 0), [first, second]);
});

test("RoomTransitions has ids of 1 to 65535", () => {
  const transitions = new RoomTransitions<string>();
  for (let id = 1; id <= 0xffff; id++) {
    assertEquals([transitions.begin(1, [], 0), dueIds(transitions, 0)], [id, [id]]);
  }
  assertEquals([transitions.begin(1, [], 0), transitions.begin(1, [], 0)], [1, 2]);
});

test("RoomTransitions holds a bounded number: the oldest of more is due", () => {
  const transitions = new RoomTransitions<string>();
  for (let i = 0; i < TRANSITION_LIMIT; i++) transitions.begin(1, ["a"], 0);
  assertEquals(dueIds(transitions, 0), []);
  for (let i = 0; i < 2; i++) transitions.begin(1, ["a"], 0);
  assertEquals(dueIds(transitions, 0), [1, 2]);
});

test("RoomTransitions forgets a member: a downgrade still concerns it", () => {
  const transitions = new RoomTransitions<string>();
  transitions.begin(1, ["a", "b"], 0);
  transitions.begin(0, ["a", "b"], 0);
  for (const id of [1, 2]) transitions.ready(id, "b");
  assertEquals(dueIds(transitions, 0), []);
  transitions.forget("a");
  const [epoch, downgrade] = [transitions.takeDue(0)!, transitions.takeDue(0)!];
  assertEquals([[...epoch.audience], [...downgrade.audience]], [["b"], ["a", "b"]]);
});

test("RoomTransitions drops those to epochs, and keeps a downgrade", () => {
  const transitions = new RoomTransitions<string>();
  transitions.begin(1, ["a"], 0);
  assertEquals(transitions.downgrading, false);
  transitions.begin(0, ["a"], 0);
  transitions.begin(1, ["a"], 0);
  assertEquals(transitions.downgrading, true);
  transitions.dropEpochs();
  assertEquals([1, 2, 3].map((id) => transitions.ready(id, "a")), [false, true, false]);
  assertEquals(dueIds(transitions, 0), [2]);
  assertEquals(transitions.downgrading, false);
});
