// What the module exports; see `../kernels.ts` for the caller's side.

import { makeTables } from "./aes";

export { gcmKey, gcmOpen, gcmSeal } from "./gcm";
export { NONCE } from "./memory";
export { xchachaKey, xchachaOpen, xchachaSeal } from "./xchacha20poly1305";

/** Where memory begins that the kernels do not use. */
export const FREE: usize = __heap_base;

makeTables();
