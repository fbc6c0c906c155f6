/**
 * One timer for all that has its time, packets and deadlines: whoever has something to do at an
 * instant is called then. All connections and players of a process share {@linkcode ticker}.
 *
 * @module
 */

import { throwLater } from "./listeners.ts";

/** Milliseconds by which a runtime's timer may fire early; what is due so soon is done at once. */
const SLACK = 0.5;

/** Something that is to be done at an instant. */
export interface Tick {
  /** Is called once with the time, in monotonic milliseconds. */
  readonly call: (now: number) => void;
  /** When. */
  at: number;
  /** Place in the heap; -1 while it does not wait. */
  index: number;
  /** Of two ticks of one instant, the one that was set first has the lower one, modulo 2^32. */
  turn: number;
}

/** Makes a tick that waits for nothing yet. */
export function makeTick(call: (now: number) => void): Tick {
  return { call, at: Infinity, index: -1, turn: 0 };
}

/** A heap of ticks and one timer. */
export class Ticker {
  readonly #heap: Tick[] = [];
  /** What is due in this round. */
  readonly #round: Tick[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armedAt = Infinity;
  #running = false;
  #turn = 0;

  /** Ticks that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /**
   * Has a tick called at an instant; an earlier instant of the same tick is forgotten.
   *
   * @param at Monotonic milliseconds.
   */
  set(tick: Tick, at: number): void {
    if (tick.index >= 0) this.#remove(tick);
    tick.at = at;
    tick.turn = this.#turn = this.#turn + 1 | 0;
    this.#place(tick, this.#heap.length);
    if (!this.#running) this.#arm();
  }

  /** Has a tick not called. Does nothing where it does not wait. */
  clear(tick: Tick): void {
    tick.at = Infinity;
    if (tick.index < 0) return;
    this.#remove(tick);
    if (!this.#running && this.#heap.length === 0) this.#arm();
  }

  /** Has no tick called: those of a world that is no more. */
  clearAll(): void {
    for (const tick of this.#heap) {
      tick.at = Infinity;
      tick.index = -1;
    }
    this.#heap.length = 0;
    this.#arm();
  }

  #arm(): void {
    const at = this.#heap[0]?.at ?? Infinity;
    if (at === this.#armedAt) return;
    clearTimeout(this.#timer);
    this.#armedAt = at;
    if (at === Infinity) return;
    this.#timer = setTimeout(this.#run, Math.max(0, at - performance.now()));
  }

  readonly #run = (): void => {
    this.#armedAt = Infinity;
    this.#running = true;
    const now = performance.now();
    // What is set meanwhile for now waits for the next round: no tick can keep others waiting.
    this.#takeDue(now + SLACK);
    for (let i = 0; i < this.#round.length; i++) this.#call(this.#round[i], now);
    this.#round.length = 0;
    this.#running = false;
    this.#arm();
  };

  /** Calls a tick that was neither cleared nor set anew by one before it. */
  #call(tick: Tick, now: number): void {
    if (tick.index >= 0 || tick.at === Infinity) return;
    try {
      tick.call(Math.max(tick.at, now));
    } catch (error) {
      throwLater(error);
    }
  }

  #takeDue(until: number): void {
    for (let first; (first = this.#heap[0]) !== undefined && first.at <= until;) {
      this.#remove(first);
      this.#round.push(first);
    }
  }

  #remove(tick: Tick): void {
    const { index } = tick;
    tick.index = -1;
    const last = this.#heap.pop()!;
    if (last !== tick) this.#place(last, index);
  }

  /** Puts a tick where a place is free, and then where it belongs. */
  #place(tick: Tick, index: number): void {
    const heap = this.#heap;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(tick, heap[parent]!)) break;
      this.#put(heap[parent]!, index);
      index = parent;
    }
    for (;;) {
      let child = 2 * index + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !isBefore(heap[child]!, tick)) break;
      this.#put(heap[child]!, index);
      index = child;
    }
    this.#put(tick, index);
  }

  #put(tick: Tick, index: number): void {
    this.#heap[index] = tick;
    tick.index = index;
  }
}

/** Ticks of one instant keep their order: what they send is as far apart each time. */
function isBefore(one: Tick, other: Tick): boolean {
  return one.at < other.at || one.at === other.at && (one.turn - other.turn | 0) < 0;
}

/** The process's only ticker. */
export const ticker: Ticker = /* @__PURE__ */ new Ticker();
