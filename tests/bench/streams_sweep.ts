/**
 * Finds out how many streams a process holds, by more and more of them.
 *
 * @module
 */

import { HELD, isHeld, type StreamPoint } from "./streams_report.ts";
import type { Stage, Windows } from "./streams_stage.ts";

const ATTEMPTS = 2;

/** How a sweep goes. */
export interface Steps {
  /** Fewest streams. */
  readonly first: number;
  /** Most streams. */
  readonly limit: number;
  /** By how much each step has more than the one before. */
  readonly coarse: number;
  /** The same, around the last one of the first sweep. */
  readonly fine: number;
  /** Sweeps in fine steps; without one the coarse one counts. */
  readonly repeats: number;
}

/** Sweeps of one process. */
export class Sweep {
  /** All that was measured. */
  readonly points: StreamPoint[] = [];
  readonly #stage: Stage;
  readonly #steps: Steps;
  readonly #windows: Windows;
  readonly #progress: (point: StreamPoint) => void;
  readonly #holds: number[] = [];
  #around = 0;

  /** @param progress Is told each point. */
  constructor(
    stage: Stage,
    steps: Steps,
    windows: Windows,
    progress: (point: StreamPoint) => void,
  ) {
    this.#stage = stage;
    this.#steps = steps;
    this.#windows = windows;
    this.#progress = progress;
  }

  /** Most streams that were held, of each repeat; 0 where not even the fewest were. */
  get holds(): readonly number[] {
    return this.#holds.length === 0 ? [this.#around] : this.#holds;
  }

  /** From few streams on, in large steps. */
  async coarse(): Promise<void> {
    const { first, coarse } = this.#steps;
    this.#around = await this.#quietly(() => this.#walk(first, coarse));
  }

  /** From what `coarse` has found on in small steps, up or, where that is not held now, down. */
  async fine(): Promise<void> {
    const { first, fine } = this.#steps;
    const around = Math.max(first, this.#around);
    this.#holds.push(
      await this.#quietly(async () => {
        const held = await this.#walk(around, fine);
        return held > 0 ? held : await this.#descend(around / fine);
      }),
    );
  }

  /** Up until packets are missing. @returns The last one that was held; 0 where none was. */
  async #walk(from: number, factor: number): Promise<number> {
    let held = 0;
    for (let count = even(from); count <= this.#steps.limit; count = even(count * factor)) {
      if (!await this.#holdsSoMany(count)) break;
      held = count;
    }
    return held;
  }

  /** Down until no packets are missing. @returns The first one that was held; 0 where none was. */
  async #descend(from: number): Promise<number> {
    const { first, fine } = this.#steps;
    for (let count = even(from); count >= first; count = even(count / fine)) {
      await this.#stage.quiet(this.#windows.settle);
      if (await this.#holdsSoMany(count)) return count;
    }
    return 0;
  }

  /** What was late before is not part of it, nor is it of what comes next. */
  async #quietly(run: () => Promise<number>): Promise<number> {
    await this.#stage.quiet(this.#windows.settle);
    const held = await run();
    await this.#stage.quiet(this.#windows.settle);
    return held;
  }

  /** Twice, for what else the machine does. */
  async #holdsSoMany(count: number): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      const point = await this.#stage.measure(count, this.#windows);
      this.points.push(point);
      this.#progress(point);
      if (isHeld(point)) return true;
      if (attempt >= ATTEMPTS) return point.rate >= HELD;
    }
  }
}

/** Two bots are in a call. */
function even(count: number): number {
  return 2 * Math.round(count / 2);
}
