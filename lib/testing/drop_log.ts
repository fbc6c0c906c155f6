/**
 * Counts dropped datagrams by reason, and reports them without flooding the log:
 * the first of a kind at once, further ones together, once a second.
 *
 * @module
 */

import type { PacketDropReason, ServerEventDetails } from "./server_events.ts";
import type { ServerSession } from "./server_session.ts";

/** Milliseconds between two reports of one reason and one sender. */
export const DROP_REPORT_INTERVAL = 1000;

interface Window {
  readonly reason: PacketDropReason;
  readonly session: ServerSession | undefined;
  end: number;
  count: number;
}

/** Reports an event about a session or about nobody. */
export type Report = (details: ServerEventDetails, session: ServerSession | undefined) => void;

/** Counts and reports dropped datagrams. */
export class DropLog {
  readonly #report: Report;
  readonly #counts: Partial<Record<PacketDropReason, number>> = {};
  readonly #windows = new Map<string, Window>();

  /** @param report Takes the events. */
  constructor(report: Report) {
    this.#report = report;
  }

  /** Dropped datagrams by reason. */
  get counts(): Readonly<Partial<Record<PacketDropReason, number>>> {
    return { ...this.#counts };
  }

  /**
   * A datagram was dropped.
   *
   * @param reason Why.
   * @param session Whose it was, where that is known.
   * @param now Monotonic milliseconds.
   */
  drop(reason: PacketDropReason, session: ServerSession | undefined, now: number): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
    const key = `${session?.ssrc}/${reason}`;
    const window = this.#windows.get(key);
    if (window !== undefined) {
      window.count++;
      return;
    }
    this.#windows.set(key, { reason, session, end: now + DROP_REPORT_INTERVAL, count: 1 });
    this.#flush(this.#windows.get(key)!);
  }

  /** When `expire` has something to do. */
  next(): number | undefined {
    const [oldest] = this.#windows.values();
    return oldest?.end;
  }

  /** Reports what has gathered in windows that are over. */
  expire(now: number): void {
    for (const [key, window] of this.#windows) {
      if (window.end > now) return;
      this.#windows.delete(key);
      if (window.count === 0) continue;
      this.#flush(window);
      window.end = now + DROP_REPORT_INTERVAL;
      this.#windows.set(key, window);
    }
  }

  #flush(window: Window): void {
    const { reason, session, count } = window;
    window.count = 0;
    const ssrc = session === undefined ? {} : { ssrc: session.ssrc };
    this.#report({ type: "packet-dropped", reason, count, ...ssrc }, session);
  }
}
