/**
 * AES-256-GCM on `node:crypto`, which Deno, Bun and Node all have and which is
 * several times faster than the pure implementation. XChaCha20-Poly1305 and
 * secretbox stay pure: `node:crypto` does not have them, and on Bun not even the
 * ChaCha20-Poly1305 that the first could be made of.
 *
 * @module
 */

import { createSecretKey } from "node:crypto";

import { type Aead, type AeadProvider, nobleAead, TAG_SIZE } from "../lib/aead.ts";
import { nobleSecretbox } from "../lib/secretbox.ts";
import { nodeGcm } from "./node_gcm.ts";

/** The AEADs of the transport, with `node:crypto` where it is faster. */
export const nativeAead: Required<AeadProvider> = {
  aes256gcm,
  xchacha20poly1305: nobleAead.xchacha20poly1305,
  xsalsa20poly1305: nobleSecretbox,
};

function aes256gcm(secret: Uint8Array): Aead {
  return nodeGcm("aes-256-gcm", createSecretKey(secret), TAG_SIZE);
}
