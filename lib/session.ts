/**
 * A voice session without I/O: signalling is polled, media is called directly.
 *
 * The driver's contract: after every `handleInput` drain `pollOutput`, then arm a
 * timer for `pollTimeout` and come back with `{ type: "timeout" }`. Commands that
 * are illegal throw and change nothing; what is received never throws.
 *
 * Theory of operation: the session composes machines of its own, each with its own
 * file: the main gateway's share (`signalling.ts`, `voice_request.ts`), the voice WebSocket
 * (`voice_socket.ts`), the UDP path (`udp_path.ts`), who is there (`roster.ts`), the media
 * plane (`media.ts`), reports of quality (`rtcp_reports.ts`), end-to-end encryption
 * (`call_encryption.ts`).
 * What is left here is the order of things: the table of `state.ts` says which
 * state follows, `close_codes.ts` what to do when a connection is lost, and
 * `recovery.ts` how often.
 *
 * @module
 */

import type { AeadProvider } from "./aead.ts";
import { CallEncryption } from "./call_encryption.ts";
import { closeCode, type RecoveryAction } from "./close_codes.ts";
import type { EndToEnd, EndToEndFactory } from "./end_to_end.ts";
import { LocalProtocolError, RemoteProtocolError, VoiceConnectError } from "./errors.ts";
import { closedWith, type Failure, FAILURES, noSharedMode, udpUnreachable } from "./failure.ts";
import {
  readVoiceServer,
  readVoiceState,
  type VoiceServerUpdate,
  type VoiceStateUpdate,
} from "./gateway.ts";
import type { Input, JoinInput, Output, TransportInput } from "./io.ts";
import type { DiscoveredAddress, DiscoveryForm } from "./ip_discovery.ts";
import type { KeepaliveCodec } from "./keepalive.ts";
import { type MediaCounters, MediaPlane } from "./media.ts";
import { GATEWAY_VERSION, GATEWAY_VERSIONS, type GatewayVersion } from "./gateway_version.ts";
import { VoiceOpcodes } from "./opcodes.ts";
import { NonceCounter } from "./nonce.ts";
import { demandChoice, demandChoices, demandTimes } from "./options.ts";
import { Outbox } from "./outbox.ts";
import {
  chooseMode,
  demandCipher,
  ENCRYPTION_MODES,
  type EncryptionMode,
  isEncryptionMode,
  PacketCipher,
  SEALING_MODES,
} from "./packet.ts";
import type { ReadyPayload, VoiceReceivePayload } from "./payloads.ts";
import { pureAead } from "./pure_aead.ts";
import { RecoveryBudget, STABLE_DELAY } from "./recovery.ts";
import { Roster } from "./roster.ts";
import { type ReceptionReport, RtcpReports } from "./rtcp_reports.ts";
import { readU32, type RtpHeader } from "./rtp_header.ts";
import { GATEWAY_LIMIT, Signalling, type VoiceServerData } from "./signalling.ts";
import { isSnowflake } from "./snowflake.ts";
import { type Signal, type State, transition, TRANSITIONS } from "./state.ts";
import { type Timer, TimerTable } from "./timer.ts";
import { UdpPath } from "./udp_path.ts";
import { ENTER_COST, REENTER_COST, VoiceRequest } from "./voice_request.ts";
import { VoiceSocket } from "./voice_socket.ts";

/** What a session is made of. */
export interface SessionOptions {
  /** Guild id. */
  readonly guildId: string;
  /** The client's own user id. */
  readonly userId: string;
  /** Fills an array with random bytes. */
  readonly random: (into: Uint8Array) => void;
  /** Version of the voice gateway to ask for; `GATEWAY_VERSION` by default. */
  readonly gatewayVersion?: GatewayVersion;
  /** AEAD implementations; `pureAead` by default, which has none for the modes of secretbox. */
  readonly aead?: AeadProvider;
  /** Encryption modes that the client takes, best first; `ENCRYPTION_MODES` by default. */
  readonly modes?: readonly EncryptionMode[];
  /** Form of IP discovery; `74` by default, the only one that Discord answers. */
  readonly discovery?: DiscoveryForm;
  /** Form of UDP keepalives; the official one by default, which Discord answers. */
  readonly keepalive?: KeepaliveCodec;
  /** Milliseconds that states may take; `PHASE_TIMEOUTS` by default. */
  readonly timeouts?: PhaseTimeouts;
  /** End-to-end encryption, for example `createDave()` of `./dave`; without it none is offered. */
  readonly dave?: EndToEndFactory;
}

/** Milliseconds that a state may take, by its name. */
export type PhaseTimeouts = { readonly [S in State]?: number };

/** Milliseconds that a state may take; the others have no limit. */
export const PHASE_TIMEOUTS: PhaseTimeouts = {
  signalling: 15_000,
  waiting: 5_000,
  connecting: 10_000,
  identifying: 10_000,
  discovering: 10_000,
  selecting: 10_000,
  reconnecting: 10_000,
  resuming: 10_000,
};

/** Milliseconds in which a voice server that was withdrawn must be replaced. */
export const REALLOCATION_TIMEOUT = 30_000;

/** Milliseconds that a join waits for the limit of op 4; whoever was ready once has time. */
const JOIN_PATIENCE = 5_000;

/** Beyond it a millisecond more makes no difference to a number. */
const MAX_TIME = Number.MAX_SAFE_INTEGER / 2;

/** Close code of a client that will come back with Resume; 1000 would end the session. */
const RECONNECT_CODE = 4900;
const NORMAL_CODE = 1000;
/** Close code of a client that was told to reconnect. */
const RESTART_CODE = 1012;
/** What a WebSocket says where there was no close frame. */
const ABNORMAL_CODE = 1006;

type SessionDescription = Extract<VoiceReceivePayload, { readonly op: 4 }>;

/** Discord's voice protocol for one guild and one user. */
export class VoiceSession {
  readonly #options: SessionOptions;
  readonly #modes: readonly EncryptionMode[];
  readonly #timers = new TimerTable();
  readonly #outbox = new Outbox();
  readonly #websocket: VoiceSocket;
  readonly #udp: UdpPath;
  // Of the session, not of a key: whatever keys a server sends, no nonce comes twice.
  readonly #nonces = new NonceCounter();
  readonly #roster: Roster;
  readonly #signalling: Signalling;
  readonly #request: VoiceRequest;
  readonly #budget: RecoveryBudget;
  readonly #media: MediaPlane;
  readonly #reports: RtcpReports;
  readonly #encryption: CallEncryption;
  #state: State = "idle";
  #now = 0;
  #lastId = 0;
  #mode: EncryptionMode = ENCRYPTION_MODES[0];
  #ssrc = 0;
  #speaking = 0;
  #hasSpoken = false;
  #hasBeenReady = false;
  #closeCode: number | undefined;
  #closeReason = "";

  /**
   * Makes an idle session.
   *
   * @param options Identity, randomness, crypto, modes.
   * @throws {RangeError} An option is none of its choices, a time is none, or a mode's cipher is
   * missing; `plain` is no mode for a session.
   */
  constructor(options: SessionOptions) {
    const { guildId, userId, modes = ENCRYPTION_MODES } = options;
    const { gatewayVersion = GATEWAY_VERSION } = options;
    demandChoice("gatewayVersion", gatewayVersion, GATEWAY_VERSIONS);
    demandChoices("modes", modes, SEALING_MODES);
    demandTimes("timeouts", options.timeouts ?? {}, Object.keys(TRANSITIONS));
    if (options.dave !== undefined) demandSnowflake("userId", userId);
    const { aead = pureAead } = options;
    for (const mode of modes) demandCipher(mode, aead);
    this.#options = options;
    this.#modes = modes;
    this.#signalling = new Signalling(guildId, userId, gatewayVersion);
    const timeout = this.#timeoutOf("signalling");
    this.#request = new VoiceRequest(this.#signalling, this.#outbox, this.#timers, timeout);
    this.#websocket = new VoiceSocket(this.#outbox, this.#timers, gatewayVersion);
    this.#udp = new UdpPath(this.#outbox, this.#timers, options);
    this.#roster = new Roster(this.#outbox, userId, () => this.#media.streams);
    this.#budget = new RecoveryBudget(() => this.#randomU32() / 2 ** 32);
    const { participants } = this.#roster;
    this.#media = new MediaPlane(this.#randomU32() & 0xffff, this.#randomU32(), participants);
    this.#reports = new RtcpReports(this.#media, options.random);
    this.#encryption = new CallEncryption({
      factory: options.dave,
      userId,
      random: options.random,
      outbox: this.#outbox,
      send: (message) => this.#websocket.send(message),
    });
  }

  /** The present state. */
  get state(): State {
    return this.#state;
  }

  /** The client's SSRC; 0 before Ready. */
  get ssrc(): number {
    return this.#ssrc;
  }

  /** The encryption mode, while there is a key. */
  get mode(): EncryptionMode | undefined {
    return this.#media.cipher?.mode;
  }

  /** Header of the last packet that `depacketize` accepted. */
  get received(): Readonly<RtpHeader> {
    return this.#media.header;
  }

  /** Session id of the own voice state, where it has come. */
  get sessionId(): string | undefined {
    return this.#signalling.sessionId;
  }

  /** The channel that the client is in, or wants. */
  get channelId(): string | undefined {
    return this.#signalling.channelId;
  }

  /** The voice server, where one is known. */
  get server(): VoiceServerData | undefined {
    return this.#signalling.server;
  }

  /** The client's address as the voice server sees it, once discovery has told it. */
  get address(): DiscoveredAddress | undefined {
    return this.#udp.address;
  }

  /** Number of the last message that a Resume would name. */
  get seqAck(): number | undefined {
    return this.#websocket.seqAck;
  }

  /** The nonce counter of the next packet. */
  get nonce(): number {
    return this.#nonces.value;
  }

  /** RTP sequence number of the next packet. */
  get sequence(): number {
    return this.#media.sequence;
  }

  /** RTP timestamp of the next frame, where `packetize` is given none. */
  get timestamp(): number {
    return this.#media.timestamp;
  }

  /** What was sent, received and dropped. */
  get counters(): MediaCounters {
    return this.#media.counters;
  }

  /** The server's last report about the client's audio, under the present key. */
  get remote(): ReceptionReport | undefined {
    return this.#reports.remote;
  }

  /**
   * End-to-end encryption of the present call, where it is offered: to open frames with. What
   * cannot be opened may change the next timeout.
   */
  get dave(): EndToEnd | undefined {
    return this.#encryption.call;
  }

  /** Users who are in the channel, as far as the server has said. */
  get users(): ReadonlySet<string> {
    return this.#roster.participants.users;
  }

  /**
   * Finds the user of an SSRC.
   *
   * @param ssrc SSRC of a received packet, signed or not.
   * @returns The user id, where the server has told it.
   */
  userOf(ssrc: number): string | undefined {
    return this.#roster.participants.userOf(ssrc);
  }

  /**
   * Takes an input. May add outputs and change the next timeout.
   *
   * @param input What happened, or what is wanted. Bytes are borrowed until the call returns.
   * @param now Monotonic milliseconds; a clock that steps back is held.
   * @throws {LocalProtocolError} A command is not legal in this state; nothing has changed.
   * @throws {RangeError} The endpoint of a join is malformed, or the time is no number;
   * nothing has changed.
   */
  handleInput(input: Input, now: number): void {
    if (!(Math.abs(now) <= MAX_TIME)) {
      throw new RangeError(
        `Cannot take an input at ${now}: want milliseconds, at most ${MAX_TIME}`,
      );
    }
    this.#now = Math.max(this.#now, now);
    switch (input.type) {
      case "join":
        return this.#handleJoin(input);
      case "speak":
        return this.#handleSpeak(input.flags);
      case "send":
        return this.#handleSend(input.data);
      case "requestVoice":
        return this.#handleRequestVoice();
      case "connect":
      case "reconnect":
        return this.#handleReconnect(input.type);
      case "leave":
        return this.#handleLeave(input.code ?? NORMAL_CODE);
      case "gatewayRefused":
        return this.#signalling.refuse();
      case "timeout":
        return this.#handleTimeout();
      case "voiceState":
        return this.#guard(() => this.#handleVoiceState(readVoiceState(input.data)));
      case "voiceServer":
        return this.#guard(() => this.#handleVoiceServer(readVoiceServer(input.data)));
    }
    const { id } = input.type.startsWith("websocket") ? this.#websocket : this.#udp;
    if (input.id === id) this.#handleTransport(input);
  }

  /**
   * Takes the next thing to do.
   *
   * @returns The output, or `undefined` where all is done.
   */
  pollOutput(): Output | undefined {
    return this.#outbox.poll();
  }

  /**
   * When the session wants to be woken.
   *
   * @returns Monotonic milliseconds, or `undefined` where no timer is armed.
   */
  pollTimeout(): number | undefined {
    const next = this.#timers.next();
    // Without a connection nothing can be asked for, and keys are of no use.
    const dave = this.#state === "connected" ? this.dave?.pollTimeout() : undefined;
    return next === undefined || dave === undefined ? next ?? dave : Math.min(next, dave);
  }

  /**
   * Makes a datagram of an Opus frame.
   *
   * @param frame One Opus packet.
   * @param into Receives the datagram, in other memory than the frame; the frame's size and 48
   * bytes more are enough (68 in the mode `xsalsa20_poly1305_suffix`; 16 less without DAVE).
   * @param timestamp RTP timestamp, signed or not; the previous one and its frame's duration by
   * default.
   * @returns Bytes of the datagram; 0 while the session is not connected, or the others could
   * not decrypt the frame yet.
   * @throws {SyntaxError} The frame is no Opus packet.
   * @throws {RangeError} The buffer is too small.
   * @throws {LocalProtocolError} All nonces of the key are spent, or the mode is `plain`.
   */
  packetize(frame: Uint8Array, into: Uint8Array, timestamp?: number): number {
    return this.#media.packetize(frame, into, timestamp);
  }

  /**
   * Takes the Opus frame out of a datagram; its header is then in `received`. In a call that is
   * end-to-end encrypted so is the frame: `Receiver` opens it.
   *
   * @param datagram Any bytes; not changed.
   * @param into Receives the frame; at least as large as the datagram.
   * @param now When it came, in monotonic milliseconds; without it jitter is not measured.
   * @returns Bytes of the frame; 0: dropped and counted; -1: feed it to `handleInput`.
   * @throws {RangeError} The buffer is too small.
   */
  depacketize(datagram: Uint8Array, into: Uint8Array, now?: number): number {
    return this.#udp.awaits(datagram) ? -1 : this.#media.depacketize(datagram, into, now);
  }

  #handleTransport(input: TransportInput): void {
    switch (input.type) {
      case "websocketOpen":
        return this.#handleWebSocketOpen();
      case "websocketMessage":
        return this.#handleWebSocketMessage(input.data);
      case "websocketClose":
        return this.#handleWebSocketClose(input.code, input.reason);
      case "udpOpen":
        return this.#discover();
      case "udpClose":
        return this.#fail(udpUnreachable(input.reason));
      case "datagram":
        return this.#handleDatagram(input.data);
    }
  }

  // Commands

  #handleJoin(input: JoinInput): void {
    this.#demand(input.server === undefined ? "join" : "serverUpdate", "join");
    if (this.#options.dave !== undefined) demandSnowflake("channelId", input.channelId);
    const inside = this.#signalling.isInside(input.channelId);
    if (input.server === undefined) this.#demandOp4("join", inside ? REENTER_COST : ENTER_COST);
    this.#signalling.join(input);
    if (input.server !== undefined) return this.#connect();
    this.#disconnect();
    this.#signal("join");
    this.#request.begin(inside, this.#now);
  }

  #handleSpeak(flags: number): void {
    if (!Number.isInteger(flags) || flags < 0) {
      throw new RangeError(`Cannot speak with flags ${flags}: they must be a bit mask`);
    }
    if (this.#state === "closed") {
      throw new LocalProtocolError("Cannot speak: the session is closed");
    }
    if (flags === this.#speaking) return;
    this.#speaking = flags;
    if (this.#state === "connected") this.#sendSpeaking();
  }

  #handleSend(data: string | Uint8Array): void {
    if (this.#state !== "connected") this.#refuse("send");
    this.#websocket.sendRaw(data, this.#now);
  }

  #handleRequestVoice(): void {
    // A recovery that waits for its turn asks for itself, and for the room that it needs.
    if (!this.#isLive() || this.#timers.has("retry")) this.#refuse("request a voice server");
    if (!this.#signalling.active) {
      throw new LocalProtocolError("Cannot request a voice server: the caller signals");
    }
    this.#demandOp4("request a voice server", ENTER_COST);
    this.#request.send("enter", this.#now);
  }

  /** A recovery that is under way does the same; only what it waits for is cut short. */
  #handleReconnect(action: "connect" | "reconnect"): void {
    if (!this.#isLive()) this.#refuse(action);
    if (this.#timers.has("retry")) this.#timers.set("retry", this.#now);
    else if (action === "reconnect" && this.#state === "connected") {
      this.#websocket.close(RESTART_CODE);
      this.#retry("resumableClose", 0);
    }
  }

  #handleLeave(code: number): void {
    this.#demand("leave", "leave");
    this.#request.send("exit", this.#now);
    this.#disconnect(code);
    this.#signal("leave");
    this.#outbox.event({ type: "closed" });
  }

  #demand(signal: Signal, action: string): void {
    if (transition(this.#state, signal) === undefined) this.#refuse(action);
  }

  #demandOp4(action: string, cost: number): void {
    if (this.#signalling.delay(cost, this.#now) === 0) return;
    throw new LocalProtocolError(
      `Cannot ${action}: ${GATEWAY_LIMIT} op 4 a minute are the limit`,
    );
  }

  #refuse(action: string): never {
    throw new LocalProtocolError(`Cannot ${action}: the session is ${this.#state}`);
  }

  // Main gateway

  #handleVoiceState(data: VoiceStateUpdate): void {
    if (!this.#signalling.isOwn(data) || !this.#isLive()) return;
    this.#outbox.message("received", "gateway", "VOICE_STATE_UPDATE");
    if (data.channel_id !== null) {
      this.#signalling.takeState(data.channel_id, data.session_id);
      if (this.#state === "signalling" || this.#state === "waiting") this.#connect();
    } else if (!this.#signalling.takeExit() && this.#state !== "signalling") {
      this.#fail(FAILURES.kicked);
    }
  }

  #handleVoiceServer(data: VoiceServerUpdate): void {
    if (!this.#signalling.isOurs(data) || !this.#isLive()) return;
    this.#outbox.message("received", "gateway", "VOICE_SERVER_UPDATE");
    if (data.endpoint === null) return this.#awaitReallocation();
    if (!this.#signalling.takeServer(data.endpoint, data.token)) return;
    const isHandshake = transition(this.#state, "resumableClose") === "connecting";
    if (isHandshake && this.#budget.spend("wait") === undefined) {
      return this.#fail(FAILURES.tooManyServers);
    }
    this.#connect();
  }

  /** Discord replaces the voice server: that takes longer than a move. */
  #awaitReallocation(): void {
    const isNews = this.#signalling.withdraw();
    this.#wait();
    // Who says it again and again gets no more time.
    if (!isNews || !this.#isLive()) return;
    const timeout = this.#options.timeouts?.waiting ?? REALLOCATION_TIMEOUT;
    this.#timers.set("phase", this.#now + timeout);
    this.#timers.clear("request");
  }

  #isLive(): boolean {
    return this.#state !== "idle" && this.#state !== "closed";
  }

  // Voice gateway

  #connect(): void {
    if (this.#signalling.server === undefined) return;
    this.#disconnect();
    this.#signalling.connecting();
    this.#closeCode = undefined;
    this.#signal("serverUpdate");
    this.#openWebSocket();
  }

  #openWebSocket(): void {
    const server = this.#signalling.server;
    if (server === undefined) return;
    this.#websocket.open(++this.#lastId, server.url);
    this.#armPhase();
  }

  #handleWebSocketOpen(): void {
    const resuming = this.#state === "reconnecting";
    const { server, sessionId, channelId } = this.#signalling;
    if (server === undefined || sessionId === undefined || !this.#signal("websocketOpen")) return;
    this.#websocket.opened(this.#now);
    const { guildId, userId } = this.#options;
    const common = {
      server_id: guildId,
      channel_id: channelId,
      session_id: sessionId,
      token: server.token,
    };
    if (resuming) {
      const seq_ack = this.#websocket.seqAck;
      return this.#websocket.send({ op: VoiceOpcodes.Resume, d: { ...common, seq_ack } });
    }
    this.#websocket.forgetSequence();
    const max_dave_protocol_version = this.#encryption.begin(channelId ?? "");
    this.#websocket.send({
      op: VoiceOpcodes.Identify,
      d: { ...common, user_id: userId, max_dave_protocol_version },
    });
  }

  #handleWebSocketMessage(data: string | Uint8Array): void {
    this.#guard(() => {
      const message = this.#websocket.receive(data, this.#now);
      if (message !== undefined) this.#handleMessage(message);
    });
  }

  #handleMessage(message: VoiceReceivePayload): void {
    switch (message.op) {
      case VoiceOpcodes.Ready:
        return this.#handleReady(message.d);
      case VoiceOpcodes.SessionDescription:
        return this.#handleSessionDescription(message);
      case VoiceOpcodes.Resumed:
        this.#handleResumed();
        return this.#encryption.handle(message, this.#now);
      default:
        this.#roster.receive(message);
        return this.#encryption.handle(message, this.#now);
    }
  }

  #handleReady({ ssrc, ip, port, modes }: ReadyPayload): void {
    if (transition(this.#state, "ready") === undefined) return this.#unexpected("Ready");
    try {
      this.#mode = chooseMode(modes, this.#modes);
    } catch (error) {
      return this.#fail(noSharedMode((error as Error).message));
    }
    if (this.#state === "resuming") this.#forgetSession();
    this.#ssrc = ssrc;
    this.#signal("ready");
    const address = ip ?? this.#signalling.server?.host ?? "";
    this.#udp.open(++this.#lastId, address, port, ssrc);
  }

  /** Ready in answer to Resume: what was is void. */
  #forgetSession(): void {
    this.#closeUdp();
    this.#roster.clear();
    this.#websocket.forgetSequence();
    this.#encryption.begin(this.#signalling.channelId ?? "");
  }

  #handleSessionDescription(message: SessionDescription): void {
    const { mode, secret_key: key } = message.d;
    if (transition(this.#state, "sessionDescription") === undefined) {
      return this.#unexpected("Session Description");
    }
    if (!isEncryptionMode(mode) || !this.#modes.includes(mode)) {
      return this.#fail(noSharedMode(`the server has selected the mode ${mode.slice(0, 80)}`));
    }
    const { aead = pureAead, random } = this.#options;
    const cipher = new PacketCipher(mode, key.reveal(), aead, this.#nonces, random);
    this.#media.start(this.#ssrc, cipher, this.dave);
    this.#reports.start(this.#now);
    this.#hasSpoken = false;
    this.#signal("sessionDescription");
    this.#outbox.event({ type: "ready", ssrc: this.#ssrc, mode });
    this.#timers.set("keepalive", this.#now);
    this.#established();
    this.#encryption.handle(message, this.#now);
  }

  #handleResumed(): void {
    if (!this.#signal("resumed")) return this.#unexpected("Resumed");
    this.#outbox.event({ type: "resumed" });
    this.#established();
  }

  #established(): void {
    this.#closeCode = undefined;
    this.#hasBeenReady = true;
    this.#budget.forgetWaits();
    this.#timers.set("stable", this.#now + STABLE_DELAY);
    this.#timers.set("report", this.#now + this.#reports.delay());
    if (this.#hasSpoken || this.#speaking !== 0) this.#sendSpeaking();
    this.#websocket.beat(this.#now);
  }

  #handleWebSocketClose(code: number, text: string): void {
    const reason = this.#signalling.redact(text);
    this.#websocket.retire();
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#outbox.event({ type: "disconnected", code, reason, bySelf: false });
    this.#recover(this.#actionFor(code), code);
  }

  /**
   * Where the network fails in the middle of a handshake, the server may know the session
   * already: to identify with it again would end in 4006.
   */
  #actionFor(code: number): RecoveryAction {
    const { action } = closeCode(code);
    const begun = ["identifying", "discovering", "selecting"].includes(this.#state);
    return action === "resume" && code < 4000 && begun && this.#signalling.active
      ? "rejoin"
      : action;
  }

  #sendSpeaking(): void {
    this.#hasSpoken = true;
    const d = { speaking: this.#speaking, delay: 0, ssrc: this.#ssrc };
    this.#websocket.sendLatest({ op: VoiceOpcodes.Speaking, d }, this.#now);
  }

  // UDP

  #discover(): void {
    if (this.#state !== "discovering" || this.#udp.discover(this.#now)) return;
    this.#fail(udpUnreachable("no IP discovery request was answered"));
  }

  #handleDatagram(data: Uint8Array): void {
    const found = this.#udp.receive(data, this.#now);
    if (found === undefined) return;
    if (found === "rtcp") return this.#handleReport(data);
    if (typeof found === "string" || !this.#signal("addressDiscovered")) {
      this.#media.drop(typeof found === "string" ? found : "discovery-rejected");
      return;
    }
    this.#websocket.send({
      op: VoiceOpcodes.SelectProtocol,
      d: { protocol: "udp", data: { ...found, mode: this.#mode } },
    });
  }

  #handleReport(data: Uint8Array): void {
    const report = this.#reports.receive(data, this.#now);
    if (report === undefined) return;
    this.#outbox.message("received", "udp", "RTCP");
    this.#outbox.event({ type: "receptionReport", ...report });
  }

  /** Where the session is not connected, the timer is armed again once it is. */
  #sendReport(): void {
    if (this.#state !== "connected") return;
    this.#timers.set("report", this.#now + this.#reports.delay());
    const datagram = this.#reports.next(this.#now);
    if (datagram !== undefined) this.#udp.sendReport(datagram);
  }

  // Timers

  #handleTimeout(): void {
    for (let timer; (timer = this.#timers.expire(this.#now)) !== undefined;) this.#expire(timer);
    if (this.#state === "connected") this.#encryption.expire(this.#now);
  }

  #expire(timer: Timer): void {
    switch (timer) {
      case "phase":
        return this.#handlePhaseTimeout();
      case "retry":
        return this.#state === "signalling" ? this.#rejoin() : this.#openWebSocket();
      case "request":
        if (this.#state === "signalling") this.#request.repeat(this.#hasBeenReady, this.#now);
        return;
      case "send":
        return this.#websocket.flush(this.#now);
      case "heartbeat":
        return this.#websocket.dead ? this.#abandonWebSocket() : this.#websocket.beat(this.#now);
      case "keepalive":
        return this.#udp.keepAlive(this.#now);
      case "discovery":
        return this.#discover();
      case "report":
        return this.#sendReport();
      case "stable":
        this.#signalling.forgetExits();
        return this.#budget.reset();
    }
  }

  #handlePhaseTimeout(): void {
    switch (this.#state) {
      case "signalling":
        return this.#fail(this.#signalling.failure);
      case "waiting":
        return this.#fail(FAILURES.noNewServer);
      case "discovering":
        return this.#fail(udpUnreachable("no address was discovered in time"));
      default:
        return this.#abandonWebSocket();
    }
  }

  #abandonWebSocket(): void {
    const action = this.#actionFor(ABNORMAL_CODE);
    this.#websocket.close(RECONNECT_CODE);
    this.#recover(action, undefined);
  }

  // Recovery

  #recover(action: RecoveryAction, code: number | undefined): void {
    switch (action) {
      case "resume": {
        const delay = this.#budget.spend("resume");
        if (delay === undefined) return this.#recover("rejoin", code);
        return this.#retry("resumableClose", delay);
      }
      case "rejoin": {
        const delay = this.#signalling.active ? this.#budget.spend("rejoin") : undefined;
        if (delay === undefined) return this.#recover("stop", code);
        const wait = Math.max(delay, this.#signalling.delay(REENTER_COST, this.#now));
        if (wait > JOIN_PATIENCE && !this.#hasBeenReady) return this.#recover("stop", code);
        return this.#retry("rejoinClose", wait);
      }
      case "wait":
        return this.#wait();
      case "stop":
        return this.#fail(
          code === undefined ? FAILURES.noAnswer : closedWith(code, this.#closeReason),
        );
    }
  }

  #retry(signal: "resumableClose" | "rejoinClose", delay: number): void {
    if (transition(this.#state, signal) !== "reconnecting") this.#disconnect();
    if (signal === "rejoinClose") this.#signalling.forget();
    this.#signal(signal);
    this.#timers.clear("phase");
    this.#timers.clear("stable");
    this.#timers.set("retry", this.#now + delay);
  }

  #rejoin(): void {
    const delay = this.#signalling.delay(REENTER_COST, this.#now);
    if (delay > 0) return this.#timers.set("retry", this.#now + delay);
    this.#armPhase();
    this.#request.begin(true, this.#now);
  }

  #wait(): void {
    if (transition(this.#state, "waitClose") === undefined) return;
    if (this.#budget.spend("wait") === undefined) return this.#fail(FAILURES.tooManyServers);
    if (this.#signalling.repeated) return this.#connect();
    this.#signalling.forgetServer();
    this.#disconnect();
    this.#signal("waitClose");
  }

  #fail(failure: Failure): void {
    const message = `Cannot stay connected while ${this.#state}: ${failure.message}`;
    const error = new VoiceConnectError(this.#signalling.redact(message), {
      ...failure,
      phase: this.#state,
      closeCode: this.#closeCode,
    });
    const inside = failure !== FAILURES.kicked && this.#signalling.delay(1, this.#now) === 0;
    if (inside) this.#request.send("exit", this.#now);
    this.#disconnect();
    this.#signal("fatalClose");
    this.#outbox.event({ type: "closed", error });
  }

  /** Gives up both sockets and all that belongs to them. */
  #disconnect(code = NORMAL_CODE): void {
    this.#websocket.close(code);
    this.#closeUdp();
    this.#encryption.end();
    this.#roster.clear();
    this.#timers.clear("stable");
    this.#timers.clear("retry");
    this.#timers.clear("request");
  }

  #closeUdp(): void {
    this.#media.stop();
    this.#udp.close();
  }

  // State

  #signal(signal: Signal): boolean {
    const next = transition(this.#state, signal);
    if (next === undefined) return false;
    const from = this.#state;
    this.#state = next;
    this.#media.setSending(next === "connected");
    this.#armPhase();
    if (next !== from) this.#outbox.event({ type: "state", from, to: next });
    if (next === "closed") this.#timers.clearAll();
    return true;
  }

  #armPhase(): void {
    const timeout = this.#timeoutOf(this.#state);
    if (timeout === undefined) this.#timers.clear("phase");
    else this.#timers.set("phase", this.#now + timeout);
  }

  #timeoutOf(state: State): number | undefined {
    return this.#options.timeouts?.[state] ?? PHASE_TIMEOUTS[state];
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.#outbox.malformed(this.#signalling.redact(error.message));
    }
  }

  #unexpected(name: string): void {
    this.#outbox.malformed(`Cannot take ${name}: the session is ${this.#state}`);
  }

  #randomU32(): number {
    const bytes = new Uint8Array(4);
    this.#options.random(bytes);
    return readU32(bytes, 0);
  }
}

function demandSnowflake(name: string, id: string): void {
  if (isSnowflake(id)) return;
  throw new RangeError(
    `Cannot encrypt a call with ${name} ${JSON.stringify(id.slice(0, 80))}: want a snowflake`,
  );
}
