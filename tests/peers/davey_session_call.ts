/**
 * A call of `DaveSession`s and of clients around `@snazzah/davey` that do what discord.js does,
 * with the gateway between them: it tells who is there, proposes, takes one of the commits, and
 * brings it to everybody.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { nativeDave } from "../../adapters/native_dave.ts";
import { voicePrivacyCode } from "../../lib/dave/codes.ts";
import { Reader, takeWhole } from "../../lib/dave/mls/codec.ts";
import { takePublicMessage } from "../../lib/dave/mls/framing.ts";
import { hashKeyPackage } from "../../lib/dave/mls/key_package.ts";
import { encodeAppend, ExternalSender } from "../../lib/dave/mls/mod.ts";
import { encodeWelcome, takeWelcome, trimWelcome } from "../../lib/dave/mls/welcome.ts";
import { DaveSession } from "../../lib/dave/session.ts";
import { isSilence } from "../../lib/audio/opus_toc.ts";
import { encodeId } from "../../lib/dave/user_id.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../../lib/payloads.ts";
import { description, withId } from "../lib/dave/call.ts";
import type { Davey, DaveySession } from "../tools/davey.ts";

const CHANNEL = "1234567890123456789";
const AUDIO = 0;
/** Seconds for which discord.js lets plaintext through around a downgrade. */
const DOWNGRADE_EXPIRY = 24;
const UPGRADE_EXPIRY = 10;

/** Anybody in the call. */
export interface Caller {
  readonly userId: string;
  readonly kind: "ours" | "davey";
  /** Takes a message of the gateway, and tells what it sends then. */
  handle(message: VoiceReceivePayload, now: number): VoiceSendPayload[];
  /** A frame of its own as it is sent. */
  seal(frame: Uint8Array): Uint8Array;
  /** A frame of another user; `undefined` where it is refused. */
  open(userId: string, frame: Uint8Array, now: number): Uint8Array | undefined;
  /** The code of the epoch authenticator, and the one that users are shown. */
  codes(): (string | undefined)[];
  /** The users of the group. */
  roster(): string[];
}

/** A caller of ours. */
export class OurCaller implements Caller {
  readonly kind = "ours";
  readonly userId: string;
  readonly session: DaveSession;

  constructor(userId: string) {
    this.userId = userId;
    this.session = new DaveSession({ userId, channelId: CHANNEL, ...nativeDave });
  }

  handle(message: VoiceReceivePayload, now: number): VoiceSendPayload[] {
    this.session.handle(message, now);
    const sent: VoiceSendPayload[] = [];
    for (let output = this.session.poll(); output !== undefined; output = this.session.poll()) {
      if (output.type === "send") sent.push(output.message);
    }
    return sent;
  }

  seal(frame: Uint8Array): Uint8Array {
    const into = new Uint8Array(frame.length + 64);
    const size = this.session.seal(frame, into);
    assert(size >= 0, `${this.userId}: ${this.session.sealFault}`);
    return into.slice(0, size);
  }

  open(userId: string, frame: Uint8Array, now: number): Uint8Array | undefined {
    const into = new Uint8Array(frame.length);
    const size = this.session.open(userId, frame, into, now);
    return size < 0 ? undefined : into.subarray(0, size);
  }

  codes(): (string | undefined)[] {
    const { privacyCode } = this.session;
    return [privacyCode, privacyCode];
  }

  roster(): string[] {
    return this.session.identities.map(({ userId }) => userId).sort();
  }
}

/** A caller with davey, which does with it what discord.js does. */
export class DaveyCaller implements Caller {
  readonly kind = "davey";
  readonly userId: string;
  readonly session: DaveySession;
  readonly #users = new Set<string>();
  readonly #pending = new Map<number, number>();
  #version = 0;
  #downgraded = false;

  constructor(davey: Davey, userId: string) {
    this.userId = userId;
    this.session = new davey.DAVESession(1, userId, CHANNEL);
  }

  handle(message: VoiceReceivePayload): VoiceSendPayload[] {
    switch (message.op) {
      case 4:
        this.#version = message.d.dave_protocol_version ?? 0;
        return this.#startOver();
      case 11:
        for (const userId of message.d.user_ids) this.#users.add(userId);
        return [];
      case 13:
        this.#users.delete(message.d.user_id);
        return [];
      case 21:
        return this.#prepare(message.d.transition_id, message.d.protocol_version);
      case 22:
        this.#execute(message.d.transition_id);
        return [];
      case 24:
        if (message.d.epoch !== 1) return [];
        this.#version = message.d.protocol_version;
        return this.#startOver();
      case 25:
        this.session.setExternalSender(Buffer.from(message.d));
        return [];
      case 27:
        return this.#propose(Buffer.from(message.d));
      case 29:
        return this.#enter(message.d, (commit) => this.session.processCommit(commit));
      case 30:
        return this.#enter(message.d, (welcome) => this.session.processWelcome(welcome));
    }
    return [];
  }

  seal(frame: Uint8Array): Uint8Array {
    const bare = this.#version === 0 || !this.session.ready || isSilence(frame);
    return bare ? frame : this.session.encryptOpus(Buffer.from(frame));
  }

  open(userId: string, frame: Uint8Array): Uint8Array | undefined {
    const { session } = this;
    const sealed = session.ready && (this.#version !== 0 || session.canPassthrough(userId));
    if (isSilence(frame) || !sealed) return frame;
    try {
      return session.decrypt(userId, AUDIO, Buffer.from(frame));
    } catch {
      return undefined;
    }
  }

  codes(): string[] {
    const authenticator = this.session.getEpochAuthenticator();
    assert(authenticator !== null);
    return [voicePrivacyCode(authenticator), this.session.voicePrivacyCode];
  }

  roster(): string[] {
    return this.session.getUserIds().sort();
  }

  #startOver(): VoiceSendPayload[] {
    if (this.#version === 0) {
      this.session.reset();
      this.session.setPassthroughMode(true, UPGRADE_EXPIRY);
      return [];
    }
    this.session.reinit(this.#version, this.userId, CHANNEL);
    return [{ op: 26, d: this.session.getSerializedKeyPackage() }];
  }

  #propose(body: Buffer): VoiceSendPayload[] {
    try {
      const users = [...this.#users];
      const { commit, welcome } = this.session.processProposals(body[0]!, body.subarray(1), users);
      if (commit === undefined) return [];
      return [{ op: 28, d: welcome === undefined ? commit : Buffer.concat([commit, welcome]) }];
    } catch {
      return [];
    }
  }

  #enter(body: Uint8Array, process: (message: Buffer) => void): VoiceSendPayload[] {
    const message = Buffer.from(body);
    const transition_id = message.readUInt16BE(0);
    try {
      process(message.subarray(2));
    } catch {
      return [{ op: 31, d: { transition_id } }, ...this.#startOver()];
    }
    return this.#prepare(transition_id, this.#version);
  }

  #prepare(transition_id: number, version: number): VoiceSendPayload[] {
    this.#pending.set(transition_id, version);
    if (transition_id === 0) {
      this.#execute(0);
      return [];
    }
    if (version === 0) this.session.setPassthroughMode(true, DOWNGRADE_EXPIRY);
    return [{ op: 23, d: { transition_id } }];
  }

  #execute(id: number): void {
    const version = this.#pending.get(id);
    if (version === undefined) return;
    this.#pending.delete(id);
    if (version === 0 && this.#version !== 0) this.#downgraded = true;
    else if (id > 0 && this.#downgraded) {
      this.#downgraded = false;
      this.session.setPassthroughMode(true, UPGRADE_EXPIRY);
    }
    this.#version = version;
  }
}

/** A commit with the welcome behind it, and whose it is. */
export interface Taken {
  readonly by: Caller;
  readonly commit: Uint8Array;
  readonly welcome: Uint8Array;
}

/** What one epoch brings. */
export interface Step {
  /** Who comes; somebody who is there already is removed and added again. */
  readonly joins?: readonly Caller[];
  /** Who has gone. */
  readonly leaves?: readonly Caller[];
  /** Takes one of the commits; the first unless told. */
  readonly choose?: (commits: readonly Taken[]) => Taken;
  /** Who does not get op 29 and 30. */
  readonly deaf?: readonly Caller[];
  /** Id of the transition; the next one unless told. */
  readonly id?: number;
  /** What happens when all are ready, before op 22. */
  readonly prepared?: () => void;
}

/** The call, and its gateway. */
export class SessionCall {
  /** Monotonic milliseconds, for ours. */
  now = 1000;
  /** Number of the epoch. */
  epoch = 0n;
  /** Who has asked to be added anew with op 31, and the transition. */
  readonly invalid: [userId: string, transitionId: number][] = [];
  readonly #gateway = new ExternalSender(nativeDave.crypto);
  readonly #groupId = encodeId(CHANNEL);
  readonly #connected = new Set<Caller>();
  readonly #keyPackages = new Map<Caller, Uint8Array>();
  #commits: Taken[] = [];
  #ready = new Set<Caller>();
  #leaves: (Caller | undefined)[] = [];
  #nextId = 1;

  /** Everybody in the group. */
  get members(): Caller[] {
    return this.#leaves.filter((caller) => caller !== undefined);
  }

  /** Somebody has connected: all are told, and a key package is sent. */
  connect(caller: Caller): void {
    const user_ids = Array.from(this.#connected, ({ userId }) => userId);
    for (const other of this.#connected) {
      this.tell(other, { op: 11, d: { user_ids: [caller.userId] } });
    }
    this.#connected.add(caller);
    this.tell(caller, description(1));
    this.tell(caller, { op: 11, d: { user_ids } });
    this.tell(caller, { op: 25, d: this.#gateway.bytes });
  }

  /** Somebody has disconnected. */
  disconnect(caller: Caller): void {
    this.#connected.delete(caller);
    for (const other of this.#connected) {
      this.tell(other, { op: 13, d: { user_id: caller.userId } });
    }
  }

  /** Tells all who are connected. */
  announce(message: VoiceReceivePayload): void {
    this.#ready = new Set();
    for (const caller of this.#connected) this.tell(caller, message);
  }

  /** All have said that they are ready for the transition they were told of last. */
  assertReady(callers: readonly Caller[]): void {
    const users = (all: Iterable<Caller>) => Array.from(all, ({ userId }) => userId).sort();
    assertEquals(users(this.#ready), users(callers));
  }

  /** There is no group any more; the next step founds one. */
  dissolve(): void {
    this.#leaves = [];
    this.epoch = 0n;
  }

  /** One epoch: proposals, commits, the choice, what it leads to, and op 22. Tells what was chosen. */
  advance({ joins = [], leaves = [], deaf = [], ...step }: Step): Taken {
    const { choose = ([first]) => first!, id = this.#nextId++, prepared } = step;
    for (const caller of leaves) this.disconnect(caller);
    const founding = this.members.length === 0;
    const gone = this.members.filter((caller) => leaves.includes(caller) || joins.includes(caller));
    const committers = founding ? joins : this.members.filter((caller) => !gone.includes(caller));
    this.#commits = [];
    this.#ready = new Set();
    const removals = gone.map((caller) => this.#proposeRemoval(caller));
    const additions = joins.map((caller) => [caller, this.#proposeAddition(caller)] as const);
    for (const caller of committers) {
      const others = additions.filter(([joiner]) => joiner !== caller);
      const d = encodeAppend([...removals, ...others.map(([, message]) => message)]);
      this.tell(caller, { op: 27, d });
    }
    const taken = choose(this.#commits);
    const staying = founding ? [taken.by] : committers;
    const joining = joins.filter((caller) => !staying.includes(caller));
    this.#seat(gone, founding ? joins.filter((one) => one === taken.by) : [], joining);
    this.epoch++;
    for (const caller of staying) {
      if (!deaf.includes(caller)) this.tell(caller, { op: 29, d: withId(id, taken.commit) });
    }
    for (const caller of joining) {
      const welcome = this.#welcomeFor(caller, taken);
      if (!deaf.includes(caller)) this.tell(caller, { op: 30, d: withId(id, welcome) });
    }
    prepared?.();
    if (id > 0) this.announce({ op: 22, d: { transition_id: id } });
    return taken;
  }

  /** Tells somebody. */
  tell(caller: Caller, message: VoiceReceivePayload): void {
    for (const sent of caller.handle(message, this.now)) this.#hear(caller, sent);
  }

  #hear(caller: Caller, { op, d }: VoiceSendPayload): void {
    if (op === 23) this.#ready.add(caller);
    if (op === 26) this.#keyPackages.set(caller, d);
    if (op === 28) this.#commits.push(takenOf(caller, d));
    if (op === 31) this.invalid.push([caller.userId, d.transition_id]);
  }

  #proposeRemoval(caller: Caller): Uint8Array {
    const leaf = this.#leaves.indexOf(caller);
    return this.#gateway.remove(this.#groupId, this.epoch, leaf).message;
  }

  #proposeAddition(caller: Caller): Uint8Array {
    const keyPackage = this.#keyPackages.get(caller)!;
    return this.#gateway.add(this.#groupId, this.epoch, keyPackage).message;
  }

  /** The gateway leaves in a welcome only what its receiver needs. */
  #welcomeFor(caller: Caller, { welcome }: Taken): Uint8Array {
    const ref = hashKeyPackage(nativeDave.crypto, this.#keyPackages.get(caller)!);
    return encodeWelcome(trimWelcome(takeWhole(welcome, takeWelcome), ref));
  }

  #seat(gone: readonly Caller[], founders: readonly Caller[], joining: readonly Caller[]): void {
    this.#leaves = this.#leaves.map((one) => one && gone.includes(one) ? undefined : one);
    for (const caller of [...founders, ...joining]) {
      const blank = this.#leaves.indexOf(undefined);
      this.#leaves[blank < 0 ? this.#leaves.length : blank] = caller;
    }
  }
}

function takenOf(by: Caller, body: Uint8Array): Taken {
  const reader = new Reader(body);
  takePublicMessage(reader);
  const commit = Uint8Array.from(body.subarray(0, reader.position));
  return { by, commit, welcome: Uint8Array.from(body.subarray(reader.position)) };
}
