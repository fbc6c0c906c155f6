/**
 * What a received tree must fulfil before anything is encrypted to it (RFC 9420 section 12.4.3.1).
 *
 * @module
 */

import { keyFor } from "./bytes.ts";
import { MlsError } from "./error.ts";
import { checkLeafNode } from "./leaf_node.ts";
import { checkParentHashes } from "./parent_hash.ts";
import type { RatchetTree } from "./ratchet_tree.ts";
import type { MlsCrypto } from "./suite.ts";
import { directPath, nodeCount, standsWithin } from "./tree_math.ts";

/**
 * Checks a tree and all its leaves.
 *
 * @param ownLeaf A leaf of our own making, which need not be checked.
 * @throws {MlsError} Something is wrong with it.
 */
export function checkTree(
  suite: MlsCrypto,
  tree: RatchetTree,
  groupId: Uint8Array,
  ownLeaf?: number,
): void {
  checkParents(suite, tree);
  checkUniqueKeys(tree);
  checkParentHashes(suite, tree);
  for (const [leafIndex, leaf] of tree.members()) {
    if (leafIndex !== ownLeaf) checkLeafNode(suite, leaf, { groupId, leafIndex });
  }
}

/**
 * Checks that no two nodes have the same encryption key, and no two members the same signature key.
 *
 * @throws {MlsError} Two have.
 */
export function checkUniqueKeys(tree: RatchetTree): void {
  const encryptionKeys = new Set<string>();
  const signatureKeys = new Set<string>();
  let [nodes, members] = [0, 0];
  for (let node = 0; node < nodeCount(tree.leafCount); node++) {
    const key = tree.encryptionKey(node);
    if (key === undefined) continue;
    encryptionKeys.add(keyFor(key));
    nodes++;
  }
  for (const [, leaf] of tree.members()) {
    signatureKeys.add(keyFor(leaf.signatureKey));
    members++;
  }
  if (encryptionKeys.size < nodes || signatureKeys.size < members) {
    throw new MlsError("bad-tree", "Cannot accept a tree: a key is there twice");
  }
}

/**
 * Checks that no two members say to be the same.
 *
 * @throws {MlsError} Two do.
 */
export function checkUniqueIdentities(tree: RatchetTree): void {
  const members = Array.from(tree.members(), ([, leaf]) => keyFor(leaf.identity));
  if (new Set(members).size < members.length) {
    throw new MlsError("bad-tree", "Cannot accept a tree: a user is there twice");
  }
}

function checkParents(suite: MlsCrypto, tree: RatchetTree): void {
  for (let node = 1; node < nodeCount(tree.leafCount); node += 2) {
    const parent = tree.parent(node);
    if (parent === undefined) continue;
    if (!suite.isPublicKey(parent.encryptionKey)) {
      throw new MlsError("bad-tree", `Cannot accept a tree: the key of node ${node} is none`);
    }
    for (const [i, leaf] of parent.unmergedLeaves.entries()) {
      const ascends = i === 0 || leaf > parent.unmergedLeaves[i - 1]!;
      if (!ascends || !isUnmerged(tree, node, leaf)) {
        throw new MlsError("bad-tree", `Cannot accept a tree: wrong unmerged leaf at node ${node}`);
      }
    }
  }
}

/** Whether a leaf is a member below a node, and unmerged for all nodes between. */
function isUnmerged(tree: RatchetTree, node: number, leaf: number): boolean {
  if (!standsWithin(2 * leaf, node) || tree.leaf(leaf) === undefined) return false;
  return directPath(2 * leaf, tree.leafCount).every((between) => {
    const parent = standsWithin(between, node) ? tree.parent(between) : undefined;
    return parent === undefined || parent.unmergedLeaves.includes(leaf);
  });
}
