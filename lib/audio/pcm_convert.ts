/**
 * Between 16-bit samples, in which sound is encoded and mixed, and floats of nominally -1 to 1, in
 * which it is resampled and downmixed.
 *
 * Full scale is 32768, so samples of 16 bits come back from floats exactly as they were. What is
 * beyond full scale saturates: wrapped around it would be a loud crackle. There is no dither: the
 * encoder behind all this adds more noise than it would hide.
 *
 * @module
 */

/**
 * Makes 16-bit samples of floats: rounded, and saturated at full scale.
 *
 * @param samples Samples of nominally -1 to 1; what is no number becomes 0.
 * @returns As many samples in fresh memory.
 *
 * @example Full scale saturates
 * ```ts
 * import { pcmToInt16 } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(pcmToInt16(Float32Array.of(0.5, -1, 1.5)), Int16Array.of(16384, -32768, 32767));
 * ```
 */
export function pcmToInt16(samples: Float32Array): Int16Array {
  const converted = new Int16Array(samples.length);
  for (let i = 0; i < samples.length; i++) converted[i] = saturate(samples[i] * FULL_SCALE);
  return converted;
}

/**
 * Makes floats of 16-bit samples.
 *
 * @param samples 16-bit samples.
 * @returns As many samples from -1 to less than 1 in fresh memory.
 */
export function pcmToFloat32(samples: Int16Array): Float32Array {
  const converted = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) converted[i] = samples[i] / FULL_SCALE;
  return converted;
}

/**
 * The 16-bit sample that is nearest to a number.
 *
 * @param value Any number; what is none becomes 0 where it is stored.
 * @returns A number from -32768 to 32767, rounded half up.
 */
export function saturate(value: number): number {
  return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.floor(value + 0.5)));
}

const FULL_SCALE = 32768;
