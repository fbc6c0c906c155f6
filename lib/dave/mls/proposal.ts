/**
 * The proposals that DAVE knows, to add and to remove (RFC 9420 section 12.1), and what they do
 * to the tree.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { type Reader, u16, u32 } from "./codec.ts";
import { MlsError } from "./error.ts";
import { encodeKeyPackage, type KeyPackage, takeKeyPackage } from "./key_package.ts";
import { MAX_LEAVES, type RatchetTree } from "./ratchet_tree.ts";

/** A change of the group. */
export type Proposal =
  | { readonly type: "add"; readonly keyPackage: KeyPackage }
  | { readonly type: "remove"; readonly leafIndex: number };

/** A new member and its leaf. */
export interface Joiner {
  /** Index of its leaf. */
  readonly leafIndex: number;
  /** What it was added with. */
  readonly keyPackage: KeyPackage;
}

/** The tree after proposals. */
export interface ProposedTree {
  /** The tree; nothing is in it yet that a commit's path would set. */
  readonly tree: RatchetTree;
  /** New members, in the order of their proposals. */
  readonly joiners: readonly Joiner[];
  /** Whether anybody was removed, so that the commit must have a path. */
  readonly needsPath: boolean;
}

const ADD = 1;
const REMOVE = 3;

/** Reads a Proposal. */
export function takeProposal(reader: Reader): Proposal {
  const type = reader.u16();
  if (type === ADD) return { type: "add", keyPackage: takeKeyPackage(reader) };
  if (type === REMOVE) return { type: "remove", leafIndex: reader.u32() };
  throw new MlsError("unsupported", `Cannot read a proposal: its type is ${type}, wanted 1 or 3`);
}

/** Bytes of a Proposal. */
export function encodeProposal(proposal: Proposal): Uint8Array {
  if (proposal.type === "remove") return concat(u16(REMOVE), u32(proposal.leafIndex));
  return concat(u16(ADD), encodeKeyPackage(proposal.keyPackage));
}

/**
 * Applies proposals to a copy of a tree: who is removed goes before anybody comes.
 *
 * @throws {MlsError} A proposal removes nobody.
 */
export function applyProposals(current: RatchetTree, proposals: readonly Proposal[]): ProposedTree {
  const tree = current.copy();
  const removes = proposals.filter((proposal) => proposal.type === "remove");
  for (const { leafIndex } of removes) {
    if (tree.leaf(leafIndex) === undefined) {
      throw new MlsError("bad-proposal", `Cannot remove leaf ${leafIndex}: nobody is there`);
    }
    tree.remove(leafIndex);
  }
  const adds = proposals.filter((proposal) => proposal.type === "add");
  const joiners = adds.map(({ keyPackage }) => {
    return { leafIndex: tree.add(keyPackage.leaf), keyPackage };
  });
  if (tree.leafCount > MAX_LEAVES) {
    throw new MlsError("bad-proposal", `Cannot add: over ${MAX_LEAVES} leaves`);
  }
  return { tree, joiners, needsPath: removes.length > 0 };
}
