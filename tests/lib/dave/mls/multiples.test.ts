import { assertEquals } from "@std/assert";
import { p256 } from "@noble/curves/nist.js";
import test from "node:test";
import { BASE, encodePoint, ORDER, type Point, takePoint } from "../../../../lib/dave/mls/curve.ts";
import { addMultiples, multiplyBase } from "../../../../lib/dave/mls/multiples.ts";
import { randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

const random = seededRandom(1);

/** Scalars where windows are all zeros or all ones, or sums meet what they add; and random ones. */
const SCALARS: readonly bigint[] = [
  ...[1n, 2n, 3n, 4n, 5n, 6n, 7n, 30n, 31n, 32n, 33n, 63n, 64n, 65n, 255n, 256n, 257n],
  ...[1n, 2n, 3n, 31n, 32n, 33n, 255n, 256n].map((less) => ORDER - less),
  ...Array.from({ length: 51 }, (_, i) => 1n << BigInt(5 * i + 5)),
  ...Array.from({ length: 51 }, (_, i) => (1n << BigInt(5 * i + 5)) - 1n),
  (ORDER - 1n) / 2n,
  (ORDER + 1n) / 2n,
  ...Array.from({ length: 60 }, randomScalar),
];

function randomScalar(): bigint {
  return 1n + BigInt(`0x${toHex(randomBytes(random, 40))}`) % (ORDER - 1n);
}

function nobleMultiple(factor: bigint): string {
  const rest = factor % ORDER;
  return rest === 0n ? "infinity" : p256.Point.BASE.multiply(rest).toHex(false);
}

function textOf(point: Point): string {
  return point.z === 0n ? "infinity" : toHex(encodePoint(point));
}

function pointOf(factor: bigint): Point {
  return takePoint(p256.Point.BASE.multiply(factor).toBytes(false))!;
}

test("multiplyBase() equals noble's multiples for scalars at the edges and random ones", () => {
  for (const factor of SCALARS) {
    assertEquals(textOf(multiplyBase(factor)), nobleMultiple(factor), String(factor));
  }
});

test("addMultiples() equals noble's where one factor is 0", () => {
  const other = pointOf(0xabcdefn);
  for (const factor of SCALARS) {
    assertEquals(textOf(addMultiples(factor, other, 0n)), nobleMultiple(factor));
    assertEquals(textOf(addMultiples(0n, BASE, factor)), nobleMultiple(factor));
    assertEquals(textOf(addMultiples(0n, other, factor)), nobleMultiple(factor * 0xabcdefn));
  }
  assertEquals(textOf(addMultiples(0n, other, 0n)), "infinity");
});

test("addMultiples() equals noble's sums of random multiples", () => {
  for (let n = 0; n < 40; n++) {
    const [a, b, c] = [randomScalar(), randomScalar(), randomScalar()];
    assertEquals(textOf(addMultiples(a, pointOf(b), c)), nobleMultiple(a + b * c));
  }
});

// Here the formula of addition meets the same point, the opposite one, and infinity.
test("addMultiples() equals noble's sums where the other point is a small multiple of the base", () => {
  const small = [1n, 2n, 3n, 5n, 30n, ORDER - 1n, ORDER - 2n, ORDER - 3n];
  for (const a of small) {
    for (const b of small) {
      for (const c of small) {
        assertEquals(textOf(addMultiples(a, pointOf(b), c)), nobleMultiple(a + b * c));
      }
    }
  }
});
