/**
 * Any number of channels to two.
 *
 * The coefficients are those of ITU-R BS.775: the centre goes to both sides and the surround
 * channels to their own at 1/sqrt(2) each, a channel behind the listener to both sides at 1/2, the
 * low frequency effects nowhere. All are then divided by the greater side's sum, so that no mix
 * exceeds full scale; ffmpeg does the same for 16-bit samples. One channel goes to both sides as it
 * is, two stay as they are.
 *
 * Which channel is where says the mask of WAVEFORMATEXTENSIBLE: a bit for each loudspeaker, and the
 * channels in the order of the bits.
 *
 * @module
 */

/**
 * Makes two channels of any number.
 *
 * @example A voice on both sides
 * ```ts
 * import { Downmix } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const stereo = new Downmix(1).apply(Float32Array.of(0.5, -0.5));
 * assertEquals(stereo, Float32Array.of(0.5, 0.5, -0.5, -0.5));
 * ```
 */
export class Downmix {
  /** Interleaved channels of what is given. */
  readonly channels: number;
  readonly #left: Float64Array;
  readonly #right: Float64Array;

  /**
   * Prepares the coefficients.
   *
   * @param channels Interleaved channels of what will be given, 1 to 65535.
   * @param mask Loudspeakers of the channels, a bit for each; 0 where that is not known: then the
   * usual ones for so many channels.
   * @throws {RangeError} `channels` is out of range.
   */
  constructor(channels: number, mask = 0) {
    if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) {
      throw new RangeError(`Cannot downmix ${channels} channels: want 1 to ${MAX_CHANNELS}`);
    }
    this.channels = channels;
    const sides = sidesOf(channels, mask);
    const scale = Math.max(...[0, 1].map((side) => sides.reduce((sum, at) => sum + at[side], 0)));
    this.#left = Float64Array.from(sides, ([left]) => left / scale);
    this.#right = Float64Array.from(sides, ([, right]) => right / scale);
  }

  /**
   * Makes two channels.
   *
   * @param samples Interleaved samples.
   * @returns Two interleaved channels; `samples` itself where it has two already.
   * @throws {RangeError} The samples do not fill the last frame of all channels.
   */
  apply(samples: Float32Array): Float32Array {
    const { channels } = this;
    if (samples.length % channels !== 0) {
      throw new RangeError(
        `Cannot downmix ${samples.length} samples: want a multiple of ${channels} channels`,
      );
    }
    if (channels === 2) return samples;
    const stereo = new Float32Array(samples.length / channels * 2);
    for (let from = 0, to = 0; from < samples.length; to += 2) {
      let [left, right] = [0, 0];
      for (let channel = 0; channel < channels; channel++, from++) {
        left += samples[from] * this.#left[channel];
        right += samples[from] * this.#right[channel];
      }
      stereo[to] = left;
      stereo[to + 1] = right;
    }
    return stereo;
  }
}

/** How much of a channel goes to the left and to the right. */
type Sides = readonly [left: number, right: number];

const MAX_CHANNELS = 65535;
const HALF_POWER: number = Math.SQRT1_2;
const CENTRE: Sides = [HALF_POWER, HALF_POWER];
const BEHIND: Sides = [0.5, 0.5];
const LEFT: Sides = [HALF_POWER, 0];
const RIGHT: Sides = [0, HALF_POWER];

/** Loudspeakers by their bit in the mask: front, back, front of centre, back centre, side, top. */
const LOUDSPEAKERS: readonly Sides[] = [
  ...[[1, 0], [0, 1], CENTRE, [0, 0]] as const,
  ...[LEFT, RIGHT, LEFT, RIGHT, BEHIND],
  ...[LEFT, RIGHT],
  ...[BEHIND, LEFT, BEHIND, RIGHT, LEFT, BEHIND, RIGHT],
];

/** The usual loudspeakers of 1 to 8 channels. */
const USUAL_MASKS: readonly number[] = [0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

function sidesOf(channels: number, mask: number): Sides[] {
  const used = mask === 0 ? USUAL_MASKS[channels] ?? 0 : mask;
  const known = LOUDSPEAKERS.filter((_, bit) => (used >>> bit & 1) === 1).slice(0, channels);
  // A channel without a place is heard from the centre.
  const sides = Array.from({ length: channels }, (_, i) => known[i] ?? CENTRE);
  const heard = sides.some(([left, right]) => left + right > 0);
  return heard ? sides : sides.map(() => CENTRE);
}
