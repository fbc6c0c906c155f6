/**
 * What a commit says (RFC 9420 section 12.4): which proposals it covers, and new keys from its
 * sender's leaf to the root.
 *
 * @module
 */

import { concat } from "./bytes.ts";
import { optional, type Reader, u8, vector } from "./codec.ts";
import { MlsError } from "./error.ts";
import { encodeHpkeCiphertext, type HpkeCiphertext, takeHpkeCiphertext } from "./hpke.ts";
import { encodeLeafNode, type LeafNode, takeLeafNode } from "./leaf_node.ts";
import { encodeProposal, type Proposal, takeProposal } from "./proposal.ts";

/** A new key of a node, and the secret behind it for those below its other child. */
export interface UpdatePathNode {
  /** HPKE public key. */
  readonly encryptionKey: Uint8Array;
  /** The path secret, encrypted to each node of the resolution of the other child. */
  readonly secrets: readonly HpkeCiphertext[];
}

/** New keys from a leaf to the root. */
export interface UpdatePath {
  /** The new leaf. */
  readonly leaf: LeafNode;
  /** The nodes of the filtered direct path, from the lowest. */
  readonly nodes: readonly UpdatePathNode[];
}

/** A proposal by its reference, or in full, which DAVE does not allow. */
export type ProposalOrRef =
  | { readonly ref: Uint8Array; readonly proposal?: undefined }
  | { readonly ref?: undefined; readonly proposal: Proposal };

/** The step from one epoch to the next. */
export interface Commit {
  /** The proposals that it covers. */
  readonly proposals: readonly ProposalOrRef[];
  /** New keys of the sender; needed where somebody is removed. */
  readonly path: UpdatePath | undefined;
}

const BY_VALUE = 1;
const BY_REFERENCE = 2;

/** Reads a Commit. */
export function takeCommit(reader: Reader): Commit {
  const proposals = reader.list(takeProposalOrRef);
  return { proposals, path: reader.optional(takeUpdatePath) };
}

/** Bytes of a Commit. */
export function encodeCommit(commit: Commit): Uint8Array {
  const proposals = commit.proposals.map(({ ref, proposal }) =>
    ref === undefined
      ? concat(u8(BY_VALUE), encodeProposal(proposal))
      : concat(u8(BY_REFERENCE), vector(ref))
  );
  return concat(vector(...proposals), optional(commit.path && encodeUpdatePath(commit.path)));
}

/** Reads an UpdatePath. */
export function takeUpdatePath(reader: Reader): UpdatePath {
  return { leaf: takeLeafNode(reader), nodes: reader.list(takeUpdatePathNode) };
}

/** Bytes of an UpdatePath. */
export function encodeUpdatePath({ leaf, nodes }: UpdatePath): Uint8Array {
  const encoded = nodes.map(({ encryptionKey, secrets }) =>
    concat(vector(encryptionKey), vector(...secrets.map(encodeHpkeCiphertext)))
  );
  return concat(encodeLeafNode(leaf), vector(...encoded));
}

function takeUpdatePathNode(reader: Reader): UpdatePathNode {
  return { encryptionKey: reader.vector(), secrets: reader.list(takeHpkeCiphertext) };
}

function takeProposalOrRef(reader: Reader): ProposalOrRef {
  const type = reader.u8();
  if (type === BY_VALUE) return { proposal: takeProposal(reader) };
  if (type === BY_REFERENCE) return { ref: reader.vector() };
  throw new MlsError("malformed", `Cannot read a commit: a proposal has type ${type}`);
}
