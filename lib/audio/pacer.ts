/**
 * When to send the next frame, and with which RTP timestamp.
 *
 * Theory of operation. The schedule is one time line in samples that starts with the
 * first frame: sample `p` is due at `origin + p / 48` ms, and a frame's RTP timestamp
 * is its `p` as well. Frames follow each other on that line, never "20 ms after the
 * last send", so timers that fire late do not add up: no drift. Where time is lost
 * for good, the position jumps ahead, and since position and timestamp are the same
 * number the receiver sees a gap of the length that it heard, not a stream that
 * falls behind more with each pause (RFC 3550, section 5.1: the timestamp advances
 * with the sampling clock, also while nothing is sent).
 *
 * When a frame is late by no more than `burstLimit` (an event loop that stalled), the
 * schedule stays: late frames are due at once, and a receiver's jitter buffer absorbs the
 * burst. By more, and the policy decides:
 *
 * - `burst` and `shift`, which differ in how much is caught up with by default: the position
 *   jumps to now. The receiver hears a gap and then all that is left; it is not flooded.
 * - `skip`: frames are left out until the schedule is reached again. The receiver hears a
 *   loss, and what is live stays live.
 *
 * The clock is an argument. One that jumps back moves the origin with it, so that
 * nothing waits until the old time comes again; steps back of up to 5 ms are taken
 * for timers that fired early, and are ignored.
 *
 * @module
 */

/**
 * What becomes of late frames: `burst` catches up with much, `shift` with little, and both then
 * delay what is left; `skip` leaves frames out.
 */
export type LatePolicy = "burst" | "shift" | "skip";

/** Options of {@linkcode Pacer}. */
export interface PacerOptions {
  /** What becomes of late frames; default `"burst"`. */
  readonly late?: LatePolicy;
  /**
   * Greatest lateness in milliseconds that is caught up with in a burst; default 100, or 20
   * where the policy is another one.
   */
  readonly burstLimit?: number;
}

const BURST_LIMITS: Readonly<Record<LatePolicy, number>> = { burst: 100, shift: 20, skip: 20 };

/**
 * The schedule of one stream of frames.
 *
 * @example Two frames, then a pause of a second
 * ```ts
 * import { Pacer } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const pacer = new Pacer();
 * assertEquals(pacer.advance(960, 0), 0);
 * assertEquals(pacer.due(0), 20);
 * assertEquals(pacer.advance(960, 20), 960);
 * pacer.resume(1020);
 * assertEquals(pacer.advance(960, 1020), 48960);
 * ```
 */
export class Pacer {
  readonly #skips: boolean;
  readonly #burstLimit: number;
  #origin: number | undefined; // when position 0 is due
  #position = 0; // of the next frame
  #latest = -Infinity; // greatest time seen

  /**
   * Makes a schedule that starts with the first frame.
   *
   * @param options How late frames are treated.
   * @throws {RangeError} where `late` is no policy or `burstLimit` not a number of at least 0.
   */
  constructor(options: PacerOptions = {}) {
    const { late = "burst" } = options;
    if (!Object.hasOwn(BURST_LIMITS, late)) {
      throw new RangeError(
        `Cannot make a pacer: late is "${late}", want "burst", "shift" or "skip"`,
      );
    }
    const { burstLimit = BURST_LIMITS[late] } = options;
    if (!(burstLimit >= 0)) {
      throw new RangeError(`Cannot make a pacer: burstLimit is ${burstLimit}, want at least 0`);
    }
    this.#skips = late === "skip";
    this.#burstLimit = burstLimit;
  }

  /**
   * When the next frame is due. Before the first frame that is `now`.
   *
   * @param now Monotonic milliseconds.
   * @returns Milliseconds on the same clock; not after `now` where a frame is due.
   */
  due(now: number): number {
    const at = this.#observe(now);
    return this.#dueFrom(at);
  }

  /**
   * Spends the slot of one frame. The first call starts the schedule.
   *
   * @param duration Samples per channel at 48 kHz of the frame.
   * @param now Monotonic milliseconds.
   * @returns The frame's position: samples since the start of the schedule, gaps
   * included. Add it to the first RTP timestamp, modulo 2^32. -1 where the frame is to be
   * skipped.
   * @throws {RangeError} where `duration` is not a positive integer.
   */
  advance(duration: number, now: number): number {
    if (!Number.isSafeInteger(duration) || duration < 1) {
      throw new RangeError(`Cannot pace a frame of ${duration} samples: want a positive integer`);
    }
    const at = this.#observe(now);
    this.#origin ??= at;
    const isTooLate = at - this.#dueFrom(at) > this.#burstLimit;
    if (isTooLate && !this.#skips) this.#jumpTo(at);
    const position = this.#position;
    this.#position += duration;
    return isTooLate && this.#skips ? -1 : position;
  }

  /**
   * Ends a pause: where the next frame's slot has passed, however short the pause
   * was, the schedule jumps to `now`, and the timestamp with it. During a pause just
   * do not call `advance`.
   *
   * @param now Monotonic milliseconds.
   */
  resume(now: number): void {
    const at = this.#observe(now);
    if (this.#origin !== undefined && at > this.#dueFrom(at)) this.#jumpTo(at);
  }

  #dueFrom(at: number): number {
    return this.#origin === undefined ? at : this.#origin + this.#position / SAMPLES_PER_MS;
  }

  #jumpTo(at: number): void {
    this.#position += Math.floor((at - this.#dueFrom(at)) * SAMPLES_PER_MS);
  }

  /** The time to use for `now`: never before an earlier one. */
  #observe(now: number): number {
    if (now < this.#latest - BACKWARD_TOLERANCE) {
      if (this.#origin !== undefined) this.#origin -= this.#latest - now;
      this.#latest = now;
    }
    return this.#latest = Math.max(this.#latest, now);
  }
}

const SAMPLES_PER_MS = 48;
const BACKWARD_TOLERANCE = 5; // milliseconds
