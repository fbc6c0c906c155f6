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

/** A packet and how long it lasts. */
export interface Frame {
  /** The Opus packet. */
  readonly packet: Uint8Array;
  /** Samples per channel at 48 kHz. */
  readonly duration: number;
}

/** Reads one source. */
export class FrameQueue {
  #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array> | undefined;
  readonly #changed: () => void;
  readonly #frames: Frame[] = [];
  #room: PromiseWithResolvers<void> | undefined;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;

  /**
   * Begins to read at once.
   *
   * @param open Opens what is read.
   * @param changed Is called when a packet has come and when no more will come.
   */
  constructor(open: () => PacketSource, changed: () => void) {
    this.#changed = changed;
    void this.#read(open);
  }

  /** Whether nothing more will come from the source; what was read may still wait. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Why the source has ended early. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** The next frame, left where it is. */
  get first(): Frame | undefined {
    return this.#frames[0];
  }

  /** Takes the next frame away. */
  shift(): void {
    this.#frames.shift();
    this.#room?.resolve();
  }

  /** Stops reading, and lets the source close its file. What was read is dropped. */
  close(): void {
    this.#frames.length = 0;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#room?.resolve();
    void this.#release();
  }

  async #read(open: () => PacketSource): Promise<void> {
    try {
      const iterator = this.#iterator = iterate(open());
      for (;;) {
        const next = await iterator.next();
        if (this.#hasEnded) return;
        if (next.done) break;
        await this.#push(next.value);
      }
    } catch (error) {
      if (this.#hasEnded) return;
      this.#failure = { error };
    }
    this.#hasEnded = true;
    // A source that cannot be opened is told of like any other, once the caller has the queue.
    await null;
    this.#changed();
  }

  async #push(packet: Uint8Array): Promise<void> {
    let duration;
    try {
      duration = packetDuration(packet);
    } catch (error) {
      void this.#release();
      throw error;
    }
    this.#frames.push({ packet, duration });
    this.#changed();
    if (this.#frames.length < READ_AHEAD || this.#hasEnded) return;
    this.#room = Promise.withResolvers();
    await this.#room.promise;
    this.#room = undefined;
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
