/**
 * A histogram of how late things were, for statistics such as "half of the frames
 * left within 0.3 ms, 99 % within 2 ms".
 *
 * Buckets grow geometrically by 2 %, so a percentile is at most 2 % too high over
 * seven decades (0.01 ms to 100 s) in fixed memory, however much is recorded.
 *
 * @module
 */

/**
 * Records lateness in bounded memory.
 *
 * @example Percentiles
 * ```ts
 * import { Lateness } from "@sotto/voice/audio";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const lateness = new Lateness();
 * for (let ms = 1; ms <= 100; ms++) lateness.record(ms);
 * assertAlmostEquals(lateness.percentile(50), 50, 1);
 * assertEquals(lateness.max, 100);
 * ```
 */
export class Lateness {
  readonly #buckets = new Uint32Array(BUCKET_COUNT);
  #count = 0;
  #max = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The greatest recorded value in milliseconds; 0 where there is none. */
  get max(): number {
    return this.#max;
  }

  /**
   * Records one value.
   *
   * @param ms Milliseconds; less than 0 (early) counts as 0.
   * @throws {RangeError} where it is not a number.
   */
  record(ms: number): void {
    if (Number.isNaN(ms)) throw new RangeError("Cannot record lateness: it is NaN, want a number");
    this.#buckets[bucketOf(ms)]++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  /**
   * The value that `p` percent of the recorded ones do not exceed (nearest rank).
   *
   * @param p Percent, 0 to 100.
   * @returns Milliseconds, at most 2 % (or 0.01 ms) too high; 0 where nothing was recorded.
   * @throws {RangeError} where `p` is not 0 to 100.
   */
  percentile(p: number): number {
    if (!(p >= 0 && p <= 100)) {
      throw new RangeError(`Cannot take percentile ${p}: want a number from 0 to 100`);
    }
    const rank = Math.max(1, Math.ceil(p / 100 * this.#count));
    let seen = 0;
    for (let i = 0; i < BUCKET_COUNT - 1; i++) {
      seen += this.#buckets[i];
      if (seen >= rank) return Math.min(SMALLEST * GROWTH ** i, this.#max);
    }
    return this.#max;
  }
}

const SMALLEST = 0.01; // milliseconds: upper edge of bucket 0
const GROWTH = 1.02;
const LARGEST = 100_000; // milliseconds: beyond it the last bucket, whose edge is the maximum
const LOG_GROWTH = /* @__PURE__ */ Math.log(GROWTH);
const BUCKET_COUNT = /* @__PURE__ */ Math.ceil(Math.log(LARGEST / SMALLEST) / LOG_GROWTH) + 2;

/** Bucket `i` holds what is greater than the edge `i - 1` and at most the edge `i`. */
function bucketOf(ms: number): number {
  if (ms <= SMALLEST) return 0;
  return Math.min(Math.ceil(Math.log(ms / SMALLEST) / LOG_GROWTH), BUCKET_COUNT - 1);
}
