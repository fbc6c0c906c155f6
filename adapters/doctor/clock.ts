/**
 * The clocks that pace audio: `performance.now` and the timers.
 *
 * @module
 */

import { type Finding, orAborted } from "./finding.ts";

/** Readings of the monotonic clock that are compared. */
const READINGS = 20_000;

/** Milliseconds: a clock that is coarser cannot pace frames of 20 ms. */
const COARSE = 5;

/** Timers that are measured, and milliseconds that each is set to. */
const TIMERS = 10;
const TIMER_MS = 5;

/** Milliseconds: a timer that is later makes a frame late. */
const LATE = 20;

/**
 * Reads the monotonic clock many times over.
 *
 * @param now The clock, in milliseconds.
 */
export function checkClock(now: () => number = () => performance.now()): Finding {
  let resolution = Infinity;
  let previous = now();
  for (let i = 0; i < READINGS; i++) {
    const reading = now();
    const step = reading - previous;
    if (step < 0) {
      return {
        status: "failed",
        detail: `the monotonic clock went back by ${-step} ms`,
        advice: "Deadlines cannot be kept: look at the virtual machine's clock source",
      };
    }
    if (step > 0) resolution = Math.min(resolution, step);
    previous = reading;
  }
  const detail = resolution === Infinity
    ? `monotonic, ${READINGS} readings without a step`
    : `monotonic, steps of ${shown(resolution)} ms`;
  if (resolution <= COARSE || resolution === Infinity) return { status: "ok", detail };
  return { status: "warning", detail, advice: "The clock is too coarse to pace frames of 20 ms" };
}

/**
 * Measures how late timers are.
 *
 * @param signal Ends it.
 */
export async function checkTimers(signal: AbortSignal): Promise<Finding> {
  const advice = "Audio will stutter: the machine or this process is overloaded";
  const lateness: number[] = [];
  try {
    for (let i = 0; i < TIMERS; i++) lateness.push(await measureTimer(signal));
  } catch {
    const detail = `only ${lateness.length} of ${TIMERS} timers of ${TIMER_MS} ms rang in time`;
    return { status: "warning", detail, advice };
  }
  lateness.sort((a, b) => a - b);
  const [median, worst] = [lateness[TIMERS >> 1], lateness[TIMERS - 1]];
  const detail = `late by ${shown(median)} ms (median), ${shown(worst)} ms (worst of ${TIMERS})`;
  if (median <= LATE) return { status: "ok", detail };
  return { status: "warning", detail, advice };
}

async function measureTimer(signal: AbortSignal): Promise<number> {
  const start = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rung = new Promise<void>((resolve) => timer = setTimeout(resolve, TIMER_MS));
  try {
    await orAborted(signal, rung);
  } finally {
    clearTimeout(timer);
  }
  return Math.max(0, performance.now() - start - TIMER_MS);
}

function shown(milliseconds: number): string {
  return milliseconds.toPrecision(2);
}
