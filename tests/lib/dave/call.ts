/**
 * A call of `DaveSession`s, with a tiny delivery service between them: it proposes, takes one of
 * the commits, and announces it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { pureFrameAead } from "../../../lib/dave/frames/gcm.ts";
import type { DaveEvent } from "../../../lib/end_to_end.ts";
import { Reader } from "../../../lib/dave/mls/codec.ts";
import { takePublicMessage } from "../../../lib/dave/mls/framing.ts";
import { encodeAppend, ExternalSender, type MlsCrypto } from "../../../lib/dave/mls/mod.ts";
import { DaveSession } from "../../../lib/dave/session.ts";
import { encodeId } from "../../../lib/dave/user_id.ts";
import { Secret } from "../../../lib/secret.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../../../lib/payloads.ts";
import { seededSuite } from "./mls/vectors.ts";

export const CHANNEL = "900000000000000001";

/** Op 4 of a call with this version. */
export function description(version?: number): VoiceReceivePayload {
  const secret_key = new Secret(new Uint8Array(32));
  const d = { mode: "aead_aes256_gcm_rtpsize", secret_key, dave_protocol_version: version };
  return { op: 4, d } as unknown as VoiceReceivePayload;
}

/** Body of op 29 or 30. */
export function withId(id: number, message: Uint8Array): Uint8Array {
  return Uint8Array.of(id >>> 8, id & 0xff, ...message);
}

/** A session and what it has put out. */
export class Caller {
  readonly userId: string;
  session: DaveSession;
  readonly sent: VoiceSendPayload[] = [];
  readonly events: DaveEvent[] = [];
  keyPackage: Uint8Array = new Uint8Array(0);
  commit: Uint8Array | undefined;

  constructor(userId: string, session: DaveSession) {
    this.userId = userId;
    this.session = session;
  }

  /** Hands a message to the session. */
  handle(message: VoiceReceivePayload, now: number): void {
    this.session.handle(message, now);
    this.drain();
  }

  drain(): void {
    for (let output = this.session.poll(); output !== undefined; output = this.session.poll()) {
      if (output.type === "event") this.events.push(output.event);
      else this.#take(output.message);
    }
  }

  /** Opcodes that were sent, and ids with those that have one, since the last time. */
  takeSent(): string[] {
    return this.sent.splice(0).map(({ op, d }) =>
      op === 23 || op === 31 ? `${op}:${d.transition_id}` : String(op)
    );
  }

  takeEvents(): DaveEvent[] {
    return this.events.splice(0);
  }

  #take(message: VoiceSendPayload): void {
    this.sent.push(message);
    if (message.op === 26) this.keyPackage = message.d;
    if (message.op === 28) this.commit = message.d;
  }
}

/** What one epoch brings. */
export interface Step {
  readonly joins?: readonly Caller[];
  readonly leaves?: readonly Caller[];
  /** Whose commit is taken; the first one's unless told. */
  readonly winner?: Caller;
  /** Who does not get op 29 or 30. */
  readonly deaf?: readonly Caller[];
  readonly id?: number;
  /** Whether op 22 follows. */
  readonly execute?: boolean;
}

/** The call, and its delivery service. */
export class Call {
  readonly suite: MlsCrypto;
  readonly gateway: ExternalSender;
  readonly groupId: Uint8Array = encodeId(CHANNEL);
  /** The users by their leaves. */
  leaves: (Caller | undefined)[] = [];
  epoch = 0n;
  now = 1000;
  nextId = 1;
  lastCommit: Uint8Array = new Uint8Array(0);
  lastWelcome: Uint8Array = new Uint8Array(0);

  constructor(seed: number) {
    this.suite = seededSuite(seed);
    this.gateway = new ExternalSender(this.suite);
  }

  get members(): Caller[] {
    return this.leaves.filter((caller) => caller !== undefined);
  }

  /** A caller who knows nothing. */
  caller(number: number, decryptionFailureTolerance?: number): Caller {
    const userId = String(100 + number);
    const session = new DaveSession({
      userId,
      channelId: CHANNEL,
      crypto: this.suite,
      aead: pureFrameAead,
      decryptionFailureTolerance,
    });
    return new Caller(userId, session);
  }

  /** Callers who know of each other and have sent a key package. */
  callers(count: number): Caller[] {
    const callers = Array.from({ length: count }, (_, index) => this.caller(index));
    for (const caller of callers) {
      for (const { userId } of callers) caller.session.addUser(userId);
      caller.handle({ op: 25, d: this.gateway.bytes }, this.now);
      caller.handle(description(1), this.now);
    }
    return callers;
  }

  /** Callers in one group. */
  gather(count: number): Caller[] {
    const callers = this.callers(count);
    this.step({ joins: callers });
    return callers;
  }

  /** Body of op 27 for somebody. */
  propose(leaves: readonly Caller[], joins: readonly Caller[]): Uint8Array {
    return encodeAppend([
      ...leaves.map((caller) =>
        this.gateway.remove(this.groupId, this.epoch, this.leaves.indexOf(caller)).message
      ),
      ...joins.map((caller) =>
        this.gateway.add(this.groupId, this.epoch, caller.keyPackage).message
      ),
    ]);
  }

  /** One epoch. Where there is no group, those who join found one, and one of theirs is taken. */
  step({ joins = [], leaves = [], winner, deaf = [], id, execute = true }: Step): number {
    const transitionId = id ?? this.nextId++;
    const founding = this.members.length === 0;
    const staying = founding ? [...joins] : this.members.filter((one) => !leaves.includes(one));
    for (const caller of staying) {
      const others = joins.filter((joiner) => joiner !== caller);
      caller.commit = undefined;
      caller.handle({ op: 27, d: this.propose(leaves, others) }, this.now);
    }
    const taken = winner ?? staying.find(({ commit }) => commit !== undefined)!;
    assert(taken.commit !== undefined, `${taken.userId} has not committed`);
    const reader = new Reader(taken.commit);
    takePublicMessage(reader);
    this.lastCommit = Uint8Array.from(taken.commit.subarray(0, reader.position));
    this.lastWelcome = Uint8Array.from(taken.commit.subarray(reader.position));
    const joiners = joins.filter((joiner) => !founding || joiner !== taken);
    this.#seat(founding ? [taken] : [], leaves, joiners);
    this.epoch++;
    const d = withId(transitionId, this.lastCommit);
    for (const caller of founding ? [taken] : staying) {
      if (!deaf.includes(caller)) caller.handle({ op: 29, d }, this.now);
    }
    for (const caller of joiners) {
      const welcome = withId(transitionId, this.lastWelcome);
      if (!deaf.includes(caller)) caller.handle({ op: 30, d: welcome }, this.now);
    }
    if (execute && transitionId !== 0) this.execute(transitionId);
    return transitionId;
  }

  execute(transition_id: number): void {
    for (const caller of this.members) caller.handle({ op: 22, d: { transition_id } }, this.now);
  }

  #seat(founders: Caller[], leaves: readonly Caller[], joiners: readonly Caller[]): void {
    if (founders.length > 0) this.leaves = founders;
    this.leaves = this.leaves.map((one) => one && leaves.includes(one) ? undefined : one);
    for (const joiner of joiners) {
      const blank = this.leaves.indexOf(undefined);
      this.leaves[blank < 0 ? this.leaves.length : blank] = joiner;
    }
  }
}

/** A frame of somebody, sealed; `undefined` where it must not be sent. */
export function say(caller: Caller, ...frame: number[]): Uint8Array | undefined {
  const into = new Uint8Array(frame.length + 64);
  const size = caller.session.seal(Uint8Array.from(frame), into);
  return size < 0 ? undefined : into.slice(0, size);
}

/** What somebody hears of a frame: its bytes, or the fault. */
export function hear(
  caller: Caller,
  from: Caller,
  frame: Uint8Array,
  now: number,
): number[] | string {
  const into = new Uint8Array(frame.length);
  const size = caller.session.open(from.userId, frame, into, now);
  if ((caller.session.pollTimeout() ?? Infinity) <= now) caller.session.expire(now);
  caller.drain();
  return size < 0 ? caller.session.openFault : [...into.subarray(0, size)];
}

/** All hear each other, and agree on epoch, members and code. */
export function assertTogether(callers: readonly Caller[], now: number): void {
  const [first] = callers;
  for (const from of callers) {
    const frame = say(from, 1, 2, 3, Number(from.userId));
    assert(frame !== undefined, `${from.userId} cannot speak`);
    assert(frame.length >= 4 + 12 && frame.length <= 4 + 16);
    assertEquals(from.session.epoch, first.session.epoch);
    assertEquals(from.session.privacyCode, first.session.privacyCode);
    assertEquals(
      from.session.identities.map(({ userId }) => userId).sort(),
      callers.map(({ userId }) => userId).sort(),
    );
    for (const to of callers) {
      if (to === from) continue;
      assertEquals(hear(to, from, frame, now), [1, 2, 3, Number(from.userId)]);
    }
  }
}
