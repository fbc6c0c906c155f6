// What the module exports; see `../kernels.ts` for the caller's side.

import { makeTables } from "./aes";
import { startHash } from "./ghash";
import { forgetScratch, KEY_STREAM } from "./memory";
import { start } from "./poly1305";

export { gcmKey, gcmOpen, gcmSeal } from "./gcm";
export { NONCE } from "./memory";
export { xchachaKey, xchachaOpen, xchachaSeal } from "./xchacha20poly1305";

/** Where memory begins that the kernels do not use. */
export const FREE: usize = __heap_base;

/** Overwrites what the last call left behind of keys: outside of their slots there is no more. */
export function forget(): void {
  forgetScratch();
  start(KEY_STREAM);
  startHash();
}

makeTables();
