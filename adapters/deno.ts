/**
 * Voice connections on Deno. `deno run --allow-net` is enough.
 *
 * @example Join, play, leave
 * ```ts ignore
 * import { joinVoice, oggOpus } from "@sotto/voice/deno";
 *
 * await using connection = await joinVoice({ guildId, channelId, userId, adapterCreator });
 * const file = await Deno.open("hello.ogg");
 * await connection.play(oggOpus(file.readable));
 * ```
 *
 * @module
 */

import { type JoinVoiceOptions, VoiceConnection } from "./connection.ts";
import { denoTransport } from "./deno_transport.ts";

export * from "./common.ts";
export { denoTransport };

/**
 * Joins a voice channel.
 *
 * @param options What to join, and through whom.
 * @returns The connection, once audio can flow.
 * @throws {VoiceConnectError} It could not be made; `hint` says what to look at.
 */
export function joinVoice(options: JoinVoiceOptions): Promise<VoiceConnection> {
  return VoiceConnection.join(denoTransport, options);
}
