/**
 * A main gateway that the caller speaks himself, or that runs in another process.
 *
 * @module
 */

import type { VoiceStatePayload } from "../gateway_adapter.ts";
import { bindGateway, type GatewayBinding } from "./binding.ts";

/** What a gateway of your own is made of. */
export interface RawGateway {
  /** The bot's user id; that of READY by default, which `dispatch` must then be given too. */
  readonly userId?: string | bigint;
  /**
   * Sends a payload to the main gateway. What throws or returns `false` has not sent it.
   *
   * @param payload Op 4, to be written as JSON.
   * @param guildId Guild id, from which the shard follows.
   */
  send(payload: VoiceStatePayload, guildId: string): unknown;
}

/**
 * Binds a main gateway of your own: give it what to send with, and hand every dispatch to
 * `dispatch`.
 *
 * @example A bot on a bare WebSocket
 * ```ts
 * import { joinVoice } from "@sotto/voice";
 * import { bindRawGateway } from "@sotto/voice/gateway";
 *
 * async function join(socket: WebSocket, guildId: string, channelId: string, userId: string) {
 *   const voice = bindRawGateway({
 *     userId,
 *     send(payload) {
 *       if (socket.readyState !== WebSocket.OPEN) return false;
 *       socket.send(JSON.stringify(payload));
 *     },
 *   });
 *   socket.addEventListener("message", ({ data }) => voice.dispatch(JSON.parse(data)));
 *   const adapterCreator = voice.adapterCreator(guildId);
 *   return await joinVoice({ guildId, channelId, userId, adapterCreator });
 * }
 * ```
 *
 * @param gateway What to send with.
 * @returns A binding for all of the bot's guilds.
 */
export function bindRawGateway(gateway: RawGateway): GatewayBinding {
  return bindGateway({
    userId: () => gateway.userId,
    send: (guildId, payload) => gateway.send(payload, guildId),
  });
}
