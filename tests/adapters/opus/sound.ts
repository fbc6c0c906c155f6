/**
 * Sound for the tests of codecs, and how alike two pieces of it are.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";

/**
 * The packets of a file in `tests/audio`.
 *
 * @param name Its name.
 * @returns Them, in order.
 */
export function packetsOf(name: string): Uint8Array[] {
  return readOggOpus(new Uint8Array(readFileSync(new URL(`../../audio/${name}`, import.meta.url))))
    .packets.map(({ packet }) => packet);
}

/**
 * A piece of a tone, another pitch in each channel.
 *
 * @param from Where it begins, in samples.
 * @param duration Its samples per channel.
 * @param channels Its interleaved channels.
 * @returns The samples.
 */
export function tone(from: number, duration: number, channels: number): Int16Array {
  return Int16Array.from({ length: duration * channels }, (_, i) => {
    const at = from + Math.floor(i / channels);
    return 10000 * Math.sin(at * 2 * Math.PI * (440 + 220 * (i % channels)) / 48000);
  });
}

/**
 * Cosine of the angle between two signals.
 *
 * @param a One.
 * @param b The other, of the same length.
 * @returns 1 where they are equal but for volume.
 */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/**
 * Energy of a signal over that of its difference from another.
 *
 * @param a The signal.
 * @param b The other, of the same length.
 * @returns Decibels.
 */
export function signalToNoise(a: Int16Array, b: Int16Array): number {
  const noise = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  return 10 * Math.log10(energy(a) / noise);
}

/**
 * Sum of the squares.
 *
 * @param pcm Samples.
 * @returns Their energy.
 */
export function energy(pcm: Int16Array): number {
  return pcm.reduce((sum, value) => sum + value ** 2, 0);
}

/**
 * FNV-1a over samples or bytes.
 *
 * @param values They.
 * @returns 32 bits.
 */
export function digest(values: Int16Array | Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const value of values) hash = Math.imul(hash ^ (value & 0xffff), 0x01000193);
  return hash >>> 0;
}

/**
 * Pieces of sound as one.
 *
 * @param pieces The pieces.
 * @returns Fresh memory.
 */
export function concat(pieces: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
  return whole;
}
