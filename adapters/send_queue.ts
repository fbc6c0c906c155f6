/**
 * Sends datagrams one after another on a runtime that does not keep their order.
 *
 * Deno gives each un-awaited send of a socket to the operating system when it
 * pleases: in practice in reverse order. `Deno.listenDatagram` also reads the
 * buffer only then. So a queue copies each datagram into memory of its own, has
 * one send in flight, and is bounded. Sends in flight are bounded over all
 * queues of the process too: beyond some sixty the cost of each one triples.
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
  #closed = false;
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
    if (this.#closed) return;
    if (this.#waiting.size >= this.#capacity) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(this.#fill(datagram, to));
    this.#next();
  }

  /** Drops what waits. A send in flight ends by itself and is not reported. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.clear();
    starved.delete(this.#next);
    if (this.#current !== undefined) this.#release();
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
    if (this.#current !== undefined || this.#waiting.size === 0) return;
    if (inFlight === MAX_IN_FLIGHT) {
      starved.add(this.#next);
      return;
    }
    const slot = this.#waiting.shift()!;
    this.#current = slot;
    inFlight++;
    try {
      this.#start(slot.bytes.subarray(0, slot.size), slot.to, this.#done);
    } catch (error) {
      this.#finish(error as Error);
    }
  };

  #finish(error?: Error | null): void {
    if (this.#current === undefined) return;
    this.#free.push(this.#current);
    this.#release();
    if (error) this.#failed(error);
    this.#next();
  }

  /** Gives the place in flight to the queue that has waited longest. */
  #release(): void {
    this.#current = undefined;
    inFlight--;
    for (const next of starved) {
      starved.delete(next);
      next();
      return;
    }
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
const starved = new Set<() => void>();
