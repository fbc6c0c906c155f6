/**
 * Points of P-256 (SEC 2 section 2.4.2) on the integers of the language. With these a signature is
 * checked, and the public key of a private key computed, in less than half the time that
 * `@noble/curves` takes, which makes an object of each point on the way. What a secret is used in
 * more than once, signing and ECDH, stays noble's or the runtime's.
 *
 * Points have Jacobian coordinates, standing for x/z^2 and y/z^3. A coordinate is any number of its
 * class modulo the prime, also a negative one. How long integers take depends on them, here as
 * in noble.
 *
 * @module
 */

import { concat } from "./bytes.ts";

/** A point. */
export interface Point {
  /** For x/z^2. */
  readonly x: bigint;
  /** For y/z^3. */
  readonly y: bigint;
  /** 0 for the point at infinity. */
  readonly z: bigint;
}

/** How many points the curve has. */
export const ORDER: bigint = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
/** The prime of the field. */
const P: bigint = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
/** With the prime and the coefficient -3 it makes the curve. */
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
/** The base point. */
export const BASE: Point = {
  x: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  y: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  z: 1n,
};

const NUMBER_SIZE = 32;
const POINT_SIZE = 65;
const UNCOMPRESSED = 4;

/** A sum of points, at first infinity. */
export class PointSum implements Point {
  #x = 1n;
  #y = 1n;
  #z = 0n;

  /** For x/z^2. */
  get x(): bigint {
    return this.#x;
  }

  /** For y/z^3. */
  get y(): bigint {
    return this.#y;
  }

  /** 0 for the point at infinity. */
  get z(): bigint {
    return this.#z;
  }

  /** Doubles it. */
  double(): void {
    const [x, y, z] = [this.#x, this.#y, this.#z];
    const zz = z * z % P;
    const yy = y * y % P;
    const xyy = x * yy % P;
    const slope = 3n * (x - zz) * (x + zz) % P;
    this.#x = (slope * slope - (xyy << 3n)) % P;
    this.#y = (slope * ((xyy << 2n) - this.#x) - (yy * yy << 3n)) % P;
    this.#z = y * (z << 1n) % P;
  }

  /** Adds a point that is not infinity. */
  add(point: Point): void {
    if (this.#z === 0n) return this.#set(point.x, point.y, point.z);
    const zz = this.#z * this.#z % P;
    const others = point.z * point.z % P;
    const x = this.#x * others % P;
    const y = this.#y * (point.z * others % P) % P;
    const run = (point.x * zz - x) % P;
    const rise = (point.y * (this.#z * zz % P) - y) % P;
    if (run === 0n) return rise === 0n ? this.double() : this.#set(1n, 1n, 0n);
    const square = run * run % P;
    const cube = run * square % P;
    const middle = x * square % P;
    this.#x = (rise * rise - cube - (middle << 1n)) % P;
    this.#y = (rise * (middle - this.#x) - y * cube) % P;
    this.#z = this.#z * point.z % P * run % P;
  }

  #set(x: bigint, y: bigint, z: bigint): void {
    this.#x = x;
    this.#y = y;
    this.#z = z;
  }
}

/**
 * Reads a point.
 *
 * @returns `undefined` where the bytes are no uncompressed point of the curve.
 */
export function takePoint(bytes: Uint8Array): Point | undefined {
  if (bytes.length !== POINT_SIZE || bytes[0] !== UNCOMPRESSED) return undefined;
  const x = takeNumber(bytes, 1);
  const y = takeNumber(bytes, 1 + NUMBER_SIZE);
  const onCurve = (y * y - (x * x - 3n) * x - B) % P === 0n;
  return x < P && y < P && onCurve ? { x, y, z: 1n } : undefined;
}

/** Bytes of a point that is not infinity. */
export function encodePoint(point: Point): Uint8Array {
  const { x, y } = flatten([point])[0]!;
  return concat(Uint8Array.of(UNCOMPRESSED), encodeNumber(x), encodeNumber(y));
}

/** The same points with z = 1. One inversion is enough for all (Montgomery's trick). */
export function flatten(points: readonly Point[]): Point[] {
  const products = [1n];
  for (const { z } of points) products.push(products.at(-1)! * z % P);
  let inverse = invert(products.at(-1)!, P);
  return points.toReversed().map(({ x, y, z }, i) => {
    const own = inverse * products[points.length - 1 - i]! % P;
    inverse = inverse * z % P;
    const square = own * own % P;
    return { x: reduce(x * square, P), y: reduce(y * (square * own % P), P), z: 1n };
  }).reverse();
}

/** Whether a point is not infinity and has this x coordinate, from 0 on. */
export function hasX({ x, z }: Point, value: bigint): boolean {
  return z !== 0n && value < P && (x - value * z * z) % P === 0n;
}

/** A number of 32 bytes, big-endian. */
export function takeNumber(bytes: Uint8Array, at = 0): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, NUMBER_SIZE);
  let value = 0n;
  for (let i = 0; i < NUMBER_SIZE; i += 8) value = value << 64n | view.getBigUint64(i);
  return value;
}

/** The inverse of a number that is not 0 modulo a prime. */
export function invert(value: bigint, prime: bigint): bigint {
  let [high, low] = [prime, reduce(value, prime)];
  let [before, factor] = [0n, 1n];
  while (low !== 0n) {
    const quotient = high / low;
    [high, low] = [low, high - quotient * low];
    [before, factor] = [factor, before - quotient * factor];
  }
  return reduce(before, prime);
}

/** The number from 0 to less than the modulus that is the same modulo it. */
export function reduce(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function encodeNumber(value: bigint): Uint8Array {
  const bytes = new Uint8Array(NUMBER_SIZE);
  const view = new DataView(bytes.buffer);
  for (let at = NUMBER_SIZE - 8; at >= 0; at -= 8, value >>= 64n) view.setBigUint64(at, value);
  return bytes;
}
