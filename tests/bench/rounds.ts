/**
 * Interleaved rounds: each subject has its turn in each round, so that what else the machine does
 * falls on all of them, and the median of the rounds counts.
 *
 * @module
 */

/** Medians in microseconds, by what was measured. */
export type Medians = Readonly<Record<string, number>>;

/** Collects how long things took. */
export class Stopwatch {
  readonly #samples = new Map<string, number[]>();

  /**
   * Measures one call.
   *
   * @param name What it does.
   * @param run Does it.
   * @param count How often it does it.
   * @returns What it returns.
   */
  time<T>(name: string, run: () => T, count = 1): T {
    const start = performance.now();
    const result = run();
    const took = 1000 * (performance.now() - start) / count;
    const samples = this.#samples.get(name);
    if (samples === undefined) this.#samples.set(name, [took]);
    else samples.push(took);
    return result;
  }

  /** Forgets what was measured until now: it was warming up. */
  reset(): void {
    this.#samples.clear();
  }

  /** The medians. */
  get medians(): Medians {
    return Object.fromEntries(
      Array.from(this.#samples, ([name, samples]) => [name, median(samples)]),
    );
  }
}

/** The middle one of some numbers, or the mean of the two. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
