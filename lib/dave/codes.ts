/**
 * Codes that people compare to know that nobody is between them: one for all who are in
 * an epoch, one for each pair of users. They are digits, cut from bytes that only those
 * who hold the right keys can compute.
 *
 * @module
 */

import { scrypt } from "@noble/hashes/scrypt.js";

/** Bytes of a pairwise fingerprint. */
export const FINGERPRINT_SIZE = 64;

/** A user with the public key of the signatures in the group. */
export interface UserIdentity {
  /** The user's id, decimal. */
  readonly userId: string;
  /** The public key: 65 bytes, uncompressed. */
  readonly publicKey: Uint8Array;
}

const GROUP_LIMIT = 8;
const VERSION_SIZE = 2;
const USER_ID_SIZE = 8;
/** Cost of a pairwise fingerprint: parameters of scrypt. */
export const FINGERPRINT_COST: { readonly N: number; readonly r: number; readonly p: number } = {
  N: 16384,
  r: 8,
  p: 2,
};
/** Salt of a pairwise fingerprint. */
export const FINGERPRINT_SALT: Uint8Array = Uint8Array.of(
  ...[0x24, 0xca, 0xb1, 0x7a, 0x7a, 0xf8, 0xec, 0x2b],
  ...[0x82, 0xb4, 0x12, 0xb9, 0x2d, 0xab, 0x19, 0x2e],
);

/**
 * Makes digits of bytes: each group of bytes, read as an integer, gives as many digits.
 *
 * @param data At least `digitCount` bytes; the rest is not used.
 * @param digitCount Digits in all, a multiple of the group.
 * @param groupSize Digits of a group, 1 to 8.
 * @returns The digits, without spaces.
 * @throws {RangeError} The numbers do not fit together, or the data is too short.
 */
export function displayableCode(
  data: Uint8Array,
  digitCount: number,
  groupSize: number,
): string {
  const fits = Number.isInteger(groupSize) && groupSize > 0 && groupSize <= GROUP_LIMIT &&
    Number.isInteger(digitCount) && digitCount > 0 && digitCount % groupSize === 0;
  if (!fits || digitCount > data.length) {
    throw new RangeError(
      `Cannot make a code: ${digitCount} digits in groups of ${groupSize} of ${data.length} ` +
        `bytes, want whole groups of at most ${GROUP_LIMIT} and a byte for each digit`,
    );
  }
  let code = "";
  for (let start = 0; start < digitCount; start += groupSize) {
    let value = 0;
    for (const byte of data.subarray(start, start + groupSize)) {
      value = (value * 256 + byte) % 10 ** groupSize;
    }
    code += String(value).padStart(groupSize, "0");
  }
  return code;
}

/**
 * The code of an epoch, the same for all its members.
 *
 * @param epochAuthenticator What MLS exports for this: 32 bytes.
 * @returns 30 digits, meant to be shown in groups of five.
 */
export function voicePrivacyCode(epochAuthenticator: Uint8Array): string {
  return displayableCode(epochAuthenticator, 30, 5);
}

/**
 * The fingerprint of two users, the same for both. Slow on purpose: a tenth of a second and
 * 16 MiB or more.
 *
 * @param a One of them.
 * @param b The other.
 * @returns `FINGERPRINT_SIZE` bytes.
 * @throws {RangeError} An id is not an unsigned 64-bit integer, or a key is empty.
 */
export function pairwiseFingerprint(a: UserIdentity, b: UserIdentity): Uint8Array {
  return scrypt(fingerprintInput(a, b), FINGERPRINT_SALT, {
    ...FINGERPRINT_COST,
    dkLen: FINGERPRINT_SIZE,
  });
}

/**
 * What a fingerprint is made of, for a scrypt that does not block.
 *
 * @param a One of them.
 * @param b The other.
 * @returns The password of scrypt, the same for both.
 * @throws {RangeError} An id is not an unsigned 64-bit integer, or a key is empty.
 */
export function fingerprintInput(a: UserIdentity, b: UserIdentity): Uint8Array {
  const [first, second] = [identityBytes(a), identityBytes(b)].sort(compareBytes);
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/**
 * The code of two users.
 *
 * @param fingerprint Their `pairwiseFingerprint`.
 * @returns 45 digits, meant to be shown in groups of five.
 */
export function verificationCode(fingerprint: Uint8Array): string {
  return displayableCode(fingerprint, 45, 5);
}

/** Version 0 in 16 bits, the key, the id in 64 bits. */
function identityBytes({ userId, publicKey }: UserIdentity): Uint8Array {
  const id = /^\d{1,20}$/.test(userId) ? BigInt(userId) : -1n;
  if (id !== BigInt.asUintN(64, id) || publicKey.length === 0) {
    throw new RangeError(
      `Cannot make a fingerprint: user id ${JSON.stringify(userId)} with a key of ` +
        `${publicKey.length} bytes, want an unsigned 64-bit integer and a key`,
    );
  }
  const bytes = new Uint8Array(VERSION_SIZE + publicKey.length + USER_ID_SIZE);
  bytes.set(publicKey, VERSION_SIZE);
  new DataView(bytes.buffer).setBigUint64(VERSION_SIZE + publicKey.length, id);
  return bytes;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    if (a[i] !== b[i]) return a[i] - b[i];
  }
  return a.length - b.length;
}
