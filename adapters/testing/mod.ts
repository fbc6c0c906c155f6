/**
 * A voice server and a stand-in for the main gateway on loopback, so that a bot can be
 * tested without Discord: `ws://127.0.0.1`, real UDP, real encryption.
 *
 * @example A server for a test
 * ```ts
 * import { startVoiceServer } from "@sotto/voice/testing";
 *
 * await using server = await startVoiceServer({ onEvent: (event) => console.log(event) });
 * const adapterCreator = server.adapterCreator("100000000000000001");
 * // joinVoice({ guildId: "1", channelId: "2", userId: "100000000000000001", adapterCreator })
 * ```
 *
 * @module
 */

import type { EncryptionMode } from "../../lib/packet.ts";
import { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import type { ServerEvent } from "../../lib/testing/server_events.ts";
import type { ForcedDiscovery } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";
import type { DiscordGatewayAdapterCreator } from "../gateway_adapter.ts";
import { nativeAead } from "../native_aead.ts";
import { serverTransport } from "./detect.ts";
import { type RunningServerStats, ServerDriver } from "./driver.ts";
import { LocalGateway } from "./local_gateway.ts";

export type { EncryptionMode } from "../../lib/packet.ts";
export type * from "../../lib/testing/server_events.ts";
export type { ForcedDiscovery, ServerStats } from "../../lib/testing/server_io.ts";
export type * from "../gateway_adapter.ts";
export type { RunningServerStats } from "./driver.ts";

/** How a server is started; everything has a default. */
export interface StartOptions {
  /** TCP port of the voice gateway; a free one by default. */
  readonly port?: number;
  /** UDP port; a free one by default. */
  readonly udpPort?: number;
  /** TCP port of the main gateway's stand-in; a free one by default. */
  readonly gatewayPort?: number;
  /** Takes this voice token and those of the main gateway's stand-in; any by default. */
  readonly token?: string;
  /** The `endpoint` of VOICE_SERVER_UPDATE; the voice gateway's `url` by default. */
  readonly endpoint?: string;
  /** Milliseconds between heartbeats; 13750 by default. */
  readonly heartbeatInterval?: number;
  /** Milliseconds for which a session outlives its WebSocket; 60000 by default. */
  readonly resumeWindow?: number;
  /** Encryption modes that the server offers, in this order; all but `plain` by default. */
  readonly modes?: readonly EncryptionMode[];
  /** Form of every IP discovery response; by default that of the request. */
  readonly discovery?: ForcedDiscovery;
  /** Is told what happens, as it happens. */
  readonly onEvent?: (event: ServerEvent) => void;
}

/** Which clients are meant: all that have each of the given ids. */
export interface ClientSelector {
  /** User id. */
  readonly userId?: string;
  /** Session id of the voice state. */
  readonly sessionId?: string;
  /** Guild id. */
  readonly guildId?: string;
}

/** A server that runs. */
export interface RunningVoiceServer extends AsyncDisposable {
  /** TCP port of the voice gateway. */
  readonly port: number;
  /** UDP port. */
  readonly udpPort: number;
  /** TCP port of the main gateway's stand-in. */
  readonly gatewayPort: number;
  /** The voice gateway, `ws://127.0.0.1:port`; also an `endpoint` for `joinVoice`. */
  readonly url: string;
  /** The main gateway's stand-in, `ws://127.0.0.1:port`. */
  readonly gatewayUrl: string;
  /**
   * The gateway adapter of a bot in this process, as `guild.voiceAdapterCreator` of
   * discord.js. Make one for each guild.
   *
   * @param userId The bot's user id.
   * @returns What `joinVoice` takes.
   */
  adapterCreator(userId: string): DiscordGatewayAdapterCreator;
  /**
   * Counts what there is and what came.
   *
   * @returns The counters at this moment.
   */
  stats(): RunningServerStats;
  /**
   * Closes the voice WebSockets of clients.
   *
   * @param client Which clients.
   * @param code Close code: 1000, or 3000 to 4999.
   * @param reason Reason text of the close frame; empty by default.
   * @throws {LocalProtocolError} There is no such client.
   * @throws {RangeError} The code is none.
   */
  closeClient(client: ClientSelector, code: number, reason?: string): void;
  /**
   * Moves a user who joined by the main gateway's stand-in to another channel.
   *
   * @throws {LocalProtocolError} The user is in no voice channel of the guild.
   */
  moveUser(guildId: string, userId: string, channelId: string): void;
  /**
   * Disconnects a user who joined by the main gateway's stand-in.
   *
   * @throws {LocalProtocolError} The user is in no voice channel of the guild.
   */
  disconnectUser(guildId: string, userId: string): void;
  /** Replaces a guild's voice server: `endpoint` null, close code 4022, then a new token. */
  reallocate(guildId: string): void;
  /** Ends all clients and closes all sockets. A second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts a voice server and a stand-in for the main gateway on 127.0.0.1.
 *
 * @param options Ports and behaviour.
 * @returns The server, once all sockets are open.
 * @throws {Error} A port is taken; nothing stays open.
 */
export async function startVoiceServer(options: StartOptions = {}): Promise<RunningVoiceServer> {
  const { port = 0, udpPort = 0, gatewayPort = 0 } = options;
  const transport = await serverTransport();
  const driver = new ServerDriver(options.onEvent);
  try {
    const udp = await driver.bind(transport, udpPort);
    const voicePort = await driver.serve(transport, "voice", port);
    const mainPort = await driver.serve(transport, "gateway", gatewayPort);
    const url = `ws://127.0.0.1:${voicePort}`;
    const gatewayUrl = `ws://127.0.0.1:${mainPort}`;
    const { token, heartbeatInterval, resumeWindow, modes, discovery, endpoint = url } = options;
    const settings = { token, heartbeatInterval, resumeWindow, modes, discovery };
    driver.start(
      new VoiceServer({ ...settings, random, aead: nativeAead, port: udp }),
      new GatewayStub({ random, endpoint, url: gatewayUrl }),
    );
    return running(driver, {
      port: voicePort,
      udpPort: udp,
      gatewayPort: mainPort,
      url,
      gatewayUrl,
    });
  } catch (error) {
    await driver.close();
    throw error;
  }
}

type Addresses = Pick<
  RunningVoiceServer,
  "port" | "udpPort" | "gatewayPort" | "url" | "gatewayUrl"
>;

function running(driver: ServerDriver, addresses: Addresses): RunningVoiceServer {
  const local = new LocalGateway(driver);
  return {
    ...addresses,
    adapterCreator: (userId) => local.adapterCreator(userId),
    stats: () => driver.stats(),
    closeClient: (client, code, reason) =>
      driver.feedVoice({ type: "closeClient", ...client, code, reason }),
    moveUser: (guildId, userId, channelId) =>
      driver.feedGateway({ type: "moveUser", guildId, userId, channelId }),
    disconnectUser: (guildId, userId) =>
      driver.feedGateway({ type: "disconnectUser", guildId, userId }),
    reallocate: (guildId) => driver.feedGateway({ type: "reallocate", guildId }),
    close: () => driver.close(),
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

function random(into: Uint8Array): void {
  crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
}
