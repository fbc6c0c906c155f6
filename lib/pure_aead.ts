/**
 * The ciphers of the transport in TypeScript alone, made for packets of some hundred bytes: what
 * a session takes by default, on every runtime. They keep what they make of a key, work in the
 * caller's memory and allocate nothing for a packet. `nobleAead` is what they are tested against.
 *
 * @module
 */

import { type AeadProvider, TAG_SIZE } from "./aead.ts";
import { AesGcm } from "./gcm.ts";
import { XChaCha20Poly1305 } from "./xchacha20poly1305.ts";

/** The two AEADs of the transport, pure and without allocations. For all modes: `pureCiphers`. */
export const pureAead: AeadProvider = {
  aes256gcm: (key) => new AesGcm(key, 32, TAG_SIZE),
  xchacha20poly1305: (key) => new XChaCha20Poly1305(key),
};
