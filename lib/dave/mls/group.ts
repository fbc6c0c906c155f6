/**
 * A group as one member sees it in one epoch, and the step to the next epoch. A `Group` is never
 * changed: a commit makes another one, and the old one is erased when it is replaced.
 *
 * @module
 */

import { copy, EMPTY, erase } from "./bytes.ts";
import type { Extension } from "./extension.ts";
import type { KeyPair } from "./hpke.ts";
import {
  confirmTranscript,
  deriveEpochSecret,
  deriveEpochSecrets,
  deriveJoinerSecret,
  encodeGroupContext,
  type EpochSecrets,
  eraseEpochSecrets,
  type GroupContext,
  interimTranscript,
} from "./key_schedule.ts";
import type { LeafNode } from "./leaf_node.ts";
import { PUBLIC_MESSAGE } from "./framing.ts";
import { RatchetTree } from "./ratchet_tree.ts";
import { HASH_SIZE, type MlsCrypto, randomBytes } from "./suite.ts";
import type { PrivateKeys } from "./tree_kem.ts";

/** A group in one epoch. */
export interface Group {
  /** What all members agree on. */
  readonly context: GroupContext;
  /** The same as bytes. */
  readonly contextBytes: Uint8Array;
  /** The members' public keys. */
  readonly tree: RatchetTree;
  /** What the next commit's transcript hash builds on. */
  readonly interimTranscriptHash: Uint8Array;
  /** The own leaf. */
  readonly leafIndex: number;
  /** Private keys of the own leaf and of nodes above it. */
  readonly privateKeys: PrivateKeys;
  /** The epoch's secrets. */
  readonly secrets: EpochSecrets;
}

/** A new epoch, before its commit is confirmed. */
export interface NextEpoch {
  /** What all members agree on. */
  readonly context: GroupContext;
  /** The same as bytes. */
  readonly contextBytes: Uint8Array;
  /** For those who join; to be erased. */
  readonly joinerSecret: Uint8Array;
  /** The epoch's secrets. */
  readonly secrets: EpochSecrets;
  /** What every member must come to. */
  readonly confirmationTag: Uint8Array;
}

/** A new group whose only member is the leaf's owner. */
export function foundGroup(
  suite: MlsCrypto,
  groupId: Uint8Array,
  extensions: readonly Extension[],
  leaf: LeafNode,
  leafKey: KeyPair,
): Group {
  const tree = RatchetTree.ofMember(leaf);
  const context = {
    groupId,
    epoch: 0n,
    treeHash: tree.hash(suite),
    confirmedTranscriptHash: EMPTY,
    extensions,
  };
  const secrets = deriveEpochSecrets(suite, randomBytes(suite, HASH_SIZE));
  const confirmationTag = suite.hmac(secrets.confirmationKey, EMPTY);
  return {
    context,
    contextBytes: encodeGroupContext(context),
    tree,
    interimTranscriptHash: interimTranscript(suite, EMPTY, confirmationTag),
    leafIndex: 0,
    privateKeys: new Map([[0, leafKey.privateKey]]),
    secrets,
  };
}

/** The context to which a commit's path is encrypted: the next epoch's before it is confirmed. */
export function provisionalContext(
  suite: MlsCrypto,
  group: Group,
  tree: RatchetTree,
): GroupContext {
  return { ...group.context, epoch: group.context.epoch + 1n, treeHash: tree.hash(suite) };
}

/** Derives the epoch that follows from a commit. Erases the commit secret. */
export function advance(
  suite: MlsCrypto,
  group: Group,
  provisional: GroupContext,
  content: Uint8Array,
  signature: Uint8Array,
  commitSecret: Uint8Array,
): NextEpoch {
  const confirmedTranscriptHash = confirmTranscript(
    suite,
    group.interimTranscriptHash,
    PUBLIC_MESSAGE,
    content,
    signature,
  );
  const context = { ...provisional, confirmedTranscriptHash };
  const contextBytes = encodeGroupContext(context);
  const { initSecret } = group.secrets;
  const joinerSecret = deriveJoinerSecret(suite, initSecret, commitSecret, contextBytes);
  erase(commitSecret);
  const secrets = deriveEpochSecrets(suite, deriveEpochSecret(suite, joinerSecret, contextBytes));
  const confirmationTag = suite.hmac(secrets.confirmationKey, confirmedTranscriptHash);
  return { context, contextBytes, joinerSecret, secrets, confirmationTag };
}

/** The group after a commit that was confirmed. */
export function enter(
  suite: MlsCrypto,
  group: Group,
  next: NextEpoch,
  tree: RatchetTree,
  pathKeys: PrivateKeys,
): Group {
  const { context, contextBytes, secrets, confirmationTag } = next;
  const interimTranscriptHash = interimTranscript(
    suite,
    context.confirmedTranscriptHash,
    confirmationTag,
  );
  const privateKeys = succeedKeys(group.privateKeys, pathKeys, tree);
  const { leafIndex } = group;
  return { context, contextBytes, tree, interimTranscriptHash, leafIndex, privateKeys, secrets };
}

/** Overwrites all secrets of a group with zeros. */
export function eraseGroup(group: Group): void {
  eraseEpochSecrets(group.secrets);
  erase(...group.privateKeys.values());
}

/** The keys of the next epoch: copies, since each epoch erases its own. */
function succeedKeys(old: PrivateKeys, pathKeys: PrivateKeys, tree: RatchetTree): PrivateKeys {
  const keys: PrivateKeys = new Map(pathKeys);
  for (const [node, key] of old) {
    if (!keys.has(node) && tree.encryptionKey(node) !== undefined) keys.set(node, copy(key));
  }
  return keys;
}
