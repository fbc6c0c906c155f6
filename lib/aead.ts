/**
 * The ciphers of Discord's voice transport behind one interface: two AEADs. What works
 * everywhere is in `pure_aead.ts`; `@noble/ciphers` is the reference. The secretbox of the older
 * modes (`secretbox.ts`) has the same interface; it authenticates no additional data and puts its
 * tag before the ciphertext.
 *
 * Everything happens in one packet buffer: first the bytes that are only
 * authenticated, then the bytes that are encrypted, then room for the tag. That
 * shape needs no concatenation, and an implementation can keep its key schedule.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { LocalProtocolError } from "./errors.ts";

/** Bytes of the authentication tag of every cipher. */
export const TAG_SIZE = 16;

/** An AEAD with its key. It holds no nonce: the caller spends each one once. */
export interface Aead {
  /**
   * Encrypts in place and adds the tag: behind the ciphertext (AEAD) or before it (secretbox).
   *
   * @param packet Additional data, then plaintext, then `TAG_SIZE` free bytes.
   * @param aadSize Bytes of additional data.
   * @param plainSize Bytes of plaintext.
   * @param nonce Nonce of the cipher's own size.
   * @throws {LocalProtocolError} The key was erased.
   */
  seal(packet: Uint8Array, aadSize: number, plainSize: number, nonce: Uint8Array): void;
  /**
   * Checks the tag and decrypts into `into`.
   *
   * @param packet Additional data, then ciphertext and tag as `seal` put them. Not changed.
   * @param aadSize Bytes of additional data.
   * @param cipherSize Bytes of ciphertext, without the tag.
   * @param nonce Nonce of the cipher's own size.
   * @param into Receives `cipherSize` bytes of plaintext.
   * @returns `false` where the tag is wrong or the key was erased; `into` is then of no use.
   */
  open(
    packet: Uint8Array,
    aadSize: number,
    cipherSize: number,
    nonce: Uint8Array,
    into: Uint8Array,
  ): boolean;
  /**
   * Overwrites what it keeps of the key, or lets go of what cannot be overwritten. From then on
   * `seal` throws and `open` returns `false`; to erase again does nothing.
   */
  erase?(): void;
}

/** Makes an `Aead` from a 32-byte key. */
export type AeadFactory = (key: Uint8Array) => Aead;

/** An implementation for each cipher of the transport. */
export interface AeadProvider {
  /** AES-256-GCM, 12-byte nonce. */
  readonly aes256gcm: AeadFactory;
  /** XChaCha20-Poly1305 (IETF construction), 24-byte nonce. */
  readonly xchacha20poly1305: AeadFactory;
  /**
   * XSalsa20-Poly1305 (NaCl's secretbox), 24-byte nonce; without it the older modes cannot be
   * used. Additional data is left alone and not authenticated, the tag stands before the
   * ciphertext.
   */
  readonly xsalsa20poly1305?: AeadFactory;
  /**
   * Gives memory of its own, in which packets are sealed and opened without being copied there
   * first. It is never taken back: for the few buffers that live as long as the process.
   */
  readonly allocate?: (size: number) => Uint8Array<ArrayBuffer>;
}

/** The reference: `@noble/ciphers`, on every runtime. For all modes: `nobleCiphers`. */
export const nobleAead: AeadProvider = {
  aes256gcm: (key) => wrapNoble(gcm, key),
  xchacha20poly1305: (key) => wrapNoble(xchacha20poly1305, key),
};

/**
 * Demands what `seal` of a cipher cannot do without.
 *
 * @param packet Where a packet is sealed.
 * @param size Bytes of the packet with its tag.
 * @param nonce Its nonce.
 * @param nonceSize Bytes of the cipher's nonces.
 * @throws {RangeError} The packet has no room, or the nonce another size.
 */
export function demandSealable(
  packet: Uint8Array,
  size: number,
  nonce: Uint8Array,
  nonceSize: number,
): void {
  if (packet.length < size) {
    throw new RangeError(
      `Cannot seal a packet of ${size} bytes: the buffer has ${packet.length} bytes`,
    );
  }
  if (nonce.length !== nonceSize) {
    throw new RangeError(
      `Cannot seal with a nonce of ${nonce.length} bytes: the cipher takes ${nonceSize} bytes`,
    );
  }
}

/**
 * Demands that a cipher still has its key.
 *
 * @param hasKey Whether it has.
 * @throws {LocalProtocolError} It has not.
 */
export function demandKey(hasKey: boolean): asserts hasKey {
  if (!hasKey) throw new LocalProtocolError("Cannot seal a packet: the key was erased");
}

/** A cipher of `@noble/ciphers` with 16 bytes of tag. */
export type NobleCipher = (
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
) => {
  encrypt(plaintext: Uint8Array): Uint8Array;
  decrypt(ciphertext: Uint8Array): Uint8Array;
};

/** Makes an `Aead` of such a cipher and a key. */
export function wrapNoble(cipher: NobleCipher, secret: Uint8Array): Aead {
  let key: Uint8Array | undefined = Uint8Array.from(secret);
  return {
    seal(packet, aadSize, plainSize, nonce) {
      demandKey(key !== undefined);
      const end = aadSize + plainSize;
      const sealed = cipher(key, nonce, packet.subarray(0, aadSize))
        .encrypt(packet.subarray(aadSize, end));
      packet.set(sealed, aadSize);
    },
    open(packet, aadSize, cipherSize, nonce, into) {
      if (key === undefined) return false;
      const end = aadSize + cipherSize + TAG_SIZE;
      try {
        const plain = cipher(key, nonce, packet.subarray(0, aadSize))
          .decrypt(packet.subarray(aadSize, end));
        into.set(plain);
        return true;
      } catch {
        return false;
      }
    },
    erase() {
      key?.fill(0);
      key = undefined;
    },
  };
}
