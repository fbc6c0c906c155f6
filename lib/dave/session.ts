/**
 * End-to-end encryption of one call (DAVE), without input and output and without waiting:
 * messages of the voice gateway go in, messages and events come out, frames are sealed and
 * opened in between.
 *
 * @example One call
 * ```ts ignore
 * const dave = new DaveSession({ userId, channelId, crypto: nobleMlsCrypto(random) });
 * dave.handle(message, now);
 * for (let output = dave.poll(); output; output = dave.poll()) perform(output);
 * const size = dave.seal(opusFrame, into);
 * ```
 *
 * @module
 */

import {
  DAVE_VERSION,
  type DaveEvent,
  type DaveOutput,
  type DaveRecoveryReason,
  type EndToEnd,
} from "../end_to_end.ts";
import { LocalProtocolError } from "../errors.ts";
import { VoiceOpcodes } from "../opcodes.ts";
import { PARTICIPANT_LIMIT } from "../participants.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../payloads.ts";
import { Queue } from "../queue.ts";
import type { Secret } from "../secret.ts";
import { type UserIdentity, voicePrivacyCode } from "./codes.ts";
import {
  BASE_SECRET_SIZE,
  type FrameCodec,
  type FrameFault,
  type FrameForm,
  type FrameMedia,
  type FrameSealerOptions,
  RATCHET_OVERLAP,
  type SealFault,
} from "./frames/mod.ts";
import type { DaveIgnoreReason } from "./io.ts";
import { encodeInteger, takeInteger } from "./frames/opener_state.ts";
import { MediaKeys } from "./media_keys.ts";
import { concat, copy, erase } from "./mls/bytes.ts";
import { type Reader, u8, vector } from "./mls/codec.ts";
import { type MlsCrypto, MlsError, type MlsErrorCode, MlsMember } from "./mls/mod.ts";
import { type PendingTransition, PendingTransitions } from "./pending.ts";
import { RecoveryGuard } from "./recovery_guard.ts";
import {
  encodePending,
  encodeSecret,
  encodeState,
  encodeUser,
  SESSION,
  takePending,
  takeSecret,
  takeState,
  takeUser,
} from "./session_state.ts";
import { makeSnapshot, readSnapshot } from "./snapshot.ts";
import { type DaveSignal, type DaveState, daveTransition } from "./transitions.ts";
import { decodeId, encodeId } from "./user_id.ts";
import { judgeCommit, judgeWelcome } from "./verdict.ts";

/** Frames in a row that may be undecryptable before the group is joined anew. */
export const DECRYPTION_FAILURE_TOLERANCE = 24;
/** Milliseconds for which we wait to be added before we ask again; doubles each time. */
export const STALL_PATIENCE = 10_000;
/** The same after a Resume, where what was asked for may have been lost. */
export const RESUME_PATIENCE = 2000;
/** The longest such wait. */
export const STALL_PATIENCE_LIMIT: number = 32 * STALL_PATIENCE;
/** Most messages that are held until the call is described. */
export const HELD_LIMIT = 64;
/** Most bytes of them together. */
export const HELD_SIZE_LIMIT: number = 2 ** 20;

/** Who one is, in which call, and with what to compute. */
export interface DaveSessionOptions extends FrameSealerOptions {
  /** The own user id. */
  readonly userId: string;
  /** Id of the channel; of a stream, id of its server. */
  readonly channelId: string;
  /** The primitives of MLS. */
  readonly crypto: MlsCrypto;
  /** A private key for signatures that outlives this call; a new one unless told. */
  readonly signaturePrivateKey?: Uint8Array | undefined;
  /** Undecryptable frames in a row beyond which the group is joined anew; 24 unless told. */
  readonly decryptionFailureTolerance?: number;
}

const MEDIA_LABEL = "Discord Secure Frames v0";
const TRANSITION_ID_SIZE = 2;
const STATE_VERSION = 1;

/** What was counted in one call. */
export interface DaveCounters {
  /** Messages that had no effect, by reason. */
  readonly ignored: Readonly<Partial<Record<DaveIgnoreReason, number>>>;
  /** How often the group was given up and joined anew. */
  readonly recoveries: number;
}

/** A message that only a group can take. */
type GroupMessage = Extract<VoiceReceivePayload, { readonly op: 27 | 29 | 30 }>;

/** End-to-end encryption of one call. */
export class DaveSession implements EndToEnd {
  readonly #userId: string;
  readonly #channelId: string;
  readonly #tolerance: number;
  #member: MlsMember;
  #keys: MediaKeys;
  readonly #pending = new PendingTransitions();
  readonly #recovery = new RecoveryGuard();
  readonly #recognized = new Set<string>();
  readonly #outputs = new Queue<DaveOutput>();
  readonly #ignored: Partial<Record<DaveIgnoreReason, number>> = {};
  #held: GroupMessage[] = [];
  #state: DaveState = "idle";
  #version = 0;
  /** Version that the group was made for. */
  #groupVersion = 0;
  #lastTransitionId = 0;
  /** Until when a transition that waits excuses frames that cannot be opened. */
  #unsettledUntil = -Infinity;
  #failures = 0;
  #recoveries = 0;
  #keyCount = 0;
  /** When we ask again to be added, while others are there and we are not. */
  #stalledAt: number | undefined;
  #patience = STALL_PATIENCE;
  #now = -Infinity;
  #privacyCode: string | undefined;

  /**
   * Starts outside of any group.
   *
   * @param options Who one is, in which call, and with what to compute.
   * @throws {RangeError} An id is no snowflake, the private key is none, or the tolerance is no
   * unsigned integer.
   */
  constructor(options: DaveSessionOptions) {
    const { userId, channelId, crypto, signaturePrivateKey } = options;
    const tolerance = options.decryptionFailureTolerance ?? DECRYPTION_FAILURE_TOLERANCE;
    demandTolerance(tolerance);
    const [identity, groupId] = [encodeId(userId), encodeId(channelId)];
    this.#userId = userId;
    this.#channelId = channelId;
    this.#tolerance = tolerance;
    this.#member = new MlsMember({ crypto, groupId, identity, signaturePrivateKey });
    this.#keys = new MediaKeys(options);
  }

  /**
   * Goes on as a session that gave its state away, in another process for example.
   *
   * @param state What `exportState` returned; not changed. It must not be restored a second time.
   * @param options As of the session that it is from.
   * @param now Monotonic milliseconds, of whatever clock there is now. The time since the export
   * counts for nothing.
   * @returns The session, at the point where the other one stood.
   * @throws {RangeError} It is no state, not whole, or of another version; or as the constructor.
   */
  static restore(
    state: Secret<Uint8Array>,
    options: DaveSessionOptions,
    now: number,
  ): DaveSession {
    const session = new DaveSession(options);
    readSnapshot(SESSION, STATE_VERSION, state, (reader) => session.#take(reader, options, now));
    session.expire(now);
    return session;
  }

  /** The own user id. */
  get userId(): string {
    return this.#userId;
  }

  /** The last transition that was announced; 0 before the first. */
  get lastTransitionId(): number {
    return this.#lastTransitionId;
  }

  /** The state; see the table. */
  get state(): DaveState {
    return this.#state;
  }

  /** Version of the call; 0 is no encryption. */
  get protocolVersion(): number {
    return this.#version;
  }

  /** Number of the epoch; `undefined` where we are not in the call's group. */
  get epoch(): bigint | undefined {
    return this.#state === "established" ? this.#member.epoch : undefined;
  }

  /** The code that all members of the epoch share: 30 digits. */
  get privacyCode(): string | undefined {
    return this.#privacyCode;
  }

  /** The members of the call's group, with what pairwise codes are made of. */
  get identities(): UserIdentity[] {
    if (this.#state !== "established") return [];
    return this.#member.roster.flatMap(({ identity, signatureKey: publicKey }) => {
      const userId = decodeId(identity);
      return userId === undefined ? [] : [{ userId, publicKey }];
    });
  }

  /** Transitions that wait for their execution. */
  get pendingTransitions(): number {
    return this.#pending.size;
  }

  /** Whether frames can be sent: sealed, or as they are where the call has no encryption. */
  get ready(): boolean {
    return this.#keys.ready(this.#alone);
  }

  /** What was counted. */
  get counters(): DaveCounters {
    return { ignored: { ...this.#ignored }, recoveries: this.#recoveries };
  }

  /** How often keys of others were learned: what could not be opened before, perhaps can be. */
  get keyCount(): number {
    return this.#keyCount;
  }

  /** Why the last `seal` returned -1. */
  get sealFault(): SealFault {
    return this.#keys.sealFault;
  }

  /** Why the last `open` returned -1. */
  get openFault(): FrameFault {
    return this.#keys.fault;
  }

  /** What the last frame was that `open` accepted. */
  get openForm(): FrameForm {
    return this.#keys.form;
  }

  /** Users who may be added to the group: those in the call, and oneself. */
  recognized(userId: string): boolean {
    return userId === this.#userId || this.#recognized.has(userId);
  }

  /** A user is in the call (op 11). The oldest of too many is forgotten. */
  addUser(userId: string): void {
    if (this.recognized(userId)) return;
    if (this.#recognized.size === PARTICIPANT_LIMIT) {
      this.#recognized.delete(this.#recognized.keys().next().value!);
    }
    this.#recognized.add(userId);
  }

  /**
   * A user has left the call (op 13); its last frames may still be under way.
   *
   * @param userId Who.
   * @param now Monotonic milliseconds.
   */
  removeUser(userId: string, now: number): void {
    this.#recognized.delete(userId);
    this.#keys.retireUser(userId, now);
  }

  /**
   * Takes a message of the voice gateway. Those that are not about encryption do nothing.
   *
   * @param message Its opcode and its payload, as it was read; not kept.
   * @param now Monotonic milliseconds.
   */
  handle(message: VoiceReceivePayload, now: number): void {
    if (this.#state === "closed") return;
    this.#receive(message, now);
    this.expire(now);
  }

  /** When `expire` has something to do, in monotonic milliseconds; `undefined`: never. */
  pollTimeout(): number | undefined {
    const { dueAt } = this.#keys;
    const times = [dueAt, this.#recovery.next(this.#now), this.#stalledAt];
    const next = Math.min(...times.map((time) => time ?? Infinity));
    return next === Infinity ? undefined : next;
  }

  /** The next output, or `undefined` where all is done. */
  poll(): DaveOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Erases what is not good any more, starts a recovery that had to wait, and asks again to be
   * added where nobody has done it. `handle` does it too; this is for a call in which nothing is
   * received: `pollTimeout` says when.
   *
   * @param now Monotonic milliseconds.
   */
  expire(now: number): void {
    this.#now = Math.max(this.#now, now);
    this.#keys.expire(this.#now);
    this.#expectGroup();
    this.#recover(this.#now);
  }

  /**
   * Seals a frame of ours. Whoever is alone in the call seals what nobody can open; where others
   * are there, nothing is sealed before they can.
   *
   * @param frame The frame. Not changed.
   * @param into Receives the sealed frame: `sealedSizeLimit` bytes, in other memory.
   * @param codec The codec of the frame, Opus unless told.
   * @returns Bytes of the sealed frame, or -1 where it must not be sent (see `sealFault`).
   * @throws {RangeError} `into` is too small.
   */
  seal(frame: Uint8Array, into: Uint8Array, codec?: FrameCodec): number {
    return this.#keys.sealFrame(frame, into, codec, this.#alone);
  }

  /**
   * Opens a frame of another user.
   *
   * @param userId Whose frame.
   * @param frame What was received, without transport encryption, header extension and padding.
   * @param into Receives the plaintext; as large as the frame, in other memory.
   * @param now Monotonic milliseconds.
   * @param media The kind of media, audio unless told.
   * @returns Bytes of plaintext, or -1 where the frame is to be dropped (see `openFault`).
   * @throws {RangeError} `into` is smaller than the plaintext.
   */
  open(
    userId: string,
    frame: Uint8Array,
    into: Uint8Array,
    now: number,
    media?: FrameMedia,
  ): number {
    const size = this.#keys.openFrame(userId, frame, into, now, media);
    this.#now = Math.max(this.#now, now);
    if (size < 0) this.#countFailure(userId);
    else if (this.#keys.form === "sealed") this.#failures = 0;
    return size;
  }

  /**
   * Gives all that the session is away, its keys too, for another one to go on with: the group,
   * transitions that wait, keys of old epochs, nonces that came. This one is closed.
   *
   * @param now Monotonic milliseconds.
   * @param reserve Nonces that count as spent; 10,000 unless told.
   * @returns Bytes for `restore`.
   * @throws {LocalProtocolError} The session is closed, or outputs wait.
   */
  exportState(now: number, reserve?: number): Secret<Uint8Array> {
    if (this.#state === "closed") throw new LocalProtocolError("Cannot export: it is closed");
    if (this.#outputs.size > 0) throw new LocalProtocolError("Cannot export: outputs wait");
    const parts = [
      encodeId(this.#userId),
      encodeId(this.#channelId),
      encodeState(this.#state),
      ...[this.#version, this.#groupVersion, this.#lastTransitionId].map(encodeInteger),
      vector(...[...this.#recognized].flatMap(encodeUser)),
      vector(...Array.from(this.#pending.all(), (entry) => encodePending(...entry))),
      vector(...this.#held.map(({ op, d }) => concat(u8(op), vector(d)))),
      ...this.#keys.encode(now, reserve),
      encodeSecret(this.#member.exportState()),
    ];
    const state = makeSnapshot(STATE_VERSION, parts);
    erase(...parts);
    this.close();
    this.#outputs.clear();
    return state;
  }

  /** Leaves the call and erases all keys. Nothing can be sealed or opened any more. */
  close(): void {
    if (!this.#go("close")) return;
    this.#held = [];
    this.#recognized.clear();
    this.#recovery.settle();
    this.#stalledAt = undefined;
    this.#pending.clear();
    this.#member.close();
    this.#keys.sendPlain(false);
    this.#keys.acceptPlain(false, -Infinity);
    this.#keys.erase();
    this.#tellPrivacyCode(undefined);
  }

  #take(reader: Reader, options: DaveSessionOptions, now: number): void {
    if (takeUser(reader) !== this.#userId || takeUser(reader) !== this.#channelId) {
      throw new RangeError(`Cannot restore ${SESSION}: it is of another user or channel`);
    }
    this.#state = takeState(reader);
    [this.#version, this.#groupVersion, this.#lastTransitionId] = [0, 0, 0].map(() =>
      takeInteger(reader)
    );
    for (const userId of reader.list(takeUser)) this.addUser(userId);
    for (const entry of reader.list(takePending)) this.#pending.prepare(...entry);
    this.#unsettledUntil = now + RATCHET_OVERLAP;
    this.#held = reader.list((item) => ({ op: item.u8(), d: copy(item.vector()) } as GroupMessage));
    this.#keys = MediaKeys.take(reader, options, now);
    this.#member.close();
    this.#member = MlsMember.restore(takeSecret(reader), options.crypto);
    if (this.#state === "established") {
      this.#privacyCode = voicePrivacyCode(this.#member.epochAuthenticator!);
    }
  }

  /** What arrives may make a recovery needless that had to wait, so it goes first. */
  #receive(message: VoiceReceivePayload, now: number): void {
    switch (message.op) {
      case VoiceOpcodes.ClientsConnect:
        return message.d.user_ids.slice(-PARTICIPANT_LIMIT).forEach((id) => this.addUser(id));
      case VoiceOpcodes.ClientDisconnect:
        return this.removeUser(message.d.user_id, now);
      case VoiceOpcodes.SessionDescription:
        return this.#handleDescription(versionOf(message.d.dave_protocol_version ?? 0), now);
      case VoiceOpcodes.Resumed:
        return this.#handleResumed(now);
      case VoiceOpcodes.DavePrepareTransition:
        return this.#handlePrepare(
          message.d.transition_id,
          versionOf(message.d.protocol_version),
          now,
        );
      case VoiceOpcodes.DaveExecuteTransition:
        return this.#handleExecute(message.d.transition_id, now);
      case VoiceOpcodes.DavePrepareEpoch:
        return this.#handleEpoch(message.d.epoch, message.d.protocol_version, now);
      case VoiceOpcodes.DaveMlsExternalSender:
        return this.#handleExternalSender(message.d);
      case VoiceOpcodes.DaveMlsProposals:
      case VoiceOpcodes.DaveMlsAnnounceCommitTransition:
      case VoiceOpcodes.DaveMlsWelcome:
        return this.#state === "idle" ? this.#hold(message) : this.#handleGroup(message, now);
    }
  }

  #handleDescription(version: number, now: number): void {
    if (version === 0) {
      this.#held = [];
      return this.#disable(now);
    }
    this.#version = version;
    this.#keys.sendPlain(false);
    this.#keys.acceptPlain(false, now, 0);
    this.#initialise(version, now);
  }

  /**
   * What was missed comes again now; frames of it have come before. What we have asked for while
   * nobody heard it may have to be asked again.
   */
  #handleResumed(now: number): void {
    this.#failures = 0;
    this.#unsettledUntil = now + RATCHET_OVERLAP;
    this.#recovery.withdraw("undecryptable");
    if (this.#stalledAt !== undefined) {
      this.#stalledAt = Math.min(this.#stalledAt, now + RESUME_PATIENCE);
    }
  }

  #handleEpoch(epoch: number, version: number, now: number): void {
    if (version === 0 || epoch < 1) {
      return this.#ignore(VoiceOpcodes.DavePrepareEpoch, "bad-epoch");
    }
    if (epoch === 1) return this.#initialise(version, now);
    this.#groupVersion = version;
  }

  /** Others may switch before us: their plaintext is let through from now on. */
  #handlePrepare(id: number, version: number, now: number): void {
    this.#lastTransitionId = id;
    if (version === 0) this.#keys.acceptPlain(true, now);
    this.#prepare(id, { version, epoch: undefined, secret: undefined }, now);
  }

  #handleExecute(id: number, now: number): void {
    const transition = this.#pending.take(id);
    if (transition === undefined) {
      return this.#ignore(VoiceOpcodes.DaveExecuteTransition, "unknown-transition");
    }
    this.#execute(id, transition, now);
  }

  #handleGroup(message: GroupMessage, now: number): void {
    switch (message.op) {
      case VoiceOpcodes.DaveMlsProposals:
        return this.#handleProposals(message.d);
      case VoiceOpcodes.DaveMlsAnnounceCommitTransition:
        return this.#handleCommit(message.d, now);
      case VoiceOpcodes.DaveMlsWelcome:
        return this.#handleWelcome(message.d, now);
    }
  }

  #handleExternalSender(body: Uint8Array): void {
    const code = mlsFaultOf(() => {
      if (this.#member.setExternalSender(body)) this.#found();
    });
    if (code !== undefined) this.#ignore(VoiceOpcodes.DaveMlsExternalSender, code);
  }

  #handleProposals(body: Uint8Array): void {
    if (!this.#allows("proposals")) {
      return this.#ignore(VoiceOpcodes.DaveMlsProposals, "wrong-state");
    }
    const code = mlsFaultOf(() => {
      this.#member.processProposals(body, (identity) => this.#recognizes(identity));
      this.#go("proposals");
      this.#commit();
    });
    if (code !== undefined) this.#ignore(VoiceOpcodes.DaveMlsProposals, code);
  }

  #handleCommit(body: Uint8Array, now: number): void {
    const op = VoiceOpcodes.DaveMlsAnnounceCommitTransition;
    if (!this.#allows("commit")) return this.#ignore(op, "wrong-state");
    if (body.length < TRANSITION_ID_SIZE) return this.#ignore(op, "malformed");
    const id = readTransitionId(body);
    const sawProposals = this.#member.pendingProposals > 0;
    const code = mlsFaultOf(() => {
      const outcome = this.#member.processCommit(body.subarray(TRANSITION_ID_SIZE));
      if (outcome === "removed") this.#leave(now);
      else this.#enter("commit", id, now);
    });
    if (code === undefined) return;
    this.#ignore(op, code);
    if (judgeCommit(code, sawProposals) === "failed") this.#miss("commit", id, now);
  }

  #handleWelcome(body: Uint8Array, now: number): void {
    const op = VoiceOpcodes.DaveMlsWelcome;
    if (!this.#allows("welcome")) return this.#ignore(op, "wrong-state");
    if (body.length < TRANSITION_ID_SIZE) return this.#ignore(op, "malformed");
    const id = readTransitionId(body);
    const code = mlsFaultOf(() => {
      this.#member.joinFromWelcome(body.subarray(TRANSITION_ID_SIZE));
      this.#enter("welcome", id, now);
    });
    if (code === undefined) return;
    this.#ignore(op, code);
    if (judgeWelcome(code) === "failed") this.#miss("welcome", id, now);
  }

  /** Every member commits; the gateway takes one and says whose (op 29). */
  #commit(): void {
    const made = this.#member.commit();
    if (made === undefined) return;
    const { commit, welcome = new Uint8Array(0) } = made;
    const d = new Uint8Array(commit.length + welcome.length);
    d.set(commit);
    d.set(welcome, commit.length);
    this.#send({ op: VoiceOpcodes.DaveMlsCommitWelcome, d });
  }

  /** A new group is to be made: whatever was prepared belongs to the old one. */
  #initialise(version: number, now: number): void {
    if (!this.#go("initialise")) return;
    this.#groupVersion = version;
    this.#pending.clear();
    this.#recovery.settle();
    this.#startOver(now);
    const held = this.#held;
    this.#held = [];
    for (const message of held) this.#handleGroup(message, now);
  }

  /** The call has no encryption from now on. */
  #disable(now: number): void {
    if (!this.#go("disable")) return;
    this.#version = 0;
    this.#pending.clear();
    this.#recovery.settle();
    this.#giveUp(now);
    this.#keys.stopSealing();
    this.#member.reset();
    this.#keys.sendPlain(true);
    this.#keys.acceptPlain(true, now);
  }

  #leave(now: number): void {
    this.#go("removal");
    this.#pending.dropEpochs(this.#keys.sendsPlain);
    this.#giveUp(now);
    this.#keys.stopSealing();
  }

  /** The member is in a new epoch: others are heard in it, and we can be ready for it. */
  #enter(signal: "commit" | "welcome", id: number, now: number): void {
    this.#go(signal);
    this.#recovery.settle();
    this.#failures = 0;
    this.#lastTransitionId = id;
    const others = this.identities.flatMap(({ userId }) => userId === this.#userId ? [] : userId);
    const [own, ...secrets] = this.#secretsOf([this.#userId, ...others]);
    this.#keys.learn(others.map((userId, index) => [userId, secrets[index]] as const), now);
    this.#keyCount++;
    this.#patience = STALL_PATIENCE;
    this.#unsettledUntil = now + RATCHET_OVERLAP;
    this.#tellPrivacyCode(voicePrivacyCode(this.#member.epochAuthenticator!));
    const { epoch } = this.#member;
    this.#prepare(id, { version: this.#groupVersion, epoch, secret: own }, now);
  }

  #prepare(id: number, transition: PendingTransition, now: number): void {
    if (id === 0) return this.#execute(id, transition, now);
    this.#pending.prepare(id, transition);
    this.#unsettledUntil = now + RATCHET_OVERLAP;
    this.#send({ op: VoiceOpcodes.DaveTransitionReady, d: { transition_id: id } });
  }

  #execute(id: number, { version, epoch, secret }: PendingTransition, now: number): void {
    if (version === 0) {
      secret?.fill(0);
      this.#disable(now);
    } else {
      if (epoch !== undefined && secret !== undefined) this.#keys.seal(epoch, secret);
      this.#version = version;
      this.#keys.sendPlain(false);
      this.#keys.acceptPlain(false, now);
    }
    const number = epoch === undefined ? undefined : Number(epoch);
    const event = { transitionId: id, epoch: number, protocolVersion: version };
    this.#tell({ type: "daveEpochTransition", ...event });
  }

  /** Who seals by no key of ours is not in our group; that is not to be mended by leaving it. */
  #countFailure(userId: string): void {
    // In an epoch that we have missed nonces begin anew: to us they came before.
    const counts = !["unencrypted", "no-key"].includes(this.#keys.fault) && this.recognized(userId);
    if (!counts || this.#state !== "established" || this.#now <= this.#unsettledUntil) return;
    this.#failures++;
    if (this.#failures <= this.#tolerance) return;
    this.#failures = 0;
    this.#recovery.request({ reason: "undecryptable", transitionId: this.#lastTransitionId });
  }

  /** Others go on without us; they send no plaintext any more, and neither must we. */
  #miss(reason: DaveRecoveryReason, transitionId: number, now: number): void {
    if (this.#keys.sendsPlain) {
      const missed = { version: this.#groupVersion, epoch: undefined, secret: undefined };
      if (transitionId === 0) this.#keys.sendPlain(false);
      else this.#pending.prepare(transitionId, missed);
    }
    this.#recovery.request({ reason, transitionId });
    this.#recover(now);
  }

  #recover(now: number): void {
    const request = this.#recovery.start(now);
    if (request === undefined || !this.#go("failure")) return;
    const { transitionId } = request;
    const d = { transition_id: transitionId };
    this.#send({ op: VoiceOpcodes.DaveMlsInvalidCommitWelcome, d });
    this.#tell({ type: "daveRecovery", ...request });
    this.#recoveries++;
    this.#pending.dropEpochs(this.#keys.sendsPlain);
    this.#startOver(now);
  }

  /** Asks to be added, with new keys. */
  #startOver(now: number): void {
    this.#giveUp(now);
    this.#member.reset();
    const d = this.#member.createKeyPackage();
    this.#send({ op: VoiceOpcodes.DaveMlsKeyPackage, d });
    if (this.#member.epoch !== undefined) this.#found();
  }

  /** There is a group of our own, in which to commit. */
  #found(): void {
    this.#go("externalSender");
    if (this.#state === "founded") this.#keys.found(this.#secretsOf([this.#userId])[0]);
  }

  #giveUp(now: number): void {
    this.#failures = 0;
    if (this.#alone) this.#keys.stopSealing();
    else this.#keys.retireSealer(now);
    this.#keys.retire(now);
    this.#tellPrivacyCode(undefined);
  }

  get #alone(): boolean {
    return this.#recognized.size === 0;
  }

  #secretsOf(userIds: readonly string[]): Uint8Array[] {
    const contexts = userIds.map((userId) => encodeId(userId, true));
    return this.#member.exportSecrets(MEDIA_LABEL, contexts, BASE_SECRET_SIZE);
  }

  /** Others are there, and we are not in their group: it must not stay so. */
  #expectGroup(): void {
    const outside = daveTransition(this.#state, "failure") === "waiting" &&
      this.#state !== "established";
    if (!outside || this.#alone) this.#stalledAt = undefined;
    else if (this.#stalledAt === undefined) this.#stalledAt = this.#now + this.#patience;
    else if (this.#now >= this.#stalledAt) {
      this.#stalledAt = undefined;
      this.#patience = Math.min(2 * this.#patience, STALL_PATIENCE_LIMIT);
      this.#recovery.request({ reason: "stalled", transitionId: this.#lastTransitionId });
      this.#expectGroup();
    }
  }

  /** The bytes are only borrowed. */
  #hold(message: GroupMessage): void {
    const size = this.#held.reduce((sum, { d }) => sum + d.length, message.d.length);
    if (this.#held.length === HELD_LIMIT || size > HELD_SIZE_LIMIT) {
      return this.#ignore(message.op, "queue-full");
    }
    this.#held.push({ ...message, d: Uint8Array.from(message.d) });
  }

  #recognizes(identity: Uint8Array): boolean {
    const userId = decodeId(identity);
    return userId !== undefined && this.recognized(userId);
  }

  #allows(signal: DaveSignal): boolean {
    return daveTransition(this.#state, signal) !== undefined;
  }

  #go(signal: DaveSignal): boolean {
    const next = daveTransition(this.#state, signal);
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }

  #tellPrivacyCode(code: string | undefined): void {
    if (code === this.#privacyCode) return;
    this.#privacyCode = code;
    this.#tell({ type: "davePrivacyCode", code });
  }

  #ignore(op: number, reason: DaveIgnoreReason): void {
    this.#ignored[reason] = (this.#ignored[reason] ?? 0) + 1;
    this.#tell({ type: "daveIgnored", op, reason });
  }

  #tell(event: DaveEvent): void {
    this.#outputs.push({ type: "event", event });
  }

  #send(message: VoiceSendPayload): void {
    this.#outputs.push({ type: "send", message });
  }
}

/** @throws {RangeError} The tolerance is no unsigned integer. */
export function demandTolerance(tolerance: number): void {
  if (Number.isSafeInteger(tolerance) && tolerance >= 0) return;
  throw new RangeError(
    `Cannot tolerate ${tolerance} undecryptable frames: want an unsigned integer`,
  );
}

/** The version of a call: of more than one we do not know. */
function versionOf(told: number): number {
  return told > 0 ? DAVE_VERSION : 0;
}

function readTransitionId(body: Uint8Array): number {
  return body[0] << 8 | body[1];
}

/** Why what was received cannot be used; `undefined` where it can. */
function mlsFaultOf(use: () => void): MlsErrorCode | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    if (error instanceof MlsError) return error.code;
    throw error;
  }
}
