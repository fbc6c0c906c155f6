/**
 * Sequence numbers of one sender: what was lost, what came twice, what came late.
 * The 16-bit number is extended over its wraps (RFC 3550 appendix A.1).
 *
 * @module
 */

/** What a sequence number says about its packet. */
export type Arrival = "next" | "late" | "duplicate";

const WINDOW = 256;
const RESTART_DISTANCE = 3000;

/** Follows the sequence numbers of one SSRC. */
export class SequenceTracker {
  readonly #seen = new Float64Array(WINDOW).fill(-1);
  #highest = -1;
  #expected = 0;
  #received = 0;
  #late = 0;
  #duplicates = 0;

  /** Packets that came, duplicates left out. */
  get received(): number {
    return this.#received;
  }

  /** Packets that are missing between the first and the highest one. */
  get lost(): number {
    return Math.max(0, this.#expected - this.#received);
  }

  /** Packets that came behind a later one. */
  get late(): number {
    return this.#late;
  }

  /** Packets that came again. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** The highest sequence number, extended over its wraps; -1 before the first packet. */
  get highest(): number {
    return this.#highest;
  }

  /**
   * A packet came. A jump of 3000 or more either way is a sender that started again.
   *
   * @param sequence Its 16-bit sequence number.
   * @returns Whether it is ahead of all others, behind, or known already (or so old
   * that it cannot be told).
   */
  receive(sequence: number): Arrival {
    const delta = this.#highest < 0 ? 1 : signed16(sequence - this.#highest);
    if (this.#highest < 0 || Math.abs(delta) >= RESTART_DISTANCE) {
      return this.#restart(sequence);
    }
    const extended = this.#highest + delta;
    const slot = (extended % WINDOW + WINDOW) % WINDOW;
    if (this.#seen[slot] === extended || -delta >= WINDOW) {
      return this.#repeat();
    }
    this.#received++;
    if (delta > 0) {
      this.#seen[slot] = extended;
      this.#highest = extended;
      this.#expected += delta;
      return "next";
    }
    this.#seen[slot] = extended;
    this.#late++;
    return "late";
  }

  #repeat(): "duplicate" {
    this.#duplicates++;
    return "duplicate";
  }

  #restart(sequence: number): "next" {
    this.#seen.fill(-1);
    this.#highest = sequence + 0x10000;
    this.#seen[this.#highest % WINDOW] = this.#highest;
    this.#received++;
    this.#expected++;
    return "next";
  }
}

function signed16(value: number): number {
  return value << 16 >> 16;
}
