/**
 * Opus packets that are read ahead of their time: a few, so that a source that is read from a
 * disk or a network does not stutter, and no more, so that it is read no faster than it is heard.
 *
 * @module
 */

import { packetDuration } from "../../lib/audio/opus_toc.ts";

/** Opus packets in the order in which they are to be played. */
export type PacketSource = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Packets that are read ahead. */
export const READ_AHEAD = 8;

/** So many are left when reading goes on: several at a time cost less than each for itself. */
const READ_AGAIN = READ_AHEAD / 2;

/** A packet and how long it lasts. */
export interface Frame {
  /** The Opus packet. */
  readonly packet: Uint8Array;
  /** Samples per channel at 48 kHz. */
  readonly duration: number;
}

/** Frames whose places are used again. */
type Place = { -readonly [K in keyof Frame]: Frame[K] };

const NOTHING = new Uint8Array(0);

/** Reads one source. */
export class FrameQueue {
  readonly #changed: () => void;
  readonly #places: readonly Place[] = Array.from(
    { length: READ_AHEAD },
    () => ({ packet: NOTHING, duration: 0 }),
  );
  #firstAt = 0;
  #size = 0;
  #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array> | undefined;
  #isAsync = false;
  #isReading = false;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  /**
   * Begins to read at once.
   *
   * @param open Opens what is read.
   * @param changed Is called when there is a packet again and when no more will come; never before the
   * caller has the queue.
   */
  constructor(open: () => PacketSource, changed: () => void) {
    this.#changed = changed;
    try {
      const source = open();
      this.#isAsync = Symbol.asyncIterator in source;
      this.#iterator = iterate(source);
    } catch (error) {
      this.#fail(error);
    }
    this.#readOn();
  }

  /** Whether nothing more will come from the source; what was read may still wait. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why the source has ended early. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** The next frame, left where it is; of no use once it is taken away. */
  get first(): Frame | undefined {
    return this.#size === 0 ? undefined : this.#places[this.#firstAt];
  }

  /** Takes the next frame away. */
  shift(): void {
    this.#drop();
    if (this.#size <= READ_AGAIN) this.#readOn();
  }

  /** Stops reading, and lets the source close its file. What was read is dropped. */
  close(): void {
    while (this.#size > 0) this.#drop();
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    void this.#release();
  }

  #drop(): void {
    this.#places[this.#firstAt].packet = NOTHING;
    this.#firstAt = (this.#firstAt + 1) % READ_AHEAD;
    this.#size--;
  }

  /** Reads one packet, where there is room; `changed` is called from the event loop. */
  #readOn(): void {
    if (this.#isReading || this.#hasEnded || this.#size === READ_AHEAD) return;
    this.#isReading = true;
    if (!this.#isAsync) return queueMicrotask(this.#readNow);
    try {
      Promise.resolve(this.#iterator!.next()).then(this.#take, this.#fail);
    } catch (error) {
      this.#fail(error);
    }
  }

  readonly #readNow = (): void => {
    if (this.#hasEnded) return;
    let next: IteratorResult<Uint8Array>;
    try {
      next = this.#iterator!.next() as IteratorResult<Uint8Array>;
    } catch (error) {
      return this.#fail(error);
    }
    this.#take(next);
  };

  readonly #take = (next: IteratorResult<Uint8Array>): void => {
    this.#isReading = false;
    if (this.#hasEnded) return;
    if (next.done) return this.#end();
    let duration: number;
    try {
      duration = packetDuration(next.value);
    } catch (error) {
      void this.#release();
      return this.#fail(error);
    }
    const place = this.#places[(this.#firstAt + this.#size) % READ_AHEAD];
    place.packet = next.value;
    place.duration = duration;
    this.#size++;
    if (this.#size === 1) this.#changed();
    this.#readOn();
  };

  readonly #fail = (error: unknown): void => {
    if (this.#hasEnded) return;
    this.#failure = { error };
    this.#end();
  };

  #end(): void {
    this.#hasEnded = true;
    queueMicrotask(this.#changed);
  }

  /** Nobody waits for it: the source may itself wait for a packet. */
  async #release(): Promise<void> {
    try {
      await this.#iterator?.return?.();
    } catch {
      // What stopped the playing is told already.
    }
  }
}

function iterate(source: PacketSource): Iterator<Uint8Array> | AsyncIterator<Uint8Array> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}
