/**
 * Tells when users start and stop to speak, by their packets and the process's ticker.
 *
 * @module
 */

import { type SpeakingChange, SpeakingDetector } from "../../lib/audio/speaking_detector.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import { makeTick, ticker } from "../ticker.ts";

/** Watches all users of a connection. */
export class SpeakingWatch {
  readonly #detector = new SpeakingDetector();
  readonly #tell: (change: SpeakingChange) => void;
  readonly #tick = makeTick((now) => this.#poll(now));

  /** @param tell Is given each change. */
  constructor(tell: (change: SpeakingChange) => void) {
    this.#tell = tell;
  }

  /** A frame came. */
  push({ userId, opus, at }: ReceivedFrame): void {
    const change = this.#detector.push(userId, opus, at);
    this.#arm();
    if (change !== undefined) this.#tell(change);
  }

  /** Nobody will be heard any more: all stop. */
  end(): void {
    ticker.clear(this.#tick);
    this.#pollUntil(Infinity);
  }

  #poll(now: number): void {
    this.#pollUntil(now);
    this.#arm();
  }

  #pollUntil(now: number): void {
    for (let change; (change = this.#detector.poll(now)) !== undefined;) this.#tell(change);
  }

  /** A user who speaks on does not move the tick: it looks again when it is due. */
  #arm(): void {
    const at = this.#detector.pollTimeout();
    if (at === undefined) ticker.clear(this.#tick);
    else if (this.#tick.index < 0) ticker.set(this.#tick, at);
  }
}
