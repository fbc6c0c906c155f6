/**
 * State that goes on elsewhere, as bytes: a version before it, SHA-256 behind it. The hash finds
 * damage, not forgery: a snapshot holds keys, and who can change it has them.
 *
 * @module
 */

import { sha256 } from "@noble/hashes/sha2.js";
import { Secret } from "../secret.ts";
import { concat, copy, erase, sameBytes } from "./mls/bytes.ts";
import { Reader, u16 } from "./mls/codec.ts";
import { MlsError } from "./mls/error.ts";

const HASH_SIZE = 32;
const VERSION_SIZE = 2;

/**
 * Makes a snapshot.
 *
 * @param version Version of what is in it.
 * @param parts What is in it; not changed, and the caller's to erase.
 * @returns The bytes, which have no text form.
 */
export function makeSnapshot(version: number, parts: readonly Uint8Array[]): Secret<Uint8Array> {
  const bytes = concat(u16(version), ...parts, new Uint8Array(HASH_SIZE));
  const end = bytes.length - HASH_SIZE;
  bytes.set(sha256(bytes.subarray(0, end)), end);
  return new Secret(bytes);
}

/**
 * Reads a snapshot.
 *
 * @param what What is restored, for people.
 * @param version The version that `take` can read.
 * @param snapshot What `makeSnapshot` returned; not changed.
 * @param take Reads what is in it: views of a copy, in which the secrets are the caller's to erase.
 * @returns What `take` returned.
 * @throws {RangeError} It is of another version, damaged, or not what `take` can read.
 */
export function readSnapshot<T>(
  what: string,
  version: number,
  snapshot: Secret<Uint8Array>,
  take: (reader: Reader) => T,
): T {
  const bytes = copy(snapshot.reveal());
  try {
    const reader = new Reader(checkSnapshot(what, version, bytes));
    const value = take(reader);
    reader.end();
    return value;
  } catch (error) {
    erase(bytes);
    if (!(error instanceof MlsError)) throw error;
    throw new RangeError(`Cannot restore ${what}: its state is malformed`, { cause: error });
  }
}

/** What stands between the version and the hash. */
function checkSnapshot(what: string, version: number, bytes: Uint8Array): Uint8Array {
  const end = bytes.length - HASH_SIZE;
  if (end < VERSION_SIZE) {
    throw new RangeError(`Cannot restore ${what}: its state has ${bytes.length} bytes`);
  }
  const found = new Reader(bytes).u16();
  if (found !== version) {
    throw new RangeError(`Cannot restore ${what}: its state has version ${found}, want ${version}`);
  }
  if (!sameBytes(sha256(bytes.subarray(0, end)), bytes.subarray(end))) {
    throw new RangeError(`Cannot restore ${what}: its state was changed or is not whole`);
  }
  return bytes.subarray(VERSION_SIZE, end);
}
