/**
 * How alike two sounds are, piece by piece: what a jitter buffer has moved is looked for where it
 * is now.
 *
 * @module
 */

/** How alike two sounds are. 1 is the same but for loudness, 0 has nothing in common. */
export interface Likeness {
  /** Half of the pieces are more alike. */
  readonly median: number;
  /** Share of the pieces that are more alike than 0.9. */
  readonly share: number;
  /** Samples per channel by which the last piece lags behind. */
  readonly lag: number;
}

const PIECE = 9600; // samples per channel: 0.2 s
const NEAR = 240;
const FAR = 9600;

/**
 * Compares sounds of two interleaved channels.
 *
 * @param first What it should be.
 * @param second What it is.
 */
export function likeness(first: Int16Array, second: Int16Array): Likeness {
  const found: number[] = [];
  let lag = 0;
  for (let start = 0; 2 * (start + PIECE) <= first.length; start += PIECE) {
    let best = search(first, second, start, lag, NEAR);
    if (best.correlation < 0.9) best = search(first, second, start, lag, FAR);
    if (best.correlation >= 0.9) lag = best.lag;
    found.push(best.correlation);
  }
  const sorted = found.toSorted((a, b) => a - b);
  const share = found.filter((correlation) => correlation > 0.9).length / found.length;
  return { median: sorted[sorted.length >> 1], share, lag };
}

function search(first: Int16Array, second: Int16Array, start: number, center: number, far: number) {
  let best = { correlation: -1, lag: center };
  for (const [reach, step, stride] of [[far, 6, 8], [6, 1, 1]]) {
    const { lag: middle } = best;
    for (let lag = middle - reach; lag <= middle + reach; lag += step) {
      const correlation = correlationAt(first, second, start, lag, stride);
      if (correlation > best.correlation || step === 1 && lag === middle - reach) {
        best = { correlation, lag };
      }
    }
  }
  return best;
}

function correlationAt(
  first: Int16Array,
  second: Int16Array,
  start: number,
  lag: number,
  stride: number,
): number {
  let [cross, firstPower, secondPower] = [0, 0, 0];
  for (let i = start; i < start + PIECE; i += stride) {
    const [a, b] = [first[2 * i] + first[2 * i + 1], sample(second, i + lag)];
    cross += a * b;
    firstPower += a * a;
    secondPower += b * b;
  }
  return cross / Math.sqrt(firstPower * secondPower || 1);
}

function sample(samples: Int16Array, at: number): number {
  return at < 0 || 2 * at >= samples.length ? 0 : samples[2 * at] + samples[2 * at + 1];
}
