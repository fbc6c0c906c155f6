/**
 * Voice connections on Node 24 or later.
 *
 * @example Join, play, leave
 * ```ts ignore
 * import { joinVoice, oggOpus } from "@sotto/voice/node";
 * import { createReadStream } from "node:fs";
 *
 * await using connection = await joinVoice({ guildId, channelId, userId, adapterCreator });
 * await connection.play(oggOpus(createReadStream("hello.ogg")));
 * ```
 *
 * @module
 */

import { type JoinVoiceOptions, VoiceConnection } from "./connection.ts";
import { nodeTransport } from "./node_transport.ts";

export * from "./common.ts";
export { nodeTransport };

/**
 * Joins a voice channel.
 *
 * @param options What to join, and through whom.
 * @returns The connection, once audio can flow.
 * @throws {VoiceConnectError} It could not be made; `hint` says what to look at.
 */
export function joinVoice(options: JoinVoiceOptions): Promise<VoiceConnection> {
  return VoiceConnection.join(nodeTransport, options);
}
