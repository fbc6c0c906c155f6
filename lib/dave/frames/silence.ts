/**
 * The Opus frame of silence. The server puts it in by itself, so receivers take it
 * without encryption at any time.
 *
 * @module
 */

/**
 * Tells whether a frame is `F8 FF FE`.
 *
 * @param frame Any bytes.
 */
export function isSilence(frame: Uint8Array): boolean {
  return frame.length === 3 && frame[0] === 0xf8 && frame[1] === 0xff && frame[2] === 0xfe;
}
