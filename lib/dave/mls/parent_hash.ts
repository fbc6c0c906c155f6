/**
 * Parent hashes (RFC 9420 section 7.9): each node that a commit has set names, by a hash, the
 * next one above, so that nobody can slip a key of his own into the tree.
 *
 * @module
 */

import { concat, EMPTY, sameBytes } from "./bytes.ts";
import { vector } from "./codec.ts";
import { MlsError } from "./error.ts";
import type { PathStep, RatchetTree } from "./ratchet_tree.ts";
import type { MlsCrypto } from "./suite.ts";
import { left, level, nodeCount, right, standsWithin } from "./tree_math.ts";

/**
 * Sets the nodes of a filtered direct path and empties the others above the leaf.
 *
 * @param steps The path, from the lowest node.
 * @param publicKeys A key for each node.
 * @returns The parent hash for the leaf.
 */
export function placePath(
  suite: MlsCrypto,
  tree: RatchetTree,
  leafIndex: number,
  steps: readonly PathStep[],
  publicKeys: readonly Uint8Array[],
): Uint8Array {
  tree.blankPath(leafIndex);
  let parentHash = EMPTY;
  for (let i = steps.length - 1; i >= 0; i--) {
    const { node, copath } = steps[i]!;
    tree.setParent(node, { encryptionKey: publicKeys[i]!, parentHash, unmergedLeaves: [] });
    parentHash = hashParent(suite, tree, node, copath);
  }
  return parentHash;
}

/**
 * Checks that every parent is named by a node below it (section 7.9.2).
 *
 * @throws {MlsError} One is not.
 */
export function checkParentHashes(suite: MlsCrypto, tree: RatchetTree): void {
  for (let node = 1; node < nodeCount(tree.leafCount); node += 2) {
    if (tree.parent(node) === undefined) continue;
    const children = [left(node), right(node)];
    if (!children.some((child, i) => isNamedBelow(suite, tree, node, child, children[1 - i]!))) {
      throw new MlsError("bad-tree", `Cannot accept a tree: nothing vouches for node ${node}`);
    }
  }
}

/** Whether the node that was set below `child` together with `node` names it. */
function isNamedBelow(
  suite: MlsCrypto,
  tree: RatchetTree,
  node: number,
  child: number,
  copath: number,
): boolean {
  const unmerged = tree.parent(node)!.unmergedLeaves.map((leaf) => 2 * leaf)
    .filter((leaf) => standsWithin(leaf, child));
  // What was below the child when the path was set: all but those who came later.
  const resolution = tree.resolution(child);
  const before = resolution.filter((below) => !unmerged.includes(below));
  if (before.length !== 1 || resolution.length !== unmerged.length + 1) return false;
  const named = level(before[0]!) === 0
    ? tree.leaf(before[0]! / 2)!.parentHash
    : tree.parent(before[0]!)!.parentHash;
  return named !== undefined && sameBytes(named, hashParent(suite, tree, node, copath));
}

function hashParent(
  suite: MlsCrypto,
  tree: RatchetTree,
  node: number,
  copath: number,
): Uint8Array {
  const { encryptionKey, parentHash, unmergedLeaves } = tree.parent(node)!;
  const original = tree.hashWithout(suite, copath, unmergedLeaves);
  return suite.sha256(concat(vector(encryptionKey), vector(parentHash), vector(original)));
}
