/**
 * Commits (RFC 9420 section 12.4), made and processed. Neither changes the group: both return
 * the next one.
 *
 * @module
 */

import { erase, sameBytes, sameSecret } from "./bytes.ts";
import type { Commit, ProposalOrRef, UpdatePath } from "./commit_message.ts";
import { MlsError } from "./error.ts";
import {
  encodeContent,
  encodePublicMessage,
  hasSignature,
  type PublicMessage,
  signContent,
  tagMembership,
} from "./framing.ts";
import { advance, enter, type Group, type NextEpoch, provisionalContext } from "./group.ts";
import { encodeGroupContext, eraseEpochSecrets, type GroupContext } from "./key_schedule.ts";
import { applyProposals, type Proposal, type ProposedTree } from "./proposal.ts";
import type { RatchetTree } from "./ratchet_tree.ts";
import { HASH_SIZE, type MlsCrypto } from "./suite.ts";
import { checkUniqueIdentities, checkUniqueKeys } from "./tree_validation.ts";
import {
  decryptPath,
  encryptPath,
  makePath,
  mergePath,
  type NewPath,
  type PathKeys,
  unfoldPath,
} from "./tree_kem.ts";
import { standsWithin } from "./tree_math.ts";
import { makeWelcome } from "./welcome.ts";

/** A proposal that has a reference. */
export interface ReferencedProposal {
  /** The reference. */
  readonly ref: Uint8Array;
  /** What it proposes. */
  readonly proposal: Proposal;
}

/** A commit of our own. */
export interface NewCommit {
  /** The commit, as an MLSMessage. */
  readonly commit: Uint8Array;
  /** The Welcome, bare, where the commit adds anybody. */
  readonly welcome: Uint8Array | undefined;
  /** The group after the commit. */
  readonly group: Group;
}

/**
 * Makes a commit over proposals, with a path where they remove anybody.
 *
 * @param signaturePrivateKey Private key of the own leaf's signature key.
 * @throws {MlsError} The proposals cannot be committed together.
 */
export function makeCommit(
  suite: MlsCrypto,
  group: Group,
  proposals: readonly ReferencedProposal[],
  signaturePrivateKey: Uint8Array,
): NewCommit {
  const changes = proposals.map(({ proposal }) => proposal);
  const proposed = proposeTree(group.tree, group.leafIndex, changes);
  const { tree, joiners } = proposed;
  const newPath = proposed.needsPath
    ? makeOwnPath(suite, group, tree, signaturePrivateKey)
    : undefined;
  const provisional = provisionalContext(suite, group, tree);
  const path = newPath && sealOwnPath(suite, group, proposed, newPath, provisional);

  const { context, contextBytes, leafIndex, secrets } = group;
  const sender = { kind: "member", index: leafIndex } as const;
  const refs = proposals.map(({ ref }) => ({ ref }));
  const body = { type: "commit", commit: { proposals: refs, path } } as const;
  const content = encodeContent({ ...context, sender }, body);
  const signature = signContent(suite, signaturePrivateKey, content, contextBytes);
  const commitSecret = newPath?.commitSecret ?? new Uint8Array(HASH_SIZE);
  const next = advance(suite, group, provisional, content, signature, commitSecret);

  const auth = { content, signature, confirmationTag: next.confirmationTag };
  const membershipTag = tagMembership(suite, secrets.membershipKey, auth, contextBytes);
  const commit = encodePublicMessage({ ...auth, membershipTag });
  const invited = joiners.map((joiner) => {
    return { ...joiner, pathSecret: newPath && secretFor(newPath, joiner.leafIndex) };
  });
  const invitation = { leafIndex, signaturePrivateKey, joiners: invited };
  const welcome = joiners.length === 0 ? undefined : makeWelcome(suite, next, tree, invitation);
  erase(next.joinerSecret, ...(newPath?.pathSecrets ?? []));
  const entered = enter(suite, group, next, tree, newPath?.privateKeys ?? new Map());
  return { commit, welcome, group: entered };
}

/**
 * Processes the commit of another member.
 *
 * @param find Finds the proposals that a commit refers to.
 * @returns The group after it; `undefined` where it removes us.
 * @throws {MlsError} The commit is not valid.
 */
export function processCommit(
  suite: MlsCrypto,
  group: Group,
  message: PublicMessage,
  find: (proposal: ProposalOrRef) => Proposal,
): Group | undefined {
  const commit = checkMessage(suite, group, message);
  const sender = message.sender.index;
  const proposals = commit.proposals.map(find);
  const proposed = proposeTree(group.tree, sender, proposals);
  if (commit.path === undefined && (proposed.needsPath || proposals.length === 0)) {
    throw new MlsError("bad-path", "Cannot process a commit: it has no path");
  }
  // What is next is encrypted to those who stay; there is nothing left that we could check.
  const removed = (proposal: Proposal) =>
    proposal.type === "remove" && proposal.leafIndex === group.leafIndex;
  if (proposals.some(removed)) return undefined;

  const { tree } = proposed;
  const { provisional, keys } = acceptPath(suite, group, sender, proposed, commit.path);
  const { content, signature } = message;
  const next = advance(suite, group, provisional, content, signature, keys.commitSecret);
  erase(next.joinerSecret);
  if (!sameSecret(message.confirmationTag!, next.confirmationTag)) {
    discard(next, keys);
    throw new MlsError("bad-tag", "Cannot process a commit: its confirmation tag is wrong");
  }
  return enter(suite, group, next, tree, keys.privateKeys);
}

/** Checks what can be checked before the proposals are known: that a member has sent this here. */
function checkMessage(suite: MlsCrypto, group: Group, message: PublicMessage): Commit {
  const { body, sender, membershipTag } = message;
  if (body.type !== "commit") {
    throw new MlsError("unsupported", `Cannot process a commit: it is a ${body.type}`);
  }
  const { context, contextBytes, tree, secrets } = group;
  checkPlace(context, message);
  const leaf = sender.kind === "member" ? tree.leaf(sender.index) : undefined;
  if (leaf === undefined || sender.index === group.leafIndex) {
    throw new MlsError("wrong-sender", "Cannot process a commit: its sender is no other member");
  }
  const tag = tagMembership(suite, secrets.membershipKey, message, contextBytes);
  if (!sameSecret(membershipTag!, tag)) {
    throw new MlsError("bad-tag", "Cannot process a commit: its membership tag is wrong");
  }
  if (!hasSignature(suite, leaf.signatureKey, message, contextBytes)) {
    throw new MlsError("bad-signature", "Cannot process a commit: its signature is wrong");
  }
  return body.commit;
}

/**
 * Checks that a message belongs to a group and its epoch.
 *
 * @throws {MlsError} It does not.
 */
export function checkPlace(context: GroupContext, message: PublicMessage): void {
  if (!sameBytes(message.groupId, context.groupId)) {
    throw new MlsError("wrong-group", "Cannot accept a message: it is for another group");
  }
  if (message.epoch !== context.epoch) {
    throw new MlsError(
      "wrong-epoch",
      `Cannot accept a message: it is for epoch ${message.epoch}, this is ${context.epoch}`,
    );
  }
}

/** Applies proposals, and checks that a member may commit them and that users stay unique. */
function proposeTree(
  current: RatchetTree,
  sender: number,
  proposals: readonly Proposal[],
): ProposedTree {
  const self = (proposal: Proposal) => proposal.type === "remove" && proposal.leafIndex === sender;
  if (proposals.some(self)) {
    throw new MlsError("bad-proposal", "Cannot commit: a proposal removes the committer");
  }
  const proposed = applyProposals(current, proposals);
  checkUniqueIdentities(proposed.tree);
  checkUniqueKeys(proposed.tree);
  return proposed;
}

/** Makes new keys from the own leaf to the root, and puts them into the tree. */
function makeOwnPath(
  suite: MlsCrypto,
  { context, tree: current, leafIndex }: Group,
  tree: RatchetTree,
  signaturePrivateKey: Uint8Array,
): NewPath {
  const { signatureKey, identity } = current.leaf(leafIndex)!;
  const member = { signatureKey, identity, signaturePrivateKey };
  return makePath(suite, tree, context.groupId, leafIndex, member);
}

function sealOwnPath(
  suite: MlsCrypto,
  { leafIndex }: Group,
  { tree, joiners }: ProposedTree,
  path: NewPath,
  provisional: GroupContext,
): UpdatePath {
  const leaves = joiners.map((joiner) => joiner.leafIndex);
  const nodes = encryptPath(suite, tree, path, leaves, encodeGroupContext(provisional));
  return { leaf: tree.leaf(leafIndex)!, nodes };
}

function acceptPath(
  suite: MlsCrypto,
  group: Group,
  sender: number,
  { tree, joiners }: ProposedTree,
  path: UpdatePath | undefined,
): { provisional: GroupContext; keys: PathKeys } {
  if (path === undefined) {
    const keys = { privateKeys: new Map(), commitSecret: new Uint8Array(HASH_SIZE) };
    return { provisional: provisionalContext(suite, group, tree), keys };
  }
  const old = tree.leaf(sender)!;
  const same = sameBytes(path.leaf.identity, old.identity) &&
    sameBytes(path.leaf.signatureKey, old.signatureKey);
  if (!same) throw new MlsError("bad-path", "Cannot accept a path: its leaf is of somebody else");
  const { context, privateKeys, leafIndex } = group;
  const newLeaves = joiners.map((joiner) => joiner.leafIndex);
  const steps = mergePath(suite, tree, context.groupId, sender, path, newLeaves);
  checkUniqueKeys(tree);
  const provisional = provisionalContext(suite, group, tree);
  const { pathSecret, step } = decryptPath(
    suite,
    tree,
    privateKeys,
    leafIndex,
    steps,
    path,
    newLeaves,
    encodeGroupContext(provisional),
  );
  const nodes = steps.slice(step).map(({ node }) => node);
  return { provisional, keys: unfoldPath(suite, tree, nodes, pathSecret) };
}

/** The secret of the lowest node above both the committer and somebody who joins. */
function secretFor(path: NewPath, joiner: number): Uint8Array {
  return path.pathSecrets[path.steps.findIndex(({ node }) => standsWithin(2 * joiner, node))]!;
}

function discard(next: NextEpoch, keys: PathKeys): void {
  eraseEpochSecrets(next.secrets);
  erase(...keys.privateKeys.values());
}
