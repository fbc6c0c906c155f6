/**
 * Joining a voice channel, and finding the connection again.
 *
 * @module
 */

import { isSnowflake } from "../../lib/snowflake.ts";
import { VoiceConnectionStatus } from "./connection_status.ts";
import { allGroups, track } from "./registry.ts";
import { type CreateVoiceConnectionOptions, VoiceConnection } from "./voice_connection.ts";

/** What to join. */
export interface JoinVoiceChannelOptions {
  /** Channel id. */
  readonly channelId: string;
  /** Guild id. */
  readonly guildId: string;
  /** Name under which the connection is kept beside others of its guild; `default` by default. */
  readonly group?: string;
  /** Whether the bot does not listen; it does not by default. */
  readonly selfDeaf?: boolean;
  /** Whether the bot does not speak; it does by default. */
  readonly selfMute?: boolean;
}

/**
 * Joins a voice channel. Op 4 is sent before it returns. Where there is a connection in the guild
 * and the group it is moved, and returned.
 *
 * @param options What to join, and through whom.
 * @returns The connection, which is not ready yet: see `entersState`.
 * @throws {RangeError} An id is none.
 *
 * @example Join, and leave
 * ```ts
 * import { entersState, joinVoiceChannel, VoiceConnectionStatus } from "@sotto/voice/discordjs";
 * import { startVoiceServer } from "@sotto/voice/testing";
 *
 * await using server = await startVoiceServer();
 * const connection = joinVoiceChannel({
 *   channelId: "127121515262115840",
 *   guildId: "41771983423143937",
 *   adapterCreator: server.adapterCreator("100000000000000001"), // guild.voiceAdapterCreator
 * });
 * await entersState(connection, VoiceConnectionStatus.Ready, 20_000);
 * connection.destroy();
 * ```
 */
export function joinVoiceChannel(
  options: JoinVoiceChannelOptions & CreateVoiceConnectionOptions,
): VoiceConnection {
  const { channelId, guildId, group = "default", selfDeaf = true, selfMute = false } = options;
  for (const [name, id] of Object.entries({ channelId, guildId })) {
    if (!isSnowflake(id)) {
      throw new RangeError(`Cannot join: ${name} is ${JSON.stringify(id)}, want a snowflake`);
    }
  }
  const joinConfig = { channelId, guildId, group, selfDeaf, selfMute };
  const known = getVoiceConnection(guildId, group);
  if (known === undefined) {
    const connection = new VoiceConnection(joinConfig, options);
    if (connection.state.status === VoiceConnectionStatus.Destroyed) return connection;
    track(connection);
    connection.join();
    return connection;
  }
  if (known.state.status === VoiceConnectionStatus.Disconnected) {
    known.rejoin({ channelId, selfDeaf, selfMute });
  } else known.join(joinConfig);
  return known;
}

/**
 * Finds a connection.
 *
 * @param guildId Guild id.
 * @param group Name of its group.
 */
export function getVoiceConnection(
  guildId: string,
  group = "default",
): VoiceConnection | undefined {
  return getGroups().get(group)?.get(guildId);
}

/** The connections of the default group, by guild id. */
export function getVoiceConnections(group?: "default"): Map<string, VoiceConnection>;
/**
 * The connections of a group, by guild id.
 *
 * @param group Name of the group.
 */
export function getVoiceConnections(group: string): Map<string, VoiceConnection> | undefined;
export function getVoiceConnections(group = "default"): Map<string, VoiceConnection> | undefined {
  return getGroups().get(group);
}

/** All connections, by group and guild id. */
export function getGroups(): Map<string, Map<string, VoiceConnection>> {
  return allGroups() as Map<string, Map<string, VoiceConnection>>;
}
