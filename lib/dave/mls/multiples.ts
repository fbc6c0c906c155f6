/**
 * Multiples of points of P-256, by windows: several bits of a factor at once, for which a multiple
 * is at hand that was computed before.
 *
 * @module
 */

import { BASE, flatten, ORDER, type Point, PointSum, reduce } from "./curve.ts";

/** Bits of a window of a factor of any point, and of the base point, whose multiples are kept. */
const WINDOW = 5;
const BASE_WINDOW = 8;

let baseMultiples: readonly Point[] | undefined;

/**
 * A multiple of the base point and one of another point, added. Time depends on the factors:
 * they must be no secrets.
 *
 * @param baseFactor From 0 to less than the order.
 * @param point The other point.
 * @param factor From 0 to less than the order.
 */
export function addMultiples(baseFactor: bigint, point: Point, factor: bigint): PointSum {
  baseMultiples ??= flatten(oddMultiples(BASE, 2 ** (BASE_WINDOW - 1)));
  const multiples = oddMultiples(point, 2 ** (WINDOW - 1));
  const baseDigits = windowsOf(baseFactor, BASE_WINDOW);
  const digits = windowsOf(factor, WINDOW);
  const sum = new PointSum();
  for (let bit = Math.max(baseDigits.length, digits.length) - 1; bit >= 0; bit--) {
    sum.double();
    const [baseDigit, digit] = [baseDigits[bit], digits[bit]];
    if (baseDigit !== undefined) sum.add(baseMultiples[baseDigit >>> 1]!);
    if (digit !== undefined) sum.add(multiples[digit >>> 1]!);
  }
  return sum;
}

/** The odd digits that make a number, each of so many bits at most, at the places of their ends. */
function windowsOf(factor: bigint, size: number): number[] {
  const bits = factor.toString(2);
  const digits: number[] = [];
  let start = bits.indexOf("1");
  while (start >= 0) {
    const end = bits.lastIndexOf("1", start + size - 1) + 1;
    digits[bits.length - end] = parseInt(bits.slice(start, end), 2);
    start = bits.indexOf("1", end);
  }
  return digits;
}

const SECRET_WINDOW = 5;
const SECRET_WINDOWS = Math.ceil(256 / SECRET_WINDOW);
const HALF = (ORDER + 1n) / 2n;
/** What the windows are worth together when all their digits are 0. */
const OFFSET = Array.from({ length: SECRET_WINDOWS }, (_, i) => 1n << BigInt(SECRET_WINDOW * i))
  .reduce((sum, value) => sum + value);

let baseTable: readonly (readonly Point[])[] | undefined;

/**
 * A multiple of the base point. Which additions it takes does not depend on the factor: one for
 * each window, whose digit d stands for 2d + 1, so that none is left out.
 *
 * @param factor From 1 to less than the order.
 */
export function multiplyBase(factor: bigint): PointSum {
  baseTable ??= makeBaseTable();
  const sum = new PointSum();
  let digits = reduce((factor - OFFSET) * HALF, ORDER);
  for (const multiples of baseTable) {
    sum.add(multiples[Number(BigInt.asUintN(SECRET_WINDOW, digits))]!);
    digits >>= BigInt(SECRET_WINDOW);
  }
  return sum;
}

/** For each window, its odd multiples of the base point, with z = 1. */
function makeBaseTable(): Point[][] {
  const start = new PointSum();
  start.add(BASE);
  return Array.from({ length: SECRET_WINDOWS }, () => {
    const multiples = oddMultiples(flatten([start])[0]!, 2 ** SECRET_WINDOW);
    for (let i = 0; i < SECRET_WINDOW; i++) start.double();
    return flatten(multiples);
  });
}

/** A point, three times a point, and so on: so many. */
function oddMultiples(point: Point, count: number): Point[] {
  const twice = new PointSum();
  twice.add(point);
  twice.double();
  const sum = new PointSum();
  sum.add(point);
  const multiples = [point];
  while (multiples.length < count) {
    sum.add(twice);
    multiples.push({ x: sum.x, y: sum.y, z: sum.z });
  }
  return multiples;
}
