/**
 * When packets were sent and when they came. Both bots live in one process and read
 * one clock, so that the difference of two instants is a true duration.
 *
 * @module
 */

import type { ReceivedFrame } from "@sotto/voice";
import { SAMPLE_RATE } from "@sotto/voice/audio";

/** One packet that came. */
export interface Arrival {
  /** Where it is in the file, in seconds. */
  readonly time: number;
  /** Milliseconds behind the file's schedule. */
  readonly late: number;
}

/** What a set of values spans, in milliseconds. */
export interface Spread {
  /** The least. */
  readonly min: number;
  /** Half of the values are at most this. */
  readonly p50: number;
  /** 99 of 100 values are at most this. */
  readonly p99: number;
  /** The greatest. */
  readonly max: number;
}

/** The times of a call. */
export interface Timing {
  /** Packets that came, in the order of the file. */
  readonly arrivals: readonly Arrival[];
  /** Arrivals behind the latest schedule that no packet is sent ahead of. */
  readonly late: Spread | undefined;
  /** From the socket's send to the arrival. */
  readonly transit: Spread | undefined;
}

/**
 * Compares arrivals with the schedule of the file.
 *
 * @param durations Samples of each packet.
 * @param sentAt When each packet was sent, in monotonic milliseconds.
 * @param received What came of each packet.
 * @returns The times.
 */
export function measureTiming(
  durations: readonly number[],
  sentAt: readonly number[],
  received: readonly (Pick<ReceivedFrame, "at"> | undefined)[],
): Timing {
  const times = startTimes(durations);
  // No packet is sent ahead of this schedule, and at least one is sent just in time.
  const startedAt = sentAt.reduce((min, at, i) => Math.min(min, at - 1000 * times[i]), Infinity);
  const arrivals: Arrival[] = [];
  const transits: number[] = [];
  for (const [i, time] of times.entries()) {
    const at = received[i]?.at;
    if (at === undefined) continue;
    arrivals.push({ time, late: at - startedAt - 1000 * time });
    if (i < sentAt.length) transits.push(at - sentAt[i]);
  }
  return { arrivals, late: spread(arrivals.map(({ late }) => late)), transit: spread(transits) };
}

/** Where each packet begins, in seconds. */
function startTimes(durations: readonly number[]): number[] {
  let position = 0;
  return durations.map((duration) => {
    const time = position / SAMPLE_RATE;
    position += duration;
    return time;
  });
}

/**
 * Sorts values and takes percentiles by nearest rank.
 *
 * @param values Any number of values.
 * @returns What they span; `undefined` where there is none.
 */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = Float64Array.from(values).sort();
  const rank = (p: number) => sorted[Math.max(0, Math.ceil(p / 100 * sorted.length) - 1)];
  return { min: rank(0), p50: rank(50), p99: rank(99), max: rank(100) };
}
