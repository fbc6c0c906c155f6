/**
 * How often and how soon a lost connection is tried again. A budget ends every
 * loop; full jitter keeps many clients from coming back at the same moment.
 *
 * @module
 */

/** What is tried again by itself. */
export type RetriedAction = "resume" | "rejoin" | "wait";

/**
 * The attempts of each action: for each the milliseconds within which it is made, at a
 * random moment. Where all are spent, a resume becomes a rejoin, and a rejoin or a wait the
 * end. A rejoin fills the resumes up again; it sends op 4 twice. A wait is for another voice
 * server; a ready connection has its waits back: moving a bot about is no failure.
 */
export const RECOVERY_ATTEMPTS: { readonly [A in RetriedAction]: readonly number[] } = {
  resume: [0, 1_000, 2_000, 4_000],
  rejoin: [1_000, 2_000],
  wait: Array<number>(20).fill(0),
};

/** Milliseconds of unbroken connection after which the budget is full again. */
export const STABLE_DELAY = 60_000;

/** Counts the attempts since the connection last was stable. */
export class RecoveryBudget {
  readonly #random: () => number;
  #spent = { resume: 0, rejoin: 0, wait: 0 };

  /**
   * Starts with a full budget.
   *
   * @param random A fraction in [0, 1).
   */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** The connection is ready: earlier waits are forgotten. */
  forgetWaits(): void {
    this.#spent.wait = 0;
  }

  /** The connection is stable: earlier failures are forgotten. */
  reset(): void {
    this.#spent = { resume: 0, rejoin: 0, wait: 0 };
  }

  /**
   * Spends an attempt.
   *
   * @param action What is tried: a resume on the same voice server, a fresh join, or a wait
   * for another server.
   * @returns Milliseconds to wait, or `undefined` where the budget is spent.
   */
  spend(action: RetriedAction): number | undefined {
    const within = RECOVERY_ATTEMPTS[action][this.#spent[action]];
    if (within === undefined) return undefined;
    this.#spent[action]++;
    if (action === "rejoin") this.#spent.resume = 0;
    return within === 0 ? 0 : this.#random() * within;
  }
}
