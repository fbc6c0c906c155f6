/**
 * Key packages (RFC 9420 section 10): what a member-to-be gives away so that others can add it.
 *
 * @module
 */

import { concat, sameBytes } from "./bytes.ts";
import { type Reader, u16, vector } from "./codec.ts";
import { MlsError } from "./error.ts";
import { takeExtensions } from "./extension.ts";
import { refHash, signWithLabel, verifyWithLabel } from "./labels.ts";
import {
  checkLeafNode,
  encodeLeafNode,
  type LeafNode,
  PROTOCOL_VERSION,
  takeLeafNode,
} from "./leaf_node.ts";
import { CIPHER_SUITE, type MlsCrypto } from "./suite.ts";

/** A key package of cipher suite 2. */
export interface KeyPackage {
  /** HPKE public key to which the welcome is encrypted. */
  readonly initKey: Uint8Array;
  /** The leaf that the member will have. */
  readonly leaf: LeafNode;
  /** All bytes before the signature. */
  readonly content: Uint8Array;
  /** Signature by the leaf's key. */
  readonly signature: Uint8Array;
}

/** Reads a KeyPackage. */
export function takeKeyPackage(reader: Reader): KeyPackage {
  const start = reader.position;
  const version = reader.u16();
  const suite = reader.u16();
  if (version !== PROTOCOL_VERSION || suite !== CIPHER_SUITE) {
    throw new MlsError(
      "unsupported",
      `Cannot read a key package: version ${version} and cipher suite ${suite}, wanted 1 and 2`,
    );
  }
  const initKey = reader.vector();
  const leaf = takeLeafNode(reader);
  takeExtensions(reader);
  const content = reader.since(start);
  return { initKey, leaf, content, signature: reader.vector() };
}

/** Bytes of a KeyPackage. */
export function encodeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return concat(keyPackage.content, vector(keyPackage.signature));
}

/** Makes and signs a key package around a leaf that was made for one. */
export function makeKeyPackage(
  suite: MlsCrypto,
  initKey: Uint8Array,
  leaf: LeafNode,
  signaturePrivateKey: Uint8Array,
): KeyPackage {
  const content = concat(
    u16(PROTOCOL_VERSION),
    u16(CIPHER_SUITE),
    vector(initKey),
    encodeLeafNode(leaf),
    vector(),
  );
  const signature = signWithLabel(suite, signaturePrivateKey, "KeyPackageTBS", content);
  return { initKey, leaf, content, signature };
}

/**
 * Checks a key package by itself (section 10.1), but for its lifetime.
 *
 * @throws {MlsError} Something is wrong with it.
 */
export function checkKeyPackage(suite: MlsCrypto, keyPackage: KeyPackage): void {
  const { initKey, leaf, content, signature } = keyPackage;
  checkLeafNode(suite, leaf, undefined);
  if (!suite.isPublicKey(initKey) || sameBytes(initKey, leaf.encryptionKey)) {
    throw new MlsError(
      "bad-key-package",
      "Cannot accept a key package: its init key is not its own",
    );
  }
  if (!verifyWithLabel(suite, leaf.signatureKey, "KeyPackageTBS", content, signature)) {
    throw new MlsError("bad-signature", "Cannot accept a key package: its signature is wrong");
  }
}

/** The KeyPackageRef by which a welcome names its receiver. */
export function hashKeyPackage(suite: MlsCrypto, encoded: Uint8Array): Uint8Array {
  return refHash(suite, "MLS 1.0 KeyPackage Reference", encoded);
}
