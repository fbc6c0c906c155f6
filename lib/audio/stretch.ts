/**
 * Makes a frame a few samples longer or shorter, so that what a sender's clock has made lasts as
 * long on another clock. At half a percent the change of pitch is a twelfth of a semitone.
 *
 * @module
 */

/**
 * Resamples a frame by cubic interpolation (Catmull-Rom). First and last sample stay, so that
 * frames still join.
 *
 * @param samples Interleaved samples.
 * @param channels How many channels they have.
 * @param adjust Samples per channel to gain, or to lose where it is negative.
 * @returns Fresh memory, or `samples` itself where `adjust` is 0.
 * @throws {RangeError} where fewer than two samples per channel would be left, or are given.
 */
export function stretch(samples: Int16Array, channels: 1 | 2, adjust: number): Int16Array {
  if (adjust === 0) return samples;
  const size = samples.length / channels;
  const newSize = size + adjust;
  if (size < 2 || newSize < 2) {
    throw new RangeError(`Cannot stretch ${size} samples to ${newSize}: want at least 2`);
  }
  const stretched = new Int16Array(newSize * channels);
  const step = (size - 1) / (newSize - 1);
  for (let i = 0; i < newSize; i++) {
    const at = Math.min(Math.floor(i * step), size - 2);
    const fraction = i * step - at;
    for (let channel = 0; channel < channels; channel++) {
      const offset = at * channels + channel;
      const p1 = samples[offset];
      const p2 = samples[offset + channels];
      const p0 = at > 0 ? samples[offset - channels] : 2 * p1 - p2;
      const p3 = at < size - 2 ? samples[offset + 2 * channels] : 2 * p2 - p1;
      const value = Math.round(interpolate(p0, p1, p2, p3, fraction));
      stretched[i * channels + channel] = Math.max(-32768, Math.min(32767, value));
    }
  }
  return stretched;
}

/** The value between `p1` and `p2` of the cubic whose slopes there follow from `p0` and `p3`. */
function interpolate(p0: number, p1: number, p2: number, p3: number, fraction: number): number {
  const a = (3 * (p1 - p2) + p3 - p0) / 2;
  const b = p0 - 2.5 * p1 + 2 * p2 - p3 / 2;
  const c = (p2 - p0) / 2;
  return ((a * fraction + b) * fraction + c) * fraction + p1;
}
