/**
 * AES-GCM on `node:crypto`, which Deno, Bun and Node all have, in the caller's buffer.
 *
 * @module
 */

import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

import { type Aead, demandKey, demandSealable } from "../lib/aead.ts";

const NONCE_SIZE = 12;

/**
 * Makes a cipher.
 *
 * @param name The cipher; it says how long the key is.
 * @param key Its key. Bytes are not copied; `erase` overwrites them.
 * @param tagSize Bytes of the tag that are sent.
 */
export function nodeGcm(
  name: "aes-128-gcm" | "aes-256-gcm",
  key: KeyObject | Uint8Array,
  tagSize: number,
): Required<Aead> {
  let kept: KeyObject | Uint8Array | undefined = key;
  // Without it a tag of four bytes would do.
  const options = { authTagLength: tagSize };
  return {
    seal(packet, aadSize, plainSize, nonce) {
      demandKey(kept !== undefined);
      const end = aadSize + plainSize;
      demandSealable(packet, end + tagSize, nonce, NONCE_SIZE);
      const cipher = createCipheriv(name, kept, nonce, options);
      if (aadSize > 0) cipher.setAAD(packet.subarray(0, aadSize));
      packet.set(cipher.update(packet.subarray(aadSize, end)), aadSize);
      cipher.final();
      packet.set(cipher.getAuthTag(), end);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      if (kept === undefined) return false;
      const end = aadSize + cipherSize;
      try {
        const decipher = createDecipheriv(name, kept, nonce, options);
        if (aadSize > 0) decipher.setAAD(packet.subarray(0, aadSize));
        decipher.setAuthTag(packet.subarray(end, end + tagSize));
        const plain = decipher.update(packet.subarray(aadSize, end));
        decipher.final();
        into.set(plain);
        return true;
      } catch {
        return false;
      }
    },
    erase() {
      // A key object cannot be overwritten, only let go of.
      if (kept instanceof Uint8Array) kept.fill(0);
      kept = undefined;
    },
  };
}
