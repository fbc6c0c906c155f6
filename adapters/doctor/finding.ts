/**
 * What a check finds, and the deadline that every check has.
 *
 * @module
 */

/** How a check went: `skipped` says nothing about what it would have looked at. */
export type CheckStatus = "ok" | "warning" | "failed" | "skipped";

/** What a check has found. */
export interface Finding {
  /** How it went. */
  readonly status: CheckStatus;
  /** What was seen. */
  readonly detail: string;
  /** What is blocked or wrong, and what to do about it. */
  readonly advice?: string;
}

/** A check that was made. */
export interface Check extends Finding {
  /** What was looked at. */
  readonly name: string;
}

/** Looks at one thing. Once the signal aborts, it gives back all that it holds and returns. */
export type Examine = (signal: AbortSignal) => Finding | Promise<Finding>;

/** How long a check may take after its signal has aborted, in milliseconds. */
const GRACE = 500;

/**
 * Makes a check that neither throws nor takes longer than it may.
 *
 * @param name What is looked at.
 * @param limit Milliseconds after which its signal aborts.
 * @param outer Aborts it earlier.
 * @param examine Looks at it.
 * @returns What it has found; `failed` where it has thrown or given no answer.
 */
export async function runCheck(
  name: string,
  limit: number,
  outer: AbortSignal | undefined,
  examine: Examine,
): Promise<Check> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer?.reason);
  const late = Promise.withResolvers<Finding>();
  const timers = [
    setTimeout(() => controller.abort(new DOMException("The time is up", "TimeoutError")), limit),
    setTimeout(() => late.resolve(timedOut(limit)), limit + GRACE),
  ];
  outer?.addEventListener("abort", abort, { once: true });
  if (outer?.aborted) abort();
  try {
    const finding = (async () => await examine(controller.signal))();
    return { name, ...await Promise.race([finding, late.promise]) };
  } catch (error) {
    return { name, ...controller.signal.aborted ? timedOut(limit) : broken(error) };
  } finally {
    timers.forEach(clearTimeout);
    outer?.removeEventListener("abort", abort);
    controller.abort(); // a check that went on after its time
  }
}

/**
 * Leaves a check aside.
 *
 * @param reason Why, in a few words.
 * @returns The finding.
 */
export function notChecked(reason: string): Finding {
  return { status: "skipped", detail: `not checked: ${reason}` };
}

/**
 * Rejects as soon as a signal aborts, for what cannot be aborted itself.
 *
 * @param signal The signal.
 * @param promise What is waited for meanwhile.
 * @returns What the promise gives, if it comes first.
 */
export async function orAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    aborted.promise.catch(() => {});
  }
}

function timedOut(limit: number): Finding {
  return {
    status: "failed",
    detail: `no answer within ${limit} ms`,
    advice: "Try again; where it stays so, a firewall or a proxy swallows what is sent",
  };
}

function broken(error: unknown): Finding {
  return {
    status: "failed",
    detail: String((error as Error)?.message ?? error).slice(0, 200),
    advice: "The check itself has failed: the text above is the runtime's own",
  };
}
