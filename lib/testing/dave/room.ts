/**
 * The delivery service of one call's end-to-end encryption (DAVE): which version the call has,
 * what is proposed to its group, which commit counts, and when a transition is executed. Without
 * input and output and without waiting.
 *
 * Theory of operation: every input changes what is known of one client; `#settle` then brings
 * the call forward until it rests: it chooses the version, executes transitions that are due,
 * gives up a group that nobody is left in, and tells each member what it may commit. Members in
 * the group commit all that is proposed; while there is no group yet each of two or more clients
 * with a key package has a group of its own (epoch 0) in which it adds all others, and the first
 * valid commit founds the call's. Nothing waits for ever: a transition that a client is not
 * ready for is executed after two seconds, proposals that nobody commits start the group anew
 * after five, and a client that sends no key package is asked again.
 *
 * @module
 */

import { concat, sameBytes } from "../../dave/mls/bytes.ts";
import { u16 } from "../../dave/mls/codec.ts";
import { ExternalSender, type MlsCrypto, MlsError } from "../../dave/mls/mod.ts";
import { encodeWelcome, trimWelcome } from "../../dave/mls/welcome.ts";
import { encodeId } from "../../dave/user_id.ts";
import { DAVE_VERSION } from "../../end_to_end.ts";
import { VoiceOpcodes } from "../../opcodes.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../../payloads.ts";
import type { DaveResetReason, ServerEventDetails } from "../server_events.ts";
import { checkCommit, type SentCommit, takeCommitWelcome } from "./commit.ts";
import { admitKeyPackage } from "./key_package.ts";
import { RoomLeaves } from "./leaves.ts";
import { type DaveClient, RoomMember, type RoomProposal } from "./member.ts";
import { proposeChanges, updateProposals } from "./proposals.ts";
import { DaveRejection, type DaveRejectReason, demandRejection } from "./rejection.ts";
import { RoomTransitions } from "./transitions.ts";

/** Milliseconds for which a commit is awaited before the group is made anew. */
export const COMMIT_PATIENCE = 5000;

/** A message to a client about end-to-end encryption. */
export type DaveServerMessage = Extract<
  VoiceReceivePayload,
  { readonly op: 21 | 22 | 24 | 25 | 27 | 29 | 30 }
>;

/** A message of a client about end-to-end encryption. */
export type DaveClientMessage = Extract<VoiceSendPayload, { readonly op: 23 | 26 | 28 | 31 }>;

/** What a room needs of the server around it. */
export interface DaveRoomContext<Client> {
  /** The primitives of MLS. */
  readonly mls: MlsCrypto;
  /** Sends a message to a client. */
  readonly tell: (client: Client, message: DaveServerMessage) => void;
  /** Takes events, and the client that they are about. */
  readonly report: (details: ServerEventDetails, client: Client | undefined) => void;
  /** Counts a message that was dropped. */
  readonly drop: (client: Client, opcode: number, reason: DaveRejectReason) => void;
}

/** The group of a call as its delivery service sees it. */
interface RoomGroup {
  readonly id: Uint8Array;
  readonly sender: ExternalSender;
}

/** The end-to-end encryption of one call. */
export class DaveRoom<Client extends DaveClient> {
  readonly #context: DaveRoomContext<Client>;
  readonly #members = new Map<Client, RoomMember<Client>>();
  readonly #transitions = new RoomTransitions<RoomMember<Client>>();
  readonly #leaves = new RoomLeaves<Client>();
  #group: RoomGroup | undefined;
  #epoch = 0n;
  #version = 0;
  #commitBy: number | undefined;

  /** @param context The server around it. */
  constructor(context: DaveRoomContext<Client>) {
    this.#context = context;
  }

  /** Version of the call: the highest that all clients speak. */
  get version(): number {
    return this.#version;
  }

  /** Epoch of the call's group; 0 where there is none. */
  get epoch(): bigint {
    return this.#epoch;
  }

  /** How many clients are in the call. */
  get size(): number {
    return this.#members.size;
  }

  /** A client is in the call: Ready was sent. @param now Monotonic milliseconds. */
  join(client: Client, now: number): void {
    this.#members.set(client, new RoomMember(client));
    this.#settle(now);
  }

  /**
   * A client is about to get Session Description, with which it starts over.
   *
   * @param now Monotonic milliseconds.
   * @returns The version to tell it.
   */
  describe(client: Client, now: number): number {
    const member = this.#members.get(client);
    if (member !== undefined) {
      member.described = true;
      this.#detach(member);
      if (this.#version > 0) member.awaitKeyPackage(now);
      this.#settle(now);
    }
    return this.#version;
  }

  /** Session Description was sent: clients take nothing about a group before it. */
  described(client: Client): void {
    const member = this.#members.get(client);
    if (member !== undefined && this.#version > 0) this.#tellExternalSender(member);
  }

  /** A client has left the call. @param now Monotonic milliseconds. */
  leave(client: Client, now: number): void {
    const member = this.#members.get(client);
    if (member === undefined) return;
    this.#members.delete(client);
    this.#detach(member);
    this.#settle(now);
  }

  /** A client is back and has missed what was sent: it starts over. @param now Monotonic milliseconds. */
  resume(client: Client, now: number): void {
    const member = this.#members.get(client);
    if (member === undefined || client.daveVersion === 0) return;
    this.#detach(member);
    member.knowsSender = false;
    if (member.described) {
      this.#report({ type: "dave-reset", reason: "resumed" }, member);
      if (this.#version > 0) this.#ask(member, now);
      else this.#tellTransition([member], 0, 0);
    }
    this.#settle(now);
  }

  /**
   * Takes a message of a client.
   *
   * @param client Who has sent it.
   * @param message What; bytes are borrowed until the call returns.
   * @param now Monotonic milliseconds.
   */
  receive(client: Client, message: DaveClientMessage, now: number): void {
    const member = this.#members.get(client);
    if (member === undefined) return;
    try {
      this.#handle(member, message, now);
    } catch (error) {
      this.#context.drop(client, message.op, demandRejection(error));
    }
    this.#settle(now);
  }

  /** When `expire` has something to do, in monotonic milliseconds. */
  next(): number | undefined {
    let next = this.#transitions.next() ?? Infinity;
    if (this.#version > 0) {
      next = Math.min(next, this.#commitBy ?? Infinity);
      for (const { askAt = Infinity } of this.#members.values()) next = Math.min(next, askAt);
    }
    return next === Infinity ? undefined : next;
  }

  /** Does what is due. @param now Monotonic milliseconds. */
  expire(now: number): void {
    if (this.#version > 0) {
      if (isDue(this.#commitBy, now)) this.#startOver("no-commit", now);
      for (const member of this.#members.values()) {
        if (!isDue(member.askAt, now)) continue;
        this.#report({ type: "dave-reset", reason: "silent" }, member);
        this.#ask(member, now);
        member.awaitLonger(now);
      }
    }
    this.#settle(now);
  }

  /** The call is over: the key of the external sender is erased. */
  close(): void {
    this.#group?.sender.close();
  }

  #handle(member: RoomMember<Client>, message: DaveClientMessage, now: number): void {
    if (message.op === VoiceOpcodes.DaveTransitionReady) {
      if (this.#transitions.ready(message.d.transition_id, member)) return;
      throw new DaveRejection("unknown-transition");
    }
    if (!this.#active || member.client.daveVersion === 0) throw new DaveRejection("off");
    if (!member.described) throw new DaveRejection("too-early");
    switch (message.op) {
      case VoiceOpcodes.DaveMlsKeyPackage:
        return member.offer(admitKeyPackage(this.#context.mls, message.d, member.client.userId));
      case VoiceOpcodes.DaveMlsCommitWelcome:
        return this.#handleCommit(member, message.d, now);
      case VoiceOpcodes.DaveMlsInvalidCommitWelcome:
        this.#detach(member);
        this.#tellExternalSender(member);
        return member.awaitKeyPackage(now);
    }
  }

  #handleCommit(member: RoomMember<Client>, body: Uint8Array, now: number): void {
    const sent = takeCommitWelcome(body);
    const { groupId: sentTo, epoch } = sent.message;
    const { id: groupId } = this.#groupOf(member);
    if (!sameBytes(sentTo, groupId)) {
      throw new MlsError("wrong-group", "Cannot take a commit: it is for another group");
    }
    if (epoch < this.#epoch) throw new DaveRejection("late");
    if (epoch > this.#epoch) {
      throw new MlsError("wrong-epoch", "Cannot take a commit: it is for a later epoch");
    }
    const { told: proposals, leaf, keyPackage } = member;
    const signatureKey = (leaf ?? keyPackage)?.signatureKey;
    if (proposals.size === 0 || signatureKey === undefined) throw new DaveRejection("not-a-member");
    const leafIndex = leaf === undefined ? 0 : this.#leaves.indexOf(leaf);
    const identity = encodeId(member.client.userId);
    const duty = { groupId, leafIndex, identity, signatureKey, proposals };
    this.#accept(member, sent, checkCommit(this.#context.mls, sent, duty), now);
  }

  /** The commit counts: those in the group get it, those whom it adds get the welcome. */
  #accept(
    committer: RoomMember<Client>,
    { bytes, welcome }: SentCommit,
    covered: readonly RoomProposal<Client>[],
    now: number,
  ): void {
    const staying = this.#epoch === 0n ? [committer] : this.#inGroup;
    const joining = covered.flatMap(({ added, keyPackage }) =>
      added === undefined || keyPackage === undefined ? [] : [{ member: added, keyPackage }]
    );
    if (this.#epoch === 0n) this.#seat(committer);
    for (const { removed } of covered) if (removed !== undefined) this.#leaves.remove(removed);
    for (const { member } of joining) this.#seat(member);
    this.#enterEpoch(this.#epoch + 1n);
    const audience = [...staying, ...joining.map(({ member }) => member)];
    const transitionId = this.#transitions.begin(DAVE_VERSION, audience, now);
    const { tell } = this.#context;
    const [epoch, memberCount] = [Number(this.#epoch), this.#leaves.size];
    this.#report({ type: "dave-commit", epoch, transitionId, memberCount }, committer);
    const d = withTransition(transitionId, bytes);
    for (const { client } of staying) {
      tell(client, { op: VoiceOpcodes.DaveMlsAnnounceCommitTransition, d });
    }
    for (const { member, keyPackage } of joining) {
      const trimmed = encodeWelcome(trimWelcome(welcome!, keyPackage.ref));
      const d = withTransition(transitionId, trimmed);
      tell(member.client, { op: VoiceOpcodes.DaveMlsWelcome, d });
    }
  }

  // The call rests again

  #settle(now: number): void {
    this.#chooseVersion(now);
    while (this.#executeDue(now)) this.#chooseVersion(now);
    this.#keepGroup(now);
    if (this.#active) this.#propose(now);
  }

  /** A downgrade is announced at once; an upgrade waits until no downgrade is under way. */
  #chooseVersion(now: number): void {
    const versions = [...this.#members.keys()].map(({ daveVersion }) => daveVersion);
    const version = Math.min(DAVE_VERSION, ...versions);
    if (versions.length === 0 || version === this.#version) return;
    if (version === 0) {
      this.#version = 0;
      const audience = this.#audience;
      this.#tellTransition(audience, 0, this.#transitions.begin(0, audience, now));
    } else if (!this.#transitions.downgrading) {
      this.#version = version;
      this.#startOver("upgrade", now);
    }
  }

  #executeDue(now: number): boolean {
    const transition = this.#transitions.takeDue(now);
    if (transition === undefined) return false;
    const { id: transitionId, protocolVersion, audience, waiting } = transition;
    const missing = waiting.size;
    this.#report({ type: "dave-transition", transitionId, protocolVersion, missing });
    const d = { transition_id: transitionId };
    for (const member of audience) {
      const present = this.#members.has(member.client);
      if (present) this.#context.tell(member.client, { op: VoiceOpcodes.DaveExecuteTransition, d });
    }
    if (protocolVersion === 0) this.#dropGroup();
    return true;
  }

  /** A group of nobody is none; whoever is left alone starts over. */
  #keepGroup(now: number): void {
    if (this.#epoch === 0n) return;
    const { length } = this.#inGroup;
    if (length > 0 && (this.#members.size > 1 || this.#version === 0)) return;
    if (length > 0) return this.#startOver("alone", now);
    this.#report({ type: "dave-reset", reason: "nobody-left" });
    this.#dropEpochs();
  }

  #propose(now: number): void {
    const members = [...this.#members.values()];
    const proposals = this.#outstanding(members);
    for (const member of members) {
      const founds = this.#epoch === 0n && member.keyPackage !== undefined;
      const commits = founds || member.leaf !== undefined;
      const own = commits ? proposals.filter(({ added }) => added !== member) : [];
      for (const d of updateProposals(member, own)) {
        this.#context.tell(member.client, { op: VoiceOpcodes.DaveMlsProposals, d });
      }
    }
    this.#commitBy = proposals.length === 0 ? undefined : this.#commitBy ?? now + COMMIT_PATIENCE;
  }

  /** One alone founds no group. */
  #outstanding(members: readonly RoomMember<Client>[]): RoomProposal<Client>[] {
    const ready = members.filter(({ keyPackage }) => keyPackage !== undefined);
    if (this.#group === undefined || this.#epoch === 0n && ready.length < 2) return [];
    const { id: groupId, sender } = this.#group;
    return proposeChanges({ sender, groupId, epoch: this.#epoch }, this.#leaves, members);
  }

  /** Everybody makes new keys and groups of its own (op 24). */
  #startOver(reason: DaveResetReason, now: number): void {
    const audience = this.#audience;
    this.#dropEpochs();
    for (const member of this.#members.values()) member.leaveGroup();
    if (audience.length > 0) this.#report({ type: "dave-reset", reason });
    for (const member of audience) this.#ask(member, now);
    if (audience.length === 1 && this.#members.size === 1) {
      this.#tellTransition(audience, this.#version, 0);
    }
  }

  #ask(member: RoomMember<Client>, now: number): void {
    const d = { protocol_version: DAVE_VERSION, epoch: 1 };
    this.#context.tell(member.client, { op: VoiceOpcodes.DavePrepareEpoch, d });
    if (!member.knowsSender) this.#tellExternalSender(member);
    member.awaitKeyPackage(now);
  }

  /** The call has no encryption any more: key packages are of no use either. */
  #dropGroup(): void {
    this.#dropEpochs();
    for (const member of this.#members.values()) member.leaveGroup();
  }

  #dropEpochs(): void {
    this.#leaves.clear();
    this.#transitions.dropEpochs();
    this.#enterEpoch(0n);
  }

  #enterEpoch(epoch: bigint): void {
    this.#epoch = epoch;
    this.#commitBy = undefined;
    for (const member of this.#members.values()) member.forgetProposals();
  }

  #seat(owner: RoomMember<Client>): void {
    const { signatureKey } = owner.keyPackage!;
    const leaf = { owner, signatureKey, removal: undefined };
    this.#leaves.add(leaf);
    owner.sit(leaf);
  }

  #detach(member: RoomMember<Client>): void {
    member.leaveGroup();
    this.#transitions.forget(member);
  }

  #tellTransition(
    audience: readonly RoomMember<Client>[],
    protocol_version: number,
    transition_id: number,
  ): void {
    const d = { protocol_version, transition_id };
    for (const { client } of audience) {
      this.#context.tell(client, { op: VoiceOpcodes.DavePrepareTransition, d });
    }
  }

  #tellExternalSender(member: RoomMember<Client>): void {
    const { client } = member;
    if (client.daveVersion === 0) return;
    const d = this.#groupOf(member).sender.bytes;
    this.#context.tell(client, { op: VoiceOpcodes.DaveMlsExternalSender, d });
    member.knowsSender = true;
  }

  /** The group has the id of the first client's channel. */
  #groupOf({ client }: RoomMember<Client>): RoomGroup {
    return this.#group ??= {
      id: encodeId(client.channelId),
      sender: new ExternalSender(this.#context.mls),
    };
  }

  #report(details: ServerEventDetails, about?: RoomMember<Client>): void {
    this.#context.report(details, about?.client);
  }

  /** Whether there is a group, or may be: until a downgrade is executed it lives on. */
  get #active(): boolean {
    return this.#version > 0 || this.#transitions.downgrading;
  }

  /** Clients that know of the call's version. */
  get #audience(): RoomMember<Client>[] {
    return [...this.#members.values()].filter(({ described, client }) =>
      described && client.daveVersion > 0
    );
  }

  get #inGroup(): RoomMember<Client>[] {
    return [...this.#members.values()].filter(({ leaf }) => leaf !== undefined);
  }
}

function isDue(at: number | undefined, now: number): boolean {
  return at !== undefined && at <= now;
}

/** Body of op 29 or 30. */
function withTransition(id: number, message: Uint8Array): Uint8Array {
  return concat(u16(id), message);
}
