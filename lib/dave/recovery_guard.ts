/**
 * When to give the group up and ask to be added anew: one attempt at a time, and not too often.
 * What must wait is made up for later, unless the group is joined before.
 *
 * @module
 */

import type { DaveRecoveryReason } from "../end_to_end.ts";
import { RateLimit } from "../rate_limit.ts";

/** Milliseconds for which an attempt has no other beside it. */
export const RECOVERY_PATIENCE = 5_000;
/** Most attempts within `RECOVERY_WINDOW`. */
export const RECOVERY_COUNT = 5;
/** The window in milliseconds. */
export const RECOVERY_WINDOW = 60_000;

/** What could not be used. */
export interface RecoveryRequest {
  /** The transition that it belongs to. */
  readonly transitionId: number;
  /** What it was. */
  readonly reason: DaveRecoveryReason;
}

/** Paces recoveries. */
export class RecoveryGuard {
  readonly #limit = new RateLimit(RECOVERY_COUNT, RECOVERY_WINDOW);
  #busyUntil = -Infinity;
  #owed: RecoveryRequest | undefined;

  /**
   * When the recovery that is wanted may start.
   *
   * @param now Monotonic milliseconds.
   * @returns Monotonic milliseconds; `undefined` where none is wanted.
   */
  next(now: number): number | undefined {
    if (this.#owed === undefined) return undefined;
    return Math.max(this.#busyUntil, now + this.#limit.delay(1, now));
  }

  /** Wants a recovery; only the last one counts. */
  request(request: RecoveryRequest): void {
    this.#owed = request;
  }

  /**
   * Starts the recovery that is wanted, if it may start.
   *
   * @param now Monotonic milliseconds.
   * @returns What to recover from; `undefined` where nothing is to be done now.
   */
  start(now: number): RecoveryRequest | undefined {
    const owed = this.#owed;
    if ((this.next(now) ?? Infinity) > now) return undefined;
    this.#limit.spend(now);
    this.#busyUntil = now + RECOVERY_PATIENCE;
    this.#owed = undefined;
    return owed;
  }

  /** What was wanted for this reason is not any more. */
  withdraw(reason: DaveRecoveryReason): void {
    if (this.#owed?.reason === reason) this.#owed = undefined;
  }

  /** The group was joined, or a new one is to be made: nothing is wanted any more. */
  settle(): void {
    this.#busyUntil = -Infinity;
    this.#owed = undefined;
  }
}
