/**
 * Who is in which voice channel, and how many may be.
 *
 * @module
 */

import { LocalProtocolError } from "../errors.ts";
import { demandInteger } from "./faults.ts";
import type { UserLimitInput } from "./gateway_io.ts";
import type { GatewaySession } from "./gateway_session.ts";

/** A user is in a voice channel. */
export interface VoiceState {
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** The session that sent op 4. */
  readonly session: GatewaySession;
  /** Whether the user does not speak. */
  readonly selfMute: boolean;
  /** Whether the user does not listen. */
  readonly selfDeaf: boolean;
}

/** Holds the voice states: at most one of a user in a guild. */
export class VoiceStates {
  readonly #states = new Map<string, VoiceState>();
  readonly #limits = new Map<string, number>();

  /** How many there are. */
  get size(): number {
    return this.#states.size;
  }

  /** All of them, as they are now. */
  all(): VoiceState[] {
    return [...this.#states.values()];
  }

  /** A user's state in a guild. */
  get(guildId: string, userId: string): VoiceState | undefined {
    return this.#states.get(keyOf(guildId, userId));
  }

  /** A user's state in a guild. @throws {LocalProtocolError} There is none. */
  demand(guildId: string, userId: string): VoiceState {
    const state = this.get(guildId, userId);
    if (state !== undefined) return state;
    throw new LocalProtocolError(
      `Cannot move or disconnect user ${userId}: the user is in no voice channel of guild ${guildId}`,
    );
  }

  /** Adds a state, or replaces that of the same user and guild. */
  set(state: VoiceState): void {
    this.#states.set(keyOf(state.guildId, state.session.userId), state);
  }

  /** Removes a state. */
  delete(state: VoiceState): void {
    this.#states.delete(keyOf(state.guildId, state.session.userId));
  }

  /** Sets how many users may be in a channel. @throws {RangeError} The limit is none. */
  setLimit({ guildId, channelId, limit }: UserLimitInput): void {
    const key = keyOf(guildId, channelId);
    if (limit === undefined) return void this.#limits.delete(key);
    demandInteger("limit", limit, 0);
    this.#limits.set(key, limit);
  }

  /** Whether a channel has no room for one more, who is not in it. */
  isFull(guildId: string, channelId: string): boolean {
    const limit = this.#limits.get(keyOf(guildId, channelId));
    if (limit === undefined) return false;
    const inside = this.all().filter((state) =>
      state.guildId === guildId && state.channelId === channelId
    );
    return inside.length >= limit;
  }
}

function keyOf(guildId: string, id: string): string {
  return JSON.stringify([guildId, id]);
}
