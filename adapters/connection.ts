/**
 * A voice connection: what a bot author holds.
 *
 * @module
 */

import { abortable } from "@std/async";
import { createDave } from "../lib/dave/create.ts";
import type { PlayoutStats } from "../lib/audio/playout.ts";
import { endpointHost } from "../lib/endpoint.ts";
import { LocalProtocolError, VoiceConnectError } from "../lib/errors.ts";
import type { VoiceServer, VoiceStatePayload } from "../lib/gateway.ts";
import type { SessionEvent } from "../lib/io.ts";
import type { EncryptionMode } from "../lib/packet.ts";
import { redactMessage } from "../lib/redact.ts";
import { copyFrame, type ReceivedFrame } from "../lib/received_frame.ts";
import { RTP_HEADER_SIZE, writeRtpHeader } from "../lib/rtp_header.ts";
import type { Secret } from "../lib/secret.ts";
import { VoiceSession } from "../lib/session.ts";
import { SpeakingFlags } from "../lib/speaking.ts";
import type { State } from "../lib/state.ts";
import {
  Components,
  type JitterComponent,
  type RtpComponent,
  type UdpComponent,
  type WebSocketComponent,
} from "./components.ts";
import type { ConnectionEvents, ConnectionStats, JoinVoiceOptions } from "./connection_types.ts";
import type { DaveComponent } from "./dave_component.ts";
import { Driver, type PacketHeader } from "./driver.ts";
import type { DiscordGatewayAdapterImplementerMethods } from "./gateway_adapter.ts";
import { guarded, Listeners } from "./listeners.ts";
import { log } from "./logger.ts";
import type { OpusCodec } from "./opus_codec.ts";
import { Playback } from "./playback.ts";
import type {
  AudioPlayer,
  Playable,
  PlayerOptions,
  PlayOptions,
  PlayResult,
} from "./player/player.ts";
import { AudioFrames } from "./receive/audio_frames.ts";
import { type Speaker, SpeakerFeed } from "./receive/speakers.ts";
import { SpeakingWatch } from "./receive/speaking_watch.ts";
import type { Transport } from "./transport.ts";
import { lanePool } from "./worker/pool.ts";

export type * from "./connection_types.ts";

/** Ends that are not the session's own. */
const ENDS = {
  left: {
    message: "the connection was left",
    phase: "closed",
    code: "left",
    hint: "The bot has left the channel",
  },
  closed: {
    message: "the gateway library has given the connection up",
    phase: "closed",
    code: "gateway-closed",
    hint: "The shard of this guild was closed, or the adapter was",
  },
  failed: {
    message: "the gateway library fails to send op 4",
    phase: "signalling",
    code: "gateway-refused",
    hint: "Look at the cause: it is what `sendPayload` of the adapter has thrown",
  },
} as const;

/** Milliseconds for which a connection waits for the keys of others before it counts as ready. */
const SECURE_PATIENCE = 10_000;

/** `reconnect` was called while an earlier call of it was not done. */
export class ReconnectInProgress extends LocalProtocolError {
  /** Says so. */
  constructor() {
    super("Cannot reconnect: an earlier call is not done");
  }
}

/**
 * A bot in a voice channel. Leave it with `leave`, or let `await using` do so.
 */
export class VoiceConnection implements AsyncDisposable {
  readonly #options: JoinVoiceOptions;
  readonly #session: VoiceSession;
  readonly #driver: Driver;
  readonly #playback: Playback;
  readonly #components: Components;
  readonly #listeners = new Listeners<ConnectionEvents>();
  readonly #feeds = new Set<SpeakerFeed>();
  readonly #start = performance.now();
  readonly #audioFrames = new AudioFrames(this.#start, (frame) => {
    this.#listeners.emit("audioFrame", { type: "audioFrame", ...frame });
  });
  readonly #speakingWatch = new SpeakingWatch((change) => {
    this.#listeners.emit(change.type, change as never);
  });
  readonly #closed = Promise.withResolvers<VoiceConnectError | undefined>();
  #ready: PromiseWithResolvers<void> = awaited();
  #adapter: DiscordGatewayAdapterImplementerMethods | undefined;
  #flags = 0;
  #gatewayClosed = false;
  #adapterError: { readonly cause: unknown } | undefined;
  #ended: VoiceConnectError | undefined;
  #reconnecting = false;
  #canSend = false;
  /** Whether `#ready` has resolved. */
  #isReady = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  private constructor(inner: Transport, options: JoinVoiceOptions) {
    const transport = options.worker ? lanePool.transport(inner) : inner;
    this.#options = options;
    this.#session = new VoiceSession({
      guildId: options.guildId,
      userId: options.userId,
      modes: options.modes ?? transport.modes,
      gatewayVersion: options.gatewayVersion,
      discovery: options.discovery,
      timeouts: options.timeouts,
      aead: transport.aead,
      dave: daveOf(transport, options),
      random: (into) => crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
    });
    this.#driver = new Driver(this.#session, transport, {
      gateway: (payload) => this.#sendGateway(payload),
      event: (event) => this.#handleEvent(event),
      frame: (frame) => this.#handleFrame(frame),
      message: (data) => this.#handleMessage(data),
      packet: (header, opus) => this.#handlePacket(header, opus),
    });
    this.#components = new Components(this.#session, this.#driver, options.gatewayVersion);
    this.#playback = new Playback(this.#driver, (speaking) => this.#speak(speaking));
  }

  /**
   * Joins a voice channel on a transport of your own. `joinVoice` of `./deno`, `./bun` and
   * `./node` is this with the runtime's transport.
   *
   * @returns The connection, once audio can flow; where the keys of others are awaited in vain,
   * after ten seconds.
   * @throws {VoiceConnectError} It could not be made; `hint` says what to look at.
   * @throws {TypeError} Neither or both of `adapterCreator` and `server` are given.
   * @throws {RangeError} The endpoint of `server`, an id or an option is malformed.
   */
  static async join(transport: Transport, options: JoinVoiceOptions): Promise<VoiceConnection> {
    const connection = VoiceConnection.open(transport, options);
    await connection.#ready.promise;
    return connection;
  }

  /**
   * The same as `join`, without waiting: op 4 is sent before it returns. `untilReady` waits, and
   * `closed` tells where it could not be made.
   *
   * @throws {TypeError} Neither or both of `adapterCreator` and `server` are given.
   * @throws {RangeError} The endpoint of `server`, an id or an option is malformed.
   */
  static open(transport: Transport, options: JoinVoiceOptions): VoiceConnection {
    if ((options.adapterCreator === undefined) === (options.server === undefined)) {
      throw new TypeError(
        "Cannot join: either `adapterCreator` or `server` must be given",
      );
    }
    options.signal?.throwIfAborted();
    const connection = new VoiceConnection(transport, options);
    connection.#join();
    return connection;
  }

  /** Guild id. */
  get guildId(): string {
    return this.#options.guildId;
  }

  /** Channel id; after a move that of the new channel. */
  get channelId(): string {
    return this.#session.channelId ?? this.#options.channelId;
  }

  /** The bot's own user id. */
  get userId(): string {
    return this.#options.userId;
  }

  /** Session id of the bot's voice state, where it has come. */
  get sessionId(): string | undefined {
    return this.#session.sessionId;
  }

  /** Endpoint of the voice server, where one is known. */
  get endpoint(): string | undefined {
    return this.#session.server?.endpoint;
  }

  /** Token for the voice server, where one is known. It has no text form. */
  get token(): Secret<string> | undefined {
    return this.#session.server?.token;
  }

  /** The voice WebSocket, to look at. */
  get webSocket(): WebSocketComponent {
    return this.#components.webSocket;
  }

  /** The UDP socket, to look at. */
  get udp(): UdpComponent {
    return this.#components.udp;
  }

  /** The RTP counters, to look at. */
  get rtp(): RtpComponent {
    return this.#components.rtp;
  }

  /** End-to-end encryption (DAVE) of the present call, to look at; none where it is not offered. */
  get dave(): DaveComponent | undefined {
    return this.#components.dave;
  }

  /** What is heard, by SSRC. */
  get jitters(): ReadonlyMap<number, JitterComponent> {
    return this.#components.jitters;
  }

  /** The way to the main gateway, until the end; none where the caller gave the server. */
  get shard(): Pick<DiscordGatewayAdapterImplementerMethods, "sendPayload"> | undefined {
    return this.#adapter;
  }

  /** The present state. */
  get state(): State {
    return this.#session.state;
  }

  /** The bot's SSRC. */
  get ssrc(): number {
    return this.#session.ssrc;
  }

  /** The encryption mode, while there is a key. */
  get mode(): EncryptionMode | undefined {
    return this.#session.mode;
  }

  /** Users in the channel besides the bot, as far as the server has said. */
  get users(): ReadonlySet<string> {
    return this.#session.users;
  }

  /** Resolves at the end: with the error where it was not asked for. Never rejects. */
  get closed(): Promise<VoiceConnectError | undefined> {
    return this.#closed.promise;
  }

  /**
   * Plays a source, paced by the duration of each frame, then five frames of silence.
   * While the connection is being recovered, or others are there who could not decrypt yet, playing
   * waits. A player that was heard before is heard again afterwards.
   *
   * @param source What `audioSource` and its kin give, or Opus packets, for example those of
   * `oggOpus`.
   * @returns What was sent, once the last packet is out.
   * @throws {LocalProtocolError} Another source is playing.
   * @throws {VoiceConnectError} The connection has ended.
   * @throws {SyntaxError} The source gave something that is no Opus packet.
   * @throws The reason of `options.signal`, or what the source throws.
   */
  async play(source: Playable, options: PlayOptions & PlayerOptions = {}): Promise<PlayResult> {
    return await this.#playback.play(source, options);
  }

  /** The player that is heard: that of `subscribe`, or while `play` plays one of its own. */
  get player(): AudioPlayer | undefined {
    return this.#playback.player;
  }

  /**
   * Hears a player, which may play to other connections too; an earlier player is let go.
   *
   * @returns Lets the player go.
   * @throws {LocalProtocolError} Another source is playing.
   * @throws {VoiceConnectError} The connection has ended.
   */
  subscribe(player: AudioPlayer): () => void {
    return this.#playback.subscribe(player);
  }

  /**
   * Sends one Opus packet now; pacing is the caller's.
   *
   * @param packet One Opus packet.
   * @param timestamp RTP timestamp; the previous one and its packet's duration by default.
   * @returns Whether it was sent: not while the connection is being recovered, nor while others
   * are there who could not decrypt it yet.
   * @throws {SyntaxError} It is no Opus packet.
   */
  sendOpus(packet: Uint8Array, timestamp?: number): boolean {
    return this.#driver.send(packet, timestamp);
  }

  /**
   * Tells the others whether the bot speaks. Discord wants it once before audio.
   *
   * @param flags `SpeakingFlags`, combined; 0 for none.
   * @throws {LocalProtocolError} The connection has ended.
   */
  setSpeaking(flags: number): void {
    this.#driver.feed({ type: "speak", flags });
    this.#flags = flags;
  }

  /**
   * Who speaks: a `Speaker` for each user whose first frame has come since this call.
   *
   * @returns A stream that ends with the connection; cancel it to stop listening.
   */
  speakers(): ReadableStream<Speaker> {
    const feed = new SpeakerFeed(this.#start, (cancelled) => this.#feeds.delete(cancelled));
    if (this.state === "closed") feed.end();
    else this.#feeds.add(feed);
    return feed.stream;
  }

  /**
   * Listens to one type of event.
   *
   * @param type A type of `SessionEvent`, `rawMessage`, `rawAudioFrame`, `audioFrame`,
   * `speakingStart` or `speakingStop`.
   * @param listener Is called with each event; what it throws does no harm to the connection.
   * @returns Ends the listening.
   */
  on<T extends keyof ConnectionEvents>(
    type: T,
    listener: (event: ConnectionEvents[T]) => void,
  ): () => void {
    return this.#listeners.on(type, listener);
  }

  /**
   * Waits until audio can flow: the connection may be in the middle of a recovery, or others may
   * not be able to decrypt yet. For the latter it waits ten seconds at most.
   *
   * @param signal Ends the wait.
   * @throws {VoiceConnectError} The connection has ended.
   * @throws The reason of `signal`.
   */
  async untilReady(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise } = this.#ready;
    await (signal === undefined ? promise : abortable(promise, signal));
  }

  /**
   * Makes the next attempt of a recovery now. SSRC, key and counters are kept where the session
   * can be resumed. Does nothing where the connection is ready.
   *
   * @throws {LocalProtocolError} The connection has ended before.
   * @throws {VoiceConnectError} The connection ends meanwhile.
   */
  async connect(): Promise<void> {
    await this.#settle("connect");
  }

  /**
   * Closes the voice WebSocket (1012; on Deno and Node, whose clients may not send that, 4900) and
   * resumes the session. Joins a recovery that is under way.
   *
   * @throws {ReconnectInProgress} An earlier call is not done.
   * @throws {LocalProtocolError} The connection has ended before.
   * @throws {VoiceConnectError} The connection ends meanwhile.
   */
  async reconnect(): Promise<void> {
    if (this.#reconnecting) throw new ReconnectInProgress();
    this.#reconnecting = true;
    try {
      await this.#settle("reconnect");
    } finally {
      this.#reconnecting = false;
    }
  }

  /**
   * Asks the main gateway once more for a voice server (op 4). Where it names another one, the
   * connection goes there.
   *
   * @throws {LocalProtocolError} The limit of five a minute leaves no room, a recovery is about to
   * ask, the connection has ended, or the caller gave the server.
   */
  requestVoice(): void {
    this.#driver.feed({ type: "requestVoice" });
  }

  /**
   * Goes over to another voice server, as after a VOICE_SERVER_UPDATE. Does nothing where it is
   * the present one.
   *
   * @throws {RangeError} The endpoint is malformed.
   * @throws {LocalProtocolError} The connection has ended.
   */
  setVoiceServer(server: VoiceServer): void {
    const { guildId, channelId, userId } = this;
    const { endpoint, token, sessionId: session_id } = server;
    if (this.state === "closed") {
      throw new LocalProtocolError("Cannot set a voice server: the connection has ended");
    }
    endpointHost(endpoint);
    if (endpoint === this.endpoint && token === this.token?.reveal()) return;
    if (this.#options.server !== undefined) {
      return this.#driver.feed({ type: "join", channelId, server });
    }
    const state = { guild_id: guildId, channel_id: channelId, user_id: userId, session_id };
    this.#driver.feed({ type: "voiceState", data: state });
    this.#driver.feed({ type: "voiceServer", data: { guild_id: guildId, endpoint, token } });
  }

  /**
   * Sends a message of your own to the voice gateway: at most 120 a minute, others wait.
   * Heartbeats pass first.
   *
   * @param data JSON for a text frame, bytes for a binary one.
   * @throws {LocalProtocolError} The connection is not ready, or 120 messages wait.
   */
  send(data: string | Uint8Array): void {
    this.#driver.feed({ type: "send", data });
  }

  /**
   * Takes a datagram as if the voice server had sent it: one of a capture, say. What cannot be opened
   * is counted, as ever. Does nothing while there is no UDP socket.
   *
   * @param datagram Any bytes; read before it returns.
   */
  receive(datagram: Uint8Array): void {
    this.#driver.receive(datagram);
  }

  /**
   * Encodes one frame and sends it now; pacing is the caller's.
   *
   * @param samples Interleaved 16-bit samples, as many as the encoder takes.
   * @param encoder For example that of `./opus`.
   * @returns Whether it was sent: not while the connection is being recovered.
   */
  sendPcm(samples: Int16Array, encoder: Pick<OpusCodec, "encode">): boolean {
    return this.sendOpus(encoder.encode(samples));
  }

  /** What was sent, received, lost and dropped, round trips, pacing. */
  stats(): ConnectionStats {
    const { counters, remote } = this.#session;
    return {
      ...counters,
      users: counters.users.map((user) => ({
        ...user,
        ...this.#driver.framesOf(user.userId),
        playout: this.#playoutOf(user.userId),
      })),
      remote,
      roundTrip: {
        websocket: this.webSocket.latency,
        udp: this.udp.roundTrip,
      },
      pacing: this.#playback.pacing,
      held: this.#driver.held,
      expired: this.#driver.expired,
      undecryptable: this.#driver.undecryptable,
      unsent: this.#driver.unsent,
      socketErrors: this.#driver.socketErrors,
    };
  }

  /** Leaves the channel and frees everything. Does nothing where that has happened. */
  leave(): void {
    if (this.state !== "closed") this.#driver.feed({ type: "leave" });
  }

  /**
   * Ends everything before it returns: op 4, sockets, timers, key. May be called from a signal
   * handler and from inside any event.
   *
   * @param code Close code for the voice WebSocket: 1000, the default, or 3000 to 4999.
   * @throws {RangeError} It is none of these.
   */
  forceClose(code = 1000): void {
    if (code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999)) {
      throw new RangeError(`Cannot close with code ${code}: it is 1000, or 3000 to 4999`);
    }
    if (this.state === "closed") return this.#driver.drain();
    this.#driver.force({ type: "leave", code });
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.#closed.promise;
  }

  #join(): void {
    const { channelId, selfMute, selfDeaf, server, signal, adapterCreator } = this.#options;
    signal?.addEventListener("abort", this.#abort, { once: true });
    try {
      this.#adapter = adapterCreator?.({
        destroy: () => this.#handleDestroy(),
        onVoiceServerUpdate: (data) => this.#driver.feed({ type: "voiceServer", data }),
        onVoiceStateUpdate: (data) => this.#driver.feed({ type: "voiceState", data }),
      });
      if (this.state === "closed") return this.#dropAdapter();
      this.#driver.feed({
        type: "join",
        channelId,
        selfMute,
        selfDeaf,
        server,
      });
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  #handleDestroy(): void {
    if (this.state === "closed") return;
    this.#gatewayClosed = true;
    this.leave();
  }

  #sendGateway(payload: VoiceStatePayload): void {
    try {
      const isRefused = this.#adapter?.sendPayload(payload) === false;
      if (isRefused && payload.d.channel_id !== null) this.#driver.feed({ type: "gatewayRefused" });
    } catch (error) {
      this.#adapterError ??= { cause: error };
      this.leave();
    }
  }

  readonly #abort = (): void => {
    this.#ready.reject(this.#options.signal?.reason);
    this.leave();
  };

  async #settle(type: "connect" | "reconnect"): Promise<void> {
    this.#driver.feed({ type });
    // Called from inside an event: what comes of it is told before the next line.
    await null;
    await this.#ready.promise;
  }

  #speak(speaking: boolean): void {
    if (this.state === "closed") return;
    const flags = speaking ? this.#flags | SpeakingFlags.Microphone : this.#flags;
    this.#driver.feed({ type: "speak", flags });
  }

  /** Audio can flow, or it cannot any more. Whoever waits for others' keys does not wait for ever. */
  #followReadiness(): void {
    const { state, dave } = this.#session;
    const isConnected = state === "connected";
    const canSend = isConnected && (dave?.ready ?? true);
    const couldSend = this.#canSend;
    this.#canSend = canSend;
    clearTimeout(this.#patience);
    if (canSend) {
      this.#playback.resume();
      return this.#settleReady();
    }
    this.#playback.suspend();
    if (this.#isReady && (couldSend || !isConnected)) {
      this.#isReady = false;
      this.#ready = awaited();
    }
    if (isConnected && !this.#isReady) {
      this.#patience = setTimeout(() => this.#settleReady(), SECURE_PATIENCE);
    }
  }

  #settleReady(): void {
    this.#isReady = true;
    this.#ready.resolve();
  }

  #handleMessage(data: string | Uint8Array): void {
    if (!this.#listeners.has("rawMessage")) return;
    this.#listeners.emit("rawMessage", { type: "rawMessage", data: redactMessage(data) });
  }

  /** Only where somebody wants the frame it is copied, and before anybody is told of it. */
  #handleFrame(borrowed: ReceivedFrame): void {
    const isDecoded = this.#listeners.has("audioFrame");
    const frame = isDecoded || this.#feeds.size > 0 ? copyFrame(borrowed) : borrowed;
    this.#speakingWatch.push(frame);
    for (const feed of this.#feeds) feed.push(frame);
    if (isDecoded) this.#audioFrames.push(frame);
    else this.#audioFrames.end();
  }

  #playoutOf(userId: string): PlayoutStats | undefined {
    for (const feed of this.#feeds) {
      const playout = feed.speaker(userId)?.playout;
      if (playout !== undefined) return playout;
    }
    return this.#audioFrames.statsOf(userId);
  }

  #handlePacket({ ssrc, sequence, timestamp }: PacketHeader, opus: Uint8Array): void {
    if (!this.#listeners.has("rawAudioFrame")) return;
    const frame = new Uint8Array(RTP_HEADER_SIZE + opus.length);
    writeRtpHeader(frame, sequence, timestamp, ssrc);
    frame.set(opus, RTP_HEADER_SIZE);
    const userId = this.#session.userOf(ssrc);
    this.#listeners.emit("rawAudioFrame", { type: "rawAudioFrame", userId, ssrc, frame });
  }

  #handleEvent(event: SessionEvent): void {
    switch (event.type) {
      case "state":
      case "daveReady":
        this.#followReadiness();
        break;
      case "connected":
      case "disconnected":
        this.#components.setOpen(event.type === "connected");
        break;
      case "clientDisconnect":
        this.#feeds.forEach((feed) => feed.remove(event.userId));
        this.#audioFrames.remove(event.userId);
        break;
      case "heartbeat":
        this.#components.addLatency(event.roundTrip);
        break;
      case "keepalive":
        this.#components.setUdpRoundTrip(event.roundTrip);
        break;
      case "closed":
        this.#end(event.error);
        break;
    }
    this.#tell(event);
    if (event.type === "closed") this.#dropAdapter();
  }

  #end(error: VoiceConnectError | undefined): void {
    const { signal } = this.#options;
    const end = this.#adapterError !== undefined
      ? "failed"
      : this.#gatewayClosed
      ? "closed"
      : "left";
    const left = error ?? new VoiceConnectError(`Cannot go on: ${ENDS[end].message}`, {
      ...ENDS[end],
      cause: (this.#adapterError ?? { cause: signal?.reason }).cause,
    });
    this.#ended = left;
    signal?.removeEventListener("abort", this.#abort);
    this.#playback.end(left);
    for (const feed of this.#feeds) feed.end();
    this.#feeds.clear();
    this.#audioFrames.end();
    this.#speakingWatch.end();
    this.#ready.reject(left);
    this.#closed.resolve(end === "left" ? error : left);
  }

  #dropAdapter(): void {
    const adapter = this.#adapter;
    this.#adapter = undefined;
    guarded(() => adapter?.destroy());
  }

  #tell(event: SessionEvent): void {
    const { onEvent, logger } = this.#options;
    guarded(() => onEvent?.(event));
    if (logger !== undefined) guarded(() => log(logger, event));
    this.#listeners.emit(event.type, event as never);
  }
}

function daveOf(transport: Transport, options: JoinVoiceOptions) {
  const { daveEncryption = true, decryptionFailureTolerance, daveIdentityKey } = options;
  if (!daveEncryption) return undefined;
  return createDave({
    ...transport.dave,
    decryptionFailureTolerance,
    signaturePrivateKey: daveIdentityKey,
  });
}

/** A promise that nobody need wait for. */
function awaited(): PromiseWithResolvers<void> {
  const waiting = Promise.withResolvers<void>();
  waiting.promise.catch(() => {});
  return waiting;
}
