/**
 * How long to wait for the packets of one sender: from how late they come, the delay that lets
 * nearly all of them be in time.
 *
 * Theory of operation. The transit of a packet is its arrival minus its RTP timestamp. The two
 * clocks have nothing to do with each other, so only differences of transits say something: the
 * least transit of the last ten seconds is the base, and what a packet needs more than that is its
 * lateness. A base that forgets follows a sender's clock that runs faster or slower (200 ppm are
 * 2 ms in ten seconds), and a path that has become longer. Pauses do not age it.
 *
 * The lateness goes into a histogram in which old packets weigh less and less; its 99th
 * percentile, kept between floor and ceiling, is the delay. Lateness beyond the ceiling does not
 * count: no delay that is allowed would have saved such a packet.
 *
 * @module
 */

/** Measures one sender's transit times. All times are in milliseconds. */
export class DelayEstimator {
  readonly #floor: number;
  readonly #ceiling: number;
  readonly #bins: Float64Array;
  /** Least transit of each slot of time, the present one first. */
  readonly #slots: number[] = [];
  #slotBegan = 0;
  #base = 0;
  #weight = 1; // of the next packet; grows instead of all others' shrinking
  #total = 0;
  #target: number;
  #jitter = 0;
  #lastTransit: number | undefined;

  /**
   * Knows nothing yet: the delay is the floor.
   *
   * @param floor Least delay.
   * @param ceiling Greatest delay.
   */
  constructor(floor: number, ceiling: number) {
    this.#floor = floor;
    this.#ceiling = ceiling;
    this.#target = floor;
    this.#bins = new Float64Array(Math.floor(ceiling / BIN) + 1);
  }

  /** The least transit of late: what a packet needs that nothing holds up. */
  get base(): number {
    return this.#base;
  }

  /** The delay that lets nearly all packets be in time. */
  get target(): number {
    return this.#target;
  }

  /** Mean deviation of the transit from packet to packet (RFC 3550, section 6.4.1). */
  get jitter(): number {
    return this.#jitter;
  }

  /**
   * A packet came.
   *
   * @param transit Its arrival minus its timestamp.
   * @param at Its arrival.
   */
  record(transit: number, at: number): void {
    this.#lowerBase(transit, at);
    if (this.#lastTransit !== undefined) {
      this.#jitter += (Math.abs(transit - this.#lastTransit) - this.#jitter) / 16;
    }
    this.#lastTransit = transit;
    const lateness = transit - this.#base;
    if (lateness > this.#ceiling) return;
    this.#bins[Math.floor(lateness / BIN)] += this.#weight;
    this.#total += this.#weight;
    this.#weight /= FORGETTING;
    if (this.#weight > WEIGHT_LIMIT) this.#rescale();
    this.#target = Math.min(Math.max(this.#percentile(), this.#floor), this.#ceiling);
  }

  #lowerBase(transit: number, at: number): void {
    const slots = this.#slots;
    const isOver = at - this.#slotBegan >= SLOT_TIME || at < this.#slotBegan;
    if (slots.length === 0 || isOver) {
      this.#slotBegan = at;
      slots.unshift(transit);
      slots.length = Math.min(slots.length, SLOT_COUNT);
    } else if (transit < slots[0]) {
      slots[0] = transit;
    }
    this.#base = Math.min(...slots);
  }

  /** The upper edge of the bin that the wanted share of the weight reaches. */
  #percentile(): number {
    let rest = (1 - SHARE) * this.#total;
    let bin = this.#bins.length - 1;
    while (bin > 0 && (rest -= this.#bins[bin]) >= 0) bin--;
    return (bin + 1) * BIN;
  }

  #rescale(): void {
    for (let i = 0; i < this.#bins.length; i++) this.#bins[i] /= this.#weight;
    this.#total /= this.#weight;
    this.#weight = 1;
  }
}

const SLOT_TIME = 2000;
const SLOT_COUNT = 5;
const BIN = 5;
const SHARE = 0.99;
const FORGETTING = 0.998; // a packet that is 500 packets old weighs a third
const WEIGHT_LIMIT = 1e9;
