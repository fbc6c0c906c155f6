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
  const last = samples.length - channels;
  for (let i = 0, offset = 0; i < newSize; i++) {
    const at = Math.min(Math.floor(i * step), size - 2);
    const t = i * step - at;
    // The cubic through the two samples around, with the slopes that their neighbours give.
    const w0 = t * (t * (1 - t / 2) - 0.5);
    const w1 = t * t * (1.5 * t - 2.5) + 1;
    const w2 = t * (t * (2 - 1.5 * t) + 0.5);
    const w3 = t * t * (t - 1) / 2;
    for (let p1 = at * channels, end = p1 + channels; p1 < end; p1++, offset++) {
      const p2 = p1 + channels;
      const before = p1 >= channels ? samples[p1 - channels] : 2 * samples[p1] - samples[p2];
      const after = p2 < last ? samples[p2 + channels] : 2 * samples[p2] - samples[p1];
      const value = w0 * before + w1 * samples[p1] + w2 * samples[p2] + w3 * after;
      stretched[offset] = value >= 32767 ? 32767 : value <= -32768 ? -32768 : Math.round(value);
    }
  }
  return stretched;
}
