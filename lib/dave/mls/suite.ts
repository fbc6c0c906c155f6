/**
 * The primitives of MLS cipher suite 2 (DHKEM P-256, HKDF-SHA256, AES-128-GCM, SHA-256,
 * ECDSA P-256) behind one interface, with `@noble/*` as the implementation that works
 * everywhere, but for what `curve.ts` has faster. A runtime's own may take its place.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { p256 } from "@noble/curves/nist.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodePoint, ORDER, takeNumber, takePoint } from "./curve.ts";
import { isSignedBy } from "./ecdsa.ts";
import { multiplyBase } from "./multiples.ts";

/** Number of the cipher suite. */
export const CIPHER_SUITE = 2;
/** Bytes of a hash and of every derived secret. */
export const HASH_SIZE = 32;
/** Bytes of an AES-128-GCM key. */
export const AEAD_KEY_SIZE = 16;
/** Bytes of an AES-128-GCM nonce. */
export const AEAD_NONCE_SIZE = 12;

const PRIVATE_KEY_SIZE = 32;

/**
 * The primitives of cipher suite 2. Private keys are 32 bytes, big-endian; public keys
 * uncompressed points of 65 bytes; signatures ASN.1 DER. Nothing given is changed or kept.
 */
export interface MlsCrypto {
  /** Fills an array with random bytes, fit for keys. */
  readonly random: (into: Uint8Array) => void;
  /** SHA-256. */
  sha256(data: Uint8Array): Uint8Array;
  /** HMAC-SHA256. */
  hmac(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** HKDF-Extract with SHA-256. */
  extract(salt: Uint8Array, secret: Uint8Array): Uint8Array;
  /** HKDF-Expand with SHA-256; the key has at least `HASH_SIZE` bytes. */
  expand(key: Uint8Array, info: Uint8Array, size: number): Uint8Array;
  /** AES-128-GCM: ciphertext and tag. */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The plaintext; `undefined` where the tag is wrong. */
  open(
    key: Uint8Array,
    nonce: Uint8Array,
    aad: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | undefined;
  /** The public key of a valid private key. */
  publicKey(privateKey: Uint8Array): Uint8Array;
  /** Whether bytes are an uncompressed point of the curve. */
  isPublicKey(bytes: Uint8Array): boolean;
  /** The x coordinate that ECDH yields; `undefined` where the public key is none. */
  agree(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  /** ECDSA with SHA-256. */
  sign(privateKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** Checks an ECDSA signature; never throws. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * The pure implementation.
 *
 * @param random Fills an array with random bytes, fit for keys.
 * @returns The primitives, mostly of `@noble/*`.
 */
export function nobleMlsCrypto(random: (into: Uint8Array) => void): MlsCrypto {
  return { random, ...NOBLE };
}

const NOBLE: Omit<MlsCrypto, "random"> = {
  sha256,
  hmac: (key, data) => hmac(sha256, key, data),
  extract: (salt, secret) => extract(sha256, secret, salt),
  expand: (key, info, size) => expand(sha256, key, info, size),
  seal: (key, nonce, aad, plain) => gcm(key, nonce, aad).encrypt(plain),
  open(key, nonce, aad, sealed) {
    try {
      return gcm(key, nonce, aad).decrypt(sealed);
    } catch {
      return undefined;
    }
  },
  publicKey: (privateKey) => encodePoint(multiplyBase(takeNumber(privateKey))),
  isPublicKey: (bytes) => takePoint(bytes) !== undefined,
  agree(privateKey, publicKey) {
    if (!NOBLE.isPublicKey(publicKey)) return undefined;
    return p256.getSharedSecret(privateKey, publicKey).slice(1);
  },
  sign: (privateKey, message) => p256.sign(message, privateKey, { format: "der", lowS: false }),
  verify(publicKey, message, signature) {
    const point = takePoint(publicKey);
    try {
      const numbers = p256.Signature.fromBytes(signature, "der");
      return point !== undefined && isSignedBy(point, sha256(message), numbers);
    } catch {
      return false;
    }
  },
};

/** Whether bytes are a private key: a number from 1 to less than the order of the curve. */
export function validPrivateKey(bytes: Uint8Array): boolean {
  if (bytes.length !== PRIVATE_KEY_SIZE) return false;
  const value = takeNumber(bytes);
  return value > 0n && value < ORDER;
}

/** So many random bytes. */
export function randomBytes(suite: MlsCrypto, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  suite.random(bytes);
  return bytes;
}
