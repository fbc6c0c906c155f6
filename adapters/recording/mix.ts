/**
 * All voices in one WAV file. Voices come late, some later than others, so the last seconds of the
 * mix stay in memory until nothing more is to be expected there.
 *
 * @module
 */

import { MixWindow } from "../../lib/audio/mix_window.ts";
import { SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import type { SampleSink } from "./pcm_track.ts";
import type { WavFile } from "./wav_file.ts";

/** How long a voice may come late, in samples. */
export const MIX_DELAY: number = 5 * SAMPLE_RATE;

/** How far ahead of the clock a voice may be. */
const MIX_SLACK = 2 * SAMPLE_RATE;

const BLOCK = SAMPLE_RATE / 10;

/** The mix of all tracks. */
export class Mix {
  readonly #file: WavFile;
  readonly #elapsed: () => number;
  readonly #window: MixWindow;
  #tail: Promise<void> = Promise.resolve();

  /**
   * Starts with silence.
   *
   * @param file Where it is written.
   * @param elapsed Samples since the recording began.
   */
  constructor(file: WavFile, elapsed: () => number) {
    this.#file = file;
    this.#elapsed = elapsed;
    this.#window = new MixWindow(file.channels, MIX_DELAY + MIX_SLACK);
  }

  /** The place where one track comes in. */
  input(): SampleSink {
    const input = {
      channels: this.#file.channels,
      late: 0,
      write: (position: number, samples: Int16Array) => this.#add(position, samples, input),
      flush: () => Promise.resolve(),
      finish: () => Promise.resolve(),
    };
    return input;
  }

  /** Writes what nothing more can be added to. */
  async flush(): Promise<void> {
    await this.#advance(this.#elapsed() - MIX_DELAY);
    await this.#file.flush();
  }

  /** Writes all, and completes the file. */
  async finish(length: number): Promise<void> {
    await this.#advance(this.#window.end);
    await this.#file.finish(length);
  }

  async #add(position: number, samples: Int16Array, input: { late: number }): Promise<void> {
    const due = this.#elapsed() - MIX_DELAY;
    const advanced = due - this.#window.start >= BLOCK ? this.#advance(due) : this.#tail;
    input.late += this.#window.add(position, samples);
    await advanced;
  }

  #advance(until: number): Promise<void> {
    const { start } = this.#window;
    const samples = this.#window.take(until);
    if (samples.length > 0) {
      this.#tail = this.#tail.then(() => this.#file.write(start, samples));
      this.#tail.catch(() => {});
    }
    return this.#tail;
  }
}
