/**
 * XSalsa20-Poly1305, the secretbox of the encryption modes that Discord ended in November 2024,
 * with `@noble/ciphers`. It stands apart so that whoever speaks to Discord need not carry it.
 *
 * @module
 */

import { xsalsa20poly1305 } from "@noble/ciphers/salsa.js";
import { type Aead, type AeadFactory, type AeadProvider, nobleAead, wrapNoble } from "./aead.ts";
import { pureAead } from "./pure_aead.ts";

/** NaCl's secretbox, 24-byte nonce; the tag stands before the ciphertext. */
export const nobleSecretbox: AeadFactory = (key: Uint8Array): Aead =>
  wrapNoble((secret, nonce) => xsalsa20poly1305(secret, nonce), key);

/** Every cipher of the transport in plain TypeScript: what all encryption modes together need. */
export const pureCiphers: AeadProvider & Required<Pick<AeadProvider, "xsalsa20poly1305">> = {
  ...pureAead,
  xsalsa20poly1305: nobleSecretbox,
};

/** The same, all of `@noble/ciphers`: the reference. */
export const nobleCiphers: AeadProvider & Required<Pick<AeadProvider, "xsalsa20poly1305">> = {
  ...nobleAead,
  xsalsa20poly1305: nobleSecretbox,
};
