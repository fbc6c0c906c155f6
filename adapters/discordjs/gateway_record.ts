/**
 * What the main gateway has said of one connection, and whose word counts.
 *
 * Theory of operation: `joinVoiceChannel` is not told who the bot is. Most gateway adapters hand
 * over the bot's own voice states only, but those written by hand may hand over everybody's. So
 * until a voice server is named, the latest state that may be the answer to op 4 is taken: of this
 * guild, in the wanted channel, muted and deafened as wanted, and of no human. Discord names the
 * server right behind it, to the bot alone. From then on the user id is known, and others' states
 * are left aside.
 *
 * @module
 */

import { isRecord } from "../../lib/fields.ts";
import {
  readVoiceServer,
  readVoiceState,
  type VoiceServerUpdate,
  type VoiceStateUpdate,
} from "../../lib/gateway.ts";
import { isSnowflake } from "../../lib/snowflake.ts";
import type { JoinConfig } from "./connection_status.ts";

/** The bot's own voice state in a channel, and the voice server for it. */
export interface GatewayAnswer {
  /** The voice state. */
  readonly state: VoiceStateUpdate & { readonly channel_id: string };
  /** The voice server. */
  readonly server: VoiceServerUpdate & { readonly endpoint: string };
}

/** Remembers both updates of the main gateway. */
export class GatewayRecord {
  #userId: string | undefined;
  #state: VoiceStateUpdate | undefined;
  #server: VoiceServerUpdate | undefined;

  /** Both updates, once they have come and name a channel and a server. */
  get answer(): GatewayAnswer | undefined {
    const [state, server] = [this.#state, this.#server];
    const isWhole = typeof state?.channel_id === "string" && typeof server?.endpoint === "string";
    return isWhole ? { state, server } as GatewayAnswer : undefined;
  }

  /** The channel that the bot is in, as far as it is known. */
  get channelId(): string | undefined {
    return this.#state?.channel_id ?? undefined;
  }

  /**
   * Takes a VOICE_STATE_UPDATE.
   *
   * @param data Anything.
   * @param wanted What was asked for.
   * @returns The same, where it is the bot's own in this guild.
   * @throws {RemoteProtocolError} It is none.
   */
  takeState(data: unknown, wanted: JoinConfig): VoiceStateUpdate | undefined {
    const state = readVoiceState(data);
    const isOurs = state.guild_id === wanted.guildId && isSnowflake(state.user_id) &&
      (state.channel_id === null || isSnowflake(state.channel_id));
    if (!isOurs || !this.#isOwn(state, wanted)) return undefined;
    this.#state = state;
    this.#learn();
    return state;
  }

  /**
   * Takes a VOICE_SERVER_UPDATE.
   *
   * @param data Anything.
   * @param guildId The guild that counts.
   * @returns The same, where it is this guild's.
   * @throws {RemoteProtocolError} It is none.
   */
  takeServer(data: unknown, guildId: string): VoiceServerUpdate | undefined {
    const server = readVoiceServer(data);
    if (server.guild_id !== guildId) return undefined;
    this.#server = server;
    this.#learn();
    return server;
  }

  /** The next updates answer a new request. */
  forget(): void {
    this.#state = undefined;
    this.#server = undefined;
  }

  /** The voice server did not know the user: it was another one's state perhaps. */
  doubt(): void {
    this.#userId = undefined;
  }

  #learn(): void {
    if (this.answer !== undefined) this.#userId ??= this.#state?.user_id;
  }

  #isOwn(state: VoiceStateUpdate, wanted: JoinConfig): boolean {
    if (this.#userId !== undefined) return state.user_id === this.#userId;
    const { self_deaf, self_mute, member } = state as object as Record<string, unknown>;
    const user = isRecord(member) && isRecord(member.user) ? member.user : { bot: true };
    return state.channel_id === wanted.channelId && user.bot === true &&
      (self_deaf ?? wanted.selfDeaf) === wanted.selfDeaf &&
      (self_mute ?? wanted.selfMute) === wanted.selfMute;
  }
}
