/**
 * How often and how soon a lost connection is tried again. A budget ends every
 * loop; full jitter keeps many clients from coming back at the same moment.
 *
 * @module
 */

/** Attempts on the same voice server before a fresh join is tried. */
export const RESUME_BUDGET = 4;

/** Fresh joins before the connection is given up; each sends op 4 twice. */
export const REJOIN_BUDGET = 2;

/** Milliseconds of unbroken connection after which the budget is full again. */
export const STABLE_DELAY = 60_000;

const BASE_DELAY = 500;
const MAX_DELAY = 10_000;

/** Counts the attempts since the connection last was stable. */
export class RecoveryBudget {
  readonly #random: () => number;
  #resumes = 0;
  #rejoins = 0;

  /**
   * Starts with a full budget.
   *
   * @param random A fraction in [0, 1).
   */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The connection is stable: earlier failures are forgotten. */
  reset(): void {
    this.#resumes = 0;
    this.#rejoins = 0;
  }

  /**
   * Spends an attempt on the same voice server. The first one is immediate.
   *
   * @returns Milliseconds to wait, or `undefined` where the budget is spent.
   */
  spendResume(): number | undefined {
    if (this.#resumes >= RESUME_BUDGET) return undefined;
    return this.#backoff(this.#resumes++);
  }

  /**
   * Spends a fresh join.
   *
   * @returns Milliseconds to wait, or `undefined` where the budget is spent.
   */
  spendRejoin(): number | undefined {
    if (this.#rejoins >= REJOIN_BUDGET) return undefined;
    this.#resumes = 0;
    return this.#backoff(1 + this.#rejoins++);
  }

  #backoff(attempt: number): number {
    if (attempt === 0) return 0;
    return this.#random() * Math.min(MAX_DELAY, BASE_DELAY * 2 ** attempt);
  }
}
