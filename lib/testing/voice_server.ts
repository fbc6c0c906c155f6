/**
 * A voice server as Discord's bots know it, without I/O: voice gateway versions 1 to 9,
 * every encryption mode and form of IP discovery, and end-to-end encryption (DAVE) version 1.
 *
 * The driver's contract is the session's: after every `handleInput` drain
 * `pollOutput`, then arm a timer for `pollTimeout` and come back with
 * `{ type: "timeout" }`. Commands that are illegal throw and change nothing; what is
 * received never throws.
 *
 * Where Discord's behaviour is not documented, this server does the following.
 * - Members of a room hear each other. A guild is a room; a client whose token was
 *   granted by the gateway stub is in the room of its channel.
 * - Who identifies again in the same guild replaces his older session: its WebSocket
 *   is closed with 4006, the others see him leave and come. A Resume while the old
 *   WebSocket is still open closes that one with 4006 too; the session goes on.
 * - A session outlives its WebSocket unless the client closed it with 1000 or 1001, or
 *   the server closed it with a code after which Discord's clients do not resume.
 *   4009 (no heartbeat for two and a half intervals) leaves it resumable.
 * - A Resume is for the session with that guild id, session id and token; where several
 *   have all three, for the newest that has lost its WebSocket.
 * - Where the URL names no version it is 4. A Resume is for a session of the same version. Below
 *   version 8 messages have no numbers, so that none is sent again: who is there and who speaks is told anew.
 * - Speaking is passed on when the flags change. Flags of 0 count as Speaking too.
 * - Server messages are numbered from 1; a `seq_ack` that is too old, or ahead of the
 *   server, closes with 4006.
 * - A call is encrypted end to end while all of its clients speak DAVE. Its group has the id of
 *   the channel: that of the grant, else that which the first such client has named in Identify, else
 *   the guild's. Where a user's or a channel's id is no unsigned 64-bit integer there is no DAVE.
 * - Who resumes below version 8 joins the group anew, since it has missed what was sent.
 * - More than 1000 messages in five seconds close a WebSocket with 4021.
 *
 * @module
 */

import { closeCode } from "../close_codes.ts";
import { UNNAMED_GATEWAY_VERSION, versionTraits } from "../gateway_version.ts";
import { NonceCounter } from "../nonce.ts";
import { VoiceOpcodes } from "../opcodes.ts";
import { KEY_SIZE, PacketCipher } from "../packet.ts";
import type {
  IdentifyPayload,
  ResumePayload,
  SelectProtocolPayload,
  UdpSelection,
  VoiceSendPayload,
} from "../payloads.ts";
import { Secret } from "../secret.ts";
import {
  ClientFault,
  decodeClientFrame,
  decodeClientMessage,
  readClientMessage,
} from "./client_messages.ts";
import { selectSessions } from "./client_selector.ts";
import type { DaveClientMessage } from "./dave/room.ts";
import { DaveRooms } from "./dave_rooms.ts";
import { DropLog } from "./drop_log.ts";
import type { FaultInjector } from "./fault_injector.ts";
import { demandCloseCode, endsWebSocket, type VoiceFaultPoint } from "./faults.ts";
import { NonceWindow } from "./nonce_window.ts";
import { PacketRelay } from "./packet_relay.ts";
import { randomHex } from "./random_hex.ts";
import { Reception } from "../reception.ts";
import { ReplayBuffer } from "./replay_buffer.ts";
import type { EventSubject, LeaveReason, ServerEventDetails } from "./server_events.ts";
import type {
  CloseClientInput,
  CutClientInput,
  ServerInput,
  ServerOutput,
  ServerStats,
  VoiceServerOptions,
} from "./server_io.ts";
import { type ServerSettings, serverSettings } from "./server_options.ts";
import { ReportSender } from "./report_sender.ts";
import { ServerOutbox } from "./server_outbox.ts";
import { ServerSession } from "./server_session.ts";
import { requestedVersion, ServerSocket } from "./server_socket.ts";
import { SessionTable } from "./session_table.ts";
import { type Admission, TokenGrants } from "./token_grants.ts";

/** Heartbeat intervals without a heartbeat after which a WebSocket is closed. */
export const HEARTBEAT_TOLERANCE = 2.5;

/** Most WebSockets at a time; further ones are closed with 4021. */
export const WEBSOCKET_LIMIT = 1024;

/** Most sessions at a time; further ones are refused with 4021. */
export const SESSION_LIMIT = 1024;

/** Characters that fit a close frame (123 bytes), whatever they are in UTF-8. */
const REASON_LIMIT = 41;
const INVALID_SESSION = "Session is no longer valid.";

/** The voice server. */
export class VoiceServer {
  readonly #settings: ServerSettings;
  readonly #sockets = new Map<number, ServerSocket>();
  readonly #outbox = new ServerOutbox((id) => this.#sockets.has(id));
  readonly #faults: FaultInjector = this.#outbox.faults;
  readonly #sessions = new SessionTable();
  readonly #grants: TokenGrants;
  readonly #drops: DropLog;
  readonly #relay: PacketRelay;
  readonly #reports: ReportSender;
  readonly #dave: DaveRooms;
  #now = 0;
  #lastSsrc = 0;

  /**
   * Starts a server without clients.
   *
   * @param options Randomness, crypto, the announced UDP port, limits.
   * @throws {RangeError} An option is out of range.
   */
  constructor(options: VoiceServerOptions) {
    this.#settings = serverSettings(options);
    this.#faults.setRules(options.faults ?? []);
    this.#grants = new TokenGrants(options.token);
    const report = (details: ServerEventDetails, session: ServerSession | undefined) =>
      this.#outbox.event(details, session?.subject ?? {});
    this.#drops = new DropLog(report);
    this.#reports = new ReportSender({
      interval: this.#settings.reportInterval,
      sessions: this.#sessions,
      transmit: (to, datagram) => this.#outbox.push({ type: "transmit", to, datagram }),
    });
    this.#relay = new PacketRelay({
      settings: this.#settings,
      sessions: this.#sessions,
      drops: this.#drops,
      fails: (step, session) => this.#fails(step, session.websocket, session.subject),
      transmit: (...datagram) => this.#outbox.transmit(...datagram),
      heard: (...packet) => this.#reports.heard(...packet),
      report,
    });
    const { dave: policy, mls } = this.#settings;
    this.#dave = new DaveRooms({
      policy,
      mls,
      tell: (session, message) => this.#outbox.tellNumbered(session, message),
      report: (details, subject) => this.#outbox.event(details, subject),
    });
  }

  /**
   * Counts what there is and what came.
   *
   * @returns The counters at this moment.
   */
  stats(): ServerStats {
    return {
      websockets: this.#sockets.size,
      sessions: this.#sessions.size,
      rooms: this.#sessions.roomCount,
      ...this.#relay.counters,
      dropped: this.#drops.counts,
      daveRejected: this.#dave.rejected,
    };
  }

  /**
   * Takes an input. May add outputs and change the next timeout.
   *
   * @param input What happened, or what is wanted. Bytes are borrowed until the call returns.
   * @param now Monotonic milliseconds; a clock that steps back is held.
   * @throws {LocalProtocolError} There is no client to close; nothing has changed.
   * @throws {RangeError} A close code or a fault is none; nothing has changed.
   */
  handleInput(input: ServerInput, now: number): void {
    this.#now = Math.max(this.#now, now);
    this.#outbox.now = this.#now;
    this.#handle(input);
    this.#endDoomed();
  }

  /**
   * Takes the next thing to do.
   *
   * @returns The output, or `undefined` where all is done.
   */
  pollOutput(): ServerOutput | undefined {
    return this.#outbox.poll();
  }

  /**
   * When the server wants to be woken.
   *
   * @returns Monotonic milliseconds, or `undefined` where no timer is armed.
   */
  pollTimeout(): number | undefined {
    const parts = [this.#relay, this.#reports, this.#drops, this.#faults, this.#dave];
    let earliest = Math.min(...parts.map((part) => part.next() ?? Infinity));
    for (const { deadline } of this.#sockets.values()) earliest = Math.min(earliest, deadline);
    for (const { expiresAt } of this.#sessions.all()) {
      earliest = Math.min(earliest, expiresAt ?? Infinity);
    }
    return earliest === Infinity ? undefined : earliest;
  }

  #handle(input: ServerInput): void {
    switch (input.type) {
      case "websocketOpen":
        return this.#handleOpen(input.id, input.path);
      case "websocketMessage":
        return this.#handleMessage(input.id, input.data);
      case "websocketClose":
        return this.#handleClose(input.id, input.code);
      case "datagram":
        return this.#relay.receive(input.data, input.from, this.#now);
      case "timeout":
        return this.#handleTimeout();
      case "closeClient":
        return this.#handleCloseClient(input);
      case "cutClient":
        return this.#handleCutClient(input);
      case "setFaults":
        return this.#faults.setRules(input.faults);
      case "grant":
        return this.#grants.grant(input.grant);
      case "revoke":
        return this.#revoke(input.guildId, input.userId, input.code, input.reason);
    }
  }

  // WebSockets

  #handleOpen(id: number, path: string): void {
    const fault = this.#faults.meet("open", { websocket: id });
    if (fault === "lose") return;
    const version = requestedVersion(path);
    const socket = new ServerSocket(
      id,
      version ?? UNNAMED_GATEWAY_VERSION,
      this.#heartbeatDeadline(),
    );
    this.#sockets.set(id, socket);
    this.#outbox.event(
      version === undefined ? { type: "connect" } : { type: "connect", version },
      { websocket: id },
    );
    if (endsWebSocket(fault)) return this.#outbox.doom(id, fault);
    if (version === undefined) {
      return this.#close(socket, 4012, "Unknown version: this server speaks 1 to 9.");
    }
    if (this.#sockets.size > WEBSOCKET_LIMIT) return this.#close(socket, 4021, "Server is full.");
    const heartbeat_interval = this.#settings.heartbeatInterval;
    const d = { v: version, heartbeat_interval };
    this.#outbox.send(socket, { op: VoiceOpcodes.Hello, d }, { websocket: id });
  }

  #handleMessage(id: number, data: string | Uint8Array): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    if (!socket.rate.take(this.#now)) return this.#close(socket, 4021, "Rate limited.");
    try {
      if (typeof data === "string") this.#handleText(socket, data);
      else this.#handleBinary(socket, data);
    } catch (error) {
      if (!(error instanceof ClientFault)) throw error;
      this.#close(socket, error.code, error.message);
    }
  }

  #handleText(socket: ServerSocket, text: string): void {
    const raw = decodeClientMessage(text);
    if (!socket.admit(raw.op)) return this.#ignore(socket, raw.op);
    const message = readClientMessage(raw, socket.version);
    if (message !== undefined) this.#dispatch(socket, message);
  }

  /** As Discord does: JSON belongs into text frames, in a binary one it is not seen. */
  #handleBinary(socket: ServerSocket, frame: Uint8Array): void {
    if (!socket.speaksDave) return;
    const raw = decodeClientFrame(frame);
    const message = readClientMessage(raw, socket.version);
    if (message === undefined) this.#ignore(socket, raw.op);
    else this.#dispatch(socket, message);
  }

  #dispatch(socket: ServerSocket, { op, d }: VoiceSendPayload): void {
    switch (op) {
      case VoiceOpcodes.Heartbeat:
        return this.#handleHeartbeat(socket, d.t);
      case VoiceOpcodes.Identify:
        return this.#handleIdentify(socket, d);
      case VoiceOpcodes.Resume:
        return this.#handleResume(socket, d);
      case VoiceOpcodes.SelectProtocol:
        return this.#handleSelectProtocol(socket.identified, d);
      case VoiceOpcodes.Speaking:
        return this.#handleSpeaking(socket.identified, d.speaking);
      case VoiceOpcodes.DaveTransitionReady:
      case VoiceOpcodes.DaveMlsKeyPackage:
      case VoiceOpcodes.DaveMlsCommitWelcome:
      case VoiceOpcodes.DaveMlsInvalidCommitWelcome:
        return this.#dave.receive(socket.identified, { op, d } as DaveClientMessage, this.#now);
    }
  }

  #ignore(socket: ServerSocket, opcode: number): void {
    if (socket.isNews(opcode)) this.#outbox.event({ type: "ignored", opcode }, socket.subject);
  }

  #handleHeartbeat(socket: ServerSocket, t: number): void {
    const subject = socket.subject;
    if (this.#fails("heartbeat", socket.id, subject)) return;
    socket.deadline = this.#heartbeatDeadline();
    this.#outbox.send(socket, { op: VoiceOpcodes.HeartbeatAck, d: { t } }, subject);
  }

  #handleClose(id: number, code: number): void {
    const socket = this.#sockets.get(id);
    if (socket === undefined) return;
    const subject = socket.subject;
    const resumable = socket.session !== undefined && code !== 1000 && code !== 1001;
    const session = this.#retire(socket);
    this.#outbox.event({ type: "disconnect", code, resumable }, subject);
    if (session === undefined) return;
    if (resumable) this.#detach(session);
    else this.#end(session, "left");
  }

  #close(socket: ServerSocket, code: number, reason: string): void {
    const subject = socket.subject;
    const resumable = socket.session !== undefined && isResumable(code);
    const session = this.#retire(socket);
    this.#outbox.close(socket.id, code, reason, resumable, subject);
    if (session === undefined) return;
    if (resumable) this.#detach(session);
    else this.#end(session, "closed");
  }

  /** The connection breaks without a close frame. */
  #cut({ id }: ServerSocket): void {
    this.#outbox.push({ type: "cutWebSocket", id });
    this.#handleClose(id, 1006);
  }

  /** Whether a fault comes in place of what a client has asked for. */
  #fails(step: VoiceFaultPoint, websocket: number | undefined, subject: EventSubject): boolean {
    const fault = this.#faults.meet(step, subject);
    if (endsWebSocket(fault)) this.#outbox.doom(websocket, fault);
    return fault !== undefined;
  }

  /** Ends the WebSockets that a fault wants ended; that is news for others, and so on. */
  #endDoomed(): void {
    for (let doomed; (doomed = this.#outbox.takeDoomed()) !== undefined;) {
      const [id, end] = doomed;
      const socket = this.#sockets.get(id);
      if (socket === undefined) continue;
      if (end === "cut") this.#cut(socket);
      else this.#close(socket, end.close, "");
    }
  }

  /** The id is retired at once; what still comes with it is ignored. */
  #retire(socket: ServerSocket): ServerSession | undefined {
    const { session } = socket;
    this.#sockets.delete(socket.id);
    socket.session = undefined;
    if (session !== undefined) session.websocket = undefined;
    return session;
  }

  // Sessions

  #handleIdentify(socket: ServerSocket, identity: IdentifyPayload): void {
    const { server_id: guildId, user_id: userId, session_id: sessionId } = identity;
    if (this.#fails("identify", socket.id, { websocket: socket.id, userId, guildId, sessionId })) {
      return;
    }
    const admission = this.#grants.admit(identity);
    const daveVersion = this.#dave.admit(identity, admission.channelId);
    const older = this.#sessionOf(guildId, userId);
    if (older === undefined && this.#sessions.size >= SESSION_LIMIT) {
      throw new ClientFault(4021, "Server is full.");
    }
    if (older !== undefined) this.#expel(older, 4006, INVALID_SESSION, "replaced");
    this.#begin(socket, identity, admission, daveVersion);
  }

  #begin(
    socket: ServerSocket,
    identity: IdentifyPayload,
    admission: Admission,
    daveVersion: number,
  ): void {
    const session = new ServerSession(
      identity,
      socket.version,
      admission,
      daveVersion,
      this.#nextSsrc(),
      new ReplayBuffer<string | Uint8Array>(this.#settings.replayLimit),
    );
    this.#sessions.add(session);
    this.#attach(session, socket);
    this.#outbox.event({ type: "identify" }, session.subject);
    this.#sendReady(session);
    this.#dave.join(session, this.#now);
    this.#introduce(session);
  }

  #sendReady(session: ServerSession): void {
    this.#outbox.event({ type: "ready", ssrc: session.ssrc }, session.subject);
    const { address: ip, port, modes, heartbeatInterval: heartbeat_interval } = this.#settings;
    this.#outbox.tell(session, {
      op: VoiceOpcodes.Ready,
      d: { ssrc: session.ssrc, ip, port, modes, experiments: [], heartbeat_interval },
    });
  }

  /** Tells a newcomer who is there, and those who the newcomer is. */
  #introduce(newcomer: ServerSession): void {
    this.#tellOthers(newcomer);
    for (const other of this.#sessions.others(newcomer)) this.#outbox.sendUsers(other, [newcomer]);
  }

  /** Tells a client who is there and who speaks. */
  #tellOthers(session: ServerSession): void {
    const others = [...this.#sessions.others(session)];
    if (others.length === 0) return;
    this.#outbox.sendUsers(session, others);
    for (const other of others) {
      if (other.flags !== undefined) this.#outbox.sendSpeaking(session, other);
    }
  }

  #handleSelectProtocol(session: ServerSession, { data }: SelectProtocolPayload): void {
    if (this.#fails("select", session.websocket, session.subject)) return;
    const { mode: wanted, address, port } = data as UdpSelection;
    const mode = this.#settings.modes.find((offered) => offered === wanted);
    if (mode === undefined) throw new ClientFault(4016, "Unknown encryption mode.");
    this.#outbox.event({ type: "select", mode, address, port }, session.subject);
    const key = new Uint8Array(KEY_SIZE);
    this.#settings.random(key);
    // Both directions share the key: the server has the upper half of the nonces.
    const nonces = new NonceCounter(2 ** 31);
    const { aead, random } = this.#settings;
    session.cipher = new PacketCipher(mode, key, aead, nonces, random);
    session.nonces = new NonceWindow();
    session.reception = new Reception();
    this.#outbox.event({ type: "session", mode }, session.subject);
    this.#outbox.tell(session, {
      op: VoiceOpcodes.SessionDescription,
      d: {
        mode,
        secret_key: new Secret(key),
        dave_protocol_version: this.#dave.describe(session, this.#now),
        audio_codec: "opus",
        media_session_id: randomHex(random, 16),
      },
    });
    this.#dave.described(session);
    this.#outbox.tellNumbered(session, { op: VoiceOpcodes.MediaSinkWants, d: { any: 100 } });
    this.#fails("connected", session.websocket, session.subject);
  }

  #handleSpeaking(session: ServerSession, flags: number): void {
    if (flags === session.flags) return;
    session.flags = flags;
    this.#outbox.event({ type: "speaking", ssrc: session.ssrc, flags }, session.subject);
    for (const other of this.#sessions.others(session)) {
      this.#outbox.sendSpeaking(other, session);
    }
    this.#relay.release(session, this.#now);
  }

  #handleResume(socket: ServerSocket, d: ResumePayload): void {
    const { server_id: guildId, session_id: sessionId, seq_ack: seqAck } = d;
    const subject = { websocket: socket.id, guildId, sessionId };
    this.#outbox.event(
      seqAck === undefined ? { type: "resume" } : { type: "resume", seqAck },
      subject,
    );
    this.#expireSessions();
    const candidates = this.#sessions.all().filter((session) =>
      session.guildId === guildId && session.sessionId === sessionId &&
      session.version === socket.version
    );
    if (candidates.length === 0) throw new ClientFault(4006, INVALID_SESSION);
    const matching = candidates.filter((candidate) =>
      candidate.token.reveal() === d.token.reveal()
    );
    const session = matching.findLast(({ websocket }) => websocket === undefined) ??
      matching.at(-1);
    if (session === undefined) throw new ClientFault(4004, "Authentication failed.");
    const fault = this.#faults.meet("resume", { ...session.subject, websocket: socket.id });
    if (endsWebSocket(fault)) return this.#outbox.doom(socket.id, fault);
    if (fault === "renew") return this.#renew(session, socket);
    if (fault !== undefined) return;
    this.#continue(session, socket, seqAck);
  }

  #continue(session: ServerSession, socket: ServerSocket, seqAck: number | undefined): void {
    const { numbered } = versionTraits(session.version);
    const missed = numbered ? session.replay.since(seqAck) : [];
    if (missed === undefined) {
      this.#expel(session, 4006, INVALID_SESSION, "closed");
      throw new ClientFault(4006, INVALID_SESSION);
    }
    this.#takeOver(session, socket);
    this.#outbox.event({ type: "resumed", replayed: missed.length }, session.subject);
    this.#outbox.tell(session, { op: VoiceOpcodes.Resumed, d: null });
    for (const data of missed) this.#outbox.repeat(socket.id, data);
    if (!numbered) {
      this.#tellOthers(session);
      this.#dave.resume(session, this.#now);
    }
    this.#fails("connected", socket.id, session.subject);
  }

  /** A Resume is answered with Ready: the same user in the same room, and nothing else. */
  #renew(session: ServerSession, socket: ServerSocket): void {
    const { guildId, userId, sessionId, token, daveVersion } = session;
    const identity = { server_id: guildId, user_id: userId, session_id: sessionId, token };
    this.#expel(session, 4006, INVALID_SESSION, "replaced");
    this.#begin(socket, identity, session, daveVersion);
  }

  #takeOver(session: ServerSession, socket: ServerSocket): void {
    const old = this.#socketOf(session);
    if (old !== undefined) {
      old.session = undefined;
      this.#close(old, 4006, INVALID_SESSION);
    }
    this.#attach(session, socket);
  }

  #attach(session: ServerSession, socket: ServerSocket): void {
    socket.session = session;
    session.websocket = socket.id;
    session.expiresAt = undefined;
  }

  #detach(session: ServerSession): void {
    session.expiresAt = this.#now + this.#settings.resumeWindow;
  }

  /** Ends a session for good, and its WebSocket with it. */
  #expel(session: ServerSession, code: number, reason: string, why: LeaveReason): void {
    const socket = this.#socketOf(session);
    if (socket !== undefined) {
      const subject = socket.subject;
      this.#retire(socket);
      this.#outbox.close(socket.id, code, reason, false, subject);
    }
    this.#end(session, why);
  }

  #end(session: ServerSession, reason: LeaveReason): void {
    const others = [...this.#sessions.others(session)];
    this.#sessions.remove(session);
    this.#relay.forget(session);
    this.#outbox.event({ type: "leave", reason }, session.subject);
    const d = { user_id: session.userId };
    for (const other of others) {
      this.#outbox.tellNumbered(other, { op: VoiceOpcodes.ClientDisconnect, d });
    }
    this.#dave.leave(session, this.#now);
  }

  #nextSsrc(): number {
    do this.#lastSsrc = this.#lastSsrc % 0xffffffff + 1; while (
      this.#sessions.bySsrc(this.#lastSsrc) !== undefined
    );
    return this.#lastSsrc;
  }

  // Commands

  #handleCloseClient(input: CloseClientInput): void {
    const { code, reason = "" } = input;
    demandCloseCode(code);
    if (reason.length > REASON_LIMIT) {
      throw new RangeError(
        `Cannot close a client with a reason of ${reason.length} characters: at most ${REASON_LIMIT} fit`,
      );
    }
    for (const session of selectSessions(this.#sessions.all(), input, "close")) {
      const socket = this.#socketOf(session);
      if (socket !== undefined) this.#close(socket, code, reason);
      else if (!isResumable(code)) this.#end(session, "closed");
    }
  }

  #handleCutClient(input: CutClientInput): void {
    for (const session of selectSessions(this.#sessions.all(), input, "cut off")) {
      const socket = this.#socketOf(session);
      if (socket !== undefined) this.#cut(socket);
    }
  }

  #revoke(guildId: string, userId: string, code: number, reason: string): void {
    this.#grants.withdraw(guildId, userId);
    const session = this.#sessionOf(guildId, userId);
    if (session !== undefined) this.#expel(session, code, reason, "removed");
  }

  // Time

  #handleTimeout(): void {
    for (const socket of this.#sockets.values()) {
      if (socket.deadline <= this.#now) this.#close(socket, 4009, "Session timeout.");
    }
    this.#expireSessions();
    this.#faults.expire(this.#now);
    this.#relay.expire(this.#now);
    this.#reports.expire(this.#now);
    this.#drops.expire(this.#now);
    this.#dave.expire(this.#now);
  }

  #expireSessions(): void {
    for (const session of this.#sessions.all()) {
      if (session.expiresAt !== undefined && session.expiresAt <= this.#now) {
        this.#end(session, "expired");
      }
    }
  }

  #heartbeatDeadline(): number {
    return this.#now + HEARTBEAT_TOLERANCE * this.#settings.heartbeatInterval;
  }

  #sessionOf(guildId: string, userId: string): ServerSession | undefined {
    return this.#sessions.all().find((session) =>
      session.guildId === guildId && session.userId === userId
    );
  }

  #socketOf(session: ServerSession): ServerSocket | undefined {
    return session.websocket === undefined ? undefined : this.#sockets.get(session.websocket);
  }
}

function isResumable(code: number): boolean {
  return code === 4009 || closeCode(code).action === "resume";
}
