/**
 * What a user says of his voice.
 *
 * @module
 */

/** Bits of the `speaking` field (op 5). */
export const SpeakingFlags = {
  /** Normal voice. */
  Microphone: 1,
  /** Sound of a shared screen; no speaking indicator. */
  Soundshare: 2,
  /** Priority speaker: others are attenuated. */
  Priority: 4,
} as const;
