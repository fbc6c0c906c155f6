/**
 * Datagrams that go from one thread to another through shared memory: one side writes, the other
 * reads, neither waits, and nothing is allocated.
 *
 * A record is a size, a socket's id, an instant and the bytes, filled up to whole words of eight
 * bytes. The writer moves the head behind a record once it is whole, the reader moves the tail
 * once it has read; each reads the other's place atomically. A record that does not fit before
 * the end of the memory begins at its start again; a size of `SKIP` says so.
 *
 * @module
 */

/** Bytes in front of the records: head, tail, whether the reader is awake. */
const CONTROL_SIZE = 16;
const HEAD = 0;
const TAIL = 1;
const AWAKE = 2;

const RECORD_SIZE = 16;
const SKIP = -1;

/** What reads a record. The bytes are borrowed until the call returns. */
export type RecordReader = (id: number, at: number, bytes: Uint8Array) => void;

/** A ring in shared memory. */
export class Ring {
  readonly #places: Int32Array;
  readonly #words: Int32Array;
  readonly #instants: Float64Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;

  /**
   * Looks at a ring; both sides do so with the same memory.
   *
   * @param memory What `Ring.allocate` gave.
   */
  constructor(memory: SharedArrayBuffer) {
    this.#places = new Int32Array(memory, 0, 3);
    this.#words = new Int32Array(memory, CONTROL_SIZE);
    this.#instants = new Float64Array(memory, CONTROL_SIZE);
    this.#bytes = new Uint8Array(memory, CONTROL_SIZE);
    this.#capacity = this.#bytes.length;
  }

  /**
   * Makes an empty ring.
   *
   * @param capacity Bytes of records, a multiple of eight.
   */
  static allocate(capacity: number): SharedArrayBuffer {
    return new SharedArrayBuffer(CONTROL_SIZE + capacity);
  }

  /**
   * Writes a record.
   *
   * @param id The socket.
   * @param at An instant.
   * @param bytes The datagram.
   * @returns Whether there was room.
   */
  write(id: number, at: number, bytes: Uint8Array): boolean {
    const size = RECORD_SIZE + (bytes.length + 7 & ~7);
    let head = Atomics.load(this.#places, HEAD);
    const tail = Atomics.load(this.#places, TAIL);
    // A head that would reach the tail would make a full ring look empty.
    if (head >= tail) {
      const isRoom = head + size < this.#capacity || head + size === this.#capacity && tail > 0;
      if (!isRoom) {
        if (size >= tail) return false;
        this.#words[head >> 2] = SKIP;
        head = 0;
      }
    } else if (head + size >= tail) return false;
    this.#words[head >> 2] = bytes.length;
    this.#words[(head >> 2) + 1] = id;
    this.#instants[(head >> 3) + 1] = at;
    this.#bytes.set(bytes, head + RECORD_SIZE);
    Atomics.store(this.#places, HEAD, (head + size) % this.#capacity);
    return true;
  }

  /** The writer has written: tells whether it must wake the reader, which then counts as awake. */
  rouse(): boolean {
    return Atomics.exchange(this.#places, AWAKE, 1) === 0;
  }

  /**
   * The reader goes to sleep.
   *
   * @returns Whether there is nothing to read; otherwise it is awake.
   */
  sleep(): boolean {
    Atomics.store(this.#places, AWAKE, 0);
    const isEmpty = Atomics.load(this.#places, HEAD) === Atomics.load(this.#places, TAIL);
    if (!isEmpty) Atomics.store(this.#places, AWAKE, 1);
    return isEmpty;
  }

  /**
   * Reads all that is there.
   *
   * @param reader Is called with each record.
   */
  read(reader: RecordReader): void {
    const head = Atomics.load(this.#places, HEAD);
    let tail = Atomics.load(this.#places, TAIL);
    while (tail !== head) {
      if (this.#words[tail >> 2] === SKIP) tail = 0;
      else tail = this.#readOne(tail, reader);
      Atomics.store(this.#places, TAIL, tail);
    }
  }

  #readOne(tail: number, reader: RecordReader): number {
    const size = this.#words[tail >> 2]!;
    const start = tail + RECORD_SIZE;
    reader(
      this.#words[(tail >> 2) + 1]!,
      this.#instants[(tail >> 3) + 1]!,
      this.#bytes.subarray(start, start + size),
    );
    return (start + (size + 7 & ~7)) % this.#capacity;
  }
}
