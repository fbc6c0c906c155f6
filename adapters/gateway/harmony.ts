/**
 * harmony.
 *
 * @module
 */

import { bindGateway, type GatewayBinding } from "./binding.ts";
import { shardIdOf } from "./shard_id.ts";

/** What of a harmony client the binding uses. */
export interface HarmonyClient {
  /** The bot, once it is logged in. */
  readonly user?: {
    /** Its user id. */
    readonly id: string;
  };
  /** How many shards the bot has; `auto` until they are launched. */
  readonly shardCount?: number | "auto";
  /** Its shards. */
  readonly shards: {
    /** How many shards the bot has, once that is known. */
    readonly cachedShardCount?: number;
    /** Finds a shard. */
    get(shardId: number): HarmonyShard | undefined;
  };
  /** Adds a listener. */
  on(event: "raw", listener: HarmonyListener): unknown;
  /** Removes a listener. */
  off(event: "raw", listener: HarmonyListener): unknown;
}

/** What of a harmony shard the binding uses. */
export interface HarmonyShard {
  /** Sends a payload; `false` where the WebSocket is not open. */
  // deno-lint-ignore no-explicit-any -- harmony declares its own payloads
  send(payload: any): boolean;
}

/** Hears every dispatch: its name, its payload, the shard. */
// deno-lint-ignore no-explicit-any -- harmony declares it so
export type HarmonyListener = (event: string, data: any, shardId: number) => void;

/**
 * Binds a harmony client. While there are connections, the binding listens to `raw`, which,
 * other than `client.voice.join()`, tells of moves and of new voice servers too.
 *
 * @example A harmony bot
 * ```ts
 * import { joinVoice } from "@sotto/voice";
 * import { bindHarmony, type HarmonyClient } from "@sotto/voice/gateway";
 *
 * // `client` is harmony's `Client`, connected.
 * async function join(client: HarmonyClient, guildId: string, channelId: string) {
 *   const voice = bindHarmony(client);
 *   return await joinVoice({
 *     guildId,
 *     channelId,
 *     userId: client.user!.id,
 *     adapterCreator: voice.adapterCreator(guildId),
 *   });
 * }
 * ```
 *
 * @param client The client.
 * @returns A binding for all of its guilds.
 */
export function bindHarmony(client: HarmonyClient): GatewayBinding {
  return bindGateway({
    userId: () => client.user?.id,
    send(guildId, payload) {
      const count = client.shards.cachedShardCount ?? client.shardCount;
      return client.shards.get(shardIdOf(guildId, count))?.send(payload) ?? false;
    },
    listen(dispatch) {
      const listener: HarmonyListener = (t, d) => dispatch({ t, d });
      client.on("raw", listener);
      return () => void client.off("raw", listener);
    },
  });
}
