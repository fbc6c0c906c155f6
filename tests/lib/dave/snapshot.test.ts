// Invariant: what was put into a snapshot comes out of it, or nothing does.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import type { Reader } from "../../../lib/dave/mls/codec.ts";
import { makeSnapshot, readSnapshot } from "../../../lib/dave/snapshot.ts";
import { Secret } from "../../../lib/secret.ts";
import { bitFlips, hex, toHex, truncations } from "../../tools/vectors.ts";

const PARTS = [hex("03aabbcc"), hex("00")];
const take = (reader: Reader) => [toHex(reader.vector()), toHex(reader.vector())];

function read(bytes: Uint8Array, version = 1): string[] {
  return readSnapshot("a thing", version, new Secret(bytes), take);
}

function refusal(action: () => unknown): string {
  const { name, message } = assertThrows(action, Error);
  assertEquals(name, "RangeError");
  return message;
}

test("makeSnapshot() puts version and parts before a hash, and shows none of it", () => {
  const snapshot = makeSnapshot(0x102, PARTS);
  assertEquals(toHex(snapshot.reveal()).slice(0, 14), "010203aabbcc00");
  assertEquals(snapshot.reveal().length, 2 + 5 + 32);
  assertEquals(`${snapshot}${JSON.stringify(snapshot)}`, `[redacted]"[redacted]"`);
  assertEquals(inspect(snapshot).includes("170"), false);
});

test("readSnapshot() gives back what was put in, and leaves the snapshot as it is", () => {
  const bytes = makeSnapshot(1, PARTS).reveal();
  const before = toHex(bytes);
  assertEquals(read(bytes), ["aabbcc", ""]);
  let kept: Uint8Array = new Uint8Array(0);
  readSnapshot("a thing", 1, new Secret(bytes), (reader) => {
    kept = reader.vector().fill(0);
    reader.vector();
  });
  assertEquals([toHex(bytes), toHex(kept)], [before, "000000"]);
});

test("readSnapshot() refuses every truncation, every flipped bit and every other version", () => {
  const bytes = makeSnapshot(1, PARTS).reveal();
  for (const wrong of [...truncations(bytes), ...bitFlips(bytes), Uint8Array.of(...bytes, 0)]) {
    refusal(() => read(wrong));
  }
  assertEquals(
    refusal(() => read(bytes.subarray(0, 33))),
    "Cannot restore a thing: its state has 33 bytes",
  );
  assertEquals(
    refusal(() => read(bytes, 2)),
    "Cannot restore a thing: its state has version 1, want 2",
  );
  bytes[3] ^= 1;
  assertEquals(
    refusal(() => read(bytes)),
    "Cannot restore a thing: its state was changed or is not whole",
  );
});

test("readSnapshot() refuses what cannot be read and what is left over, and erases its copy", () => {
  for (const parts of [PARTS.slice(0, 1), [...PARTS, hex("00")], [hex("ff")]]) {
    const message = refusal(() => read(makeSnapshot(1, parts).reveal()));
    assertEquals(message, "Cannot restore a thing: its state is malformed");
  }
  let kept: Uint8Array = new Uint8Array(0);
  const spoil = (reader: Reader) => {
    kept = reader.vector();
    throw new RangeError("Cannot go on");
  };
  const message = refusal(() => readSnapshot("a thing", 1, makeSnapshot(1, PARTS), spoil));
  assertStringIncludes(message, "Cannot go on");
  assertEquals(toHex(kept), "000000");
});
