/**
 * Time in Ogg Opus (RFC 7845, section 4): from granule positions and durations to milliseconds.
 *
 * A granule position counts the samples of a stream up to the end of a page, pre-skip included.
 * It need not begin at 0: a recording of a radio stream begins where the listener came in, and
 * counts as beginning at 0 here. It may go on with a jump where something was lost, and falls
 * short of the durations only at the end, where a player drops the difference. The links of a
 * chain follow each other.
 *
 * @module
 */

import { SAMPLE_RATE } from "./opus_toc.ts";

/** Follows the time of one chain of streams. */
export class OpusTimeline {
  #base = 0; // samples that the links before have lasted
  #preSkip = 0;
  #origin: number | undefined; // granule position at the start of the link
  #samples = 0; // of the link so far, pre-skip included
  #trimmed = 0; // the same without what is to be dropped from the end

  /** Milliseconds up to the end of the last packet. */
  get length(): number {
    return (this.#base + Math.max(0, this.#trimmed - this.#preSkip)) / SAMPLES_PER_MS;
  }

  /**
   * Begins a link.
   *
   * @param preSkip Samples that a player drops from its start.
   */
  begin(preSkip: number): void {
    this.#base = this.length * SAMPLES_PER_MS;
    this.#preSkip = preSkip;
    this.#origin = undefined;
    this.#samples = this.#trimmed = 0;
  }

  /**
   * Takes a packet, or several as one.
   *
   * @param duration Its samples.
   * @param granule Granule position at its end, where the container gives one.
   * @returns Where it begins, in milliseconds.
   */
  take(duration: number, granule: bigint | undefined): number {
    const time = (this.#base + this.#samples - this.#preSkip) / SAMPLES_PER_MS;
    this.#samples += duration;
    this.#trimmed = this.#samples;
    if (granule === undefined) return time;
    const end = Number(granule);
    this.#origin ??= Math.max(0, end - this.#samples);
    this.#trimmed = end - this.#origin;
    this.#samples = Math.max(this.#samples, this.#trimmed);
    return time;
  }
}

const SAMPLES_PER_MS = SAMPLE_RATE / 1000;
