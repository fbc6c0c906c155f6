/**
 * Who speaks right now, told by the packets that come.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import { tell } from "../networking/tell.ts";

/** What a `SpeakingMap` emits. */
export interface SpeakingMapEvents {
  /** A user's first packet has come. */
  start: [userId: string];
  /** No packet of the user has come for `SpeakingMap.DELAY`. */
  end: [userId: string];
}

/** Follows who speaks. */
export class SpeakingMap extends EventEmitter<SpeakingMapEvents> {
  /** Milliseconds after a user's last packet at which they count as silent. */
  static readonly DELAY = 100;

  /** Who speaks, and since when, in milliseconds since 1970. */
  readonly users: Map<string, number> = new Map();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** A packet of a user has come. */
  onPacket(userId: string): void {
    const timer = this.#timers.get(userId);
    clearTimeout(timer);
    this.#timers.set(userId, setTimeout(() => this.#end(userId), SpeakingMap.DELAY));
    if (timer !== undefined) return;
    this.users.set(userId, Date.now());
    tell(this, "start", userId);
  }

  /** Nobody speaks any more: there is no connection. */
  clear(): void {
    for (const userId of [...this.#timers.keys()]) this.#end(userId);
  }

  #end(userId: string): void {
    clearTimeout(this.#timers.get(userId));
    this.#timers.delete(userId);
    this.users.delete(userId);
    tell(this, "end", userId);
  }
}
