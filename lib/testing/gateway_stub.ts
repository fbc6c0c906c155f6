/**
 * A stand-in for Discord's main gateway (version 10), without I/O: as much of it as a
 * bot needs to get into a voice channel. It is driven like the `VoiceServer`, and tells
 * that one by its `voice` outputs which tokens are good.
 *
 * Every user is a member of every guild. A user's voice state belongs to the session
 * that sent op 4; VOICE_SERVER_UPDATE goes to that session, VOICE_STATE_UPDATE to all.
 * Op 4 for the channel in which the session already is brings VOICE_STATE_UPDATE only,
 * as Discord often does. Whoever is moved, disconnected, or leaves is closed by the
 * voice server with 4014. Payloads of more than 4096 characters and more than 120
 * messages a minute close with 4002 and 4008, as Discord documents. The stub does not
 * watch over heartbeats. Op 4 for a channel that is full brings nothing at all; a moderator
 * may move users into it.
 *
 * @module
 */

import { LocalProtocolError } from "../errors.ts";
import type { VoiceServerUpdate, VoiceStatePayload } from "../gateway.ts";
import { encodeMessage } from "../messages.ts";
import { Queue } from "../queue.ts";
import { Secret } from "../secret.ts";
import { ClientFault, decodeClientMessage } from "./client_messages.ts";
import { dispatchSpoiler, FaultInjector } from "./fault_injector.ts";
import { demandCloseCode, demandInteger, putsNullFirst } from "./faults.ts";
import type {
  GatewayDispatch,
  GatewayInput,
  GatewayOutput,
  GatewayStubOptions,
  InterruptInput,
} from "./gateway_io.ts";
import {
  GatewayOpcodes,
  readGatewayIdentify,
  readGatewayResume,
  readVoiceStateUpdate,
  userIdOf,
} from "./gateway_messages.ts";
import { GatewayOutage } from "./gateway_outage.ts";
import { GatewaySession } from "./gateway_session.ts";
import { MessageRate } from "./message_rate.ts";
import { randomHex, randomSnowflake } from "./random_hex.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import { type VoiceState, VoiceStates } from "./voice_states.ts";

/** Most sessions, and most WebSockets, of the main gateway at a time. */
export const GATEWAY_SESSION_LIMIT = 1024;

/** Most users in voice channels, of all guilds together; op 4 of further ones brings nothing. */
export const VOICE_STATE_LIMIT = 4096;

const HEARTBEAT_INTERVAL = 41_250;
const RESUME_WINDOW = 60_000;
const PAYLOAD_LIMIT = 4096;
const MESSAGE_RATE = [120, 60_000] as const;

interface Socket {
  readonly id: number;
  readonly rate: MessageRate;
  session: GatewaySession | undefined;
}

/** The gateway stub. */
export class GatewayStub {
  readonly #options: GatewayStubOptions;
  readonly #outputs = new Queue<GatewayOutput>();
  readonly #sockets = new Map<number, Socket>();
  readonly #sessions = new Set<GatewaySession>();
  readonly #attached = new Map<string, GatewaySession>();
  readonly #outages = new Map<string, GatewayOutage>();
  readonly #states = new VoiceStates();
  readonly #faults = new FaultInjector((...event) => this.#event(...event));
  #now = 0;

  /**
   * Starts a stub without clients.
   *
   * @param options Randomness, the announced endpoints, faults.
   * @throws {RangeError} A fault is none.
   */
  constructor(options: GatewayStubOptions) {
    this.#options = options;
    this.#faults.setRules(options.faults ?? []);
  }

  /**
   * Whether an attached user's gateway library can send nothing at the moment, and says so. One
   * that is not attached can never.
   *
   * @param userId User id.
   */
  refuses(userId: string): boolean {
    return !this.#attached.has(userId) || this.#outages.get(userId)?.refuses === true;
  }

  /**
   * Takes an input. May add outputs and change the next timeout.
   *
   * @param input What happened, or what is wanted.
   * @param now Monotonic milliseconds; a clock that steps back is held.
   * @throws {LocalProtocolError} A command is not legal now; nothing has changed.
   * @throws {RangeError} A number, a close code or a fault is none; nothing has changed.
   */
  handleInput(input: GatewayInput, now: number): void {
    this.#now = Math.max(this.#now, now);
    switch (input.type) {
      case "websocketOpen":
        return this.#handleOpen(input.id);
      case "websocketMessage":
        return this.#handleMessage(input.id, input.data);
      case "websocketClose":
        return this.#handleClose(input.id, input.code);
      case "timeout":
        return this.#handleTimeout();
      case "attach":
        return this.#attach(input.userId);
      case "detach":
        return this.#detach(input.userId);
      case "voiceState":
        return this.#handleOp4(this.#attachedSession(input.userId), input.data);
      case "moveUser": {
        const state = this.#states.demand(input.guildId, input.userId);
        return this.#enter({ ...state, channelId: input.channelId });
      }
      case "disconnectUser":
        return this.#leave(this.#states.demand(input.guildId, input.userId));
      case "reallocate":
        return this.#reallocate(input.guildId);
      case "setUserLimit":
        return this.#states.setLimit(input);
      case "interrupt":
        return this.#interrupt(input);
      case "closeShard":
        return this.#closeShard(input.userId, input.code);
      case "setFaults":
        return this.#faults.setRules(input.faults);
    }
  }

  /**
   * Takes the next thing to do.
   *
   * @returns The output, or `undefined` where all is done.
   */
  pollOutput(): GatewayOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * When the stub wants to be woken.
   *
   * @returns Monotonic milliseconds, or `undefined` where no timer is armed.
   */
  pollTimeout(): number | undefined {
    let earliest = this.#faults.next() ?? Infinity;
    for (const { expiresAt } of this.#sessions) {
      earliest = Math.min(earliest, expiresAt ?? Infinity);
    }
    for (const { end } of this.#outages.values()) earliest = Math.min(earliest, end);
    return earliest === Infinity ? undefined : earliest;
  }

  // WebSockets

  #handleOpen(id: number): void {
    const socket: Socket = { id, rate: new MessageRate(...MESSAGE_RATE), session: undefined };
    this.#sockets.set(id, socket);
    if (this.#sockets.size > GATEWAY_SESSION_LIMIT) {
      return this.#close(socket, 4008, "Too many connections.");
    }
    this.#send(id, encodeMessage(GatewayOpcodes.Hello, { heartbeat_interval: HEARTBEAT_INTERVAL }));
  }

  #handleMessage(id: number, data: string | Uint8Array): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    if (!socket.rate.take(this.#now)) return this.#close(socket, 4008, "Rate limited.");
    try {
      if (typeof data !== "string" || data.length > PAYLOAD_LIMIT) {
        throw new ClientFault(4002, "A payload is JSON text of at most 4096 characters.");
      }
      const { op, d } = decodeClientMessage(data);
      this.#dispatch(socket, op, d);
    } catch (error) {
      if (!(error instanceof ClientFault)) throw error;
      this.#close(socket, error.code, error.message);
    }
  }

  #dispatch(socket: Socket, op: number, d: unknown): void {
    switch (op) {
      case GatewayOpcodes.Heartbeat:
        return this.#send(socket.id, encodeMessage(GatewayOpcodes.HeartbeatAck, null));
      case GatewayOpcodes.Identify:
        return this.#handleIdentify(socket, readGatewayIdentify(d));
      case GatewayOpcodes.Resume:
        return this.#handleResume(socket, d);
      case GatewayOpcodes.VoiceStateUpdate: {
        if (socket.session === undefined) throw new ClientFault(4003, "Not authenticated.");
        return this.#handleOp4(socket.session, readVoiceStateUpdate(d));
      }
    }
  }

  #handleIdentify(socket: Socket, token: string): void {
    if (socket.session !== undefined) throw new ClientFault(4005, "Already authenticated.");
    if (this.#isFull()) throw new ClientFault(4008, "Too many sessions.");
    const userId = userIdOf(token) ?? randomSnowflake(this.#options.random);
    const session = this.#begin(userId, new Secret(token));
    this.#bind(session, socket);
    this.#event({ type: "gateway-ready" }, subjectOf(session));
    this.#sendDispatch(session, "READY", {
      v: 10,
      user: { id: userId, username: "bot", discriminator: "0", avatar: null, bot: true },
      guilds: [],
      private_channels: [],
      session_id: session.sessionId,
      resume_gateway_url: this.#options.url,
      application: { id: userId, flags: 0 },
    });
  }

  #handleResume(socket: Socket, d: unknown): void {
    if (socket.session !== undefined) throw new ClientFault(4005, "Already authenticated.");
    const { sessionId, token, seq } = readGatewayResume(d);
    this.#handleTimeout();
    const session = [...this.#sessions].find((candidate) =>
      candidate.sessionId === sessionId && candidate.token?.reveal() === token
    );
    const missed = session?.since(seq);
    if (session === undefined || missed === undefined) {
      return this.#send(socket.id, encodeMessage(GatewayOpcodes.InvalidSession, false));
    }
    const old = session.websocket === undefined ? undefined : this.#sockets.get(session.websocket);
    if (old !== undefined) {
      old.session = undefined;
      this.#close(old, 4009, "Session timed out.");
    }
    this.#bind(session, socket);
    this.#event({ type: "gateway-resumed" }, subjectOf(session));
    for (const data of missed) this.#send(socket.id, data);
    this.#sendDispatch(session, "RESUMED", {});
  }

  #handleClose(id: number, code: number): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    this.#retire(socket, code !== 1000 && code !== 1001);
  }

  #close(socket: Socket, code: number, reason: string, resumable = false): void {
    const subject = socket.session === undefined ? {} : subjectOf(socket.session);
    this.#retire(socket, resumable);
    this.#event({ type: "gateway-close", code, reason }, { ...subject, websocket: socket.id });
    this.#outputs.push({ type: "closeWebSocket", id: socket.id, code, reason });
  }

  #retire(socket: Socket, resumable: boolean): void {
    const { session } = socket;
    this.#sockets.delete(socket.id);
    if (session === undefined) return;
    session.websocket = undefined;
    if (resumable) session.expiresAt = this.#now + RESUME_WINDOW;
    else this.#end(session);
  }

  // Sessions

  #begin(userId: string, token: Secret<string> | undefined): GatewaySession {
    const session = new GatewaySession(userId, randomHex(this.#options.random, 16), token);
    this.#sessions.add(session);
    return session;
  }

  #bind(session: GatewaySession, socket: Socket): void {
    socket.session = session;
    session.websocket = socket.id;
    session.expiresAt = undefined;
  }

  #end(session: GatewaySession): void {
    this.#sessions.delete(session);
    for (const state of this.#states.all()) {
      if (state.session === session) this.#leave(state);
    }
  }

  #isFull(): boolean {
    return this.#sessions.size >= GATEWAY_SESSION_LIMIT;
  }

  #attach(userId: string): void {
    if (this.#attached.has(userId)) {
      throw new LocalProtocolError(`Cannot attach user ${userId}: the user is attached already`);
    }
    if (this.#isFull()) {
      throw new LocalProtocolError(
        `Cannot attach user ${userId}: ${GATEWAY_SESSION_LIMIT} sessions are the limit`,
      );
    }
    this.#attached.set(userId, this.#begin(userId, undefined));
  }

  #detach(userId: string): void {
    const session = this.#attachedSession(userId);
    this.#attached.delete(userId);
    this.#outages.delete(userId);
    this.#end(session);
  }

  #attachedSession(userId: string): GatewaySession {
    const session = this.#attached.get(userId);
    if (session !== undefined) return session;
    throw new LocalProtocolError(`Cannot act for user ${userId}: the user is not attached`);
  }

  #handleTimeout(): void {
    for (const session of [...this.#sessions]) {
      if (session.expiresAt !== undefined && session.expiresAt <= this.#now) this.#end(session);
    }
    this.#faults.expire(this.#now);
    for (const [userId, outage] of this.#outages) {
      if (outage.end <= this.#now) this.#restore(userId, outage);
    }
  }

  // Shards

  #interrupt(input: InterruptInput): void {
    const { userId, duration, resumed } = input;
    demandInteger("duration", duration, 0);
    const sockets = this.#clientsOf(userId);
    if (this.#outages.has(userId)) {
      throw new LocalProtocolError(`Cannot cut off user ${userId}: the user is cut off already`);
    }
    this.#event({ type: "gateway-interrupted", resumed }, { userId });
    if (this.#attached.has(userId)) this.#outages.set(userId, new GatewayOutage(input, this.#now));
    for (const socket of sockets) this.#close(socket, 4000, "Unknown error.", resumed);
  }

  /** An outage is over: what was missed comes, or a new session begins. */
  #restore(userId: string, { resumed, missed }: GatewayOutage): void {
    this.#outages.delete(userId);
    const session = this.#attachedSession(userId);
    if (resumed) {
      this.#event({ type: "gateway-resumed" }, subjectOf(session));
      for (const dispatch of missed) this.#deliver(session, dispatch);
      return;
    }
    this.#end(session);
    const next = this.#begin(userId, undefined);
    this.#attached.set(userId, next);
    this.#event({ type: "gateway-ready" }, subjectOf(next));
  }

  #closeShard(userId: string, code = 1000): void {
    demandCloseCode(code);
    const reason = "Shard closed.";
    const sockets = this.#clientsOf(userId);
    const attached = this.#attached.get(userId);
    if (attached !== undefined) {
      this.#event({ type: "gateway-close", code, reason }, subjectOf(attached));
      this.#detach(userId);
      this.#outputs.push({ type: "destroy", userId });
    }
    for (const socket of sockets) this.#close(socket, code, reason);
  }

  /** The WebSockets of a user who has a client at all. */
  #clientsOf(userId: string): Socket[] {
    const sockets = [...this.#sockets.values()].filter(({ session }) => session?.userId === userId);
    if (sockets.length > 0 || this.#attached.has(userId)) return sockets;
    throw new LocalProtocolError(`Cannot act on the client of user ${userId}: there is none`);
  }

  // Voice

  #handleOp4(session: GatewaySession, data: VoiceStatePayload["d"]): void {
    if (this.#outages.has(session.userId) && session.token === undefined) return;
    const subject = { ...subjectOf(session), guildId: data.guild_id };
    const fault = this.#faults.meet("op4", subject);
    this.#faults.carry(fault, data, dispatchSpoiler(), this.#now, (data) => {
      if (this.#sessions.has(session)) this.#handleVoiceState(session, data);
    });
  }

  #handleVoiceState(session: GatewaySession, data: VoiceStatePayload["d"]): void {
    const { guild_id: guildId, channel_id: channelId } = data;
    const present = this.#states.get(guildId, session.userId);
    if (channelId === null) {
      if (present !== undefined) this.#leave(present);
      return;
    }
    const { self_mute: selfMute, self_deaf: selfDeaf } = data;
    const state: VoiceState = { guildId, channelId, session, selfMute, selfDeaf };
    const inside = present?.channelId === channelId;
    if (!inside && this.#states.isFull(guildId, channelId)) {
      return this.#event({ type: "channel-full", channelId }, { ...subjectOf(session), guildId });
    }
    if (!inside || present.session !== session) return this.#enter(state);
    this.#states.set(state);
    this.#sendState(state, channelId);
  }

  /** Joins or moves: state, the end of the old voice session, a new token. */
  #enter(state: VoiceState): void {
    const moves = this.#states.get(state.guildId, state.session.userId) !== undefined;
    if (!moves && this.#states.size >= VOICE_STATE_LIMIT) return;
    this.#states.set(state);
    this.#sendState(state, state.channelId);
    if (moves) this.#revoke(state, 4014, "Disconnected.");
    this.#sendServer(state);
  }

  #leave(state: VoiceState): void {
    this.#states.delete(state);
    this.#sendState(state, null);
    this.#revoke(state, 4014, "Disconnected.");
  }

  #reallocate(guildId: string): void {
    for (const state of this.#states.all()) {
      if (state.guildId !== guildId) continue;
      const data = noServer(guildId);
      this.#deliver(state.session, { name: "VOICE_SERVER_UPDATE", data });
      this.#revoke(state, 4022, "Voice server changed.");
      this.#sendServer(state);
    }
  }

  #revoke({ guildId, session: { userId } }: VoiceState, code: number, reason: string): void {
    this.#outputs.push({ type: "voice", input: { type: "revoke", guildId, userId, code, reason } });
  }

  #sendState(state: VoiceState, channelId: string | null): void {
    const { guildId, session, selfMute, selfDeaf } = state;
    const data = {
      guild_id: guildId,
      channel_id: channelId,
      user_id: session.userId,
      session_id: session.sessionId,
      deaf: false,
      mute: false,
      self_deaf: selfDeaf,
      self_mute: selfMute,
      self_video: false,
      suppress: false,
      request_to_speak_timestamp: null,
    };
    const subject = { ...subjectOf(session), guildId };
    this.#event({ type: "voice-state", channelId }, subject);
    const fault = this.#faults.meet("VOICE_STATE_UPDATE", subject);
    this.#faults.carry(fault, data, dispatchSpoiler(), this.#now, (data) => {
      for (const receiver of this.#sessions) {
        this.#deliver(receiver, { name: "VOICE_STATE_UPDATE", data });
      }
    });
  }

  #sendServer({ guildId, channelId, session }: VoiceState): void {
    const { userId, sessionId } = session;
    const token = randomHex(this.#options.random, 8);
    const grant = { token, guildId, channelId, userId, sessionId };
    this.#outputs.push({ type: "voice", input: { type: "grant", grant } });
    const subject = { ...subjectOf(session), guildId };
    this.#event({ type: "voice-server", channelId }, subject);
    const data = { token, guild_id: guildId, endpoint: this.#options.endpoint };
    const deliver = (data: VoiceServerUpdate) => {
      if (!this.#sessions.has(session)) return;
      this.#deliver(session, { name: "VOICE_SERVER_UPDATE", data });
    };
    const fault = this.#faults.meet("VOICE_SERVER_UPDATE", subject);
    if (!putsNullFirst(fault)) {
      return this.#faults.carry(fault, data, dispatchSpoiler(), this.#now, deliver);
    }
    deliver(noServer(guildId));
    this.#faults.delay(this.#now + fault.nullFirst, () => deliver(data));
  }

  // Outputs

  #deliver(session: GatewaySession, dispatch: GatewayDispatch): void {
    const { userId, token } = session;
    if (token !== undefined) return this.#sendDispatch(session, dispatch.name, dispatch.data);
    const outage = this.#outages.get(userId);
    if (outage !== undefined) outage.miss(dispatch);
    else this.#outputs.push({ type: "dispatch", userId, dispatch });
  }

  #sendDispatch(session: GatewaySession, name: string, data: unknown): void {
    const text = session.dispatch(name, data);
    if (session.websocket !== undefined) this.#send(session.websocket, text);
  }

  #send(id: number, data: string): void {
    this.#outputs.push({ type: "sendWebSocket", id, data });
  }

  #event(details: ServerEventDetails, subject: EventSubject): void {
    this.#outputs.push({ type: "event", event: { at: this.#now, ...details, ...subject } });
  }
}

/** What a client is told while its voice server is being replaced. */
function noServer(guildId: string): VoiceServerUpdate {
  return { token: "", guild_id: guildId, endpoint: null };
}

function subjectOf({ websocket, userId, sessionId }: GatewaySession): EventSubject {
  return websocket === undefined ? { userId, sessionId } : { websocket, userId, sessionId };
}
