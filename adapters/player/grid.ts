/**
 * Where in a period of 20 ms a player's frames fall: on one of four instants that all players of
 * the process share, in turn. So a thousand players wake the process two hundred times a second,
 * with a quarter of their frames each time.
 *
 * @module
 */

/** Milliseconds between two frames of the usual length. */
const PERIOD = 20;
const PHASE_COUNT = 4;

let playerCount = 0;

/** The instants of one player. */
export class Grid {
  readonly #phase = (playerCount++ % PHASE_COUNT) * (PERIOD / PHASE_COUNT);

  /** The first of them that is not before `at`. */
  next(at: number): number {
    return Math.ceil((at - this.#phase) / PERIOD) * PERIOD + this.#phase;
  }

  /** The last of them that is not behind `at`. */
  last(at: number): number {
    return Math.floor((at - this.#phase) / PERIOD) * PERIOD + this.#phase;
  }
}
