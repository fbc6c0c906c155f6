/**
 * Which voice tokens are good. Tokens that the main gateway has granted say to which
 * guild, channel, user and session they belong; beside them either one fixed token
 * or any token is good, and then a guild is one room.
 *
 * @module
 */

import type { IdentifyPayload } from "../payloads.ts";
import { Secret } from "../secret.ts";
import { ClientFault } from "./client_messages.ts";
import type { VoiceGrant } from "./server_io.ts";

/** Most tokens, granted or withdrawn, that are remembered; the oldest give way. */
export const GRANT_LIMIT = 4096;

/** Where a token leads. */
export interface Admission {
  /** The room whose members hear each other. */
  readonly room: string;
  /** The channel; the guild's id, where the client has not named one. */
  readonly channelId: string;
}

/** Knows the tokens. */
export class TokenGrants {
  readonly #only: Secret<string> | undefined;
  readonly #grants = new Map<string, VoiceGrant>();
  readonly #tokens = new Map<string, string>();
  readonly #withdrawn = new Set<string>();

  /** @param only The one token that is good without a grant; any by default. */
  constructor(only: string | undefined) {
    this.#only = only === undefined ? undefined : new Secret(only);
  }

  /** A token is good from now on; the one that the user had in this guild is withdrawn. */
  grant(grant: VoiceGrant): void {
    this.withdraw(grant.guildId, grant.userId);
    this.#grants.set(grant.token, grant);
    this.#tokens.set(keyOf(grant.guildId, grant.userId), grant.token);
    this.#withdrawn.delete(grant.token);
    const [oldest] = this.#grants.values();
    if (this.#grants.size > GRANT_LIMIT) this.withdraw(oldest.guildId, oldest.userId);
  }

  /** The user's token in this guild is no longer good. */
  withdraw(guildId: string, userId: string): void {
    const key = keyOf(guildId, userId);
    const token = this.#tokens.get(key);
    if (token === undefined) return;
    this.#tokens.delete(key);
    this.#grants.delete(token);
    this.#withdrawn.add(token);
    const [oldest] = this.#withdrawn;
    if (this.#withdrawn.size > GRANT_LIMIT) this.#withdrawn.delete(oldest);
  }

  /**
   * Admits a client.
   *
   * @param identity What Identify said.
   * @returns Where the token leads.
   * @throws {ClientFault} 4004: the token is wrong or another user's; 4006: it was withdrawn
   * or belongs to another session; 4011: it belongs to another guild.
   */
  admit(identity: IdentifyPayload): Admission {
    const { server_id: guildId, user_id: userId, session_id: sessionId, channel_id } = identity;
    const token = identity.token.reveal();
    const grant = this.#grants.get(token);
    if (grant === undefined) {
      if (this.#withdrawn.has(token)) throw new ClientFault(4006, "Session is no longer valid.");
      const good = this.#only === undefined || token === this.#only.reveal();
      if (!good) throw new ClientFault(4004, "Authentication failed.");
      return { room: keyOf(guildId, ""), channelId: channel_id ?? guildId };
    }
    if (grant.userId !== userId) throw new ClientFault(4004, "Authentication failed.");
    if (grant.guildId !== guildId) throw new ClientFault(4011, "Server not found.");
    if (grant.sessionId !== sessionId) throw new ClientFault(4006, "Session is no longer valid.");
    return { room: keyOf(guildId, grant.channelId), channelId: grant.channelId };
  }
}

function keyOf(guildId: string, id: string): string {
  return `${guildId}/${id}`;
}
