/**
 * The key schedule of an epoch (RFC 9420 section 8), the exporter, and the transcript hashes.
 * Secrets for which DAVE has no use are not derived.
 *
 * @module
 */

import { concat, EMPTY, erase } from "./bytes.ts";
import { u16, u64, vector } from "./codec.ts";
import { encodeExtensions, type Extension } from "./extension.ts";
import { deriveSecret, expandWithLabel } from "./labels.ts";
import { PROTOCOL_VERSION } from "./leaf_node.ts";
import {
  AEAD_KEY_SIZE,
  AEAD_NONCE_SIZE,
  CIPHER_SUITE,
  HASH_SIZE,
  type MlsCrypto,
} from "./suite.ts";

/** What all members of an epoch agree on. */
export interface GroupContext {
  /** The group. */
  readonly groupId: Uint8Array;
  /** Number of the epoch. */
  readonly epoch: bigint;
  /** Hash of the tree. */
  readonly treeHash: Uint8Array;
  /** Hash of all commits up to this epoch. */
  readonly confirmedTranscriptHash: Uint8Array;
  /** Extensions of the group. */
  readonly extensions: readonly Extension[];
}

/** The secrets of an epoch. */
export interface EpochSecrets {
  /** For the next epoch. */
  readonly initSecret: Uint8Array;
  /** Authenticates the confirmed transcript hash. */
  readonly confirmationKey: Uint8Array;
  /** Authenticates messages of members. */
  readonly membershipKey: Uint8Array;
  /** From which secrets are exported. */
  readonly exporterSecret: Uint8Array;
  /** What members compare to know that nobody is between them. */
  readonly epochAuthenticator: Uint8Array;
}

const NO_PSK = new Uint8Array(HASH_SIZE);

/** Bytes of a GroupContext. */
export function encodeGroupContext(context: GroupContext): Uint8Array {
  return concat(
    u16(PROTOCOL_VERSION),
    u16(CIPHER_SUITE),
    vector(context.groupId),
    u64(context.epoch),
    vector(context.treeHash),
    vector(context.confirmedTranscriptHash),
    encodeExtensions(context.extensions),
  );
}

/** The joiner secret, from the last epoch's init secret and the commit. */
export function deriveJoinerSecret(
  suite: MlsCrypto,
  initSecret: Uint8Array,
  commitSecret: Uint8Array,
  groupContext: Uint8Array,
): Uint8Array {
  const key = suite.extract(initSecret, commitSecret);
  const joinerSecret = expandWithLabel(suite, key, "joiner", groupContext, HASH_SIZE);
  erase(key);
  return joinerSecret;
}

/** Key and nonce of a welcome's group info. */
export function deriveWelcomeKey(
  suite: MlsCrypto,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array = NO_PSK,
): { key: Uint8Array; nonce: Uint8Array } {
  const member = suite.extract(joinerSecret, pskSecret);
  const secret = deriveSecret(suite, member, "welcome");
  const key = expandWithLabel(suite, secret, "key", EMPTY, AEAD_KEY_SIZE);
  const nonce = expandWithLabel(suite, secret, "nonce", EMPTY, AEAD_NONCE_SIZE);
  erase(member, secret);
  return { key, nonce };
}

/** The epoch secret, from which all secrets of an epoch follow. */
export function deriveEpochSecret(
  suite: MlsCrypto,
  joinerSecret: Uint8Array,
  groupContext: Uint8Array,
  pskSecret: Uint8Array = NO_PSK,
): Uint8Array {
  const member = suite.extract(joinerSecret, pskSecret);
  const epochSecret = expandWithLabel(suite, member, "epoch", groupContext, HASH_SIZE);
  erase(member);
  return epochSecret;
}

/** The secrets of an epoch. Erases what they follow from. */
export function deriveEpochSecrets(suite: MlsCrypto, epochSecret: Uint8Array): EpochSecrets {
  const derive = (label: string) => deriveSecret(suite, epochSecret, label);
  const secrets = {
    initSecret: derive("init"),
    confirmationKey: derive("confirm"),
    membershipKey: derive("membership"),
    exporterSecret: derive("exporter"),
    epochAuthenticator: derive("authentication"),
  };
  erase(epochSecret);
  return secrets;
}

/** Overwrites the secrets of an epoch with zeros. */
export function eraseEpochSecrets(secrets: EpochSecrets): void {
  erase(secrets.initSecret, secrets.confirmationKey, secrets.membershipKey);
  erase(secrets.exporterSecret, secrets.epochAuthenticator);
}

/** MLS-Exporter (section 8.5), for each of some contexts. */
export function exportSecrets(
  suite: MlsCrypto,
  exporterSecret: Uint8Array,
  label: string,
  contexts: readonly Uint8Array[],
  size: number,
): Uint8Array[] {
  const secret = deriveSecret(suite, exporterSecret, label);
  const exported = contexts.map((context) =>
    expandWithLabel(suite, secret, "exported", suite.sha256(context), size)
  );
  erase(secret);
  return exported;
}

/** The confirmed transcript hash after a commit (section 8.2). */
export function confirmTranscript(
  suite: MlsCrypto,
  interimTranscriptHash: Uint8Array,
  wireFormat: number,
  content: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  const input = concat(u16(wireFormat), content, vector(signature));
  return suite.sha256(concat(interimTranscriptHash, input));
}

/** The interim transcript hash, which the next commit builds on (section 8.2). */
export function interimTranscript(
  suite: MlsCrypto,
  confirmedTranscriptHash: Uint8Array,
  confirmationTag: Uint8Array,
): Uint8Array {
  return suite.sha256(concat(confirmedTranscriptHash, vector(confirmationTag)));
}
