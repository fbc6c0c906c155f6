/**
 * A voice connection: what a bot author holds.
 *
 * @module
 */

import { LocalProtocolError, VoiceConnectError } from "../lib/errors.ts";
import type { VoiceServer, VoiceStatePayload } from "../lib/gateway.ts";
import type { GatewayVersion } from "../lib/gateway_version.ts";
import type { SessionEvent } from "../lib/io.ts";
import type { DiscoveryForm } from "../lib/ip_discovery.ts";
import type { MediaCounters } from "../lib/media.ts";
import { SpeakingFlags } from "../lib/speaking.ts";
import type { EncryptionMode } from "../lib/packet.ts";
import { VoiceSession } from "../lib/session.ts";
import type { State } from "../lib/state.ts";
import { Driver } from "./driver.ts";
import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterImplementerMethods,
} from "./gateway_adapter.ts";
import {
  type PacingStats,
  type PacketSource,
  Playback,
  type PlayOptions,
  type PlayResult,
} from "./playback.ts";
import { type Speaker, SpeakerFeed } from "./speakers.ts";
import type { Transport } from "./transport.ts";

/** What to join, and through whom. Either `adapterCreator` or `server` is given. */
export interface JoinVoiceOptions {
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** The bot's own user id. */
  readonly userId: string;
  /** The gateway library's adapter, for example `guild.voiceAdapterCreator` of discord.js. */
  readonly adapterCreator?: DiscordGatewayAdapterCreator;
  /** The voice server, where the caller has asked the main gateway himself. */
  readonly server?: VoiceServer;
  /** Whether others see the bot as muted; not by default. */
  readonly selfMute?: boolean;
  /** Whether the bot does not listen; it listens by default. */
  readonly selfDeaf?: boolean;
  /** Encryption modes to take, best first; `ENCRYPTION_MODES` by default. */
  readonly modes?: readonly EncryptionMode[];
  /** Version of the voice gateway to ask for; 8 by default. */
  readonly gatewayVersion?: GatewayVersion;
  /** Form of IP discovery; `74` by default. */
  readonly discovery?: DiscoveryForm;
  /** Ends the join, and later the connection. */
  readonly signal?: AbortSignal;
  /** Is told everything that happens, from the first step on. */
  readonly onEvent?: (event: SessionEvent) => void;
}

/** Figures of a connection. */
export interface ConnectionStats extends MediaCounters {
  /** Round-trip times in milliseconds, where one was measured. */
  readonly roundTrip: {
    readonly websocket: number | undefined;
    readonly udp: number | undefined;
  };
  /** How late frames were sent, in milliseconds. */
  readonly pacing: PacingStats;
  /** Frames that wait for a user to become known. */
  readonly held: number;
  /** Frames that were held in vain and dropped. */
  readonly expired: number;
  /** Datagrams that the runtime could not send. */
  readonly unsent: number;
  /** Errors that the runtime reported for single datagrams (ICMP). */
  readonly socketErrors: number;
}

/**
 * A bot in a voice channel. Leave it with `leave`, or let `await using` do so.
 */
export class VoiceConnection implements AsyncDisposable {
  readonly #options: JoinVoiceOptions;
  readonly #session: VoiceSession;
  readonly #driver: Driver;
  readonly #playback: Playback;
  readonly #feeds = new Set<SpeakerFeed>();
  readonly #closed = Promise.withResolvers<VoiceConnectError | undefined>();
  readonly #ready = Promise.withResolvers<void>();
  #adapter: DiscordGatewayAdapterImplementerMethods | undefined;
  #flags = 0;
  #leaving = false;
  #adapterError: unknown;
  #ended: VoiceConnectError | undefined;
  #websocketRoundTrip: number | undefined;
  #udpRoundTrip: number | undefined;

  private constructor(transport: Transport, options: JoinVoiceOptions) {
    this.#options = options;
    this.#session = new VoiceSession({
      guildId: options.guildId,
      userId: options.userId,
      modes: options.modes,
      gatewayVersion: options.gatewayVersion,
      discovery: options.discovery,
      aead: transport.aead,
      random: (into) => crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
    });
    this.#driver = new Driver(this.#session, transport, {
      gateway: (payload) => this.#sendGateway(payload),
      event: (event) => this.#handleEvent(event),
      frame: (frame) => this.#feeds.forEach((feed) => feed.push(frame)),
    });
    this.#playback = new Playback(
      (packet, timestamp) => this.#driver.send(packet, timestamp),
      () => this.#session.timestamp,
    );
    this.#ready.promise.catch(() => {});
  }

  /**
   * Joins a voice channel on a transport of your own. `joinVoice` of `./deno`, `./bun` and
   * `./node` is this with the runtime's transport.
   *
   * @returns The connection, once audio can flow.
   * @throws {VoiceConnectError} It could not be made; `hint` says what to look at.
   * @throws {TypeError} Neither or both of `adapterCreator` and `server` are given.
   * @throws {RangeError} The endpoint of `server` is malformed.
   */
  static async join(transport: Transport, options: JoinVoiceOptions): Promise<VoiceConnection> {
    if ((options.adapterCreator === undefined) === (options.server === undefined)) {
      throw new TypeError(
        "Cannot join: either `adapterCreator` or `server` must be given",
      );
    }
    options.signal?.throwIfAborted();
    const connection = new VoiceConnection(transport, options);
    connection.#join();
    await connection.#ready.promise;
    return connection;
  }

  /** Guild id. */
  get guildId(): string {
    return this.#options.guildId;
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
   * Plays Opus packets, paced by the duration of each, then five frames of silence.
   * While the connection is being recovered, playing waits.
   *
   * @param source Opus packets, for example those of `oggOpus`.
   * @returns What was sent, once the last packet is out.
   * @throws {LocalProtocolError} Another source is playing.
   * @throws {VoiceConnectError} The connection has ended.
   * @throws {SyntaxError} The source gave something that is no Opus packet.
   * @throws The reason of `options.signal`, or what the source throws.
   */
  async play(source: PacketSource, options: PlayOptions = {}): Promise<PlayResult> {
    if (this.#playback.playing) {
      throw new LocalProtocolError("Cannot play: another source is playing");
    }
    if (this.#ended !== undefined) throw this.#ended;
    const before = this.#flags;
    this.setSpeaking(before | SpeakingFlags.Microphone);
    try {
      return await this.#playback.play(source, options);
    } finally {
      if (this.state !== "closed") this.setSpeaking(before);
    }
  }

  /**
   * Sends one Opus packet now; pacing is the caller's.
   *
   * @param packet One Opus packet.
   * @param timestamp RTP timestamp; the previous one and its packet's duration by default.
   * @returns Whether it was sent: not while the connection is being recovered.
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
    const feed = new SpeakerFeed((cancelled) => this.#feeds.delete(cancelled));
    if (this.state === "closed") feed.end();
    else this.#feeds.add(feed);
    return feed.stream;
  }

  /** What was sent, received, lost and dropped, round trips, pacing. */
  stats(): ConnectionStats {
    return {
      ...this.#session.counters,
      roundTrip: {
        websocket: this.#websocketRoundTrip,
        udp: this.#udpRoundTrip,
      },
      pacing: this.#playback.pacing,
      held: this.#driver.held,
      expired: this.#driver.expired,
      unsent: this.#driver.unsent,
      socketErrors: this.#driver.socketErrors,
    };
  }

  /** Leaves the channel and frees everything. Does nothing where that has happened. */
  leave(): void {
    if (this.#leaving || this.state === "closed") return;
    this.#leaving = true;
    this.#driver.feed({ type: "leave" });
  }

  /** Leaves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
    await this.#closed.promise;
  }

  #join(): void {
    const { channelId, selfMute, selfDeaf, server, signal, adapterCreator } = this.#options;
    this.#adapter = adapterCreator?.({
      destroy: () => this.leave(),
      onVoiceServerUpdate: (data) => this.#driver.feed({ type: "voiceServer", data }),
      onVoiceStateUpdate: (data) => this.#driver.feed({ type: "voiceState", data }),
    });
    signal?.addEventListener("abort", this.#abort, { once: true });
    try {
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

  #sendGateway(payload: VoiceStatePayload): void {
    try {
      if (this.#adapter?.sendPayload(payload) === false && !this.#leaving) {
        throw new Error(
          "Cannot send op 4: the gateway library refuses it; is the shard connected?",
        );
      }
    } catch (error) {
      this.#adapterError ??= error;
      this.#ready.reject(error);
      this.leave();
    }
  }

  readonly #abort = (): void => {
    this.#ready.reject(this.#options.signal?.reason);
    this.leave();
  };

  #handleEvent(event: SessionEvent): void {
    switch (event.type) {
      case "ready":
        this.#ready.resolve();
        break;
      case "state":
        if (event.to === "connected") this.#playback.resume();
        else if (event.from === "connected") this.#playback.suspend();
        break;
      case "clientDisconnect":
        this.#feeds.forEach((feed) => feed.remove(event.userId));
        break;
      case "heartbeat":
        this.#websocketRoundTrip = event.roundTrip;
        break;
      case "keepalive":
        this.#udpRoundTrip = event.roundTrip;
        break;
      case "closed":
        this.#end(event.error);
        break;
    }
    this.#tell(event);
  }

  #end(error: VoiceConnectError | undefined): void {
    const { signal } = this.#options;
    const left = error ?? new VoiceConnectError("Cannot go on: the connection was left", {
      phase: "closed",
      code: "left",
      hint: "The bot, or the gateway library, has left the channel",
      cause: this.#adapterError ?? signal?.reason,
    });
    this.#ended = left;
    signal?.removeEventListener("abort", this.#abort);
    this.#playback.end(left);
    for (const feed of this.#feeds) feed.end();
    this.#feeds.clear();
    this.#ready.reject(left);
    this.#closed.resolve(this.#adapterError === undefined ? error : left);
    this.#adapter?.destroy();
    this.#adapter = undefined;
  }

  #tell(event: SessionEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
