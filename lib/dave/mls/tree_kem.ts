/**
 * TreeKEM (RFC 9420 section 7): a commit's path secrets, made and encrypted by its sender,
 * decrypted by everybody else, who then know the keys above them and the commit secret.
 *
 * @module
 */

import { erase, sameBytes } from "./bytes.ts";
import type { UpdatePath, UpdatePathNode } from "./commit_message.ts";
import { MlsError } from "./error.ts";
import { deriveKeyPair, generateKeyPair, type KeyPair } from "./hpke.ts";
import { decryptWithLabel, deriveSecret, encrypterWithLabel } from "./labels.ts";
import { checkLeafNode, type LeafNodeKeys, makeCommitLeaf } from "./leaf_node.ts";
import { placePath } from "./parent_hash.ts";
import type { PathStep, RatchetTree } from "./ratchet_tree.ts";
import { HASH_SIZE, type MlsCrypto, randomBytes } from "./suite.ts";
import { standsWithin } from "./tree_math.ts";

/** Private keys of a member, by node: its leaf's, and those it knows above. */
export type PrivateKeys = Map<number, Uint8Array>;

/** What follows from a path secret. */
export interface PathKeys {
  /** Private keys from the secret's node to the root. */
  readonly privateKeys: PrivateKeys;
  /** The step to the next epoch. */
  readonly commitSecret: Uint8Array;
}

/** A path as its sender has made it, not encrypted yet. */
export interface NewPath extends PathKeys {
  /** The path. */
  readonly steps: readonly PathStep[];
  /** Path secrets of the steps. */
  readonly pathSecrets: readonly Uint8Array[];
}

/**
 * Makes a new path for the own leaf and puts it into the tree.
 *
 * @param tree The tree after the proposals.
 * @param member The own leaf and its signature keys.
 * @returns The secrets, for `encryptPath`.
 */
export function makePath(
  suite: MlsCrypto,
  tree: RatchetTree,
  groupId: Uint8Array,
  leafIndex: number,
  member: Omit<LeafNodeKeys, "encryptionKey">,
): NewPath {
  const steps = tree.filteredDirectPath(leafIndex);
  const leafKey = generateKeyPair(suite);
  const privateKeys: PrivateKeys = new Map([[2 * leafIndex, leafKey.privateKey]]);
  const publicKeys: Uint8Array[] = [];
  const pathSecrets: Uint8Array[] = [];
  let secret = randomBytes(suite, HASH_SIZE);
  for (const { node } of steps) {
    const pair = deriveNodeKeys(suite, secret);
    privateKeys.set(node, pair.privateKey);
    publicKeys.push(pair.publicKey);
    pathSecrets.push(secret);
    secret = deriveSecret(suite, secret, "path");
  }
  const parentHash = placePath(suite, tree, leafIndex, steps, publicKeys);
  const keys = { ...member, encryptionKey: leafKey.publicKey };
  tree.setLeaf(leafIndex, makeCommitLeaf(suite, keys, parentHash, { groupId, leafIndex }));
  return { steps, pathSecrets, privateKeys, commitSecret: secret };
}

/**
 * Encrypts the secrets of a path to everybody but those who come with the same commit.
 *
 * @param tree The tree with the path in it.
 * @param joiners Leaves of those who come.
 * @param groupContext The next epoch's, with the transcript hash of this one.
 */
export function encryptPath(
  suite: MlsCrypto,
  tree: RatchetTree,
  path: NewPath,
  joiners: readonly number[],
  groupContext: Uint8Array,
): UpdatePathNode[] {
  const encrypt = encrypterWithLabel(suite, "UpdatePathNode", groupContext);
  return path.steps.map(({ node, copath }, i) => {
    const secrets = receivers(tree, copath, joiners).map((receiver) =>
      encrypt(tree.encryptionKey(receiver)!, path.pathSecrets[i]!)
    );
    return { encryptionKey: tree.encryptionKey(node)!, secrets };
  });
}

/**
 * Checks a received path and puts it into the tree.
 *
 * @param tree The tree after the proposals.
 * @param joiners Leaves of those who come with the same commit.
 * @returns The steps of the path, for `decryptPath`.
 * @throws {MlsError} Something is wrong with it.
 */
export function mergePath(
  suite: MlsCrypto,
  tree: RatchetTree,
  groupId: Uint8Array,
  leafIndex: number,
  path: UpdatePath,
  joiners: readonly number[],
): readonly PathStep[] {
  const steps = tree.filteredDirectPath(leafIndex);
  const fits = steps.length === path.nodes.length &&
    steps.every(({ copath }, i) =>
      receivers(tree, copath, joiners).length === path.nodes[i]!.secrets.length
    );
  if (!fits) throw new MlsError("bad-path", "Cannot accept a path: it does not fit into the tree");
  const publicKeys = path.nodes.map(({ encryptionKey }) => encryptionKey);
  if (!publicKeys.every((key) => suite.isPublicKey(key))) {
    throw new MlsError("bad-path", "Cannot accept a path: a key is none");
  }
  if (path.leaf.source !== "commit") {
    throw new MlsError("bad-path", "Cannot accept a path: its leaf was made for something else");
  }
  checkLeafNode(suite, path.leaf, { groupId, leafIndex });
  if (sameBytes(path.leaf.encryptionKey, tree.leaf(leafIndex)!.encryptionKey)) {
    throw new MlsError("bad-path", "Cannot accept a path: its leaf keeps the old key");
  }
  const parentHash = placePath(suite, tree, leafIndex, steps, publicKeys);
  if (!sameBytes(path.leaf.parentHash!, parentHash)) {
    throw new MlsError("bad-path", "Cannot accept a path: its leaf has another parent hash");
  }
  tree.setLeaf(leafIndex, path.leaf);
  return steps;
}

/**
 * Decrypts the path secret that a received path holds for a member.
 *
 * @param tree The tree with the path in it.
 * @param privateKeys The member's keys before the path.
 * @param ownLeaf The member's leaf.
 * @returns The secret and the index of its step.
 * @throws {MlsError} There is none that the member can decrypt.
 */
export function decryptPath(
  suite: MlsCrypto,
  tree: RatchetTree,
  privateKeys: PrivateKeys,
  ownLeaf: number,
  steps: readonly PathStep[],
  path: UpdatePath,
  joiners: readonly number[],
  groupContext: Uint8Array,
): { pathSecret: Uint8Array; step: number } {
  const step = steps.findIndex(({ copath }) => standsWithin(2 * ownLeaf, copath));
  const nodes = step < 0 ? [] : receivers(tree, steps[step]!.copath, joiners);
  // A member that a node does not know yet is named by its leaf, not by that node.
  const index = nodes.findIndex((node) => privateKeys.has(node));
  if (index < 0) throw new MlsError("bad-path", "Cannot accept a path: it has no secret for us");
  const node = nodes[index]!;
  const pair = { privateKey: privateKeys.get(node)!, publicKey: tree.encryptionKey(node)! };
  const sealed = path.nodes[step]!.secrets[index]!;
  const secret = decryptWithLabel(suite, pair, "UpdatePathNode", groupContext, sealed);
  if (secret?.length !== HASH_SIZE) {
    throw new MlsError("bad-ciphertext", "Cannot accept a path: its secret cannot be decrypted");
  }
  return { pathSecret: secret, step };
}

/**
 * Derives all keys that follow from a path secret, and compares them with the tree. Erases
 * the secret.
 *
 * @param nodes The nodes of the path, from that of the secret to the topmost.
 * @throws {MlsError} The tree has other keys.
 */
export function unfoldPath(
  suite: MlsCrypto,
  tree: RatchetTree,
  nodes: readonly number[],
  pathSecret: Uint8Array,
): PathKeys {
  const privateKeys: PrivateKeys = new Map();
  let secret = pathSecret;
  for (const node of nodes) {
    const pair = deriveNodeKeys(suite, secret);
    privateKeys.set(node, pair.privateKey);
    const next = deriveSecret(suite, secret, "path");
    erase(secret);
    secret = next;
    if (!sameBytes(pair.publicKey, tree.encryptionKey(node)!)) {
      erase(secret, ...privateKeys.values());
      throw new MlsError("bad-path", `Cannot accept a path: node ${node} has another key`);
    }
  }
  return { privateKeys, commitSecret: secret };
}

function deriveNodeKeys(suite: MlsCrypto, pathSecret: Uint8Array): KeyPair {
  const secret = deriveSecret(suite, pathSecret, "node");
  const pair = deriveKeyPair(suite, secret);
  erase(secret);
  return pair;
}

/** The nodes to which a path secret is encrypted. */
function receivers(tree: RatchetTree, copath: number, joiners: readonly number[]): number[] {
  return tree.resolution(copath).filter((node) => !joiners.some((leaf) => 2 * leaf === node));
}
