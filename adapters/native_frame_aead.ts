/**
 * The fastest AES-128-GCM for DAVE frames: the WebAssembly kernels, else `node:crypto`.
 *
 * @module
 */

import {
  FRAME_KEY_SIZE,
  FRAME_TAG_SIZE,
  type FrameAead,
  type FrameAeadProvider,
} from "../lib/dave/frames/aead.ts";
import { kernelCiphers } from "./kernels/load.ts";
import { nodeGcm } from "./node_gcm.ts";

/** The cipher of frames. */
export const nativeFrameAead: FrameAeadProvider = {
  aes128gcm: (key) => kernelCiphers()?.aes128gcm(key, nodeAes128gcm) ?? nodeAes128gcm(key),
};

/** AES-128-GCM of `node:crypto`. */
export function nodeAes128gcm(secret: Uint8Array): FrameAead {
  if (secret.length !== FRAME_KEY_SIZE) {
    throw new RangeError(
      `Cannot use a frame key of ${secret.length} bytes: a key has ${FRAME_KEY_SIZE} bytes`,
    );
  }
  // A key object could not be overwritten.
  return nodeGcm("aes-128-gcm", Uint8Array.from(secret), FRAME_TAG_SIZE);
}
