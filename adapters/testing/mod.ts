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
import type { FaultRule } from "../../lib/testing/faults.ts";
import type { InterruptInput } from "../../lib/testing/gateway_io.ts";
import { GatewayStub } from "../../lib/testing/gateway_stub.ts";
import type { ServerEvent } from "../../lib/testing/server_events.ts";
import type { ClientSelector, DavePolicy, ForcedDiscovery } from "../../lib/testing/server_io.ts";
import { VoiceServer } from "../../lib/testing/voice_server.ts";
import type { DiscordGatewayAdapterCreator } from "../gateway_adapter.ts";
import { nativeAead } from "../native_aead.ts";
import { nativeMlsCrypto } from "../native_mls.ts";
import { serverTransport } from "./detect.ts";
import { type RunningServerStats, ServerDriver } from "./driver.ts";
import { LocalGateway } from "./local_gateway.ts";

export type { EncryptionMode } from "../../lib/packet.ts";
export type {
  Fault,
  FaultEnd,
  FaultName,
  FaultPoint,
  FaultRule,
  GatewayFaultPoint,
  VoiceFaultPoint,
} from "../../lib/testing/faults.ts";
export {
  DATAGRAM_POINTS,
  DAVE_BINARY_POINTS,
  DAVE_TEXT_POINTS,
  GATEWAY_POINTS,
  MESSAGE_POINTS,
  STEP_POINTS,
} from "../../lib/testing/faults.ts";
export type * from "../../lib/testing/server_events.ts";
export type {
  ClientSelector,
  DavePolicy,
  ForcedDiscovery,
  ServerStats,
} from "../../lib/testing/server_io.ts";
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
  /** Whether calls are encrypted end to end (DAVE); `optional` by default. */
  readonly dave?: DavePolicy;
  /** Faults to commit; none by default. */
  readonly faults?: readonly FaultRule[];
  /** Whether gateway adapters hear of other users too, as hand-written ones do; not by default. */
  readonly otherUsers?: boolean;
  /** Is told what happens, as it happens. */
  readonly onEvent?: (event: ServerEvent) => void;
}

/** How a bot is cut off from the main gateway. */
export type Outage = Pick<InterruptInput, "duration" | "resumed" | "refuses">;

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
  /**
   * Replaces a guild's voice server: `endpoint` null, close code 4022, then a new token. No fault
   * concerns the null; a late VOICE_SERVER_UPDATE is the one with the new token.
   */
  reallocate(guildId: string): void;
  /**
   * Replaces all faults, of both servers. How often each has acted is counted anew.
   *
   * @param faults The new ones; an empty list ends them.
   * @throws {RangeError} A rule is none; nothing has changed.
   */
  setFaults(faults: readonly FaultRule[]): void;
  /**
   * Breaks the TCP connections of clients to the voice server, without a close frame.
   *
   * @param client Which clients.
   * @throws {LocalProtocolError} There is no such client.
   */
  cutClient(client: ClientSelector): void;
  /**
   * Sets how many users may be in a voice channel. Op 4 of one more brings nothing at all; who is
   * inside stays, and a moderator may move users into it.
   *
   * @param guildId Guild id.
   * @param channelId Channel id.
   * @param limit Most users, 0 for nobody; without it the limit ends.
   * @throws {RangeError} The limit is no such number.
   */
  setUserLimit(guildId: string, channelId: string, limit?: number): void;
  /**
   * Cuts a bot off from the main gateway for a while, as a shard that reconnects is.
   *
   * @param userId The bot's user id.
   * @param outage For how long, and what comes after it.
   * @throws {LocalProtocolError} There is no such bot, or it is cut off already.
   * @throws {RangeError} The duration is none.
   */
  interruptGateway(userId: string, outage: Outage): void;
  /**
   * Closes a bot's shard for good: adapters are destroyed, as discord.js does on code 1000, and
   * WebSockets of the main gateway's stand-in are closed.
   *
   * @param userId The bot's user id.
   * @param code Close code of the WebSockets; 1000 by default.
   * @throws {LocalProtocolError} There is no such bot.
   * @throws {RangeError} The code is none.
   */
  closeShard(userId: string, code?: number): void;
  /** Ends all clients and closes all sockets. A second call waits for the first. */
  close(): Promise<void>;
}

/**
 * Starts a voice server and a stand-in for the main gateway on 127.0.0.1.
 *
 * @param options Ports and behaviour.
 * @returns The server, once all sockets are open.
 * @throws {Error} A port is taken; nothing stays open.
 * @throws {RangeError} An option is out of range; nothing stays open.
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
    const { token, heartbeatInterval, resumeWindow, modes, discovery, dave } = options;
    const { endpoint = url, faults } = options;
    const settings = { token, heartbeatInterval, resumeWindow, modes, discovery, dave, faults };
    driver.start(
      new VoiceServer({ ...settings, random, aead: nativeAead, mls: nativeMlsCrypto, port: udp }),
      new GatewayStub({ random, endpoint, url: gatewayUrl, faults }),
    );
    const local = new LocalGateway(driver, options.otherUsers ?? false);
    return running(driver, local, {
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

function running(
  driver: ServerDriver,
  local: LocalGateway,
  addresses: Addresses,
): RunningVoiceServer {
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
    setFaults: (faults) => {
      driver.feedVoice({ type: "setFaults", faults });
      driver.feedGateway({ type: "setFaults", faults });
    },
    cutClient: (client) => driver.feedVoice({ type: "cutClient", ...client }),
    setUserLimit: (guildId, channelId, limit) =>
      driver.feedGateway({ type: "setUserLimit", guildId, channelId, limit }),
    interruptGateway: (userId, outage) =>
      driver.feedGateway({ type: "interrupt", userId, ...outage }),
    closeShard: (userId, code) => driver.feedGateway({ type: "closeShard", userId, code }),
    close: () => driver.close(),
    [Symbol.asyncDispose]: () => driver.close(),
  };
}

function random(into: Uint8Array): void {
  crypto.getRandomValues(into as Uint8Array<ArrayBuffer>);
}
