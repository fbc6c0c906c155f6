/**
 * The fastest ciphers of the transport that a runtime has: the WebAssembly kernels, which are in
 * constant time and allocate nothing. Where they cannot run: AES-256-GCM of `node:crypto`, with a
 * key object, since Node 24 takes five times as long for a key of bytes; XChaCha20-Poly1305 in
 * TypeScript. Secretbox, which Discord no longer offers, stays with `@noble/ciphers`.
 *
 * @module
 */

import { createSecretKey } from "node:crypto";
import process from "node:process";

import { type Aead, type AeadProvider, TAG_SIZE } from "../lib/aead.ts";
import { ENCRYPTION_MODES, type EncryptionMode } from "../lib/packet.ts";
import { pureAead } from "../lib/pure_aead.ts";
import { nobleSecretbox } from "../lib/secretbox.ts";
import { kernelCiphers } from "./kernels/load.ts";
import { nodeGcm } from "./node_gcm.ts";

/** The ciphers of the transport. */
export const nativeAead: Required<AeadProvider> = {
  aes256gcm: (key) => kernelCiphers()?.aes256gcm(key, nodeAes256gcm) ?? nodeAes256gcm(key),
  xchacha20poly1305: (key) =>
    kernelCiphers()?.xchacha20poly1305(key, pureAead.xchacha20poly1305) ??
      pureAead.xchacha20poly1305(key),
  xsalsa20poly1305: nobleSecretbox,
  allocate: (size) => kernelCiphers()?.allocate(size) ?? new Uint8Array(size),
};

/** AES-256-GCM of `node:crypto`. */
export function nodeAes256gcm(secret: Uint8Array): Aead {
  return nodeGcm("aes-256-gcm", createSecretKey(secret), TAG_SIZE);
}

/**
 * The modes that a client takes by default, cheapest first: XChaCha20-Poly1305, but for Bun
 * without the kernels, whose `node:crypto` is faster than TypeScript.
 */
export function nativeModes(): readonly EncryptionMode[] {
  const isGcmFaster = process.versions.bun !== undefined && kernelCiphers() === undefined;
  return isGcmFaster ? ENCRYPTION_MODES : ENCRYPTION_MODES.toReversed();
}
