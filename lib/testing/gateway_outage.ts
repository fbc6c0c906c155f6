/**
 * A time for which a shard has no connection to the main gateway: op 4 is lost, and dispatches
 * wait for the session to be resumed, or are lost with it.
 *
 * @module
 */

import type { GatewayDispatch, InterruptInput } from "./gateway_io.ts";
import { DISPATCH_LIMIT } from "./gateway_session.ts";

/** An outage of one attached user's shard. */
export class GatewayOutage {
  /** When it is over. */
  readonly end: number;
  /** Whether the session goes on then. */
  readonly resumed: boolean;
  /** Whether the gateway library says that op 4 could not be sent. */
  readonly refuses: boolean;
  readonly #missed: GatewayDispatch[] = [];

  /**
   * Begins an outage.
   *
   * @param input What is wanted.
   * @param now Monotonic milliseconds.
   */
  constructor({ duration, resumed, refuses = false }: InterruptInput, now: number) {
    this.end = now + duration;
    this.resumed = resumed;
    this.refuses = refuses;
  }

  /** Keeps a dispatch; of too many the oldest give way. */
  miss(dispatch: GatewayDispatch): void {
    this.#missed.push(dispatch);
    if (this.#missed.length > DISPATCH_LIMIT) this.#missed.shift();
  }

  /** What a resumed session brings. */
  get missed(): readonly GatewayDispatch[] {
    return this.#missed;
  }
}
