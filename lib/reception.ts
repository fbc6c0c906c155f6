/**
 * What a receiver sees of one stream, as RFC 3550 has it: losses, jitter (section 6.4.1 and
 * appendix A.8), and the report block that tells its sender of them (appendix A.3).
 *
 * Theory of operation: jitter is the smoothed difference between how far apart two packets
 * arrived and how far apart they were sent. Bots, and whoever else lets the timestamp stand
 * while silent, would turn each pause into jitter; so it is measured inside a talkspurt only:
 * `pause` ends one, and so does a difference of more than a second, where the end was lost.
 *
 * @module
 */

import type { ReportBlock } from "./rtp/rtcp.ts";
import { type Arrival, SequenceTracker } from "./sequence.ts";

/** Samples in a millisecond: the clock of RTP timestamps. */
export const TIMESTAMP_RATE = 48;

/** Units of 1/65536 s, those of report blocks, in a millisecond. */
const REPORT_RATE = 65.536;

/** A greater difference of transit times, in samples, is a pause and no jitter. */
const BREAK = 1000 * TIMESTAMP_RATE;

/** One cycle more than was received: `SequenceTracker` begins there. */
const FIRST_CYCLE = 0x10000;

/** Follows the packets of one SSRC. */
export class Reception {
  readonly #tracker = new SequenceTracker();
  #inTalkspurt = false;
  #transit = 0;
  /** In 16ths of a sample, as appendix A.8 keeps it. */
  #jitter = 0;
  #lastSenderReport = 0;
  #senderReportAt = 0;
  #expectedBefore = 0;
  #receivedBefore = 0;

  /** What the sequence numbers say. */
  get sequences(): Readonly<SequenceTracker> {
    return this.#tracker;
  }

  /** Interarrival jitter in milliseconds; 0 where it was not measured. */
  get jitter(): number {
    return this.#jitter / 16 / TIMESTAMP_RATE;
  }

  /** Whether anything has come since the last report. */
  get hasNews(): boolean {
    return this.#tracker.received !== this.#receivedBefore;
  }

  /**
   * A packet came.
   *
   * @param sequence Its 16-bit sequence number.
   * @param timestamp Its RTP timestamp, signed or not.
   * @param now When it came, in monotonic milliseconds; without it jitter is not measured.
   * @returns What the sequence number says.
   */
  receive(sequence: number, timestamp: number, now: number | undefined): Arrival {
    const arrival = this.#tracker.receive(sequence);
    if (now !== undefined && arrival !== "duplicate") this.#measure(timestamp, now);
    return arrival;
  }

  /** The sender has fallen silent: the time until its next packet is no jitter. */
  pause(): void {
    this.#inTalkspurt = false;
  }

  /**
   * A sender report came.
   *
   * @param compact `compactNtp` of its NTP timestamp.
   * @param now Monotonic milliseconds.
   */
  takeSenderReport(compact: number, now: number): void {
    this.#lastSenderReport = compact;
    this.#senderReportAt = now;
  }

  /**
   * Makes the report block for the time since the last one.
   *
   * @param ssrc The SSRC.
   * @param now Monotonic milliseconds.
   * @returns The block.
   */
  report(ssrc: number, now: number): ReportBlock {
    const { expected, received, highest } = this.#tracker;
    const expectedSince = expected - this.#expectedBefore;
    const lostSince = expectedSince - (received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = received;
    const reported = this.#lastSenderReport !== 0;
    return {
      ssrc,
      fractionLost: lostSince > 0 ? Math.floor(256 * lostSince / expectedSince) : 0,
      cumulativeLost: expected - received,
      highestSequence: Math.max(0, highest - FIRST_CYCLE) >>> 0,
      jitter: this.#jitter >>> 4,
      lastSenderReport: this.#lastSenderReport,
      delaySinceLastSenderReport: reported ? (now - this.#senderReportAt) * REPORT_RATE >>> 0 : 0,
    };
  }

  /** All in integers of 32 bits: timestamps wrap, and a clock that jumps does no harm. */
  #measure(timestamp: number, now: number): void {
    const transit = now * TIMESTAMP_RATE - (timestamp >>> 0) | 0;
    const difference = Math.abs(transit - this.#transit | 0);
    this.#transit = transit;
    if (this.#inTalkspurt && difference <= BREAK) {
      this.#jitter += difference - (this.#jitter + 8 >> 4);
    }
    this.#inTalkspurt = true;
  }
}
