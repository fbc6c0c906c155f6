/**
 * AES-256-GCM on `node:crypto`, which Deno, Bun and Node all have and which is
 * several times faster than the pure implementation. XChaCha20-Poly1305 and
 * secretbox stay pure: `node:crypto` does not have them, and on Bun not even the
 * ChaCha20-Poly1305 that the first could be made of.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, createSecretKey } from "node:crypto";

import { type Aead, type AeadProvider, nobleAead, TAG_SIZE } from "../lib/aead.ts";
import { nobleSecretbox } from "../lib/secretbox.ts";

/** The AEADs of the transport, with `node:crypto` where it is faster. */
export const nativeAead: Required<AeadProvider> = {
  aes256gcm,
  xchacha20poly1305: nobleAead.xchacha20poly1305,
  xsalsa20poly1305: nobleSecretbox,
};

const CIPHER = "aes-256-gcm";

// Without it a tag of four bytes would do.
const OPTIONS = { authTagLength: TAG_SIZE };

function aes256gcm(secret: Uint8Array): Aead {
  const key = createSecretKey(secret);
  return {
    seal(packet, aadSize, plainSize, nonce) {
      const end = aadSize + plainSize;
      const cipher = createCipheriv(CIPHER, key, nonce, OPTIONS);
      cipher.setAAD(packet.subarray(0, aadSize));
      packet.set(cipher.update(packet.subarray(aadSize, end)), aadSize);
      cipher.final();
      packet.set(cipher.getAuthTag(), end);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      const end = aadSize + cipherSize;
      try {
        const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS);
        decipher.setAAD(packet.subarray(0, aadSize));
        decipher.setAuthTag(packet.subarray(end, end + TAG_SIZE));
        into.set(decipher.update(packet.subarray(aadSize, end)));
        decipher.final();
        return true;
      } catch {
        return false;
      }
    },
  };
}
