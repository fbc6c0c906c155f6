/**
 * How alike two sounds are, wherever the second begins.
 *
 * @module
 */

/** Where one sound is most like another. */
export interface Correlation {
  /** 1 where they are the same but for their loudness, 0 where they have nothing in common. */
  readonly correlation: number;
  /** Samples per channel by which the second lags behind. */
  readonly lag: number;
}

/**
 * Looks for the lag at which two sounds are most alike.
 *
 * @param first Interleaved samples, two channels.
 * @param second Interleaved samples, two channels.
 * @param greatestLag Samples per channel that are tried, in both directions.
 */
export function correlate(
  first: Int16Array,
  second: Int16Array,
  greatestLag: number = 2400,
): Correlation {
  let best = { correlation: -1, lag: 0 };
  for (const [step, from, to] of [[8, -greatestLag, greatestLag], [1, -8, 8]]) {
    const { lag: center } = step === 1 ? best : { lag: 0 };
    for (let lag = center + from; lag <= center + to; lag += step) {
      const correlation = correlationAt(first, second, lag, step === 1 ? 1 : 7);
      if (correlation > best.correlation) best = { correlation, lag };
    }
  }
  return { ...best, correlation: correlationAt(first, second, best.lag, 1) };
}

function correlationAt(first: Int16Array, second: Int16Array, lag: number, step: number): number {
  let [cross, firstPower, secondPower] = [0, 0, 0];
  const start = Math.max(0, -2 * lag);
  const end = Math.min(first.length, second.length - 2 * lag);
  for (let i = start; i < end; i += step) {
    const [a, b] = [first[i], second[i + 2 * lag]];
    cross += a * b;
    firstPower += a * a;
    secondPower += b * b;
  }
  return cross / Math.sqrt(firstPower * secondPower || 1);
}
