/**
 * A member of a call's MLS group, by the rules of DAVE: one group, one external sender who alone
 * proposes, commits by reference, one key package at a time.
 *
 * What is received may throw an `MlsError`, and then nothing has changed. Which message leads
 * to which answer on the gateway is not decided here.
 *
 * @example Found a group, and commit what the gateway proposes
 * ```ts ignore
 * const member = new MlsMember({ crypto: nobleMlsCrypto(random), groupId, identity });
 * const keyPackage = member.createKeyPackage();
 * member.setExternalSender(opcode25);
 * member.processProposals(opcode27, (user) => members.has(user));
 * const commit = member.commit();
 * ```
 *
 * @module
 */

import { LocalProtocolError } from "../../errors.ts";
import type { Secret } from "../../secret.ts";
import { copy, erase, keyFor, sameBytes } from "./bytes.ts";
import { type Reader, takeWhole } from "./codec.ts";
import {
  checkPlace,
  makeCommit,
  type NewCommit,
  processCommit,
  type ReferencedProposal,
} from "./commit.ts";
import type { ProposalOrRef } from "./commit_message.ts";
import { MlsError } from "./error.ts";
import {
  APPEND,
  EXTERNAL_SENDER_INDEX,
  type ExternalSenderInfo,
  externalSendersExtension,
  REVOKE,
  takeExternalSender,
} from "./external_sender.ts";
import { hashProposal, hasSignature, type PublicMessage, takePublicMessage } from "./framing.ts";
import { eraseGroup, foundGroup, type Group } from "./group.ts";
import { generateKeyPair, type KeyPair } from "./hpke.ts";
import { checkKeyPackage, encodeKeyPackage, makeKeyPackage } from "./key_package.ts";
import { exportSecrets, type GroupContext } from "./key_schedule.ts";
import { type LeafNode, makeKeyPackageLeaf } from "./leaf_node.ts";
import { encodeMemberState, restoreMemberState } from "./member_state.ts";
import type { Proposal } from "./proposal.ts";
import { type MlsCrypto, validPrivateKey } from "./suite.ts";
import { checkUniqueIdentities } from "./tree_validation.ts";
import { joinGroup, type OwnKeyPackage, takeWelcome } from "./welcome.ts";

/** Who a member is, and with what it computes. */
export interface MlsMemberOptions {
  /** The primitives. */
  readonly crypto: MlsCrypto;
  /** Id of the group: 8 bytes in DAVE. */
  readonly groupId: Uint8Array;
  /** Identity of the credential: 8 bytes in DAVE. */
  readonly identity: Uint8Array;
  /** A private key for signatures that outlives this member; a new one unless told. */
  readonly signaturePrivateKey?: Uint8Array | undefined;
}

/** A member as the group knows it. */
export interface RosterEntry {
  /** Index of its leaf. */
  readonly leafIndex: number;
  /** Identity of its credential. */
  readonly identity: Uint8Array;
  /** Public key of its signatures. */
  readonly signatureKey: Uint8Array;
}

/** What goes out as opcode 28: the commit, followed by the welcome where there is one. */
export interface CommitAndWelcome {
  /** The commit, as an MLSMessage. */
  readonly commit: Uint8Array;
  /** The Welcome, bare, where the commit adds anybody. */
  readonly welcome: Uint8Array | undefined;
}

/**
 * What a commit has done: it was our own, it was applied, or it has removed us and there is no
 * group any more.
 */
export type CommitOutcome = "own" | "applied" | "removed";

/** More proposals than a call can have in one epoch. */
const MAX_PROPOSALS = 1024;

/** A member of one group, or who wants to be. */
export class MlsMember {
  readonly #suite: MlsCrypto;
  readonly #groupId: Uint8Array;
  readonly #identity: Uint8Array;
  readonly #signatureKeys: KeyPair;
  #externalSender: ExternalSenderInfo | undefined;
  #ownKeyPackage: OwnKeyPackage | undefined;
  #group: Group | undefined;
  #proposals: ReadonlyMap<string, ReferencedProposal> = new Map();
  #ownCommit: NewCommit | undefined;
  #ended: "closed" | "exported" | undefined;

  /**
   * Makes a member without a group.
   *
   * @param options Who it is, and with what it computes.
   * @throws {RangeError} The private key is none.
   */
  constructor(options: MlsMemberOptions) {
    const { crypto: suite, groupId, identity, signaturePrivateKey } = options;
    if (signaturePrivateKey !== undefined && !validPrivateKey(signaturePrivateKey)) {
      throw new RangeError("Cannot make a member: the signature key is no private key of P-256");
    }
    this.#suite = suite;
    this.#groupId = copy(groupId);
    this.#identity = copy(identity);
    this.#signatureKeys = signaturePrivateKey === undefined ? generateKeyPair(suite) : {
      privateKey: copy(signaturePrivateKey),
      publicKey: suite.publicKey(signaturePrivateKey),
    };
  }

  /**
   * Goes on as a member that gave its state away.
   *
   * @param state What `exportState` returned; not changed. It must not be restored a second time:
   * of two members with the same keys others can only follow one.
   * @param crypto The primitives.
   * @returns The member, at the point where the other one stood.
   * @throws {RangeError} It is no state, not whole, or of another version.
   */
  static restore(state: Secret<Uint8Array>, crypto: MlsCrypto): MlsMember {
    const { groupId, identity, signaturePrivateKey, ...rest } = restoreMemberState(crypto, state);
    const member = new MlsMember({ crypto, groupId, identity, signaturePrivateKey });
    erase(signaturePrivateKey);
    member.#externalSender = rest.externalSender;
    member.#ownKeyPackage = rest.ownKeyPackage;
    member.#group = rest.group;
    member.#proposals = rest.proposals;
    member.#ownCommit = rest.ownCommit;
    return member;
  }

  /** Number of the epoch: 0 in a group of our own making; `undefined` without a group. */
  get epoch(): bigint | undefined {
    return this.#group?.context.epoch;
  }

  /** Whether we are in the call's group, not only in one of our own making. */
  get established(): boolean {
    return this.#group !== undefined && this.#group.context.epoch > 0n;
  }

  /** The own leaf; `undefined` without a group. */
  get leafIndex(): number | undefined {
    return this.#group?.leafIndex;
  }

  /** Public key of our signatures. */
  get signatureKey(): Uint8Array {
    return copy(this.#signatureKeys.publicKey);
  }

  /** How many proposals wait for a commit. */
  get pendingProposals(): number {
    return this.#proposals.size;
  }

  /** What members compare; `undefined` without a group. */
  get epochAuthenticator(): Uint8Array | undefined {
    return this.#group && copy(this.#group.secrets.epochAuthenticator);
  }

  /** The members, by ascending leaf; none without a group. */
  get roster(): RosterEntry[] {
    return Array.from(this.#group?.tree.members() ?? [], ([leafIndex, leaf]) => {
      const { identity, signatureKey } = leaf;
      return { leafIndex, identity: copy(identity), signatureKey: copy(signatureKey) };
    });
  }

  /**
   * Makes a key package. The one made before is of no use any more.
   *
   * @returns The body of opcode 26.
   * @throws {LocalProtocolError} The member was closed or exported.
   */
  createKeyPackage(): Uint8Array {
    this.#checkOpen();
    this.#dropKeyPackage();
    const initKey = generateKeyPair(this.#suite);
    const leafKey = generateKeyPair(this.#suite);
    const leaf = this.#makeLeaf(leafKey);
    const { privateKey } = this.#signatureKeys;
    const keyPackage = makeKeyPackage(this.#suite, initKey.publicKey, leaf, privateKey);
    this.#ownKeyPackage = { keyPackage, initKey, leafKey };
    return encodeKeyPackage(keyPackage);
  }

  /**
   * Takes the external sender, and founds a group of our own in which its proposals can be
   * checked and committed.
   *
   * @param body The body of opcode 25.
   * @returns Whether a group was founded: not where the external sender is the known one.
   * @throws {MlsError} It is not valid, or there is an established group.
   * @throws {LocalProtocolError} The member was closed or exported.
   */
  setExternalSender(body: Uint8Array): boolean {
    this.#checkOpen();
    const sender = takeWhole(body, takeExternalSender);
    if (!this.#suite.isPublicKey(sender.signatureKey)) {
      throw new MlsError("malformed", "Cannot set the external sender: its key is none");
    }
    const known = this.#externalSender;
    if (known !== undefined && sameBytes(known.bytes, sender.bytes)) return false;
    if (this.established) {
      throw new MlsError("established", "Cannot set the external sender: the group has another");
    }
    this.#externalSender = sender;
    this.#found();
    return true;
  }

  /**
   * Takes proposals, or takes them back. What was proposed before stays. A proposal that is
   * known already, and the revocation of one that is not, do nothing.
   *
   * @param body The body of opcode 27.
   * @param isRecognized Whether an identity may be added.
   * @throws {MlsError} A proposal is not valid; none of the message was taken.
   */
  processProposals(body: Uint8Array, isRecognized: (identity: Uint8Array) => boolean): void {
    const group = this.#group;
    if (group === undefined) {
      throw new MlsError("not-established", "Cannot process proposals: there is no group");
    }
    const proposals = takeWhole(body, (reader) => {
      const kind = reader.u8();
      if (kind === APPEND) return this.#append(group, reader, isRecognized);
      if (kind === REVOKE) return this.#revoke(reader);
      throw new MlsError("unsupported", `Cannot process proposals: kind ${kind}, wanted 0 or 1`);
    });
    if (proposals.size > MAX_PROPOSALS) {
      throw new MlsError("bad-proposal", `Cannot process proposals: over ${MAX_PROPOSALS} wait`);
    }
    const same = proposals.size === this.#proposals.size &&
      proposals.keys().every((key) => this.#proposals.has(key));
    this.#proposals = proposals;
    if (!same) this.#dropCommit();
  }

  /**
   * Commits all proposals. The group stays as it is until the gateway has chosen a commit and
   * `processCommit` is told which. Until the proposals change, the commit stays the same.
   *
   * @returns What to send; `undefined` where nothing is proposed, or our own removal.
   * @throws {MlsError} The proposals cannot be committed together.
   */
  commit(): CommitAndWelcome | undefined {
    const group = this.#group;
    const proposals = [...this.#proposals.values()];
    if (group === undefined || proposals.length === 0) return undefined;
    if (proposals.some(({ proposal }) => removes(proposal, group.leafIndex))) return undefined;
    const { privateKey } = this.#signatureKeys;
    const made = this.#ownCommit ??= makeCommit(this.#suite, group, proposals, privateKey);
    return { commit: copy(made.commit), welcome: made.welcome && copy(made.welcome) };
  }

  /**
   * Takes the commit that the gateway has chosen, our last one or another member's.
   *
   * @param message The commit, as an MLSMessage.
   * @returns What it has done.
   * @throws {MlsError} It is not valid.
   */
  processCommit(message: Uint8Array): CommitOutcome {
    const own = this.#ownCommit;
    if (own !== undefined && sameBytes(own.commit, message)) {
      this.#ownCommit = undefined;
      this.#enter(own.group);
      return "own";
    }
    const group = this.#group;
    if (group === undefined || !this.established) {
      throw new MlsError("not-established", "Cannot process a commit: we are not in the group yet");
    }
    const commit = takeWhole(message, takePublicMessage);
    checkCovers(commit);
    const next = processCommit(this.#suite, group, commit, (item) => this.#find(item));
    if (next === undefined) this.#leave();
    else this.#enter(next);
    return next === undefined ? "removed" : "applied";
  }

  /**
   * Joins the call's group.
   *
   * @param welcome The Welcome, bare.
   * @throws {MlsError} It is not for the last key package, not valid, or there is an established
   * group already.
   */
  joinFromWelcome(welcome: Uint8Array): void {
    if (this.established) {
      throw new MlsError("established", "Cannot join: we are in the group already");
    }
    if (this.#ownKeyPackage === undefined || this.#externalSender === undefined) {
      throw new MlsError("not-invited", "Cannot join: no key package or no external sender");
    }
    const group = joinGroup(this.#suite, takeWhole(welcome, takeWelcome), this.#ownKeyPackage);
    try {
      this.#checkProfile(group.context, this.#externalSender);
      checkUniqueIdentities(group.tree);
    } catch (error) {
      eraseGroup(group);
      throw error;
    }
    this.#enter(group);
  }

  /**
   * Derives a secret that all members of the epoch can derive.
   *
   * @param label What it is for.
   * @param context What it is bound to.
   * @param size How many bytes.
   * @throws {LocalProtocolError} There is no group.
   */
  exportSecret(label: string, context: Uint8Array, size: number): Uint8Array {
    return this.exportSecrets(label, [context], size)[0]!;
  }

  /**
   * Derives a secret for each of some contexts, as `exportSecret` does, in half the time.
   *
   * @param label What they are for.
   * @param contexts What each is bound to.
   * @param size How many bytes each has.
   * @throws {LocalProtocolError} There is no group.
   */
  exportSecrets(label: string, contexts: readonly Uint8Array[], size: number): Uint8Array[] {
    if (this.#group === undefined) {
      throw new LocalProtocolError("Cannot export a secret: there is no group");
    }
    const { exporterSecret } = this.#group.secrets;
    return exportSecrets(this.#suite, exporterSecret, label, contexts, size);
  }

  /**
   * Leaves the group and starts anew with the same identity, signature key and external sender.
   * A new key package is needed.
   */
  reset(): void {
    this.#leave();
    if (this.#externalSender !== undefined) this.#found();
  }

  /**
   * Gives all that the member is away, its private keys too, for another one to go on with. This
   * one is closed.
   *
   * @returns Bytes for `restore`.
   * @throws {LocalProtocolError} The member was closed or exported.
   */
  exportState(): Secret<Uint8Array> {
    this.#checkOpen();
    const state = encodeMemberState({
      groupId: this.#groupId,
      identity: this.#identity,
      signaturePrivateKey: this.#signatureKeys.privateKey,
      externalSender: this.#externalSender,
      ownKeyPackage: this.#ownKeyPackage,
      group: this.#group,
      proposals: this.#proposals,
      ownCommit: this.#ownCommit,
    });
    this.#end("exported");
    return state;
  }

  /** Leaves the group for good and overwrites all private keys with zeros. */
  close(): void {
    this.#end("closed");
  }

  #end(how: "closed" | "exported"): void {
    this.#leave();
    this.#ended ??= how;
    this.#externalSender = undefined;
    erase(this.#signatureKeys.privateKey);
  }

  #checkOpen(): void {
    if (this.#ended === undefined) return;
    throw new LocalProtocolError(`Cannot use a member: it was ${this.#ended}`);
  }

  #append(
    group: Group,
    reader: Reader,
    isRecognized: (identity: Uint8Array) => boolean,
  ): Map<string, ReferencedProposal> {
    const proposals = new Map(this.#proposals);
    for (const message of reader.list(takePublicMessage)) {
      const ref = hashProposal(this.#suite, message);
      const proposal = this.#checkProposal(group, message, isRecognized);
      proposals.set(keyFor(ref), { ref, proposal });
    }
    return proposals;
  }

  #revoke(reader: Reader): Map<string, ReferencedProposal> {
    const proposals = new Map(this.#proposals);
    for (const ref of reader.list((item) => item.vector())) proposals.delete(keyFor(ref));
    return proposals;
  }

  #checkProposal(
    { context, contextBytes, tree }: Group,
    message: PublicMessage,
    isRecognized: (identity: Uint8Array) => boolean,
  ): Proposal {
    const { body, sender } = message;
    if (body.type !== "proposal") {
      throw new MlsError("unsupported", "Cannot accept a proposal: it is a commit");
    }
    checkPlace(context, message);
    if (sender.kind !== "external" || sender.index !== EXTERNAL_SENDER_INDEX) {
      throw new MlsError("wrong-sender", "Cannot accept a proposal: not of the external sender");
    }
    const { signatureKey } = this.#externalSender!;
    if (!hasSignature(this.#suite, signatureKey, message, contextBytes)) {
      throw new MlsError("bad-signature", "Cannot accept a proposal: its signature is wrong");
    }
    const { proposal } = body;
    if (proposal.type === "add") {
      checkKeyPackage(this.#suite, proposal.keyPackage);
      if (!isRecognized(copy(proposal.keyPackage.leaf.identity))) {
        throw new MlsError("unrecognized-user", "Cannot accept a proposal: it adds a stranger");
      }
    } else if (tree.leaf(proposal.leafIndex) === undefined) {
      throw new MlsError("bad-proposal", "Cannot accept a proposal: it removes nobody");
    }
    return proposal;
  }

  #find({ ref }: ProposalOrRef): Proposal {
    const found = ref && this.#proposals.get(keyFor(ref));
    if (found === undefined) {
      throw new MlsError("unknown-proposal", "Cannot process a commit: unknown proposal");
    }
    return found.proposal;
  }

  #checkProfile({ groupId, epoch, extensions }: GroupContext, sender: ExternalSenderInfo): void {
    if (!sameBytes(groupId, this.#groupId)) {
      throw new MlsError("wrong-group", "Cannot join: the welcome is for another group");
    }
    const wanted = externalSendersExtension(sender);
    const [extension] = extensions;
    const fits = extensions.length === 1 && extension!.type === wanted.type &&
      sameBytes(extension!.data, wanted.data);
    if (!fits) {
      throw new MlsError("wrong-sender", "Cannot join: the group has another external sender");
    }
    if (epoch === 0n) throw new MlsError("wrong-epoch", "Cannot join: nobody joins in epoch 0");
  }

  #makeLeaf(leafKey: KeyPair): LeafNode {
    return makeKeyPackageLeaf(this.#suite, {
      encryptionKey: leafKey.publicKey,
      signatureKey: this.#signatureKeys.publicKey,
      signaturePrivateKey: this.#signatureKeys.privateKey,
      identity: this.#identity,
    });
  }

  #found(): void {
    this.#dropGroup();
    const leafKey = generateKeyPair(this.#suite);
    const extensions = [externalSendersExtension(this.#externalSender!)];
    const leaf = this.#makeLeaf(leafKey);
    this.#group = foundGroup(this.#suite, this.#groupId, extensions, leaf, leafKey);
  }

  #enter(group: Group): void {
    this.#leave();
    this.#group = group;
  }

  #leave(): void {
    this.#dropGroup();
    this.#dropKeyPackage();
  }

  #dropGroup(): void {
    this.#proposals = new Map();
    this.#dropCommit();
    if (this.#group !== undefined) eraseGroup(this.#group);
    this.#group = undefined;
  }

  #dropCommit(): void {
    if (this.#ownCommit !== undefined) eraseGroup(this.#ownCommit.group);
    this.#ownCommit = undefined;
  }

  #dropKeyPackage(): void {
    if (this.#ownKeyPackage === undefined) return;
    erase(this.#ownKeyPackage.initKey.privateKey, this.#ownKeyPackage.leafKey.privateKey);
    this.#ownKeyPackage = undefined;
  }
}

/** In DAVE a commit covers proposals, and all of them by reference. */
function checkCovers({ body }: PublicMessage): void {
  if (body.type !== "commit") return;
  const { proposals } = body.commit;
  if (proposals.length === 0 || proposals.some(({ ref }) => ref === undefined)) {
    throw new MlsError("bad-proposal", "Cannot process a commit: it does not only refer");
  }
}

function removes(proposal: Proposal, leafIndex: number): boolean {
  return proposal.type === "remove" && proposal.leafIndex === leafIndex;
}
