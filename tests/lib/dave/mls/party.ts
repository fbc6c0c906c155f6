/**
 * A call of members of ours, and an insider: a member whose keys are in the open, so that it
 * can send what no honest member sends.
 *
 * @module
 */

import { assert } from "@std/assert";
import {
  encodeContent,
  encodePublicMessage,
  signContent,
  tagMembership,
} from "../../../../lib/dave/mls/framing.ts";
import type { Commit, UpdatePath } from "../../../../lib/dave/mls/commit_message.ts";
import { takeWhole } from "../../../../lib/dave/mls/codec.ts";
import { advance, type Group, provisionalContext } from "../../../../lib/dave/mls/group.ts";
import { generateKeyPair, type KeyPair } from "../../../../lib/dave/mls/hpke.ts";
import { encodeKeyPackage, makeKeyPackage } from "../../../../lib/dave/mls/key_package.ts";
import { makeKeyPackageLeaf } from "../../../../lib/dave/mls/leaf_node.ts";
import {
  encodeAppend,
  ExternalSender,
  type MlsCrypto,
  MlsMember,
} from "../../../../lib/dave/mls/mod.ts";
import type { Proposal } from "../../../../lib/dave/mls/proposal.ts";
import { applyProposals } from "../../../../lib/dave/mls/proposal.ts";
import { encodeGroupContext } from "../../../../lib/dave/mls/key_schedule.ts";
import type { RatchetTree } from "../../../../lib/dave/mls/ratchet_tree.ts";
import { encryptPath, makePath } from "../../../../lib/dave/mls/tree_kem.ts";
import { joinGroup, type OwnKeyPackage, takeWelcome } from "../../../../lib/dave/mls/welcome.ts";
import { toHex } from "../../../tools/vectors.ts";
import { seededSuite } from "./vectors.ts";

/** The eight bytes of a small user id. */
export function user(id: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, id >>> 8, id);
}

/** Recognizes everybody. */
export const everybody = (): boolean => true;

/** What can be seen of a member's state. */
export function stateOf(member: MlsMember): unknown {
  const { epoch, epochAuthenticator, leafIndex, pendingProposals, roster } = member;
  const users = roster.map(({ identity }) => toHex(identity));
  const authenticator = epochAuthenticator && toHex(epochAuthenticator);
  return { epoch, authenticator, leafIndex, pendingProposals, users };
}

/** A call of members of ours. */
export class Party {
  readonly suite: MlsCrypto;
  readonly groupId: Uint8Array = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1);
  readonly sender: ExternalSender;
  epoch = 0n;

  constructor(seed: number) {
    this.suite = seededSuite(seed);
    this.sender = new ExternalSender(this.suite);
  }

  /** A member in a group of its own. */
  member(id: number, signaturePrivateKey?: Uint8Array): MlsMember {
    const { suite: crypto, groupId } = this;
    const options = { crypto, groupId, identity: user(id), signaturePrivateKey };
    const member = new MlsMember(options);
    member.setExternalSender(this.sender.bytes);
    return member;
  }

  /** Body of opcode 27 that proposes to add the owners of key packages, and to remove leaves. */
  propose(keyPackages: readonly Uint8Array[], leaves: readonly number[] = []): Uint8Array {
    return encodeAppend([
      ...leaves.map((leaf) => this.sender.remove(this.groupId, this.epoch, leaf).message),
      ...keyPackages.map((own) => this.sender.add(this.groupId, this.epoch, own).message),
    ]);
  }

  /** One epoch: the first of those who stay commits. */
  step(staying: readonly MlsMember[], joining: readonly MlsMember[], leaves: number[] = []): void {
    const body = this.propose(joining.map((member) => member.createKeyPackage()), leaves);
    for (const member of staying) member.processProposals(body, everybody);
    const { commit, welcome } = staying[0]!.commit()!;
    for (const member of staying) member.processCommit(commit);
    for (const member of joining) member.joinFromWelcome(welcome!);
    this.epoch++;
  }

  /** So many members in one group. */
  gather(count: number): MlsMember[] {
    const members = Array.from({ length: count }, (_, id) => this.member(id + 1));
    this.step(members.slice(0, 1), members.slice(1));
    return members;
  }
}

/** A member whose keys are in the open. */
export class Insider {
  readonly #party: Party;
  readonly #own: OwnKeyPackage;
  readonly #signature;
  /** Bytes of its key package. */
  readonly keyPackage: Uint8Array;
  group: Group | undefined;

  constructor(party: Party, id: number) {
    this.#party = party;
    const { suite } = party;
    const [initKey, leafKey] = [generateKeyPair(suite), generateKeyPair(suite)];
    this.#signature = generateKeyPair(suite);
    const leaf = makeKeyPackageLeaf(suite, {
      encryptionKey: leafKey.publicKey,
      signatureKey: this.#signature.publicKey,
      signaturePrivateKey: this.#signature.privateKey,
      identity: user(id),
    });
    const { privateKey } = this.#signature;
    const keyPackage = makeKeyPackage(suite, initKey.publicKey, leaf, privateKey);
    this.#own = { keyPackage, initKey, leafKey };
    this.keyPackage = encodeKeyPackage(keyPackage);
  }

  /** Joins the group. */
  join(welcome: Uint8Array): void {
    this.group = joinGroup(this.#party.suite, takeWhole(welcome, takeWelcome), this.#own);
  }

  /** Makes a path over proposals, if told with other keys of the signature or other secrets. */
  path(
    proposals: readonly Proposal[],
    signature: KeyPair = this.#signature,
    spoil: (pathSecret: Uint8Array) => Uint8Array = (pathSecret) => pathSecret,
  ): {
    path: UpdatePath;
    commitSecret: Uint8Array;
    tree: RatchetTree;
  } {
    const { suite } = this.#party;
    const { tree: current, context, leafIndex } = this.group!;
    const { tree, joiners } = applyProposals(current, proposals);
    const { identity } = tree.leaf(leafIndex)!;
    const made = makePath(suite, tree, context.groupId, leafIndex, {
      identity,
      signatureKey: signature.publicKey,
      signaturePrivateKey: signature.privateKey,
    });
    const leaves = joiners.map((joiner) => joiner.leafIndex);
    const provisional = encodeGroupContext(provisionalContext(suite, this.group!, tree));
    const path = { ...made, pathSecrets: made.pathSecrets.map(spoil) };
    const nodes = encryptPath(suite, tree, path, leaves, provisional);
    const { commitSecret } = made;
    return { path: { leaf: tree.leaf(leafIndex)!, nodes }, commitSecret, tree };
  }

  /**
   * Sends a commit without any check, correctly signed and tagged.
   *
   * @param commit What it says.
   * @param proposals What it does to the tree, as far as its receivers can tell.
   * @param spoil Changes the group that it is made for.
   * @param made Where it has a path, what that leads to.
   */
  commit(
    commit: Commit,
    proposals: readonly Proposal[],
    spoil: Partial<Group> = {},
    made?: { commitSecret: Uint8Array; tree: RatchetTree },
  ): Uint8Array {
    assert(this.group !== undefined);
    const { suite } = this.#party;
    const group = { ...this.group, ...spoil };
    const tree = made?.tree ?? applyProposals(group.tree, proposals).tree;
    const secret = Uint8Array.from(made?.commitSecret ?? new Uint8Array(32));
    const sender = { kind: "member", index: group.leafIndex } as const;
    const content = encodeContent({ ...group.context, sender }, { type: "commit", commit });
    const { privateKey } = this.#signature;
    const signature = signContent(suite, privateKey, content, group.contextBytes);
    const provisional = provisionalContext(suite, group, tree);
    const next = advance(suite, group, provisional, content, signature, secret);
    const auth = { content, signature, confirmationTag: next.confirmationTag };
    const { membershipKey } = group.secrets;
    const membershipTag = tagMembership(suite, membershipKey, auth, group.contextBytes);
    return encodePublicMessage({ ...auth, membershipTag });
  }
}
