/**
 * What a session puts out, in order.
 *
 * @module
 */

import type { Output, SessionEvent } from "./io.ts";
import { Queue } from "./queue.ts";

/** A queue of outputs; drained by `pollOutput` after each input. */
export class Outbox {
  readonly #outputs = new Queue<Output>();

  /** Adds an output. */
  push(output: Output): void {
    this.#outputs.push(output);
  }

  /** Adds an event. */
  event(event: SessionEvent): void {
    this.#outputs.push({ type: "event", event });
  }

  /** Says that a message of the signalling went by; names only, no contents. */
  message(
    direction: "sent" | "received",
    channel: "gateway" | "websocket" | "udp",
    name: string,
  ): void {
    this.event({ type: "message", direction, channel, name });
  }

  /** Says that something received was not what the protocol says. */
  malformed(reason: string): void {
    this.event({ type: "malformed", reason });
  }

  /** The next output, or `undefined` where all is done. */
  poll(): Output | undefined {
    return this.#outputs.shift();
  }
}
