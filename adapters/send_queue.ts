/**
 * Sends datagrams one after another on a runtime that does not keep their order.
 *
 * Deno gives each un-awaited send of a socket to the operating system when it
 * pleases: in practice in reverse order. `Deno.listenDatagram` also reads the
 * buffer only then. So a queue copies each datagram into memory of its own, has
 * one send in flight, and is bounded. Sends in flight are bounded over all
 * queues of the process too: beyond some sixty the cost of each one triples. And in one
 * turn of its event loop Deno ends some 256 sends, of all sockets together (measured): where
 * other work makes turns long, queues fill up however cheap a send is.
 *
 * A queue that is closed still sends what waits, as a runtime does that sends inside the call.
 *
 * @module
 */

import { Queue } from "../lib/queue.ts";

/** Datagrams that may wait in the queue of one client; more are dropped. */
export const SEND_QUEUE_CAPACITY = 256;

/** Ends one send; called once for each, with the error if it failed. */
export type SendDone = (error?: Error | null) => void;

/** Starts one send. The bytes stay untouched until `done` is called. */
export type SendStart<To> = (datagram: Uint8Array, to: To, done: SendDone) => void;

/** A bounded queue in front of one socket. `To` is the address, `void` where it is connected. */
export class SendQueue<To = void> {
  readonly #start: SendStart<To>;
  readonly #failed: (error: Error) => void;
  readonly #capacity: number;
  readonly #done: SendDone = (error) => this.#finish(error);
  readonly #waiting = new Queue<Slot<To>>();
  readonly #free: Slot<To>[] = [];
  #current: Slot<To> | undefined;
  #isStarved = false;
  /** Set by `close`. */
  #ended: (() => void) | undefined;
  #dropped = 0;

  /**
   * Makes an empty queue.
   *
   * @param start Starts one send.
   * @param failed Hears of a send that failed. The queue goes on.
   * @param capacity Datagrams that may wait.
   */
  constructor(
    start: SendStart<To>,
    failed: (error: Error) => void,
    capacity: number = SEND_QUEUE_CAPACITY,
  ) {
    this.#capacity = capacity;
    this.#start = start;
    this.#failed = failed;
  }

  /** Datagrams that found the queue full. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Queues a copy of `datagram`, or drops and counts it where the queue is full. */
  push(datagram: Uint8Array, to: To): void {
    if (this.#ended !== undefined) return;
    if (this.#waiting.size >= this.#capacity) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(this.#fill(datagram, to));
    this.#next();
  }

  /**
   * Takes nothing more. What waits is still sent; a failure is no longer reported.
   *
   * @param ended Is called once when nothing is left, at once where nothing waits.
   */
  close(ended: () => void): void {
    if (this.#ended !== undefined) return;
    this.#ended = ended;
    if (this.#current === undefined && this.#waiting.size === 0) ended();
  }

  #fill(datagram: Uint8Array, to: To): Slot<To> {
    let slot = this.#free.pop();
    if (slot === undefined || slot.bytes.length < datagram.length) {
      slot = {
        bytes: new Uint8Array(SLOT_STEP * Math.ceil(datagram.length / SLOT_STEP)),
        size: 0,
        to,
      };
    }
    slot.bytes.set(datagram);
    slot.size = datagram.length;
    slot.to = to;
    return slot;
  }

  readonly #next = (): void => {
    if (this.#current !== undefined) return;
    if (this.#waiting.size === 0) return this.#ended?.();
    if (inFlight === MAX_IN_FLIGHT) return this.#starve();
    const slot = this.#waiting.shift()!;
    this.#current = slot;
    inFlight++;
    try {
      this.#start(slot.bytes.subarray(0, slot.size), slot.to, this.#done);
    } catch (error) {
      this.#finish(error as Error);
    }
  };

  #starve(): void {
    if (this.#isStarved) return;
    this.#isStarved = true;
    starved.push(this.#goOn);
  }

  readonly #goOn = (): void => {
    this.#isStarved = false;
    this.#next();
  };

  #finish(error?: Error | null): void {
    if (this.#current === undefined) return;
    this.#free.push(this.#current);
    this.#current = undefined;
    inFlight--;
    // The place in flight goes to the queue that has waited longest.
    starved.shift()?.();
    if (error && this.#ended === undefined) this.#failed(error);
    this.#next();
  }
}

interface Slot<To> {
  bytes: Uint8Array;
  size: number;
  to: To;
}

/** Slots are used again for datagrams that are not much larger. */
const SLOT_STEP = 256;
const MAX_IN_FLIGHT = 64;

let inFlight = 0;

/**
 * Queues that wait for a place in flight, the longest first. A `Set` would do the same, but to
 * find its first entry V8 walks over all that were deleted before it.
 */
const starved = new Queue<() => void>();
