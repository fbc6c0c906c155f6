/**
 * Sequence numbers of all senders, by SSRC.
 *
 * @module
 */

import { type Arrival, SequenceTracker } from "./sequence.ts";

/** Most SSRCs that are followed; the oldest gives way. */
export const STREAM_LIMIT = 1024;

/** Counters of one SSRC. */
export interface StreamStats {
  /** The SSRC. */
  readonly ssrc: number;
  /** Packets that came, duplicates left out. */
  readonly received: number;
  /** Packets missing between the first and the highest sequence number. */
  readonly lost: number;
  /** Packets that came behind a later one. */
  readonly late: number;
  /** Packets that came again and were dropped. */
  readonly duplicates: number;
}

/** Follows each SSRC that is heard. */
export class Streams {
  readonly #trackers = new Map<number, SequenceTracker>();

  /**
   * A packet came.
   *
   * @param ssrc Its SSRC.
   * @param sequence Its 16-bit sequence number.
   * @returns What the sequence number says.
   */
  receive(ssrc: number, sequence: number): Arrival {
    let tracker = this.#trackers.get(ssrc);
    if (tracker === undefined) {
      if (this.#trackers.size >= STREAM_LIMIT) {
        const [oldest] = this.#trackers.keys();
        this.#trackers.delete(oldest);
      }
      tracker = new SequenceTracker();
      this.#trackers.set(ssrc, tracker);
    }
    return tracker.receive(sequence);
  }

  /** The counters of each SSRC. */
  stats(): StreamStats[] {
    return Array.from(
      this.#trackers,
      ([ssrc, { received, lost, late, duplicates }]) => {
        return { ssrc, received, lost, late, duplicates };
      },
    );
  }
}
