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
  #restartAt: number | undefined;
  #expected = 0;
  #received = 0;
  #late = 0;
  #duplicates = 0;

  /** Packets that came, duplicates left out. */
  get received(): number {
    return this.#received;
  }

  /** Packets between the first and the highest one, both included. */
  get expected(): number {
    return this.#expected;
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
   * A packet came. A sender that starts again elsewhere is followed: at once after a
   * jump of 3000 or more, else with the second packet in sequence that is older than
   * the window.
   *
   * @param sequence Its 16-bit sequence number.
   * @returns Whether it is ahead of all others, behind, or known already (or so old
   * that it cannot be told).
   */
  receive(sequence: number): Arrival {
    const delta = signed16(sequence - this.#highest);
    if (this.#highest < 0 || Math.abs(delta) >= RESTART_DISTANCE) return this.#restart(sequence);
    if (-delta >= WINDOW) return this.#receiveOld(sequence);
    const extended = this.#highest + delta;
    if (this.#seen[extended % WINDOW] === extended) return this.#repeat();
    this.#seen[extended % WINDOW] = extended;
    this.#received++;
    if (delta < 0) {
      this.#late++;
      return "late";
    }
    this.#highest = extended;
    this.#expected += delta;
    return "next";
  }

  #receiveOld(sequence: number): Arrival {
    if (sequence === this.#restartAt) return this.#restart(sequence);
    this.#restartAt = (sequence + 1) & 0xffff;
    return this.#repeat();
  }

  #repeat(): "duplicate" {
    this.#duplicates++;
    return "duplicate";
  }

  #restart(sequence: number): "next" {
    this.#seen.fill(-1);
    this.#restartAt = undefined;
    // One cycle ahead, so that what came just before it is not negative.
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
