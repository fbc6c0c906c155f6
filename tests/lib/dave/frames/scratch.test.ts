import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { Scratch } from "../../../../lib/dave/frames/scratch.ts";

test("Scratch is the same memory until it must grow", () => {
  const scratch = new Scratch();
  assertEquals(scratch.ofSize(0).length, 0);
  const first = scratch.ofSize(100);
  assert(first.length >= 100);
  assertStrictEquals(scratch.ofSize(1), first);
  assertStrictEquals(scratch.ofSize(first.length), first);
  assert(scratch.ofSize(first.length + 1).length > first.length);
});

test("Scratch overwrites what it lets go of", () => {
  const scratch = new Scratch();
  const first = scratch.ofSize(4).fill(7);
  const second = scratch.ofSize(100).fill(7);
  assertEquals(first.every((byte) => byte === 0), true);
  scratch.erase();
  assertEquals(second.every((byte) => byte === 0), true);
});
