/**
 * Datagrams that wait for their instant, in slots of a millisecond: putting one in and taking it
 * out costs the same however many wait.
 *
 * @module
 */

/** A datagram that waits. */
export interface Departure {
  /** The socket. */
  id: number;
  /** When it is to be sent, in milliseconds. */
  at: number;
  /** Bytes of the datagram in `bytes`. */
  size: number;
  /** Holds the datagram. */
  bytes: Uint8Array;
}

/** Slots, and so the milliseconds that are looked ahead; what is later waits in the last one. */
const SLOT_COUNT = 512;

/** Milliseconds before their instant at which datagrams count as due: less than a look is late. */
const SLACK = 0.5;

/** Memory is reused for datagrams that are not much larger. */
const SIZE_STEP = 256;

/** The datagrams that wait. */
export class Departures {
  readonly #slots: Departure[][] = Array.from({ length: SLOT_COUNT }, () => []);
  readonly #free: Departure[] = [];
  /** The first millisecond whose slot was not looked at. */
  #next: number;
  #size = 0;

  /** @param now Milliseconds. */
  constructor(now: number) {
    this.#next = Math.floor(now);
  }

  /** Datagrams that wait. */
  get size(): number {
    return this.#size;
  }

  /** Puts a copy of a datagram in. */
  add(id: number, at: number, bytes: Uint8Array): void {
    let departure = this.#free.pop();
    if (departure === undefined || departure.bytes.length < bytes.length) {
      const room = Math.ceil(bytes.length / SIZE_STEP) * SIZE_STEP;
      departure = { id, at, size: 0, bytes: new Uint8Array(room) };
    }
    departure.id = id;
    departure.at = at;
    departure.size = bytes.length;
    departure.bytes.set(bytes);
    this.#size++;
    this.#place(departure);
  }

  /**
   * Takes out what is due.
   *
   * @param now Milliseconds.
   * @param send Is called with each, those of one instant in the order in which they came; the
   * bytes are borrowed.
   */
  take(now: number, send: (departure: Readonly<Departure>) => void): void {
    const until = now + SLACK;
    const last = Math.floor(until);
    // After a long stall each slot is looked at once; the present one is looked at again.
    const first = this.#next;
    const end = Math.min(last + 1, first + SLOT_COUNT);
    this.#next = Math.max(first, last);
    for (let time = first; time < end; time++) {
      const slot = this.#slots[time % SLOT_COUNT]!;
      if (slot.length === 0) continue;
      for (const departure of slot.splice(0)) {
        if (departure.at > until) this.#place(departure);
        else {
          this.#size--;
          send(departure);
          this.#free.push(departure);
        }
      }
    }
  }

  /**
   * Takes out what waits for a socket, and sends none of it.
   *
   * @returns How many datagrams that were.
   */
  discard(id: number): number {
    const size = this.#size;
    if (size === 0) return 0;
    for (const slot of this.#slots) {
      for (let i = slot.length - 1; i >= 0; i--) {
        if (slot[i]!.id !== id) continue;
        this.#free.push(...slot.splice(i, 1));
        this.#size--;
      }
    }
    return size - this.#size;
  }

  #place(departure: Departure): void {
    const wanted = Math.max(this.#next, Math.floor(departure.at));
    const time = Math.min(wanted, this.#next + SLOT_COUNT - 1);
    this.#slots[time % SLOT_COUNT]!.push(departure);
  }
}
