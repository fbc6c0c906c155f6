import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { createHmac } from "node:crypto";
import test from "node:test";
import {
  KeyRatchet,
  unwrapGeneration,
  unwrapNonce,
} from "../../../../lib/dave/frames/key_ratchet.ts";
import { hex, loadVectors, toHex } from "../../../tools/vectors.ts";

interface WrapCase {
  readonly name: string;
  readonly oldest: number;
  readonly generation: number;
  readonly nonce: number;
  readonly expect: number;
}

const SECRET = hex("cedd61b1b8a1ca69046554282cf70b7b");
const KEY = "7530f9a9945e2d2e06d0651f7b2a864b";
const { cases } = loadVectors<{ cases: WrapCase[] }>("libdave_frames.json");

/** DeriveTreeSecret with `node:crypto`. */
function derive(secret: Uint8Array, label: string, generation: number, size: number): Uint8Array {
  const context = new Uint8Array(4);
  new DataView(context.buffer).setUint32(0, generation);
  const text = `MLS 1.0 ${label}`;
  const info = Uint8Array.of(
    0,
    size,
    text.length,
    ...new TextEncoder().encode(text),
    4,
    ...context,
    1,
  );
  return new Uint8Array(createHmac("sha256", secret).update(info).digest()).slice(0, size);
}

test("KeyRatchet derives the known key of generation 0", () => {
  assertEquals(toHex(new KeyRatchet(SECRET).deriveKey(0)), KEY);
});

test("KeyRatchet derives the keys of later generations, and stays where it is", () => {
  const ratchet = new KeyRatchet(SECRET);
  let secret = SECRET;
  for (let generation = 0; generation < 5; generation++) {
    const wanted = toHex(derive(secret, "key", generation, 16));
    assertEquals(toHex(ratchet.deriveKey(generation)), wanted);
    assertEquals(toHex(ratchet.deriveKey(generation)), wanted);
    secret = derive(secret, "secret", generation, 32);
  }
  assertEquals(ratchet.generation, 0);
  assertEquals(toHex(ratchet.deriveKey(0)), KEY);
});

test("KeyRatchet.advance() keeps later keys and refuses older ones", () => {
  const ratchet = new KeyRatchet(SECRET);
  const keys = [0, 1, 2, 3].map((generation) => toHex(ratchet.deriveKey(generation)));
  ratchet.advance(2);
  ratchet.advance(1);
  assertEquals(ratchet.generation, 2);
  assertEquals([2, 3].map((generation) => toHex(ratchet.deriveKey(generation))), keys.slice(2));
  assertThrows(() => ratchet.deriveKey(1), RangeError, "the oldest is 2");
});

test("KeyRatchet.state() is a copy that another one goes on from", () => {
  const ratchet = new KeyRatchet(SECRET);
  ratchet.advance(3);
  const { generation, secret } = ratchet.state();
  const other = new KeyRatchet(secret, generation);
  secret.fill(0);
  assertEquals(toHex(other.deriveKey(7)), toHex(ratchet.deriveKey(7)));
});

test("KeyRatchet copies its secret and erases the copy", () => {
  const secret = SECRET.slice();
  const ratchet = new KeyRatchet(secret);
  secret.fill(0);
  assertEquals(toHex(ratchet.deriveKey(0)), KEY);
  ratchet.erase();
  assertNotEquals(toHex(ratchet.deriveKey(0)), KEY);
  assertEquals(toHex(ratchet.state().secret), "00".repeat(16));
});

for (
  const [size, generation] of [[0, 0], [15, 0], [32, 0], [16, 1], [31, 1], [32, -1], [32, 0.5]]
) {
  test(`KeyRatchet refuses ${size} bytes for generation ${generation}`, () => {
    assertThrows(
      () => new KeyRatchet(new Uint8Array(size), generation),
      RangeError,
      "Cannot start",
    );
  });
}

test("unwrapGeneration() agrees with libdave", () => {
  const wraps = cases.filter(({ name }) => name === "ComputeWrappedGeneration");
  assertEquals(wraps.length, 6);
  for (const { oldest, generation, expect } of wraps) {
    assertEquals(unwrapGeneration(oldest, generation * 2 ** 24 + 77), expect);
  }
});

test("unwrapNonce() agrees with libdave", () => {
  const wraps = cases.filter(({ name }) => name === "ComputeWrappedBigNonce");
  assertEquals(wraps.length, 8);
  for (const { generation, nonce, expect } of wraps) {
    assertEquals(unwrapNonce(generation, nonce), expect);
  }
});

test("unwrapGeneration() follows the counter over 2^32", () => {
  assertEquals(unwrapGeneration(255, 0), 256);
  assertEquals(unwrapGeneration(255, 2 ** 32 - 1), 255);
  assertEquals(unwrapGeneration(256, 2 ** 32 - 1), 511);
  assertEquals(unwrapNonce(256, 5), 2 ** 32 + 5);
});
