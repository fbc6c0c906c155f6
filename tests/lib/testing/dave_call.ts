/**
 * A `DaveRoom` and clients on virtual time: `DaveSession`s behind links that deliver in order,
 * and cryptography without curves, so that hundreds of epochs take seconds.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { pureFrameAead } from "../../../lib/dave/frames/gcm.ts";
import { type MlsCrypto, nobleMlsCrypto } from "../../../lib/dave/mls/mod.ts";
import { DaveSession } from "../../../lib/dave/session.ts";
import type { VoiceReceivePayload } from "../../../lib/payloads.ts";
import type { DaveClient } from "../../../lib/testing/dave/member.ts";
import {
  type DaveClientMessage,
  DaveRoom,
  type DaveServerMessage,
} from "../../../lib/testing/dave/room.ts";
import type { ServerEventDetails } from "../../../lib/testing/server_events.ts";
import { randomBytes, seededRandom } from "../../tools/vectors.ts";

export const CHANNEL = "927310423890473011";

/**
 * Real but for the curve: a public key shows its private key, and a signature is a hash. What was
 * changed is found out, who has changed it is not.
 */
export function quickCrypto(seed: number): MlsCrypto {
  const random = seededRandom(seed);
  const noble = nobleMlsCrypto((into) => into.set(randomBytes(random, into.length)));
  const publicKey = (privateKey: Uint8Array) => Uint8Array.of(4, ...privateKey, ...privateKey);
  const isPublicKey = (bytes: Uint8Array) => bytes.length === 65 && bytes[0] === 4;
  const hash = (key: Uint8Array, message: Uint8Array) =>
    noble.sha256(Uint8Array.of(...key, ...message));
  return {
    ...noble,
    publicKey,
    isPublicKey,
    agree: (privateKey, other) =>
      isPublicKey(other) ? privateKey.map((byte, i) => byte ^ other[1 + i]) : undefined,
    sign: (privateKey, message) => hash(publicKey(privateKey), message),
    verify: (key, message, signature) => String(hash(key, message)) === String(signature),
  };
}

/** A client of the call. What it sends and gets waits until it is carried. */
export class Caller implements DaveClient {
  readonly userId: string;
  readonly channelId: string = CHANNEL;
  readonly daveVersion: number;
  readonly session: DaveSession;
  /** What is on its way to the client. */
  readonly down: VoiceReceivePayload[] = [];
  /** What is on its way to the room. */
  readonly up: DaveClientMessage[] = [];
  /** All that it got, in short. */
  readonly got: string[] = [];
  /** All that it sent, in short. */
  readonly sent: string[] = [];
  /** Opcodes that it does not send. */
  readonly silent: Set<number> = new Set();
  /** Op 28 that it has sent, in order. */
  readonly commits: Uint8Array[] = [];
  /** Op 26 that it has sent, in order. */
  readonly keyPackages: Uint8Array[] = [];
  gone = false;

  constructor(userId: string, daveVersion: number, crypto: MlsCrypto) {
    this.userId = userId;
    this.daveVersion = daveVersion;
    const options = { userId, channelId: CHANNEL, crypto, aead: pureFrameAead };
    this.session = new DaveSession(options);
  }

  /** Takes a message; what the session says to it is on its way to the room. */
  take(message: VoiceReceivePayload, now: number): void {
    this.got.push(shortOf(message));
    if (this.daveVersion === 0) return;
    this.session.handle(message, now);
    this.drain();
  }

  drain(): void {
    for (let output; (output = this.session.poll()) !== undefined;) {
      if (output.type === "send") this.send(output.message as DaveClientMessage);
    }
  }

  send(message: DaveClientMessage): void {
    if (message.op === 26) this.keyPackages.push(message.d);
    if (message.op === 28) this.commits.push(message.d);
    if (this.silent.has(message.op)) return;
    this.sent.push(shortOf(message));
    this.up.push(message);
  }

  /** What it got since the last time. */
  takeGot(): string[] {
    return this.got.splice(0);
  }

  /** What it sent since the last time. */
  takeSent(): string[] {
    return this.sent.splice(0);
  }
}

/** A room and its callers. */
export class DaveCall {
  readonly crypto: MlsCrypto;
  readonly room: DaveRoom<Caller>;
  readonly callers: Caller[] = [];
  readonly events: string[] = [];
  readonly dropped: string[] = [];
  now = 1000;

  constructor(seed = 1, crypto: MlsCrypto = quickCrypto(seed)) {
    this.crypto = crypto;
    this.room = new DaveRoom<Caller>({
      mls: crypto,
      tell: (client, message) => void client.down.push(copyFrame(message)),
      report: (details, client) => void this.events.push(eventOf(details, client)),
      drop: (client, op, reason) => void this.dropped.push(`${client.userId} ${op} ${reason}`),
    });
  }

  /** A client in the room that has not selected a protocol yet. */
  enter(userId: string, daveVersion = 1): Caller {
    const caller = new Caller(userId, daveVersion, this.crypto);
    const user_ids = this.callers.map((other) => other.userId);
    this.room.join(caller, this.now);
    if (user_ids.length > 0) caller.down.push({ op: 11, d: { user_ids } });
    for (const other of this.callers) other.down.push({ op: 11, d: { user_ids: [userId] } });
    this.callers.push(caller);
    return caller;
  }

  describe(caller: Caller): void {
    const dave_protocol_version = this.room.describe(caller, this.now);
    caller.down.push({ op: 4, d: { dave_protocol_version } } as VoiceReceivePayload);
    this.room.described(caller);
  }

  /** A client that has done its handshake. */
  join(userId: string, daveVersion = 1): Caller {
    const caller = this.enter(userId, daveVersion);
    this.describe(caller);
    return caller;
  }

  /** Clients in one group, at rest, with nothing in their logs. */
  gather(...userIds: string[]): Caller[] {
    const callers = userIds.map((userId) => this.join(userId));
    this.settle();
    this.forget();
    return callers;
  }

  leave(caller: Caller): void {
    caller.gone = true;
    this.callers.splice(this.callers.indexOf(caller), 1);
    for (const { down } of this.callers) down.push({ op: 13, d: { user_id: caller.userId } });
    this.room.leave(caller, this.now);
  }

  /** Gives the room a message as if a client had sent it. */
  feed(caller: Caller, message: DaveClientMessage): void {
    this.room.receive(caller, message, this.now);
  }

  /** Carries all that is under way to a client, and what it says to it only as far as its link. */
  deliver(caller: Caller): void {
    for (let message; (message = caller.down.shift()) !== undefined;) {
      caller.take(message, this.now);
    }
  }

  /** Carries one message. @returns Whether there was one. */
  carry(caller: Caller, upwards: boolean): boolean {
    const message = upwards ? caller.up.shift() : caller.down.shift();
    if (message === undefined) return false;
    if (upwards) this.feed(caller, message as DaveClientMessage);
    else caller.take(message as VoiceReceivePayload, this.now);
    return true;
  }

  /** Carries all until nothing is under way. */
  settle(): void {
    for (let busy = true, rounds = 0; busy; rounds++) {
      assert(rounds < 1000, "the call does not come to rest");
      busy = false;
      for (const caller of [...this.callers]) {
        while (this.carry(caller, false)) busy = true;
        while (this.carry(caller, true)) busy = true;
      }
    }
  }

  /** Lets time pass, and carries what it brings. */
  run(duration: number): void {
    const end = this.now + duration;
    this.settle();
    for (let at; (at = this.#next()) <= end;) {
      this.now = Math.max(this.now, at);
      this.wake();
      this.settle();
    }
    this.now = end;
  }

  /** Does what is due at this moment. */
  wake(): void {
    if ((this.room.next() ?? Infinity) <= this.now) this.room.expire(this.now);
    for (const caller of this.callers) {
      if ((caller.session.pollTimeout() ?? Infinity) > this.now) continue;
      caller.session.expire(this.now);
      caller.drain();
    }
  }

  /** Empties all logs. */
  forget(): void {
    this.events.length = 0;
    this.dropped.length = 0;
    for (const caller of this.callers) {
      caller.takeGot();
      caller.takeSent();
      caller.commits.length = 0;
      caller.keyPackages.length = 0;
    }
  }

  takeEvents(): string[] {
    return this.events.splice(0);
  }

  takeDropped(): string[] {
    return this.dropped.splice(0);
  }

  /** All callers are in one group, and can say so to each other; or the call has version 0. */
  assertTogether(): void {
    const { version } = this.room;
    const speaking = this.callers.filter(({ daveVersion }) => daveVersion > 0);
    assertEquals(version, speaking.length === this.callers.length ? 1 : 0);
    for (const { session } of speaking) assertEquals(session.protocolVersion, version);
    if (version === 0 || speaking.length < 2) return;
    const [{ session: first }] = speaking;
    assert(first.privacyCode !== undefined);
    const userIds = speaking.map(({ userId }) => userId).sort();
    for (const { session, userId } of speaking) {
      assertEquals([userId, session.state], [userId, "established"]);
      assertEquals([session.epoch, session.privacyCode], [this.room.epoch, first.privacyCode]);
      assertEquals(session.identities.map((identity) => identity.userId).sort(), userIds);
    }
    for (const from of speaking) for (const to of speaking) if (from !== to) this.#hear(from, to);
  }

  #hear(from: Caller, to: Caller): void {
    const frame = Uint8Array.of(1, 2, 3, 4);
    const sealed = new Uint8Array(64);
    const size = from.session.seal(frame, sealed);
    assert(size > frame.length, `${from.userId} cannot speak: ${from.session.sealFault}`);
    const opened = new Uint8Array(size);
    const read = to.session.open(from.userId, sealed.subarray(0, size), opened, this.now);
    assertEquals(opened.subarray(0, Math.max(0, read)), frame);
  }

  #next(): number {
    const timeouts = this.callers.map(({ session }) => session.pollTimeout() ?? Infinity);
    return Math.min(this.room.next() ?? Infinity, ...timeouts);
  }
}

/** What is told is borrowed until the call returns. */
function copyFrame(message: DaveServerMessage): DaveServerMessage {
  const { d } = message;
  return d instanceof Uint8Array ? { ...message, d: d.slice() } as DaveServerMessage : message;
}

/** A message in short: its opcode, and what tells it from others. */
function shortOf({ op, d }: VoiceReceivePayload | DaveClientMessage): string {
  switch (op) {
    case 4:
      return `4:${d.dave_protocol_version}`;
    case 21:
      return `21:${d.transition_id} v${d.protocol_version}`;
    case 22:
    case 23:
    case 31:
      return `${op}:${(d as { transition_id: number }).transition_id}`;
    case 24:
      return `24:${d.epoch}`;
    case 27:
      return d[0] === 0 ? "27:append" : "27:revoke";
    case 29:
    case 30:
      return `${op}:${d[0] << 8 | d[1]}`;
  }
  return String(op);
}

function eventOf(details: ServerEventDetails, client: Caller | undefined): string {
  const { type, ...fields } = details;
  return [type, client?.userId ?? "", ...Object.values(fields)].join(" ");
}
