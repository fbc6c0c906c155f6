/**
 * discordeno, version 21.
 *
 * @module
 */

import { bindGateway, type GatewayBinding } from "./binding.ts";
import { shardIdOf } from "./shard_id.ts";

/** What of a discordeno bot the binding uses. */
export interface DiscordenoBot {
  /** The bot's user id. */
  readonly id: bigint | string;
  /** Its shards. */
  readonly gateway: {
    /** How many shards the bot has, in all processes together. */
    readonly totalShards: number;
    /** The shards of this process. */
    readonly shards: {
      /** Finds a shard. */
      get(shardId: number): DiscordenoShard | undefined;
    };
    /** Sends a payload by a shard. */
    // deno-lint-ignore no-explicit-any -- discordeno has a type for every payload
    sendPayload(shardId: number, payload: any): unknown;
  };
  /** Its event handlers, of which `raw` is used. */
  readonly events: {
    /** Hears every packet. */
    // deno-lint-ignore no-explicit-any -- discordeno declares its own packets
    raw?: (packet: any, shardId: number) => unknown;
  };
}

/** What of a discordeno shard the binding uses. */
export interface DiscordenoShard {
  /** Whether the shard's WebSocket is open; one that is not would send op 4 far too late. */
  isOpen(): boolean;
}

/** Handlers put over one another could not be taken away in any order but the reverse one. */
const bindings = new WeakMap<DiscordenoBot, GatewayBinding>();

/**
 * Binds a discordeno bot. While there are connections, the binding listens with `events.raw`,
 * and calls the handler that was there before. `raw` needs no `desiredProperties`.
 * A second call for the same bot returns the same binding.
 *
 * Where the shards are in another process, use `bindRawGateway`.
 *
 * @example A discordeno bot
 * ```ts
 * import { joinVoice } from "@sotto/voice";
 * import { bindDiscordeno, type DiscordenoBot } from "@sotto/voice/gateway";
 *
 * // `bot` is what `createBot` of discordeno gives.
 * async function join(bot: DiscordenoBot, guildId: string, channelId: string) {
 *   const voice = bindDiscordeno(bot);
 *   return await joinVoice({
 *     guildId,
 *     channelId,
 *     userId: String(bot.id),
 *     adapterCreator: voice.adapterCreator(guildId),
 *   });
 * }
 * ```
 *
 * @param bot The bot.
 * @returns A binding for all of its guilds.
 */
export function bindDiscordeno(bot: DiscordenoBot): GatewayBinding {
  const present = bindings.get(bot);
  if (present !== undefined) return present;
  const binding = bindGateway({
    userId: () => bot.id,
    send(guildId, payload) {
      const { gateway } = bot;
      const shardId = shardIdOf(guildId, gateway.totalShards);
      if (gateway.shards.get(shardId)?.isOpen() !== true) return false;
      return gateway.sendPayload(shardId, payload);
    },
    listen: (dispatch) => listenRaw(bot.events, dispatch),
  });
  bindings.set(bot, binding);
  return binding;
}

/** There is one handler for each event: whoever wants to listen too must pass it on. */
function listenRaw(
  events: DiscordenoBot["events"],
  dispatch: (packet: unknown) => void,
): () => void {
  const { raw: previous } = events;
  let listening = true;
  const handler = (packet: unknown, shardId: number): unknown => {
    if (listening) dispatch(packet);
    return previous?.(packet, shardId);
  };
  events.raw = handler;
  return () => {
    listening = false;
    // Whoever has put a handler over this one still calls it.
    if (events.raw !== handler) return;
    if (previous === undefined) delete events.raw;
    else events.raw = previous;
  };
}
