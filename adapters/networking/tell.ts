/**
 * How events are told here. A listener that throws harms no socket: its error is thrown once
 * more from the event loop. `error` is told only where somebody listens, because an
 * `EventEmitter` throws it otherwise, here into the middle of the protocol.
 *
 * @module
 */

import type { EventEmitter } from "node:events";
import { guarded } from "../listeners.ts";

/** Tells the listeners of an event. */
export function tell<Events extends Record<keyof Events, unknown[]>, Name extends keyof Events>(
  emitter: EventEmitter<Events>,
  name: Name,
  ...args: Events[Name]
): void {
  const untyped = emitter as EventEmitter;
  if (name === "error" && untyped.listenerCount("error") === 0) return;
  guarded(() => void untyped.emit(name as string, ...args));
}
