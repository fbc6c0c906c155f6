/**
 * Gateway libraries and voice connections: who sends op 4, and who hears of VOICE_STATE_UPDATE
 * and VOICE_SERVER_UPDATE.
 *
 * discord.js and Oceanic need nothing from here: `joinVoice` takes their
 * `guild.voiceAdapterCreator`. For discordeno, harmony and a main gateway of your own there is a
 * binding each: one for all guilds of a bot, which hears of the bot's own voice state only, and
 * which listens only while there is a connection. No library is imported: what they must
 * have is written down as types.
 *
 * @example discord.js and Oceanic
 * ```ts
 * import { joinVoice } from "@sotto/voice";
 * import type { DiscordGatewayAdapterCreator } from "@sotto/voice/gateway";
 *
 * interface Guild {
 *   readonly id: string;
 *   readonly voiceAdapterCreator: DiscordGatewayAdapterCreator;
 * }
 *
 * async function join(guild: Guild, channelId: string, userId: string) {
 *   return await joinVoice({
 *     guildId: guild.id,
 *     channelId,
 *     userId,
 *     adapterCreator: guild.voiceAdapterCreator,
 *   });
 * }
 * ```
 *
 * @module
 */

export type * from "../gateway_adapter.ts";
export type { VoiceServer } from "../../lib/gateway.ts";
export type { GatewayBinding } from "./binding.ts";
export { bindDiscordeno, type DiscordenoBot, type DiscordenoShard } from "./discordeno.ts";
export {
  bindHarmony,
  type HarmonyClient,
  type HarmonyListener,
  type HarmonyShard,
} from "./harmony.ts";
export {
  fromLavalinkVoice,
  type LavalinkTarget,
  type LavalinkVoice,
  toLavalinkVoice,
} from "./lavalink.ts";
export { bindRawGateway, type RawGateway } from "./raw.ts";
