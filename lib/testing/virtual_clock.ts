/**
 * Virtual time: what is to happen when, in order. Events of one moment keep the order
 * in which they were planned.
 *
 * @module
 */

interface Planned {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A queue of events on virtual time. */
export class VirtualClock {
  readonly #planned: Planned[] = [];
  #order = 0;
  #now = 0;

  /** The present moment in milliseconds. */
  get now(): number {
    return this.#now;
  }

  /** When the next event is due; infinite where none is planned. */
  get next(): number {
    return this.#planned[0]?.at ?? Infinity;
  }

  /** How many events are planned. */
  get size(): number {
    return this.#planned.length;
  }

  /** Plans an event. */
  plan(at: number, run: () => void): void {
    const event = { at: Math.max(at, this.#now), order: this.#order++, run };
    let index = this.#planned.length;
    while (index > 0 && this.#planned[index - 1].at > event.at) index--;
    this.#planned.splice(index, 0, event);
  }

  /** Goes to a moment and does what is due by then. */
  advance(to: number): void {
    this.#now = Math.max(this.#now, to);
    while (this.next <= this.#now) this.#planned.shift()?.run();
  }
}
