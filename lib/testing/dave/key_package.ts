/**
 * The key packages (op 26) that the delivery service takes: valid ones of cipher suite 2, in the
 * name of whoever sends them, and valid for ever, as Discord's gateway demands.
 *
 * @module
 */

import { concat, sameBytes } from "../../dave/mls/bytes.ts";
import { takeWhole, u64, u8, vector } from "../../dave/mls/codec.ts";
import { checkKeyPackage, hashKeyPackage, takeKeyPackage } from "../../dave/mls/key_package.ts";
import type { MlsCrypto } from "../../dave/mls/mod.ts";
import { encodeId } from "../../dave/user_id.ts";
import { DaveRejection } from "./rejection.ts";

/** Most bytes of a key package; those of DAVE have about 390. */
export const KEY_PACKAGE_LIMIT = 2048;

/** A key package that was taken. */
export interface AdmittedKeyPackage {
  /** Its bytes. */
  readonly bytes: Uint8Array;
  /** The KeyPackageRef by which a welcome names it. */
  readonly ref: Uint8Array;
  /** Public key of its owner's signatures. */
  readonly signatureKey: Uint8Array;
}

/** How a leaf ends that is valid for ever: source, lifetime, no extensions. */
const VALID_FOR_EVER = concat(u8(1), u64(0n), u64(0xffff_ffff_ffff_ffffn), vector());

/**
 * Takes a key package.
 *
 * @param mls The primitives.
 * @param body The body of op 26; borrowed.
 * @param userId Who has sent it.
 * @returns What is kept of it.
 * @throws {DaveRejection | MlsError} It is not to be taken.
 */
export function admitKeyPackage(
  mls: MlsCrypto,
  body: Uint8Array,
  userId: string,
): AdmittedKeyPackage {
  if (body.length > KEY_PACKAGE_LIMIT) throw new DaveRejection("too-large");
  const bytes = Uint8Array.from(body);
  const keyPackage = takeWhole(bytes, takeKeyPackage);
  const { identity, content, signatureKey } = keyPackage.leaf;
  if (!sameBytes(identity, encodeId(userId))) throw new DaveRejection("wrong-identity");
  if (!sameBytes(content.subarray(-VALID_FOR_EVER.length), VALID_FOR_EVER)) {
    throw new DaveRejection("bad-lifetime");
  }
  checkKeyPackage(mls, keyPackage);
  return { bytes, ref: hashKeyPackage(mls, bytes), signatureKey };
}
