/**
 * A call of members of ours and of `@snazzah/davey`, with the delivery service between them:
 * each epoch it proposes, takes one of the commits, and brings it to everybody.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import {
  encodeAppend,
  encodeRevoke,
  type ExternalSender,
  type MlsCrypto,
  MlsMember,
} from "../../lib/dave/mls/mod.ts";
import type { Davey } from "../tools/davey.ts";
import { toHex } from "../tools/vectors.ts";

/** What a member sends as opcode 28. */
export interface Sent {
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array | undefined;
}

/** Anybody in the call. */
export interface Caller {
  readonly userId: string;
  readonly kind: "ours" | "davey";
  keyPackage(): Uint8Array;
  /** Takes the body of opcode 27; commits if told or if it cannot but. */
  propose(
    body: Uint8Array,
    users: readonly string[],
    commit: boolean,
  ): Sent | undefined;
  accept(commit: Uint8Array): void;
  join(welcome: Uint8Array): void;
  authenticator(): string;
  roster(): string[];
}

/** The eight bytes of a snowflake. */
export function snowflake(id: string): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(id));
  return bytes;
}

/** The text of a snowflake. */
export function userOf(bytes: Uint8Array): string {
  return String(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
}

/** A caller of ours. */
export function ourCaller(
  suite: MlsCrypto,
  userId: string,
  channel: string,
  externalSender: Uint8Array,
): Caller & { readonly member: MlsMember } {
  const options = {
    crypto: suite,
    groupId: snowflake(channel),
    identity: snowflake(userId),
  };
  const member = new MlsMember(options);
  member.setExternalSender(externalSender);
  return {
    userId,
    kind: "ours",
    member,
    keyPackage: () => member.createKeyPackage(),
    propose(body, users, commit) {
      member.processProposals(
        body,
        (identity) => users.includes(userOf(identity)),
      );
      return commit ? member.commit() : undefined;
    },
    accept: (commit) => void member.processCommit(commit),
    join: (welcome) => member.joinFromWelcome(welcome),
    authenticator: () => toHex(member.epochAuthenticator!),
    roster: () => member.roster.map(({ identity }) => userOf(identity)).sort(),
  };
}

/** A caller that davey makes. */
export function daveyCaller(
  davey: Davey,
  userId: string,
  channel: string,
  externalSender: Uint8Array,
): Caller {
  const session = new davey.DAVESession(1, userId, channel);
  session.setExternalSender(Buffer.from(externalSender));
  return {
    userId,
    kind: "davey",
    keyPackage: () => session.getSerializedKeyPackage(),
    propose(body, users) {
      const { commit, welcome } = session.processProposals(
        body[0]!,
        Buffer.from(body.slice(1)),
        users,
      );
      return commit && { commit, welcome };
    },
    accept: (commit) => session.processCommit(Buffer.from(commit)),
    join: (welcome) => session.processWelcome(Buffer.from(welcome)),
    authenticator: () => toHex(session.getEpochAuthenticator()!),
    roster: () => session.getUserIds().sort(),
  };
}

/** What one epoch brings. */
export interface Step {
  /** Callers who come; a user who is there already is removed and added again. */
  readonly join: readonly Caller[];
  /** Users who go. */
  readonly leave: readonly string[];
  /** Whether a caller of ours commits; davey's always do. */
  readonly commits: (caller: Caller) => boolean;
  /** Takes one of the commits. */
  readonly choose: (
    sent: readonly (Sent & { readonly by: Caller })[],
  ) => Sent & { by: Caller };
  /** Somebody who is proposed first, and taken back. */
  readonly revoke: Caller | undefined;
}

/** A call, and the delivery service of its group. */
export class Call {
  /** Number of the epoch. */
  epoch = 0n;
  /** Who is in the group, by leaf. */
  readonly #leaves: (Caller | undefined)[] = [];
  readonly #channel: string;
  readonly #sender: ExternalSender;

  /** Starts a call with its first member, whose own group becomes the call's. */
  constructor(channel: string, sender: ExternalSender, founder: Caller) {
    this.#channel = channel;
    this.#sender = sender;
    this.#leaves.push(founder);
  }

  /** Everybody in the group. */
  get callers(): Caller[] {
    return this.#leaves.filter((caller) => caller !== undefined);
  }

  /** One epoch: proposals, commits, the choice, and what it leads to. Tells who was chosen. */
  advance({ join, leave, commits, choose, revoke }: Step): Caller {
    const groupId = snowflake(this.#channel);
    const again = join.map(({ userId }) => userId);
    const going = this.callers.filter(({ userId }) => [...leave, ...again].includes(userId));
    const removed = going.map((caller) => this.#leaves.indexOf(caller));
    const proposals = [
      ...removed.map((leaf) => this.#sender.remove(groupId, this.epoch, leaf).message),
      ...join.map((caller) => this.#sender.add(groupId, this.epoch, caller.keyPackage()).message),
    ];
    const staying = this.callers.filter((caller) => !going.includes(caller));
    const users = [...staying, ...join].map(({ userId }) => userId);
    if (revoke !== undefined) this.#proposeAndRevoke(staying, revoke);
    const body = encodeAppend(proposals);
    const sent = staying.flatMap((caller) => {
      const answer = caller.propose(body, users, commits(caller));
      return answer === undefined ? [] : [{ ...answer, by: caller }];
    });
    const { by, commit, welcome } = choose(sent);
    assertEquals(welcome === undefined, join.length === 0);
    for (const caller of staying) caller.accept(commit);
    for (const caller of join) caller.join(welcome!);
    for (const leaf of removed) this.#leaves[leaf] = undefined;
    for (const caller of join) this.#place(caller);
    this.epoch++;
    this.#check();
    return by;
  }

  #proposeAndRevoke(staying: readonly Caller[], guest: Caller): void {
    const { message, ref } = this.#sender.add(
      snowflake(this.#channel),
      this.epoch,
      guest.keyPackage(),
    );
    for (const caller of staying) {
      caller.propose(encodeAppend([message]), [guest.userId], false);
      assertEquals(caller.propose(encodeRevoke([ref]), [], true), undefined);
    }
  }

  #place(caller: Caller): void {
    const blank = this.#leaves.indexOf(undefined);
    if (blank < 0) this.#leaves.push(caller);
    else this.#leaves[blank] = caller;
  }

  /** All have the same epoch authenticator and the same roster. */
  #check(): void {
    const [first, ...others] = this.callers;
    const authenticator = first!.authenticator();
    const roster = this.callers.map(({ userId }) => userId).sort();
    assert(authenticator.length === 64);
    assertEquals(first!.roster(), roster);
    for (const caller of others) {
      assertEquals(caller.authenticator(), authenticator);
      assertEquals(caller.roster(), roster);
    }
  }
}
