/**
 * Several sources as one, to which more can be added while it plays: music, and a jingle over it.
 *
 * Theory of operation. Every source is read ahead into a queue of a second. A part of the mix
 * waits for a source that has run dry, but for no more than 50 ms: then the others go on without
 * it until it has something again, so that one stalled stream does not silence everything. What is
 * there from the start is waited for, so that it starts together; what is added later joins when
 * its first samples are there.
 *
 * @module
 */

import { abortable, delay } from "@std/async";
import { Mixer, type MixerInput } from "../../lib/audio/mixer.ts";
import type { AudioSource, PcmSource } from "./audio_source.ts";
import { closable, quietly } from "./closable.ts";
import { decoded } from "./decoded.ts";
import { checkStart } from "./start.ts";

/** How a source is mixed. */
export interface MixOptions {
  /** Its volume: a factor of each sample; default 1. */
  readonly gain?: number;
}

/** A source in a mix. */
export interface MixedSource {
  /**
   * Resolves when the source is at its end, was removed, or failed: then with the error. A failure
   * does not end the mix, which throws the first one behind all that it plays.
   */
  readonly ended: Promise<unknown>;

  /**
   * Changes the volume without a click.
   *
   * @param gain Factor at the end.
   * @param duration Milliseconds until then; default 10.
   * @throws {RangeError} A number is out of range.
   */
  fadeTo(gain: number, duration?: number): void;

  /** Takes the source out, and closes it. */
  remove(): void;
}

/** A mix, which is a source itself: opened once, and at its end when all in it are. */
export interface Mix extends PcmSource {
  /** Sources in it that are not at their end. */
  readonly size: number;

  /**
   * Adds a source. It is opened when the mix is, or at once.
   *
   * @param source Samples, or Opus packets, which are decoded.
   * @param options Its volume.
   * @returns What changes its volume and takes it out.
   * @throws {RangeError} The mix has 64 sources already, or the volume is out of range.
   * @throws {TypeError} The mix is at its end.
   */
  add(source: AudioSource, options?: MixOptions): MixedSource;
}

/**
 * Mixes sources.
 *
 * @param sources Those to begin with, at their full volume.
 * @returns The mix.
 * @throws {RangeError} There are more than 64 of them.
 *
 * @example A chord
 * ```ts
 * import { mix, tone } from "@sotto/voice";
 * import { assertEquals } from "@std/assert";
 *
 * const chord = mix([tone({ frequency: 440, duration: 100 })]);
 * chord.add(tone({ frequency: 660, duration: 200 }), { gain: 0.5 });
 * const pieces = await Array.fromAsync(chord.open());
 * assertEquals(pieces.length, 10);
 * ```
 */
export function mix(sources: readonly AudioSource[] = []): Mix {
  const live = new LiveMix();
  for (const source of sources) live.add(source);
  return live;
}

const PIECE = 960; // frames
const PATIENCE = 50; // milliseconds
const SHORT_FADE = 10; // milliseconds
const SAMPLES_PER_MS = 48;

class LiveMix implements Mix {
  readonly kind = "pcm";
  readonly duration = undefined;
  readonly seekable = false;
  readonly #mixer = new Mixer();
  readonly #inputs = new Set<Input>();
  #stage: "new" | "open" | "ended" = "new";
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();
  #failure: { readonly error: unknown } | undefined;

  get size(): number {
    return this.#inputs.size;
  }

  add(source: AudioSource, { gain = 1 }: MixOptions = {}): MixedSource {
    if (this.#stage === "ended") throw new TypeError("Cannot add a source: the mix is at its end");
    const input = new Input(decoded(source), this.#mixer.add(gain), () => this.#change());
    this.#inputs.add(input);
    if (this.#stage === "open") this.#start(input, true);
    return input;
  }

  open(from = 0): AsyncIterable<Int16Array> {
    checkStart(from, false);
    if (this.#stage !== "new") throw new TypeError("Cannot open a mix again: it is live");
    this.#stage = "open";
    return closable((signal) => this.#run(signal));
  }

  #start(input: Input, isLate: boolean): void {
    input.isLate = isLate;
    void input.run().then((failure) => {
      this.#failure ??= failure;
      this.#change();
    });
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async *#run(signal: AbortSignal): AsyncGenerator<Int16Array, void> {
    try {
      for (const input of this.#inputs) this.#start(input, false);
      for (let patience = Infinity;; patience = PATIENCE) {
        await this.#untilReady(patience, signal);
        const frames = this.#nextSize();
        if (frames === 0) break;
        const piece = this.#mixer.mix(frames);
        for (const input of this.#inputs) {
          input.makeRoom();
          if (!input.isOver) continue;
          this.#inputs.delete(input);
          input.finish();
        }
        yield piece;
      }
    } finally {
      this.#stage = "ended";
      for (const input of this.#inputs) input.remove();
      this.#inputs.clear();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Frames of the next piece: less than a whole one only where nothing comes behind it. */
  #nextSize(): number {
    const inputs = [...this.#inputs];
    if (inputs.some(({ isEnding }) => !isEnding)) return PIECE;
    return Math.min(PIECE, Math.max(0, ...inputs.map(({ queued }) => queued)));
  }

  /** Waits for sources that have run dry, and for one at least that has not. */
  async #untilReady(patience: number, signal: AbortSignal): Promise<void> {
    let limit = performance.now() + patience;
    for (;;) {
      const inputs = [...this.#inputs];
      const dry = inputs.filter((input) => input.isDry(PIECE));
      const isHeard = inputs.some(({ queued }) => queued > 0);
      if (dry.length === 0 || (isHeard && dry.every(({ isLate }) => isLate))) return;
      if (performance.now() >= limit) {
        for (const input of dry) input.isLate = true;
        limit = Infinity;
        continue;
      }
      await this.#nextChange(limit - performance.now(), signal);
    }
  }

  async #nextChange(limit: number, signal: AbortSignal): Promise<void> {
    const { promise } = this.#changed;
    if (limit === Infinity) return await abortable(promise, signal);
    const passed = new AbortController();
    const either = AbortSignal.any([signal, passed.signal]);
    try {
      await Promise.race([promise, delay(Math.max(1, limit), { signal: either })]);
    } finally {
      passed.abort();
    }
  }
}

/** A source that is read ahead. */
class Input implements MixedSource {
  /** Nobody waits for it. */
  isLate = false;
  readonly #source: PcmSource;
  readonly #queue: MixerInput;
  readonly #changed: () => void;
  readonly #ended: PromiseWithResolvers<unknown> = Promise.withResolvers();
  #error: unknown;
  #samples: AsyncIterator<Int16Array> | undefined;
  #room: PromiseWithResolvers<void> | undefined; // somebody waits for some
  #isEnding = false;

  constructor(source: PcmSource, queue: MixerInput, changed: () => void) {
    this.#source = source;
    this.#queue = queue;
    this.#changed = changed;
  }

  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  get queued(): number {
    return this.#queue.queued;
  }

  /** Whether nothing comes behind what is queued. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether nothing comes any more. */
  get isOver(): boolean {
    return this.#isEnding && this.queued === 0;
  }

  isDry(frames: number): boolean {
    return !this.#isEnding && this.queued < frames;
  }

  fadeTo(gain: number, duration: number = SHORT_FADE): void {
    this.#queue.fadeTo(gain, Math.round(duration * SAMPLES_PER_MS));
  }

  remove(): void {
    this.#isEnding = true;
    this.#queue.remove();
    void quietly(() => this.#samples?.return?.());
    this.makeRoom();
    this.finish();
    this.#changed();
  }

  /** All of it has been heard. */
  finish(): void {
    this.#ended.resolve(this.#error);
  }

  makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Reads ahead until the end; returns what went wrong. */
  async run(): Promise<{ readonly error: unknown } | undefined> {
    if (this.#isEnding) return undefined;
    try {
      this.#samples = this.#source.open()[Symbol.asyncIterator]();
      for (let next; !this.#isEnding && !(next = await this.#samples.next()).done;) {
        await this.#write(next.value);
      }
      this.#end(undefined);
    } catch (error) {
      if (this.#isEnding) return undefined;
      this.#end(error);
      return { error };
    }
  }

  async #write(samples: Int16Array): Promise<void> {
    for (let at = 0; at < samples.length && !this.#isEnding;) {
      const size = Math.min(samples.length - at, 2 * this.#queue.room);
      this.#queue.write(samples.subarray(at, at += size));
      if (!this.isDry(PIECE)) this.isLate = false;
      if (size > 0) this.#changed();
      if (at === samples.length) break;
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  #end(error: unknown): void {
    this.#isEnding = true;
    this.#queue.end();
    this.#error = error;
    this.#changed();
  }
}
