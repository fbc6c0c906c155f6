/* @ts-self-types="./mod.d.ts" */

/**
 * Work-offline stand-in for `jsr:@std/async`: the functions the adapters use,
 * with the same names and semantics. Users get the real package.
 *
 * @module
 */

export function delay(ms, options = {}) {
  const { signal, persistent = true } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
    if (!persistent) unref(timer);
  });
}

export async function deadline(promise, ms, options = {}) {
  const controller = new AbortController();
  const timer = ms < Number.MAX_SAFE_INTEGER
    ? setTimeout(
      () => controller.abort(new DOMException("Signal timed out.", "TimeoutError")),
      ms,
    )
    : undefined;
  const signals = [controller.signal];
  if (options.signal) signals.push(options.signal);
  try {
    return await abortable(promise, AbortSignal.any(signals));
  } finally {
    clearTimeout(timer);
  }
}

export function abortable(p, signal) {
  return Symbol.asyncIterator in p
    ? abortableAsyncIterable(p, signal)
    : abortablePromise(p, signal);
}

async function abortablePromise(promise, signal) {
  const { promise: aborted, reject } = Promise.withResolvers();
  const abort = () => reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function* abortableAsyncIterable(iterable, signal) {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers();
  // Nothing waits for it while the consumer holds a value.
  aborted.catch(() => {});
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const iterator = iterable[Symbol.asyncIterator]();
  try {
    while (true) {
      const step = iterator.next();
      step.catch(() => {});
      const { done, value } = await Promise.race([aborted, step]);
      if (done) return;
      yield value;
    }
  } catch (error) {
    // Not awaited: a generator that waits for its next value cannot return before it comes.
    const returned = iterator.return?.();
    returned?.catch?.(() => {});
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function unref(timer) {
  if (typeof timer === "number") globalThis.Deno?.unrefTimer(timer);
  else timer.unref();
}
