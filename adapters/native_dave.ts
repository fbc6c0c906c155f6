/**
 * The primitives of end-to-end encryption (DAVE) on `node:crypto`, which all three runtimes have.
 *
 * @module
 */

import { nativeFrameAead } from "./native_frame_aead.ts";
import { nativeMlsCrypto } from "./native_mls.ts";
import type { Transport } from "./transport.ts";

/** What the transports take. */
export const nativeDave: Required<NonNullable<Transport["dave"]>> = {
  crypto: nativeMlsCrypto,
  aead: nativeFrameAead,
};
