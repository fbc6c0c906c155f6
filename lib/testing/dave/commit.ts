/**
 * Which commits (op 28) the delivery service takes. It has no keys of the group, so that it can
 * check neither tags nor the signature over a commit: that is for the members, who say with op 31
 * what they cannot process.
 *
 * @module
 */

import { keyFor, sameBytes } from "../../dave/mls/bytes.ts";
import { Reader } from "../../dave/mls/codec.ts";
import type { Commit } from "../../dave/mls/commit_message.ts";
import { type PublicMessage, takePublicMessage } from "../../dave/mls/framing.ts";
import { checkLeafNode } from "../../dave/mls/leaf_node.ts";
import { type MlsCrypto, MlsError } from "../../dave/mls/mod.ts";
import { HASH_SIZE } from "../../dave/mls/suite.ts";
import { takeWelcome, type Welcome } from "../../dave/mls/welcome.ts";
import type { RoomProposal } from "./member.ts";
import { DaveRejection } from "./rejection.ts";

/** Most bytes of op 28; in a call of 50 it has about 20,000. */
export const COMMIT_LIMIT: number = 2 ** 20;

/** The body of op 28, its parts told apart. */
export interface SentCommit {
  /** The commit as it came, an MLSMessage. */
  readonly bytes: Uint8Array;
  /** The commit, read. */
  readonly message: PublicMessage;
  /** What the commit says. */
  readonly commit: Commit;
  /** The welcome behind it. */
  readonly welcome: Welcome | undefined;
}

/** Who may commit what. */
export interface CommitDuty<Client> {
  /** Id of the group. */
  readonly groupId: Uint8Array;
  /** The sender's leaf. */
  readonly leafIndex: number;
  /** The sender's identity. */
  readonly identity: Uint8Array;
  /** Public key of the sender's signatures. */
  readonly signatureKey: Uint8Array;
  /** All that is proposed, by `keyFor` of the references. */
  readonly proposals: ReadonlyMap<string, RoomProposal<Client>>;
}

/**
 * Takes the body of op 28 apart.
 *
 * @param body The body; borrowed.
 * @throws {DaveRejection | MlsError} It is not a commit of a member, perhaps with a welcome.
 */
export function takeCommitWelcome(body: Uint8Array): SentCommit {
  if (body.length > COMMIT_LIMIT) throw new DaveRejection("too-large");
  const reader = new Reader(Uint8Array.from(body));
  const message = takePublicMessage(reader);
  const bytes = reader.since(0);
  const welcome = reader.done ? undefined : takeWelcome(reader);
  reader.end();
  if (message.body.type !== "commit") {
    throw new MlsError("unsupported", "Cannot take a commit: it is a proposal");
  }
  return { bytes, message, commit: message.body.commit, welcome };
}

/**
 * Checks a commit of this group and epoch.
 *
 * @param mls The primitives.
 * @param sent The commit.
 * @param duty What its sender may commit.
 * @returns What it covers, in its order.
 * @throws {DaveRejection | MlsError} It is not to be taken.
 */
export function checkCommit<Client>(
  mls: MlsCrypto,
  sent: SentCommit,
  duty: CommitDuty<Client>,
): RoomProposal<Client>[] {
  const { message: { sender, confirmationTag, membershipTag } } = sent;
  if (sender.kind !== "member" || sender.index !== duty.leafIndex) {
    throw new MlsError("wrong-sender", "Cannot take a commit: its sender is another member");
  }
  if (confirmationTag?.length !== HASH_SIZE || membershipTag?.length !== HASH_SIZE) {
    throw new MlsError("bad-tag", "Cannot take a commit: a tag has another size");
  }
  const covered = findCovered(sent.commit, duty);
  checkPath(mls, sent.commit, covered, duty);
  checkWelcome(sent.welcome, covered);
  return covered;
}

/** All that is proposed, each of them once and by its reference. */
function findCovered<Client>(
  { proposals }: Commit,
  duty: CommitDuty<Client>,
): RoomProposal<Client>[] {
  const covered = new Set<RoomProposal<Client>>();
  for (const { ref } of proposals) {
    const proposal = ref && duty.proposals.get(keyFor(ref));
    if (proposal === undefined) throw new DaveRejection("wrong-proposals");
    covered.add(proposal);
  }
  const { size } = covered;
  if (size === 0 || size < proposals.length || size < duty.proposals.size) {
    throw new DaveRejection("wrong-proposals");
  }
  return [...covered];
}

function checkPath<Client>(
  mls: MlsCrypto,
  { path }: Commit,
  covered: readonly RoomProposal<Client>[],
  { groupId, leafIndex, identity, signatureKey }: CommitDuty<Client>,
): void {
  if (path === undefined) {
    if (covered.every(({ removed }) => removed === undefined)) return;
    throw new MlsError("bad-path", "Cannot take a commit: it removes somebody and has no path");
  }
  const { leaf } = path;
  const own = leaf.source === "commit" && sameBytes(leaf.identity, identity) &&
    sameBytes(leaf.signatureKey, signatureKey);
  if (!own) throw new MlsError("bad-path", "Cannot take a commit: its leaf is of somebody else");
  checkLeafNode(mls, leaf, { groupId, leafIndex });
}

/** Welcomed is exactly who is added. */
function checkWelcome<Client>(
  welcome: Welcome | undefined,
  covered: readonly RoomProposal<Client>[],
): void {
  const added = covered.flatMap(({ keyPackage }) =>
    keyPackage === undefined ? [] : [keyFor(keyPackage.ref)]
  );
  const welcomed = (welcome?.secrets ?? []).map(({ receiver }) => keyFor(receiver));
  const same = added.length === welcomed.length && added.every((ref) => welcomed.includes(ref));
  if (!same || (welcome === undefined) !== (added.length === 0)) {
    throw new DaveRejection("wrong-welcome");
  }
}
