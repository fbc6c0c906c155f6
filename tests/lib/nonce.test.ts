import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { LocalProtocolError } from "../../lib/errors.ts";
import { COUNTER_SIZE, NonceCounter } from "../../lib/nonce.ts";
import { toHex } from "../tools/vectors.ts";

function spend(counter: NonceCounter): string {
  const into = new Uint8Array(COUNTER_SIZE);
  counter.next(into);
  return toHex(into);
}

test("NonceCounter counts from 0, big endian, one higher each time", () => {
  const counter = new NonceCounter();
  const values: number[] = [];
  const wire: string[] = [];
  for (let i = 0; i < 3; i++) {
    values.push(counter.value);
    wire.push(spend(counter));
  }
  assertEquals(values, [0, 1, 2]);
  assertEquals(wire, ["00000000", "00000001", "00000002"]);
});

test("NonceCounter counts little endian where that is wanted", () => {
  const counter = new NonceCounter(0x01020304, true);
  assertEquals([spend(counter), spend(counter), counter.value], [
    "04030201",
    "05030201",
    0x01020306,
  ]);
});

test("NonceCounter carries into every byte and passes 2^31", () => {
  for (
    const [start, first, second] of [
      [0xff, "000000ff", "00000100"],
      [0xffff, "0000ffff", "00010000"],
      [0xffffff, "00ffffff", "01000000"],
      [0x7fffffff, "7fffffff", "80000000"],
    ] as const
  ) {
    const counter = new NonceCounter(start);
    assertEquals([spend(counter), spend(counter)], [first, second]);
  }
});

test("NonceCounter writes four bytes and no more", () => {
  const into = new Uint8Array(12).fill(0xee);
  new NonceCounter(5).next(into);
  assertEquals(toHex(into), "00000005" + "ee".repeat(8));
});

test("NonceCounter spends 2^32 - 1 and then refuses for good", () => {
  const counter = new NonceCounter(2 ** 32 - 2);
  assertEquals([spend(counter), spend(counter)], ["fffffffe", "ffffffff"]);
  const into = new Uint8Array(COUNTER_SIZE).fill(0xee);
  for (let i = 0; i < 2; i++) {
    assertThrows(() => counter.next(into), LocalProtocolError, "all 2^32 nonces");
    assertEquals(counter.value, 2 ** 32);
  }
  assertEquals(toHex(into), "eeeeeeee");
});

test("NonceCounter refuses a start that is no unsigned 32-bit integer", () => {
  for (const start of [-1, 0.5, NaN, Infinity, 2 ** 32]) {
    assertThrows(() => new NonceCounter(start), RangeError, `${start} is not an unsigned`);
  }
});

test("NonceCounter cannot be set back from outside", () => {
  const counter = new NonceCounter(7);
  assertThrows(() => Object.assign(counter, { value: 0 }), TypeError);
  assertEquals(Object.keys(counter), []);
  assertEquals(spend(counter), "00000007");
});
