/**
 * Sources of samples: raw ones at any rate, in any number of channels, and a tone.
 *
 * @module
 */

import { SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import { pcmToFloat32 } from "../../lib/audio/pcm_convert.ts";
import { PcmConverter, type PcmFormat } from "../../lib/audio/pcm_converter.ts";
import { checkTone, type ToneOptions, toneSamples } from "../../lib/audio/tone.ts";
import type { PcmSource } from "./audio_source.ts";
import { checkStart } from "./start.ts";

/**
 * Interleaved samples: 16 bits; floats, nominally -1 to 1; or bytes, which are samples of 16 bits,
 * little endian (`s16le`).
 */
export type PcmSamples = Int16Array | Float32Array | Uint8Array;

/**
 * Makes a source of raw samples.
 *
 * @param samples All at once, which is seekable, or in pieces of any length, which are read once.
 * @param format Rate and channels; what is missing is 48 kHz and two channels.
 * @returns The source. A frame that is unfinished at the end is a `SyntaxError` behind all others.
 * @throws {RangeError} The rate or the number of channels is out of range.
 *
 * @example Speech at 22.05 kHz
 * ```ts
 * import { pcmSource } from "@sotto/voice";
 * import { assertEquals } from "@std/assert";
 *
 * const source = pcmSource(new Int16Array(22050), { sampleRate: 22050, channels: 1 });
 * assertEquals(source.duration, 1000);
 * ```
 */
export function pcmSource(
  samples: PcmSamples | Iterable<PcmSamples> | AsyncIterable<PcmSamples>,
  format: Partial<PcmFormat> = {},
): PcmSource {
  const { sampleRate = SAMPLE_RATE, channels = 2 } = format;
  const whole = { ...format, sampleRate, channels };
  new PcmConverter(whole); // throws now what it would throw later
  if (!isSamples(samples)) return streamOf(samples, whole);
  const frameSize = channels * (samples instanceof Uint8Array ? 2 : 1);
  return {
    kind: "pcm",
    duration: Math.floor(samples.length / frameSize) / sampleRate * 1000,
    seekable: true,
    open(from = 0) {
      checkStart(from, true);
      const skipped = Math.floor(from / 1000 * sampleRate) * frameSize;
      return converted([samples.subarray(skipped)], whole);
    },
  };
}

/**
 * Makes a source of a tone.
 *
 * @param options How it sounds, and how long: `duration` in milliseconds; left out, it does not
 * end.
 * @returns The source.
 * @throws {RangeError} A number is out of range.
 *
 * @example A second of concert pitch
 * ```ts
 * import { tone } from "@sotto/voice";
 * import { assertEquals } from "@std/assert";
 *
 * const source = tone({ frequency: 440, duration: 1000 });
 * const pieces = await Array.fromAsync(source.open());
 * assertEquals(pieces.length, 50);
 * ```
 */
export function tone(options: ToneOptions & { readonly duration?: number } = {}): PcmSource {
  const { duration } = options;
  const sound = checkTone(options);
  if (duration !== undefined && !(duration >= 0)) {
    throw new RangeError(`Cannot make a tone of ${duration} ms: want a number of at least 0`);
  }
  const end = duration === undefined ? Infinity : Math.round(duration / 1000 * SAMPLE_RATE);
  return {
    kind: "pcm",
    duration,
    seekable: true,
    async *open(from = 0) {
      checkStart(from, true);
      for (let at = Math.floor(from / 1000 * SAMPLE_RATE); at < end; at += TONE_PIECE) {
        yield toneSamples(at, Math.min(TONE_PIECE, end - at), sound);
      }
    },
  };
}

/**
 * Converts pieces of samples of any length, unfinished frames at their ends included.
 *
 * @param pieces The pieces.
 * @param format Their rate and channels.
 * @returns Samples as a {@linkcode PcmSource} has them.
 */
export async function* converted(
  pieces: Iterable<PcmSamples> | AsyncIterable<PcmSamples>,
  format: PcmFormat,
): AsyncGenerator<Int16Array, void> {
  const converter = new PcmConverter(format);
  const frames = new Frames(format.channels);
  for await (const piece of pieces) {
    if (!isSamples(piece)) {
      throw new TypeError(
        `Cannot read PCM: a piece is of type ${typeof piece}, want samples or bytes`,
      );
    }
    for (let at = 0; at < piece.length; at += MAX_PIECE) {
      const samples = converter.push(frames.push(piece.subarray(at, at + MAX_PIECE)));
      if (samples.length > 0) yield samples;
    }
  }
  const rest = converter.end();
  if (rest.length > 0) yield rest;
  frames.end();
}

const TONE_PIECE = 960;
const MAX_PIECE = 65536; // elements

function isSamples(samples: object): samples is PcmSamples {
  return samples instanceof Int16Array || samples instanceof Float32Array ||
    samples instanceof Uint8Array;
}

function streamOf(
  pieces: Iterable<PcmSamples> | AsyncIterable<PcmSamples>,
  format: PcmFormat,
): PcmSource {
  let isOpened = false;
  return {
    kind: "pcm",
    duration: undefined,
    seekable: false,
    open(from = 0) {
      checkStart(from, false);
      if (isOpened) throw new TypeError("Cannot open a stream again: it was read already");
      isOpened = true;
      return converted(pieces, format);
    },
  };
}

/** Makes whole frames of pieces that end anywhere. */
class Frames {
  readonly #channels: number;
  #halfSample: number | undefined; // the low byte of a sample
  #rest = new Float32Array(0);

  constructor(channels: number) {
    this.#channels = channels;
  }

  push(piece: PcmSamples): Float32Array {
    const samples = this.#floats(piece);
    const joined = new Float32Array(this.#rest.length + samples.length);
    joined.set(this.#rest);
    joined.set(samples, this.#rest.length);
    const whole = joined.length - joined.length % this.#channels;
    this.#rest = joined.slice(whole);
    return joined.subarray(0, whole);
  }

  end(): void {
    const size = this.#rest.length + (this.#halfSample === undefined ? 0 : 0.5);
    if (size === 0) return;
    throw new SyntaxError(
      `Cannot read PCM: the last frame has ${size} samples, want ${this.#channels}`,
    );
  }

  #floats(piece: PcmSamples): Float32Array {
    if (piece instanceof Float32Array) return piece;
    if (piece instanceof Int16Array) return pcmToFloat32(piece);
    const samples = new Int16Array((piece.length + 1) >> 1);
    let count = 0;
    for (const byte of piece) {
      if (this.#halfSample === undefined) this.#halfSample = byte;
      else {
        samples[count++] = this.#halfSample | byte << 8;
        this.#halfSample = undefined;
      }
    }
    return pcmToFloat32(samples.subarray(0, count));
  }
}
