/**
 * Named deadlines in one small table. The session keeps no clock: it says when it
 * wants to be woken, and is told the time.
 *
 * @module
 */

/** Names of a session's timers. */
export const TIMERS = [
  "phase",
  "retry",
  "request",
  "heartbeat",
  "send",
  "keepalive",
  "discovery",
  "report",
  "stable",
] as const;

/**
 * - `phase`: the present state has taken too long
 * - `retry`: the next attempt of a recovery is due
 * - `request`: op 4 has brought nothing and is sent again
 * - `heartbeat`: the next heartbeat is due
 * - `send`: the rate limit lets the next message pass
 * - `keepalive`: the next UDP keepalive is due
 * - `discovery`: the next IP discovery request is due
 * - `report`: the next report of quality is due
 * - `stable`: the connection has held long enough to forget earlier failures
 */
export type Timer = typeof TIMERS[number];

/** An optional deadline for each timer. */
export class TimerTable {
  readonly #deadlines: (number | undefined)[] = [];

  /**
   * Arms a timer; an earlier deadline of it is forgotten.
   *
   * @param timer Which one.
   * @param at Monotonic milliseconds.
   */
  set(timer: Timer, at: number): void {
    this.#deadlines[TIMERS.indexOf(timer)] = at;
  }

  /** Disarms a timer. */
  clear(timer: Timer): void {
    this.#deadlines[TIMERS.indexOf(timer)] = undefined;
  }

  /** Tells whether a timer is armed. */
  has(timer: Timer): boolean {
    return this.#deadlines[TIMERS.indexOf(timer)] !== undefined;
  }

  /** Disarms all timers. */
  clearAll(): void {
    this.#deadlines.length = 0;
  }

  /**
   * The earliest deadline.
   *
   * @returns Monotonic milliseconds, or `undefined` where no timer is armed.
   */
  next(): number | undefined {
    let earliest: number | undefined;
    for (const at of this.#deadlines) {
      if (at !== undefined && (earliest === undefined || at < earliest)) earliest = at;
    }
    return earliest;
  }

  /**
   * Takes one timer that is due, and disarms it.
   *
   * @param now Monotonic milliseconds.
   * @returns Its name, or `undefined` where none is due.
   */
  expire(now: number): Timer | undefined {
    const index = this.#deadlines.findIndex((at) => at !== undefined && at <= now);
    if (index < 0) return undefined;
    this.#deadlines[index] = undefined;
    return TIMERS[index];
  }
}
