/**
 * From any sample rate to 48 kHz, the rate of everything behind it.
 *
 * Theory of operation. Both rates are reduced by their greatest common divisor, `L` outputs for
 * `M` inputs. Output `k` stands at the input's time `k * M / L`, and is the sum of the inputs
 * around it, weighted by a sinc under a Kaiser window: a low-pass with its stop band at the lower
 * of both Nyquist frequencies. There are only `L` different rows of weights, a polyphase filter,
 * made beforehand. Time is kept in whole numbers, so there is no drift, however long it runs, and
 * a sum does not depend on how the input was cut into pieces.
 *
 * The window's transition from 0.91 of that Nyquist frequency (20 kHz of 44.1 kHz) to it, at 90 dB,
 * takes 128 weights; where the rate goes down, as many more as it goes down by. Rates that share
 * little with 48 kHz would need up to 48000 rows: they get 512, and the weights between two rows
 * lie on a line between theirs, which costs another -115 dB.
 *
 * Packages were looked at instead: those in plain JavaScript take only whole recordings, the good
 * streaming ones are WebAssembly.
 *
 * @module
 */

import { SAMPLE_RATE } from "./opus_toc.ts";

/**
 * Resamples a stream to 48 kHz.
 *
 * @example Speech at 16 kHz
 * ```ts
 * import { Resampler } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const resampler = new Resampler(16000, 1);
 * const first = resampler.push(new Float32Array(1600));
 * const last = resampler.end();
 * assertEquals(first.length + last.length, 4800);
 * ```
 */
export class Resampler {
  readonly #channels: number;
  readonly #up: number; // L
  readonly #down: number; // M
  readonly #filter: Filter | undefined; // undefined: nothing to do
  readonly #inputs: Float64Array[]; // one a channel
  #filled = 0; // frames in #inputs
  #at = 0; // where in #inputs the weights of the next output begin
  #phase = 0; // of the next output: L-ths of an input frame behind its middle
  #ended = false;

  /**
   * Makes a resampler at the start of a stream.
   *
   * @param sampleRate Rate of what will be given, in Hz: an integer from 1000 to 384000.
   * @param channels Interleaved channels, given and returned.
   * @throws {RangeError} A number is out of range.
   */
  constructor(sampleRate: number, channels: number) {
    if (!Number.isInteger(sampleRate) || sampleRate < MIN_RATE || sampleRate > MAX_RATE) {
      throw new RangeError(
        `Cannot resample from ${sampleRate} Hz: want an integer from ${MIN_RATE} to ${MAX_RATE}`,
      );
    }
    if (!Number.isSafeInteger(channels) || channels < 1) {
      throw new RangeError(`Cannot resample ${channels} channels: want a positive integer`);
    }
    const divisor = greatestCommonDivisor(sampleRate, SAMPLE_RATE);
    this.#channels = channels;
    this.#up = SAMPLE_RATE / divisor;
    this.#down = sampleRate / divisor;
    this.#filter = this.#up === this.#down ? undefined : makeFilter(this.#up, this.#down);
    this.#inputs = Array.from({ length: channels }, () => new Float64Array(INITIAL_CAPACITY));
    // Silence before the first frame, so that the first output stands upon it.
    this.#append(new Float32Array(channels * ((this.#filter?.size ?? 2) / 2 - 1)));
  }

  /**
   * Adds samples. They are copied.
   *
   * @param samples Interleaved samples.
   * @returns What can be said of the output so far; `samples` itself where they are at 48 kHz.
   * @throws {RangeError} The samples do not fill the last frame of all channels.
   * @throws {TypeError} After `end`.
   */
  push(samples: Float32Array): Float32Array {
    if (this.#ended) throw new TypeError("Cannot push to a resampler: it was ended");
    if (samples.length % this.#channels !== 0) {
      throw new RangeError(
        `Cannot resample ${samples.length} samples: want a multiple of ${this.#channels} channels`,
      );
    }
    if (this.#filter === undefined) return samples;
    this.#append(samples);
    return this.#convert(this.#filter, this.#filled - this.#filter.size + 1);
  }

  /**
   * Ends the stream.
   *
   * @returns The rest: in all there are as many frames as fit the input's time, rounded up.
   */
  end(): Float32Array {
    if (this.#ended || this.#filter === undefined) return new Float32Array(0);
    this.#ended = true;
    const half = this.#filter.size / 2;
    const end = this.#filled - half + 1; // the first output that stands behind the last input
    this.#append(new Float32Array(this.#channels * half));
    return this.#convert(this.#filter, end);
  }

  #append(samples: Float32Array): void {
    const frames = samples.length / this.#channels;
    const filled = this.#filled + frames;
    for (let channel = 0; channel < this.#channels; channel++) {
      if (filled > this.#inputs[channel].length) {
        const larger = new Float64Array(Math.max(filled, 2 * this.#inputs[channel].length));
        larger.set(this.#inputs[channel].subarray(0, this.#filled));
        this.#inputs[channel] = larger;
      }
      const input = this.#inputs[channel];
      for (let i = channel, at = this.#filled; at < filled; i += this.#channels, at++) {
        input[at] = samples[i];
      }
    }
    this.#filled = filled;
  }

  /** Makes all outputs whose weights begin before `end`, and forgets what no later one needs. */
  #convert(filter: Filter, end: number): Float32Array {
    const steps = Math.max(0, (end - this.#at) * this.#up - this.#phase);
    const output = new Float32Array(Math.ceil(steps / this.#down) * this.#channels);
    for (let i = 0; i < output.length; i += this.#channels) {
      const row = filter.row(this.#phase);
      for (let channel = 0; channel < this.#channels; channel++) {
        output[i + channel] = weightedSum(row, this.#inputs[channel], this.#at);
      }
      this.#phase += this.#down;
      const passed = Math.floor(this.#phase / this.#up);
      this.#phase -= passed * this.#up;
      this.#at += passed;
    }
    const done = Math.min(this.#at, this.#filled);
    for (const input of this.#inputs) input.copyWithin(0, done, this.#filled);
    this.#filled -= done;
    this.#at -= done;
    return output;
  }
}

const MIN_RATE = 1000;
const MAX_RATE = 384_000;
const INITIAL_CAPACITY = 1024; // frames
const WEIGHT_COUNT = 128;
const PASS_BAND = 0.91; // of the lower Nyquist frequency
const ATTENUATION = 90; // dB
const MAX_EXACT_ROWS = 640; // 11.025 kHz has as many
const LINED_ROWS = 512;

/** Weights by phase. */
interface Filter {
  /** Weights in a row: a multiple of 4. */
  readonly size: number;
  /** The weights of an output that stands `phase` L-ths behind the row's middle. */
  row(phase: number): Float64Array;
}

function makeFilter(up: number, down: number): Filter {
  const scale = Math.min(1, up / down); // the lower Nyquist frequency, of the input's
  const size = 4 * Math.ceil(WEIGHT_COUNT / scale / 4);
  const cutoff = scale * (1 + PASS_BAND) / 2;
  const exact = up <= MAX_EXACT_ROWS;
  const rowCount = exact ? up : LINED_ROWS;
  // One row more than there are: the first one, an input later, for the line that leads to it.
  const rows = Array.from(
    { length: rowCount + 1 },
    (_, i) => makeRow(size, cutoff, i / rowCount),
  );
  if (exact) return { size, row: (phase) => rows[phase] };
  const between = new Float64Array(size);
  return {
    size,
    row(phase) {
      const place = phase / up * rowCount;
      const index = Math.floor(place);
      const share = place - index;
      const [before, after] = [rows[index], rows[index + 1]];
      for (let i = 0; i < size; i++) between[i] = before[i] + share * (after[i] - before[i]);
      return between;
    },
  };
}

/** A windowed sinc whose middle is `offset` (0 to 1) behind the weight `size / 2 - 1`. */
function makeRow(size: number, cutoff: number, offset: number): Float64Array {
  const beta = 0.1102 * (ATTENUATION - 8.7);
  const half = size / 2;
  const row = Float64Array.from({ length: size }, (_, i) => {
    const time = i - (half - 1) - offset;
    const x = Math.PI * cutoff * time;
    const sinc = x === 0 ? 1 : Math.sin(x) / x;
    return sinc * besselI0(beta * Math.sqrt(Math.max(0, 1 - (time / half) ** 2)));
  });
  const sum = row.reduce((total, weight) => total + weight, 0);
  return row.map((weight) => weight / sum); // a constant stays as it is
}

/** Modified Bessel function of the first kind and order 0, by its series. */
function besselI0(x: number): number {
  let [sum, term] = [1, 1];
  for (let i = 1; term > sum * 1e-16; i++) {
    term *= (x / 2 / i) ** 2;
    sum += term;
  }
  return sum;
}

/** Four sums at once: one alone would wait for each addition. */
function weightedSum(row: Float64Array, input: Float64Array, at: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < row.length; i += 4) {
    a += row[i] * input[at + i];
    b += row[i + 1] * input[at + i + 1];
    c += row[i + 2] * input[at + i + 2];
    d += row[i + 3] * input[at + i + 3];
  }
  return a + b + (c + d);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
