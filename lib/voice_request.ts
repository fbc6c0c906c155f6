/**
 * How a client asks the main gateway for a voice channel (op 4): it enters, leaves, and asks
 * again where that brings nothing.
 *
 * @module
 */

import type { Outbox } from "./outbox.ts";
import type { Signalling } from "./signalling.ts";
import type { TimerTable } from "./timer.ts";

/** Op 4 that enter, or leave and enter; one more is kept for leaving at the end. */
export const ENTER_COST = 2;
/** The same where the client leaves first. */
export const REENTER_COST = 3;

/** Parts of the time for `signalling`, after each of which op 4 is sent again. */
const REQUEST_SHARE = 3;

/** Sends op 4. */
export class VoiceRequest {
  readonly #signalling: Signalling;
  readonly #outbox: Outbox;
  readonly #timers: TimerTable;
  readonly #interval: number;
  #count = 0;

  /**
   * Starts without a request.
   *
   * @param signalling What is known of the channel, and the limit of op 4.
   * @param outbox Takes op 4.
   * @param timers Where the timer `request` is armed.
   * @param timeout Milliseconds in which a request must be answered.
   */
  constructor(
    signalling: Signalling,
    outbox: Outbox,
    timers: TimerTable,
    timeout: number = Infinity,
  ) {
    this.#signalling = signalling;
    this.#outbox = outbox;
    this.#timers = timers;
    this.#interval = timeout / REQUEST_SHARE;
  }

  /**
   * Asks for the channel, and later again.
   *
   * @param inside Whether to leave first: for a channel that one is in, Discord names no server.
   * @param now Monotonic milliseconds.
   */
  begin(inside: boolean, now: number): void {
    if (inside) this.send("exit", now);
    this.send("enter", now);
    this.#count = 0;
    this.#arm(now);
  }

  /**
   * Op 4 may have been lost, also the one that left. Where only the server is missing, Discord
   * names one on entering; but to leave makes one void that is merely late: that comes last.
   *
   * @param wasReady Whether the client was in a channel before.
   * @param now Monotonic milliseconds.
   */
  repeat(wasReady: boolean, now: number): void {
    const isFirst = this.#count++ === 0;
    this.#arm(now);
    const isKnown = this.#signalling.sessionId !== undefined;
    const inside = isKnown || wasReady;
    const cost = inside ? REENTER_COST : ENTER_COST;
    if (isKnown && isFirst || this.#signalling.delay(cost, now) > 0) return;
    if (inside) this.send("exit", now);
    this.send("enter", now);
  }

  /** Sends op 4 once; not where the caller does the signalling. */
  send(action: "enter" | "exit", now: number): void {
    if (!this.#signalling.active) return;
    this.#outbox.push({ type: "sendGateway", payload: this.#signalling[action](now) });
    const name = action === "enter" ? "Voice State (join)" : "Voice State (leave)";
    this.#outbox.message("sent", "gateway", name);
  }

  #arm(now: number): void {
    this.#timers.set("request", now + this.#interval);
  }
}
