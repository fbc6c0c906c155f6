import { assertEquals } from "@std/assert";
import { p256 } from "@noble/curves/nist.js";
import test from "node:test";
import {
  BASE,
  encodePoint,
  flatten,
  hasX,
  invert,
  ORDER,
  type Point,
  PointSum,
  reduce,
  takeNumber,
  takePoint,
} from "../../../../lib/dave/mls/curve.ts";
import { bitFlips, hex, randomBytes, seededRandom, toHex } from "../../../tools/vectors.ts";

const { p: PRIME, n, Gx, Gy, b: B } = p256.Point.CURVE();
const { Fp } = p256.Point;

function nobleMultiple(factor: bigint): Uint8Array {
  return p256.Point.BASE.multiply(factor).toBytes(false);
}

function textOf(point: Point): string {
  return point.z === 0n ? "infinity" : toHex(encodePoint(point));
}

test("the constants are those of noble's P-256", () => {
  assertEquals([ORDER, BASE.x, BASE.y, BASE.z], [n, Gx, Gy, 1n]);
});

test("PointSum counts up and doubles as noble does", () => {
  const [sum, power] = [new PointSum(), new PointSum()];
  power.add(BASE);
  for (let factor = 1n; factor <= 200n; factor++) {
    sum.add(BASE);
    assertEquals(encodePoint(sum), nobleMultiple(factor));
    power.double();
    assertEquals(encodePoint(power), nobleMultiple(2n ** factor % ORDER));
    sum.add(power);
    sum.add({ x: power.x, y: -power.y, z: power.z });
  }
});

test("PointSum adds the same, the opposite, and anything to infinity", () => {
  const sum = new PointSum();
  assertEquals(textOf(sum), "infinity");
  sum.double();
  assertEquals(textOf(sum), "infinity");
  sum.add(BASE);
  sum.add(BASE);
  assertEquals(textOf(sum), toHex(nobleMultiple(2n)));
  sum.add(sum);
  assertEquals(textOf(sum), toHex(nobleMultiple(4n)));
  sum.add({ x: sum.x, y: -sum.y, z: sum.z });
  assertEquals(textOf(sum), "infinity");
  sum.add(takePoint(nobleMultiple(11n))!);
  assertEquals(textOf(sum), toHex(nobleMultiple(11n)));
});

test("takePoint() reads uncompressed points of the curve alone", () => {
  for (let factor = 1n; factor < 12n; factor++) {
    const bytes = nobleMultiple(factor);
    assertEquals(encodePoint(takePoint(bytes)!), bytes);
    for (const wrong of bitFlips(bytes)) assertEquals(takePoint(wrong), undefined);
    for (const size of [0, 1, 33, 64]) assertEquals(takePoint(bytes.slice(0, size)), undefined);
    assertEquals(takePoint(Uint8Array.of(...bytes, 0)), undefined);
  }
});

test("takePoint() refuses a coordinate that is not less than the prime", () => {
  const bytesOf = (number: bigint) => hex(number.toString(16).padStart(64, "0"));
  const bytes = (x: bigint, y: bigint) => Uint8Array.of(4, ...bytesOf(x), ...bytesOf(y));
  // The point with x = 0, of which x + p fits into 32 bytes too.
  const y = Fp.sqrt(B);
  assertEquals(takePoint(bytes(0n, y)), { x: 0n, y, z: 1n });
  assertEquals(takePoint(bytes(PRIME, y)), undefined);
  assertEquals(takePoint(bytes(0n, PRIME - y)), { x: 0n, y: PRIME - y, z: 1n });
});

test("flatten() keeps points and makes their z 1", () => {
  const sum = new PointSum();
  const points = Array.from({ length: 9 }, (): Point => {
    sum.add(BASE);
    sum.double();
    return { x: sum.x, y: sum.y, z: sum.z };
  });
  const flat = flatten(points);
  assertEquals(flat.map(textOf), points.map(textOf));
  for (const { x, y, z } of flat) {
    assertEquals([z, x, y], [1n, reduce(x, PRIME), reduce(y, PRIME)]);
  }
  assertEquals(flatten([]), []);
});

test("hasX() compares with the affine coordinate, and not with infinity's", () => {
  const sum = new PointSum();
  assertEquals(hasX(sum, 0n), false);
  assertEquals(hasX(sum, 1n), false);
  for (let i = 0; i < 5; i++) sum.add(BASE);
  const { x } = p256.Point.BASE.multiply(5n);
  assertEquals(hasX(sum, x), true);
  assertEquals(hasX(sum, x + 1n), false);
  assertEquals(hasX(sum, x + PRIME), false);
});

test("invert() yields what multiplies to 1", () => {
  const random = seededRandom(1);
  for (let n = 0; n < 100; n++) {
    const value = n < 10 ? BigInt(n + 1) : takeNumber(randomBytes(random, 32));
    for (const prime of [ORDER, PRIME]) {
      assertEquals(invert(value, prime) * value % prime, 1n);
      assertEquals(invert(value, prime), reduce(-invert(-value, prime), prime));
    }
  }
});

test("takeNumber() reads 32 bytes of a view, big-endian", () => {
  const memory = randomBytes(seededRandom(2), 50);
  assertEquals(takeNumber(memory.subarray(3), 5), BigInt(`0x${toHex(memory.subarray(8, 40))}`));
  assertEquals(takeNumber(new Uint8Array(32).fill(0xff)), 2n ** 256n - 1n);
});
