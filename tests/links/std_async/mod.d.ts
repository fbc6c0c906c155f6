/**
 * Work-offline stand-in for `jsr:@std/async`.
 *
 * @module
 */

/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay early: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether the timer keeps the process alive. Default: true. */
  persistent?: boolean;
}

/** Options of {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait early: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number, options?: DelayOptions): Promise<void>;

/** Resolves as `p` does; rejects with a `TimeoutError` if that takes longer than `ms` milliseconds. */
export function deadline<T>(p: Promise<T>, ms: number, options?: DeadlineOptions): Promise<T>;

/** Resolves as `p` does; rejects with the signal's reason if it aborts first. */
export function abortable<T>(p: Promise<T>, signal: AbortSignal): Promise<T>;
/** Yields what `p` yields; throws the signal's reason when it aborts. */
export function abortable<T>(p: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T>;
