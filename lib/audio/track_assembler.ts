/**
 * Where the pieces of a voice belong in a track that begins at zero and has no gaps.
 *
 * A piece names its place on the clock of the call. What lies between two pieces is silence. At the
 * borders of talkspurts a clock is corrected, so a piece may begin a few samples inside the one
 * before: what was written stays, and the beginning of the later piece is left out. A piece that
 * lies wholly inside what is written has come too late.
 *
 * A place is what a sender makes of it, so it is bounded by a limit that the caller knows: the
 * time that has passed. A piece further ahead is put right before the limit.
 *
 * @module
 */

/** What to do with a piece: write so much silence, leave so much out, take so much. In samples. */
export interface Placement {
  /** Silence to write before it. */
  readonly silence: number;
  /** Its beginning that is left out. */
  readonly skip: number;
  /** What is then to be taken of it; 0 where nothing is. */
  readonly take: number;
}

/** How far a track has grown, and what did not fit. All figures are samples per channel. */
export class TrackAssembler {
  #length = 0;
  #late = 0;
  #misplaced = 0;

  /** Length of the track. */
  get length(): number {
    return this.#length;
  }

  /** Samples that were left out since their place was taken. */
  get late(): number {
    return this.#late;
  }

  /** Samples that were not where they claimed to belong, since that was beyond the limit. */
  get misplaced(): number {
    return this.#misplaced;
  }

  /**
   * Finds the place of a piece, and counts it as written there.
   *
   * @param position Place of its first sample; before 0 where it began before the track.
   * @param duration Its samples.
   * @param limit Length that the track may have by now.
   * @returns What to do with it.
   *
   * @example A gap, then an overlap
   * ```ts
   * import { TrackAssembler } from "@sotto/voice/audio";
   * import { assertEquals } from "@std/assert";
   *
   * const track = new TrackAssembler();
   * assertEquals(track.place(100, 960, 48000), { silence: 100, skip: 0, take: 960 });
   * assertEquals(track.place(1050, 960, 48000), { silence: 0, skip: 10, take: 950 });
   * assertEquals([track.length, track.late], [2010, 10]);
   * ```
   */
  place(position: number, duration: number, limit: number): Placement {
    const latest = limit - duration;
    if (!(position <= latest)) {
      this.#misplaced += duration;
      position = Math.max(latest, this.#length);
    }
    const skip = Math.min(Math.max(0, this.#length - position), duration);
    const silence = skip === duration ? 0 : Math.max(0, position - this.#length);
    const take = Math.max(0, Math.min(duration - skip, limit - this.#length - silence));
    this.#late += skip;
    if (take === 0) return { silence: 0, skip, take };
    this.#length += silence + take;
    return { silence, skip, take };
  }

  /**
   * Lengthens the track with silence. Does nothing where it is as long already.
   *
   * @param length Length that it is to have.
   * @returns Silence to write.
   */
  pad(length: number): number {
    const silence = Math.max(0, length - this.#length);
    this.#length += silence;
    return silence;
  }
}
