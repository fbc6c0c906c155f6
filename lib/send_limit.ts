/**
 * Messages that can wait: a server closes with 4021 on a client that sends too many. Heartbeats
 * and the handshake do not come here, so that they pass first.
 *
 * @module
 */

import { LocalProtocolError } from "./errors.ts";
import { Queue } from "./queue.ts";
import { RateLimit } from "./rate_limit.ts";

/** Most messages a minute; Discord has published the number for the main gateway only. */
export const SEND_LIMIT = 120;

/** Most messages that wait. */
export const SEND_QUEUE_LIMIT = 120;

/** Lets messages pass in order, at most `SEND_LIMIT` a minute. */
export class SendLimit<T> {
  readonly #limit = new RateLimit(SEND_LIMIT, 60_000);
  readonly #waiting = new Queue<T>();
  #latest: T | undefined;

  /**
   * A message is to be sent.
   *
   * @throws {LocalProtocolError} Too many wait already; the message is not taken.
   */
  push(message: T): void {
    if (this.#waiting.size >= SEND_QUEUE_LIMIT) {
      throw new LocalProtocolError(`Cannot send: ${SEND_QUEUE_LIMIT} messages wait already`);
    }
    this.#waiting.push(message);
  }

  /** A message is to be sent of which only the latest counts; it goes before the others. */
  replace(message: T): void {
    this.#latest = message;
  }

  /**
   * Takes a message that may be sent now.
   *
   * @param now Monotonic milliseconds.
   * @returns The message, or `undefined` where none may.
   */
  shift(now: number): T | undefined {
    if (this.delay(now) !== 0) return undefined;
    this.#limit.spend(now);
    const message = this.#latest ?? this.#waiting.shift();
    this.#latest = undefined;
    return message;
  }

  /**
   * When the next message may be sent.
   *
   * @param now Monotonic milliseconds.
   * @returns Milliseconds from now, or `undefined` where none waits.
   */
  delay(now: number): number | undefined {
    const isEmpty = this.#latest === undefined && this.#waiting.size === 0;
    return isEmpty ? undefined : this.#limit.delay(1, now);
  }

  /** Nothing waits any more; what was sent still counts. */
  clear(): void {
    this.#waiting.clear();
    this.#latest = undefined;
  }
}
