/**
 * AES-128-GCM for DAVE frames, in TypeScript alone: it compares the 8 bytes of tag that are sent.
 *
 * @module
 */

import { AesGcm } from "../../gcm.ts";
import { FRAME_KEY_SIZE, FRAME_TAG_SIZE, type FrameAeadProvider } from "./aead.ts";

/** The pure implementation, on every runtime. */
export const pureFrameAead: FrameAeadProvider = {
  aes128gcm: (key) => new AesGcm(key, FRAME_KEY_SIZE, FRAME_TAG_SIZE),
};
