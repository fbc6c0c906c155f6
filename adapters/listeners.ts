/**
 * Who wants to hear of what, by type. A listener that throws harms nobody but itself: its
 * error is thrown once more from the event loop, where the runtime reports it.
 *
 * @module
 */

/** Listeners for the events of a map from type to event. */
export class Listeners<Events extends object> {
  readonly #byType = new Map<keyof Events, Set<{ readonly call: (event: never) => void }>>();

  /**
   * Adds a listener.
   *
   * @param type What it wants to hear of.
   * @param listener Is called with each event of that type.
   * @returns Takes the listener away again.
   */
  on<T extends keyof Events>(type: T, listener: (event: Events[T]) => void): () => void {
    const listeners = this.#byType.get(type) ?? new Set();
    const entry = { call: listener };
    this.#byType.set(type, listeners.add(entry));
    return () => void listeners.delete(entry);
  }

  /** Tells whether somebody wants to hear of a type. */
  has(type: keyof Events): boolean {
    return (this.#byType.get(type)?.size ?? 0) > 0;
  }

  /** Tells the listeners of a type. */
  emit<T extends keyof Events>(type: T, event: Events[T]): void {
    for (const { call } of [...this.#byType.get(type) ?? []]) guarded(() => call(event as never));
  }
}

/** Calls a function of the user's; what it throws is thrown from the event loop instead. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    throwLater(error);
  }
}

/** Throws from the event loop, where the runtime reports it. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
