/**
 * Ciphers that cost next to nothing and allocate nothing, so that what is measured is all the rest
 * of a packet's way; and end-to-end encryption with such a cipher and keys that are known.
 *
 * @module
 */

import type { Aead, AeadProvider } from "../../lib/aead.ts";
import {
  BASE_SECRET_SIZE,
  type FrameAeadProvider,
  type FrameFault,
} from "../../lib/dave/frames/mod.ts";
import { MediaKeys } from "../../lib/dave/media_keys.ts";
import type { EndToEnd } from "../../lib/end_to_end.ts";

const MASK = 0x5a;
const TAG = 7;

function freeCipher(tagSize: number): Required<Aead> {
  return {
    seal(packet, aadSize, plainSize) {
      const end = aadSize + plainSize;
      for (let i = aadSize; i < end; i++) packet[i] ^= MASK;
      for (let i = 0; i < tagSize; i++) packet[end + i] = TAG;
    },
    open(packet, aadSize, cipherSize, _nonce, into) {
      for (let i = 0; i < cipherSize; i++) into[i] = packet[aadSize + i] ^ MASK;
      return packet[aadSize + cipherSize] === TAG;
    },
    erase() {},
  };
}

/** Hides nothing and proves nothing. */
export const FREE_AEAD: AeadProvider = {
  aes256gcm: () => freeCipher(16),
  xchacha20poly1305: () => freeCipher(16),
};

const FREE_FRAME_AEAD: FrameAeadProvider = { aes128gcm: () => freeCipher(8) };

/** One side of a call of two whose keys were always known. */
export class KnownKeys implements EndToEnd {
  readonly protocolVersion = 1;
  readonly ready = true;
  readonly keyCount = 1;
  readonly #keys = new MediaKeys({ aead: FREE_FRAME_AEAD });

  /**
   * Knows all keys.
   *
   * @param seed That of one's own key.
   * @param other The other user, and the seed of his key.
   */
  constructor(seed: number, other: readonly [userId: string, seed: number]) {
    this.#keys.seal(1n, new Uint8Array(BASE_SECRET_SIZE).fill(seed));
    this.#keys.learn([[other[0], new Uint8Array(BASE_SECRET_SIZE).fill(other[1])]], 0);
  }

  get openFault(): FrameFault {
    return this.#keys.fault;
  }

  seal(frame: Uint8Array, into: Uint8Array): number {
    return this.#keys.sealFrame(frame, into);
  }

  open(userId: string, frame: Uint8Array, into: Uint8Array, now: number): number {
    return this.#keys.openFrame(userId, frame, into, now);
  }

  handle(): void {}

  poll(): undefined {}

  pollTimeout(): undefined {}

  expire(): void {}

  close(): void {}
}
