/**
 * What a session knows from the main gateway: the channel it wants, and the two
 * updates that together name a voice server.
 *
 * @module
 */

import { endpointHost, websocketUrl } from "./endpoint.ts";
import { RemoteProtocolError } from "./errors.ts";
import { type Failure, FAILURES } from "./failure.ts";
import type {
  VoiceServer,
  VoiceServerUpdate,
  VoiceStatePayload,
  VoiceStateUpdate,
} from "./gateway.ts";
import type { JoinInput } from "./io.ts";
import type { GatewayVersion } from "./gateway_version.ts";
import { RateLimit } from "./rate_limit.ts";
import { Secret } from "./secret.ts";

/** Most op 4 payloads in a minute that recovery may send. */
export const GATEWAY_LIMIT = 5;

/** Where to connect, and with what. */
export interface VoiceServerData {
  /** The endpoint as it was named. */
  readonly endpoint: string;
  /** Host name or IP address of the voice server. */
  readonly host: string;
  /** URL of the voice WebSocket. */
  readonly url: string;
  /** Token for Identify and Resume. */
  readonly token: Secret<string>;
}

/** The state of the main gateway's share in a voice connection. */
export class Signalling {
  readonly #guildId: string;
  readonly #userId: string;
  readonly #version: GatewayVersion;
  readonly #limit = new RateLimit(GATEWAY_LIMIT, 60_000);
  #join: JoinInput | undefined;
  #sessionId: string | undefined;
  #server: VoiceServerData | undefined;
  #refused = false;
  #withdrawn = false;
  #repeated = false;
  #exits = 0;

  /**
   * Starts without a channel and without a server.
   *
   * @param guildId Guild id.
   * @param userId The client's own user id.
   * @param version The version of the voice gateway to ask for.
   */
  constructor(guildId: string, userId: string, version: GatewayVersion) {
    this.#guildId = guildId;
    this.#userId = userId;
    this.#version = version;
  }

  /** Session id of the own voice state, where it has come. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  /** Why there is no voice server to connect to. */
  get failure(): Failure {
    if (this.#refused) return FAILURES.gatewayRefused;
    if (this.#sessionId !== undefined) return FAILURES.noVoiceServer;
    return this.#server === undefined ? FAILURES.noUpdates : FAILURES.noVoiceState;
  }

  /** The voice server, where both updates have come. */
  get server(): VoiceServerData | undefined {
    return this.#sessionId === undefined ? undefined : this.#server;
  }

  /** The channel that is wanted. */
  get channelId(): string | undefined {
    return this.#join?.channelId;
  }

  /** Tells whether the client is in a channel, as far as the main gateway has said. */
  isInside(channelId: string): boolean {
    return this.#sessionId !== undefined && this.#join?.channelId === channelId;
  }

  /** Whether the session may use op 4: not where its caller does the signalling. */
  get active(): boolean {
    return this.#join !== undefined && this.#join.server === undefined;
  }

  /**
   * A join begins: earlier updates are forgotten.
   *
   * @throws {RangeError} The endpoint that it carries is malformed; nothing has changed.
   */
  join(input: JoinInput): void {
    const server = input.server === undefined ? undefined : this.#prepare(input.server);
    this.#join = input;
    this.forget();
    this.forgetExits();
    this.#server = server;
    this.#sessionId = input.server?.sessionId;
  }

  /** Whether the voice server was named once more since the connection to it began. */
  get repeated(): boolean {
    return this.#repeated;
  }

  /** The connection to the voice server begins. */
  connecting(): void {
    this.#repeated = false;
  }

  /**
   * The voice server is withdrawn; another one will be named.
   *
   * @returns Whether that was not known.
   */
  withdraw(): boolean {
    const isNews = !this.#withdrawn;
    this.forgetServer();
    this.#withdrawn = true;
    return isNews;
  }

  /**
   * The client is in no channel any more.
   *
   * @returns Whether an op 4 of its own is the cause.
   */
  takeExit(): boolean {
    return this.#exits > 0 && this.#exits-- > 0;
  }

  /** All own op 4 have been answered. */
  forgetExits(): void {
    this.#exits = 0;
  }

  /** The main gateway did not take the last op 4. */
  refuse(): void {
    this.#refused = true;
  }

  /** Both updates are stale. */
  forget(): void {
    this.forgetServer();
    this.#withdrawn = false;
    this.#sessionId = undefined;
  }

  /** The voice server is gone; the own voice state still holds. */
  forgetServer(): void {
    this.#server = undefined;
    this.#repeated = false;
  }

  /** Tells whether a voice state is the client's own, in this guild. */
  isOwn(data: VoiceStateUpdate): boolean {
    return data.user_id === this.#userId && data.guild_id === this.#guildId;
  }

  /** Tells whether a voice server is this guild's. */
  isOurs(data: VoiceServerUpdate): boolean {
    return data.guild_id === this.#guildId;
  }

  /** Takes the own voice state; a move changes the channel that recovery asks for. */
  takeState(channelId: string, sessionId: string): void {
    if (this.#join !== undefined) this.#join = { ...this.#join, channelId };
    this.#sessionId = sessionId;
  }

  /**
   * Takes a voice server.
   *
   * @returns Whether it is another one than before.
   * @throws {RemoteProtocolError} The endpoint is malformed; nothing has changed.
   */
  takeServer(endpoint: string, token: string): boolean {
    const server = this.#prepareReceived(endpoint, token);
    const known = this.#server;
    this.#withdrawn = false;
    this.#repeated = server.url === known?.url && token === known.token.reveal();
    this.#server = server;
    return !this.#repeated;
  }

  /** Takes the token out of a text that came from outside. */
  redact(text: string): string {
    const token = this.#server?.token.reveal() ?? "";
    return token === "" ? text : text.replaceAll(token, "[redacted]");
  }

  /**
   * How long op 4 must wait to stay within its limit.
   *
   * @param count How many are to be sent.
   * @param now Monotonic milliseconds.
   * @returns Milliseconds.
   */
  delay(count: number, now: number): number {
    return this.#limit.delay(count, now);
  }

  /** Op 4 that joins the wanted channel. */
  enter(now: number): VoiceStatePayload {
    return this.#payload(this.#join?.channelId ?? null, now);
  }

  /** Op 4 that leaves. */
  exit(now: number): VoiceStatePayload {
    this.#exits++;
    return this.#payload(null, now);
  }

  #payload(channelId: string | null, now: number): VoiceStatePayload {
    this.#limit.spend(now);
    this.#refused = false;
    const { selfMute = false, selfDeaf = false } = this.#join ?? {};
    return {
      op: 4,
      d: {
        guild_id: this.#guildId,
        channel_id: channelId,
        self_mute: selfMute,
        self_deaf: selfDeaf,
      },
    };
  }

  #prepareReceived(endpoint: string, token: string): VoiceServerData {
    try {
      return this.#prepare({ endpoint, token });
    } catch (error) {
      throw new RemoteProtocolError((error as Error).message);
    }
  }

  #prepare({ endpoint, token }: Pick<VoiceServer, "endpoint" | "token">): VoiceServerData {
    return {
      endpoint,
      host: endpointHost(endpoint),
      url: websocketUrl(endpoint, this.#version),
      token: new Secret(token),
    };
  }
}
