/**
 * Drives a jitter buffer, or a playout with one, by the process's ticker: packets go in as they
 * come, and what is due goes out when it is due.
 *
 * @module
 */

import type { JitterPacket } from "../../lib/audio/jitter_buffer.ts";
import { makeTick, ticker } from "../ticker.ts";

/** What gives items in their time: a `JitterBuffer` or a `Playout`. */
export interface Timed<T> {
  /** Takes a packet. */
  push(packet: JitterPacket): unknown;
  /** Takes the next item, or `undefined` where none is due. */
  pull(now: number): T | undefined;
  /** When the next item is due. */
  pollTimeout(): number | undefined;
  /** Counters. */
  readonly stats: { readonly held: number };
}

/** A jitter buffer or playout that runs. */
export class Clocked<T> {
  readonly #timed: Timed<T>;
  readonly #emit: (item: T) => void;
  readonly #tick = makeTick((now) => this.#pull(now));

  /**
   * Starts.
   *
   * @param timed What is driven; nobody else may push or pull.
   * @param emit Is given each item in its time.
   */
  constructor(timed: Timed<T>, emit: (item: T) => void) {
    this.#timed = timed;
    this.#emit = emit;
  }

  /** Takes a packet. */
  push(packet: JitterPacket): void {
    this.#timed.push(packet);
    this.#arm();
  }

  /** Gives what is left, ahead of its time, and stops. */
  end(): void {
    ticker.clear(this.#tick);
    while (this.#timed.stats.held > 0) this.#pull(this.#timed.pollTimeout()!, false);
  }

  /** Stops. */
  stop(): void {
    ticker.clear(this.#tick);
  }

  #pull(now: number, goesOn = true): void {
    for (let item; (item = this.#timed.pull(now)) !== undefined;) this.#emit(item);
    if (goesOn) this.#arm();
  }

  #arm(): void {
    const at = this.#timed.pollTimeout();
    if (at === undefined) ticker.clear(this.#tick);
    else if (this.#tick.index < 0 || this.#tick.at !== at) ticker.set(this.#tick, at);
  }
}
