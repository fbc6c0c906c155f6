/**
 * The voice body of Lavalink's REST interface, as clients of voice nodes write it.
 *
 * @module
 */

import type { VoiceServer } from "../../lib/gateway.ts";
import { fieldsOf, readSnowflake } from "./packets.ts";

/** A voice body. It holds a secret, the token: keep it out of logs. */
export interface LavalinkVoice {
  /** Token of VOICE_SERVER_UPDATE. */
  readonly token: string;
  /** Endpoint of VOICE_SERVER_UPDATE. */
  readonly endpoint: string;
  /** Session id of VOICE_STATE_UPDATE. */
  readonly sessionId: string;
  /** Channel id, which nodes that encrypt end to end want. */
  readonly channelId?: string;
}

/** What a voice body says to `joinVoice`. */
export interface LavalinkTarget {
  /** The voice server. */
  readonly server: VoiceServer;
  /** Channel id, where the body has one. */
  readonly channelId?: string;
}

/**
 * Reads a voice body: the `voice` of what a client sends to a node.
 *
 * @example A voice node
 * ```ts
 * import { joinVoice, type VoiceConnection } from "@sotto/voice";
 * import { fromLavalinkVoice } from "@sotto/voice/gateway";
 *
 * async function updatePlayer(
 *   guildId: string,
 *   userId: string,
 *   body: { voice?: unknown },
 * ): Promise<VoiceConnection | undefined> {
 *   const target = fromLavalinkVoice(body.voice);
 *   if (target?.channelId === undefined) return undefined;
 *   const { server, channelId } = target;
 *   return await joinVoice({ guildId, channelId, userId, server });
 * }
 * ```
 *
 * @param body Anything.
 * @returns What to join, or `undefined` where it is no voice body.
 */
export function fromLavalinkVoice(body: unknown): LavalinkTarget | undefined {
  const { token, endpoint, sessionId, channelId } = fieldsOf(body);
  if (!isText(token) || !isText(endpoint) || !isText(sessionId)) return undefined;
  const server = { token, endpoint, sessionId };
  const channel = readSnowflake(channelId);
  return channel === undefined ? { server } : { server, channelId: channel };
}

/**
 * Writes a voice body, to be sent to a voice node.
 *
 * @example A client of a voice node
 * ```ts
 * import { toLavalinkVoice } from "@sotto/voice/gateway";
 *
 * const server = { endpoint: "example.discord.media:443", token: "...", sessionId: "..." };
 * const body = JSON.stringify({ voice: toLavalinkVoice(server, "127121515262115840") });
 * ```
 *
 * @param server The voice server.
 * @param channelId Channel id, where the node wants it.
 */
export function toLavalinkVoice(server: VoiceServer, channelId?: string | bigint): LavalinkVoice {
  const { token, endpoint, sessionId } = server;
  const channel = readSnowflake(channelId);
  const voice = { token, endpoint, sessionId };
  return channel === undefined ? voice : { ...voice, channelId: channel };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
