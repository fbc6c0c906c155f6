/**
 * A bot in a voice channel, by the names of @discordjs/voice.
 *
 * Theory of operation: this object lives from `joinVoiceChannel` to `destroy`, with one gateway
 * adapter. It asks the main gateway for a channel; once voice state and voice server have come,
 * it opens a `Call`, which connects, resumes, rejoins and moves by itself. What the call does is
 * told as the states that bots know. Where the call ends for good, the state is `Disconnected`, and
 * `rejoin` begins another one.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { RemoteProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import type { VoiceStatePayload } from "../../lib/gateway.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { RateLimit } from "../../lib/rate_limit.ts";
import type { Logger } from "../logger.ts";
import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterImplementerMethods,
} from "../gateway_adapter.ts";
import { tell } from "../networking/tell.ts";
import type { AudioPlayer, PlayerSubscription } from "./audio_player.ts";
import { Call } from "./call.ts";
import type { PlayingConnection } from "./connection_face.ts";
import { ConnectionNetworking } from "./connection_networking.ts";
import type { VoiceConnectionAliveState, VoiceConnectionState } from "./connection_states.ts";
import {
  type JoinConfig,
  VoiceConnectionDisconnectReason,
  VoiceConnectionStatus,
} from "./connection_status.ts";
import { GatewayRecord } from "./gateway_record.ts";
import { untrack } from "./registry.ts";
import { Transmission } from "./transmission.ts";
import { VoiceReceiver } from "./voice_receiver.ts";

/** How a connection is made; all but the adapter has a default. */
export interface CreateVoiceConnectionOptions {
  /** The gateway library's adapter: `guild.voiceAdapterCreator` of discord.js. */
  readonly adapterCreator: DiscordGatewayAdapterCreator;
  /** Whether end-to-end encryption (DAVE) is offered; it is by default. */
  readonly daveEncryption?: boolean | undefined;
  /** Whether `debug` is emitted; not by default. */
  readonly debug?: boolean | undefined;
  /** Undecryptable frames in a row beyond which the group is joined anew; 24 by default. */
  readonly decryptionFailureTolerance?: number | undefined;
}

/** What a connection emits; besides, each status with the old and the new state. */
export interface VoiceConnectionEvents {
  /** Why a connection ended that should not have. Told only where it is heard. */
  error: [error: Error];
  /** What goes on, without contents; only with `options.debug`. */
  debug: [message: string];
  /** The state is another one. */
  stateChange: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
  /** Another epoch of end-to-end encryption has begun. */
  transitioned: [transitionId: number];
  /** Op 4 was sent. */
  signalling: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
  /** A voice server is being connected to. */
  connecting: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
  /** Audio can flow. */
  ready: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
  /** There is no connection. */
  disconnected: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
  /** The end. */
  destroyed: [oldState: VoiceConnectionState, newState: VoiceConnectionState];
}

/** Milliseconds after which op 4 is sent again where nothing came of it. */
const REQUEST_INTERVAL = 5_000;

/** How often op 4 is sent for one request before it is given up. */
const REQUEST_COUNT = 3;

/** Most times in a minute that a connection which is not ready may be asked to rejoin. */
const REJOIN_LIMIT = 5;
const MINUTE = 60_000;

/** The close code of a bot that was disconnected or moved. */
const DISCONNECTED_CODE = 4014;
/** The close code where none has come. */
const ABNORMAL_CODE = 1006;

const { Connecting, Destroyed, Disconnected, Ready, Signalling } = VoiceConnectionStatus;
const { AdapterUnavailable, EndpointRemoved, Manual, WebSocketClose } =
  VoiceConnectionDisconnectReason;

/** A bot in a voice channel. `destroy` it, or it stays there. */
export class VoiceConnection extends EventEmitter<VoiceConnectionEvents>
  implements PlayingConnection {
  /** Attempts to come back since the connection was ready last. */
  rejoinAttempts = 0;
  /** What the connection wants. */
  readonly joinConfig: JoinConfig;
  /** What is heard. */
  readonly receiver: VoiceReceiver<VoiceConnection>;
  readonly #options: CreateVoiceConnectionOptions;
  readonly #record = new GatewayRecord();
  readonly #rejoins = new RateLimit(REJOIN_LIMIT, MINUTE);
  #state: VoiceConnectionState;
  #call: Call | undefined;
  #networking: ConnectionNetworking | undefined;
  #transmission: Transmission | undefined;
  #closeCode = ABNORMAL_CODE;
  #isWithdrawn = false;
  #hasBeenReady = false;
  #requestCount = 0;
  #requestTimer: ReturnType<typeof setTimeout> | undefined;

  /** Made by `joinVoiceChannel`, which then calls `join`. */
  constructor(joinConfig: JoinConfig, options: CreateVoiceConnectionOptions) {
    super();
    this.joinConfig = joinConfig;
    this.#options = options;
    this.receiver = new VoiceReceiver<VoiceConnection>(this);
    this.#state = { status: Signalling, adapter: NO_ADAPTER };
    const adapter = options.adapterCreator({
      destroy: () => this.#state.status === Destroyed || this.destroy(false),
      onVoiceServerUpdate: (data) => this.#guard(() => this.#takeServer(data)),
      onVoiceStateUpdate: (data) => this.#guard(() => this.#takeState(data)),
    });
    if (isDestroyed(this.#state)) adapter.destroy();
    else this.#state = { ...this.#state, adapter };
  }

  /** The present state. */
  get state(): VoiceConnectionState {
    return this.#state;
  }

  /** Last round trips in milliseconds, while the state is `Ready`; both are measured. */
  get ping(): { ws: number | undefined; udp: number | undefined } {
    if (this.#state.status !== Ready) return { ws: undefined, udp: undefined };
    const { ws, udp } = this.#state.networking.state;
    return { ws: ws.ping, udp: udp.ping };
  }

  /** The code that all members of the call share, while it is end-to-end encrypted. */
  get voicePrivacyCode(): string | undefined {
    return this.#state.status === Ready ? this.#call?.connection.dave?.privacyCode : undefined;
  }

  /**
   * The code that one user and the bot share.
   *
   * @param userId Who.
   * @returns 45 digits.
   * @throws {LocalProtocolError} The user is not in the group, or the bot is not.
   * @throws {Error} The connection is not ready, or not end-to-end encrypted.
   */
  async getVerificationCode(userId: string): Promise<string> {
    const dave = this.#state.status === Ready ? this.#call?.connection.dave : undefined;
    if (dave === undefined) {
      throw new Error("Cannot verify a user: the call is not end-to-end encrypted");
    }
    return await dave.verificationCode(userId);
  }

  /** Called by `joinVoiceChannel`: asks the main gateway for a channel. */
  join(joinConfig: JoinConfig = this.joinConfig): void {
    if (this.#state.status === Signalling) Object.assign(this.joinConfig, joinConfig);
    if (!this.#send(joinConfig)) this.#refuse();
    else if (this.#state.status === Signalling) this.#awaitAnswer();
  }

  /**
   * Connects with what the main gateway has said last. An earlier call ends. Does nothing where
   * voice state or voice server is missing.
   */
  configureNetworking(): void {
    const { answer } = this.#record;
    const state = this.#state;
    if (answer === undefined || state.status === Destroyed) return;
    this.#endCall();
    const { guildId, selfMute, selfDeaf } = this.joinConfig;
    const { daveEncryption, decryptionFailureTolerance, debug = false } = this.#options;
    const logger = debug ? this.#logger() : undefined;
    const options = { guildId, selfMute, selfDeaf, daveEncryption, decryptionFailureTolerance };
    const call = new Call(answer, { ...options, logger }, {
      send: (payload) => this.#sendForCall(payload),
      event: (event) => this.#handleEvent(event),
      frame: (frame) => this.receiver.onFrame(frame),
    });
    this.#call = call;
    this.#transmission = new Transmission(call.connection);
    this.#networking = new ConnectionNetworking(call.connection, this.#transmission);
    call.begin(answer);
  }

  /**
   * Keeps an Opus packet for `dispatchAudio`. It is sealed there: one that is not dispatched costs
   * no nonce.
   *
   * @param packet One Opus packet.
   * @returns A copy of the packet, or `undefined` while the state is not `Ready`.
   * @throws {SyntaxError} It is no Opus packet.
   */
  prepareAudioPacket(packet: Uint8Array): Buffer | undefined {
    if (this.#state.status !== Ready) return undefined;
    const copy = Buffer.from(packet);
    this.#transmission?.prepare(copy);
    return copy;
  }

  /**
   * Sends the packet that was prepared, and says Speaking where that was not said. Its timestamp is
   * that of its instant, however long nothing was sent before.
   *
   * @returns Whether it was sent; `undefined` while the state is not `Ready`.
   */
  dispatchAudio(): boolean | undefined {
    if (this.#state.status !== Ready) return undefined;
    return this.#transmission?.dispatch(performance.now());
  }

  /**
   * Prepares and dispatches.
   *
   * @param packet One Opus packet.
   * @returns Whether it was sent; `undefined` while the state is not `Ready`.
   * @throws {SyntaxError} It is no Opus packet.
   */
  playOpusPacket(packet: Uint8Array): boolean | undefined {
    this.prepareAudioPacket(packet);
    return this.dispatchAudio();
  }

  /**
   * Tells the others whether the bot speaks, where that is news.
   *
   * @returns `false` while the state is not `Ready`.
   */
  setSpeaking(enabled: boolean): false | void {
    if (this.#state.status !== Ready) return false;
    this.#transmission?.setSpeaking(enabled, performance.now());
  }

  /**
   * Lets the channel hear a player. An earlier subscription ends.
   *
   * @returns The subscription; none after `destroy`.
   */
  subscribe(player: AudioPlayer): PlayerSubscription<VoiceConnection> | undefined {
    if (this.#state.status === Destroyed) return undefined;
    const subscription = player.subscribe<VoiceConnection>(this);
    this.#enter({ ...this.#state, subscription });
    return subscription;
  }

  /** Called by `receiver.onUdpMessage`. */
  receiveDatagram(datagram: Uint8Array): void {
    this.#call?.connection.receive(datagram);
  }

  /** Called by a subscription that ends. */
  onSubscriptionRemoved(subscription: object): void {
    const state = this.#state;
    if (state.status === Destroyed || state.subscription !== subscription) return;
    this.#enter({ ...state, subscription: undefined });
  }

  /**
   * Leaves the channel; `rejoin` comes back.
   *
   * @returns Whether it was done: not while the state is `Signalling` or `Destroyed`, nor where the
   * adapter does not send.
   */
  disconnect(): boolean {
    const state = this.#state;
    if (state.status === Destroyed || state.status === Signalling) return false;
    this.joinConfig.channelId = null;
    this.#endCall();
    if (!this.#send(this.joinConfig)) {
      this.#refuse();
      return false;
    }
    this.#record.forget();
    this.#enter({ status: Disconnected, adapter: state.adapter, reason: Manual });
    return true;
  }

  /**
   * Asks the main gateway again. While the state is `Ready` it stays so: that changes the channel,
   * or whether the bot speaks and listens. Else all begins anew, five times a minute at most.
   *
   * @param joinConfig What is to be other than before.
   * @returns Whether it was sent.
   */
  rejoin(joinConfig: Partial<Omit<JoinConfig, "group" | "guildId">> = {}): boolean {
    const state = this.#state;
    if (state.status === Destroyed) return false;
    Object.assign(this.joinConfig, joinConfig);
    if (state.status === Ready) return this.#send(this.joinConfig) || this.#refuse();
    this.rejoinAttempts++;
    const now = performance.now();
    if (this.#rejoins.delay(1, now) > 0) return this.#refuse();
    this.#rejoins.spend(now);
    this.#leaveFirst();
    if (!this.#send(this.joinConfig)) return this.#refuse();
    this.#signal();
    return true;
  }

  /**
   * Leaves the channel and frees everything.
   *
   * @param adapterAvailable Whether the main gateway can be told; it can by default.
   * @throws {Error} That was done before.
   */
  destroy(adapterAvailable = true): void {
    const state = this.#state;
    if (state.status === Destroyed) {
      throw new Error("Cannot destroy a connection: it was destroyed before");
    }
    untrack(this);
    clearTimeout(this.#requestTimer);
    if (adapterAvailable) this.#send({ ...this.joinConfig, channelId: null });
    this.#endCall();
    this.#enter({ status: Destroyed });
    this.receiver.close();
    state.adapter.destroy();
  }

  // Main gateway

  #takeState(data: unknown): void {
    if (this.#state.status === Destroyed) return;
    const state = this.#record.takeState(data, this.joinConfig);
    if (state === undefined) return;
    const { self_deaf, self_mute } = state as { self_deaf?: boolean; self_mute?: boolean };
    const { joinConfig } = this;
    joinConfig.selfDeaf = self_deaf ?? joinConfig.selfDeaf;
    joinConfig.selfMute = self_mute ?? joinConfig.selfMute;
    joinConfig.channelId = state.channel_id ?? joinConfig.channelId;
    if (this.#call !== undefined) this.#call.takeState(state);
    else if (this.#state.status === Signalling) this.configureNetworking();
  }

  #takeServer(data: unknown): void {
    const state = this.#state;
    if (state.status === Destroyed) return;
    const server = this.#record.takeServer(data, this.joinConfig.guildId);
    if (server === undefined) return;
    this.#isWithdrawn = server.endpoint === null;
    if (this.#call !== undefined) return this.#call.takeServer(server);
    if (server.endpoint !== null) return this.configureNetworking();
    this.#enter({ ...aliveOf(state), status: Disconnected, reason: EndpointRemoved });
  }

  /** Sends op 4. What an adapter throws is a refusal. */
  #send({ guildId, channelId, selfDeaf, selfMute }: JoinConfig): boolean {
    const state = this.#state;
    if (state.status === Destroyed) return false;
    const d = {
      guild_id: guildId,
      channel_id: channelId,
      self_deaf: selfDeaf,
      self_mute: selfMute,
    };
    try {
      return state.adapter.sendPayload({ op: 4, d }) !== false;
    } catch (error) {
      tell(this, "error", error as Error);
      return false;
    }
  }

  /** What a call asks for; what `rejoin` has changed meanwhile stays as it is. */
  #sendForCall({ d }: VoiceStatePayload): boolean {
    return this.#send({ ...this.joinConfig, channelId: d.channel_id });
  }

  /** For a channel that one is in, Discord names no server. */
  #leaveFirst(): void {
    this.#endCall();
    const isInside = this.#record.channelId === this.joinConfig.channelId;
    if (isInside) this.#send({ ...this.joinConfig, channelId: null });
    this.#record.forget();
  }

  #signal(): void {
    this.#enter({ ...aliveOf(this.#state), status: Signalling });
    if (this.#state.status === Signalling) this.#awaitAnswer();
  }

  /** A gateway library may say that it has sent what it has not. */
  #awaitAnswer(): void {
    this.#requestCount = 1;
    clearTimeout(this.#requestTimer);
    this.#requestTimer = setTimeout(() => this.#askAgain(), REQUEST_INTERVAL);
  }

  #askAgain(): void {
    if (this.#state.status !== Signalling || this.#call !== undefined) return;
    if (this.#requestCount++ === REQUEST_COUNT) {
      tell(
        this,
        "error",
        new VoiceConnectError("Cannot join: the main gateway did not answer", {
          phase: "signalling",
          code: "timeout",
          hint: "Look at the channel's user limit, at the Connect permission, and at the intent " +
            "GuildVoiceStates",
        }),
      );
      return void this.#refuse();
    }
    this.#send({ ...this.joinConfig, channelId: null });
    this.#send(this.joinConfig);
    this.#requestTimer = setTimeout(() => this.#askAgain(), REQUEST_INTERVAL);
  }

  /** The main gateway was not reached. */
  #refuse(): false {
    this.#endCall();
    if (this.#state.status !== Destroyed) {
      this.#enter({ ...aliveOf(this.#state), status: Disconnected, reason: AdapterUnavailable });
    }
    return false;
  }

  // The call

  #handleEvent(event: SessionEvent): void {
    this.receiver.onEvent(event);
    switch (event.type) {
      case "state":
        this.#networking?.follow(event.to);
        return this.#follow(event.from, event.to);
      case "daveReady":
        return this.#followReadiness();
      case "daveEpochTransition":
        return void tell(this, "transitioned", event.transitionId);
      case "disconnected":
        if (!event.bySelf) this.#closeCode = event.code;
        return;
      case "closed":
        return this.#handleEnd(event.error);
    }
  }

  #follow(from: SessionState, to: SessionState): void {
    const state = this.#state;
    if (state.status === Destroyed || from === "idle") return;
    switch (to) {
      case "signalling":
        this.rejoinAttempts++;
        return this.#enter({ ...aliveOf(state), status: Signalling });
      case "waiting":
        return this.#enter({ ...aliveOf(state), ...this.#severance() });
      case "connected":
        return this.#followReadiness();
      case "closed":
        return;
      default:
        return this.#connecting();
    }
  }

  /** Whoever could not decrypt yet what is sent would miss it: that is not ready. */
  #followReadiness(): void {
    const connection = this.#call?.connection;
    if (connection?.state !== "connected") return;
    if (connection.dave?.ready ?? true) return this.#ready();
    this.#connecting();
    const isCurrent = () => this.#call?.connection === connection;
    connection.untilReady().then(() => isCurrent() && this.#ready(), () => {});
  }

  #connecting(): void {
    const [state, networking] = [this.#state, this.#networking];
    if (state.status === Destroyed || networking === undefined) return;
    if (state.status === Connecting && state.networking === networking) return;
    this.#enter({ ...aliveOf(state), status: Connecting, networking });
  }

  #ready(): void {
    const [state, networking] = [this.#state, this.#networking];
    if (state.status === Destroyed || state.status === Ready || networking === undefined) return;
    this.#hasBeenReady = true;
    this.rejoinAttempts = 0;
    this.#enter({ ...aliveOf(state), status: Ready, networking });
  }

  #handleEnd(error: VoiceConnectError | undefined): void {
    const state = this.#state;
    if (state.status === Destroyed || error === undefined) return;
    this.#closeCode = error.closeCode ?? this.#closeCode;
    if (error.code === "disconnected") this.#closeCode = DISCONNECTED_CODE;
    else tell(this, "error", error);
    if (!this.#hasBeenReady) this.#record.doubt();
    if (this.#state !== state) return; // a listener of `error` had it otherwise
    if (error.code === "gateway-refused") return void this.#refuse();
    const severance = this.#severance();
    this.#endCall();
    this.#enter({ ...aliveOf(state), ...severance });
  }

  #severance() {
    return this.#isWithdrawn
      ? { status: Disconnected, reason: EndpointRemoved } as const
      : { status: Disconnected, reason: WebSocketClose, closeCode: this.#closeCode } as const;
  }

  #endCall(): void {
    const call = this.#call;
    this.#call = undefined;
    this.#networking = undefined;
    this.#transmission = undefined;
    this.#closeCode = ABNORMAL_CODE;
    call?.end();
    clearTimeout(this.#requestTimer);
  }

  // State

  #enter(next: VoiceConnectionState): void {
    const old = this.#state;
    this.#state = next;
    const [before, now] = [old, next].map((state) =>
      state.status === Destroyed ? undefined : state.subscription
    );
    if (before !== now) before?.unsubscribe();
    tell(this, "stateChange", old, next);
    if (old.status !== next.status) tell(this, next.status, old, next);
  }

  #guard(take: () => void): void {
    try {
      take();
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      if (this.#options.debug) tell(this, "debug", `[NW] malformed: ${error.message}`);
    }
  }

  #logger(): Logger {
    const line = (text: string) => void tell(this, "debug", `[NW] ${text}`);
    return { debug: line, info: line, warn: line, error: line };
  }
}

type SessionState = Extract<SessionEvent, { readonly type: "state" }>["to"];

/** Before the gateway library has given one. */
const NO_ADAPTER: DiscordGatewayAdapterImplementerMethods = {
  sendPayload: () => false,
  destroy: () => {},
};

/** What every state keeps. */
function aliveOf(
  state: VoiceConnectionState,
): Pick<VoiceConnectionAliveState, "adapter" | "subscription"> {
  const { adapter, subscription } = state as VoiceConnectionAliveState;
  return { adapter, subscription };
}

function isDestroyed({ status }: VoiceConnectionState): boolean {
  return status === Destroyed;
}
