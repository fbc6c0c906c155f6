/**
 * Heartbeats of the voice WebSocket: when to beat, whether the server still
 * answers, and how long the answer takes.
 *
 * @module
 */

/** Beats without an answer after which the connection is taken for dead. */
export const MISSED_LIMIT = 2;

/** Shortest interval in milliseconds that a server can ask for. */
export const MIN_HEARTBEAT_INTERVAL = 10;

/** Longest one: beyond it a dead connection would not be noticed. */
export const MAX_HEARTBEAT_INTERVAL = 60_000;

/** The interval where no Hello comes, as Discord's servers have it. */
export const DEFAULT_HEARTBEAT_INTERVAL = 13_750;

/** Milliseconds of round-trip time from which on it is told as high. */
export const HIGH_LATENCY = 15_000;

/** Beats whose answers are waited for. */
const REMEMBERED = 4;

/** Milliseconds between two requests of the server that are answered. */
export const REQUEST_INTERVAL = 1000;

/** Tracks the heartbeats of one WebSocket. */
export class Heartbeat {
  #interval: number = DEFAULT_HEARTBEAT_INTERVAL;
  #nonce = 0;
  readonly #sentAt: number[] = [];
  #missed = 0;
  #requestedAt = -Infinity;

  /** Milliseconds between beats. */
  get interval(): number {
    return this.#interval;
  }

  /** Whether too many beats went unanswered. */
  get dead(): boolean {
    return this.#missed >= MISSED_LIMIT;
  }

  /**
   * Hello came: sets the interval and forgets what went unanswered.
   *
   * @param interval Milliseconds.
   */
  start(interval: number): void {
    this.#interval = Math.min(Math.max(MIN_HEARTBEAT_INTERVAL, interval), MAX_HEARTBEAT_INTERVAL);
    this.#missed = 0;
  }

  /** The WebSocket is gone. The interval stays: a resumed session may get no second Hello. */
  stop(): void {
    this.#missed = 0;
  }

  /**
   * Beats.
   *
   * @param now Monotonic milliseconds.
   * @returns The nonce to send: an integer, one higher each time.
   */
  beat(now: number): number {
    this.#missed++;
    return this.#stamp(now);
  }

  /**
   * The server asks for a beat now. It is answered once a second and not waited for.
   *
   * @param now Monotonic milliseconds.
   * @returns The nonce to send, or `undefined` where the last request is too near.
   */
  answerRequest(now: number): number | undefined {
    if (now - this.#requestedAt < REQUEST_INTERVAL) return undefined;
    this.#requestedAt = now;
    return this.#stamp(now);
  }

  /** Something came that can only be an answer: the server is alive. */
  alive(): void {
    this.#missed = 0;
  }

  /**
   * An answer came.
   *
   * @param nonce The nonce that it repeats.
   * @param now Monotonic milliseconds.
   * @returns The round-trip time in milliseconds, or `undefined` where the answer
   * came before or belongs to a beat long past.
   */
  acknowledge(nonce: number, now: number): number | undefined {
    if (!(nonce > 0 && nonce <= this.#nonce)) return undefined;
    this.#missed = 0;
    if (nonce <= this.#nonce - REMEMBERED) return undefined;
    const sentAt = this.#sentAt[nonce % REMEMBERED];
    delete this.#sentAt[nonce % REMEMBERED];
    return sentAt === undefined ? undefined : now - sentAt;
  }

  #stamp(now: number): number {
    this.#sentAt[++this.#nonce % REMEMBERED] = now;
    return this.#nonce;
  }
}
