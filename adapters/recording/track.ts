/**
 * A user's track, and a format: what recordings of all formats have in common.
 *
 * @module
 */

import type { RecordableSpeaker } from "./call.ts";

/** One user's track. Positions and lengths are samples of 48 kHz since the recording began. */
export interface Track<T> {
  /** How far it has grown. */
  readonly length: number;
  /** Samples of voice in it. */
  readonly spoken: number;
  /** Pieces that stand for lost packets. */
  readonly concealed: number;
  /** Samples that were left out since they came too late for their place. */
  readonly late: number;

  /**
   * Writes a piece of the voice.
   *
   * @param piece The piece; its own position is that on the clock of the call.
   * @param position Its place in the track; before 0 where it began before the recording.
   * @param limit Length that the track may have by now.
   * @returns Once there is room for more.
   * @throws What the file system says.
   */
  write(piece: T, position: number, limit: number): Promise<void>;

  /** Writes what is still in memory. */
  flush(): Promise<void>;

  /** Completes the track; what it lacks of `length` is silence. */
  finish(length: number): Promise<void>;

  /** Highest sample since the last call, 0 to 1; `undefined` where nothing is decoded. */
  takePeak(): number | undefined;
}

/** How a recording is written. */
export interface Format<T> {
  /** Whether each user has a channel of one file, in the order of appearance. */
  readonly isNumbered: boolean;

  /** What is read of a speaker. */
  open(speaker: RecordableSpeaker): ReadableStream<T>;

  /** Begins a track. `name` is fit to be a part of a path. */
  track(name: string): { readonly file: string; readonly track: Track<T> };

  /** Writes what has to be written from time to time, besides what the tracks hold. */
  flush(): Promise<void>;

  /** Completes what is written besides the tracks, once those are complete. */
  finish(length: number): Promise<void>;
}
