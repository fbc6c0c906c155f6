/**
 * The primitives of MLS cipher suite 2 (DHKEM P-256, HKDF-SHA256, AES-128-GCM, SHA-256,
 * ECDSA P-256) behind one interface, with `@noble/*` as the implementation that works
 * everywhere. A runtime's own may take its place.
 *
 * @module
 */

import { gcm } from "@noble/ciphers/aes.js";
import { p256 } from "@noble/curves/nist.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";

/** Number of the cipher suite. */
export const CIPHER_SUITE = 2;
/** Bytes of a hash and of every derived secret. */
export const HASH_SIZE = 32;
/** Bytes of an AES-128-GCM key. */
export const AEAD_KEY_SIZE = 16;
/** Bytes of an AES-128-GCM nonce. */
export const AEAD_NONCE_SIZE = 12;

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
  /** HKDF-Expand with SHA-256, also of keys shorter than a hash. */
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

const PUBLIC_KEY_SIZE = 65;
const UNCOMPRESSED = 4;

/**
 * The pure implementation.
 *
 * @param random Fills an array with random bytes, fit for keys.
 * @returns The primitives, of `@noble/*`.
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
  publicKey: (privateKey) => p256.getPublicKey(privateKey, false),
  isPublicKey(bytes) {
    return bytes.length === PUBLIC_KEY_SIZE && bytes[0] === UNCOMPRESSED &&
      p256.utils.isValidPublicKey(bytes, false);
  },
  agree(privateKey, publicKey) {
    if (!NOBLE.isPublicKey(publicKey)) return undefined;
    return p256.getSharedSecret(privateKey, publicKey).slice(1);
  },
  sign: (privateKey, message) => p256.sign(message, privateKey, { format: "der", lowS: false }),
  verify(publicKey, message, signature) {
    try {
      return NOBLE.isPublicKey(publicKey) &&
        p256.verify(signature, message, publicKey, { format: "der", lowS: false });
    } catch {
      return false;
    }
  },
};

/** Whether bytes are a private key: a number from 1 to less than the order of the curve. */
export function validPrivateKey(bytes: Uint8Array): boolean {
  if (bytes.length !== ORDER.length || bytes.every((byte) => byte === 0)) return false;
  const index = bytes.findIndex((byte, i) => byte !== ORDER[i]);
  return index >= 0 && bytes[index]! < ORDER[index]!;
}

const ORDER = Uint8Array.of(
  ...[0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  ...[0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63],
  ...[0x25, 0x51],
);

/** So many random bytes. */
export function randomBytes(suite: MlsCrypto, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  suite.random(bytes);
  return bytes;
}
