/**
 * Dispatches of the main gateway, and connections that note what they are told.
 *
 * @module
 */

import type {
  DiscordGatewayAdapterLibraryMethods,
  VoiceServerUpdate,
  VoiceStatePayload,
  VoiceStateUpdate,
} from "../../../adapters/gateway/mod.ts";

export const GUILD = "41771983423143937";
export const OTHER_GUILD = "41771983423143999";
export const CHANNEL = "127121515262115840";
export const ME = "100000000000000001";
export const SOMEONE = "100000000000000002";
export const SECRET = "voice-token-of-the-test";

export const STATE: VoiceStateUpdate = {
  guild_id: GUILD,
  channel_id: CHANNEL,
  user_id: ME,
  session_id: "session",
};

export const SERVER: VoiceServerUpdate = {
  token: SECRET,
  guild_id: GUILD,
  endpoint: "example.discord.media:443",
};

/** A dispatch of VOICE_STATE_UPDATE. */
export function statePacket(fields: Record<string, unknown> = {}): { t: string; d: unknown } {
  return { t: "VOICE_STATE_UPDATE", d: { ...STATE, ...fields } };
}

/** A dispatch of VOICE_SERVER_UPDATE. */
export function serverPacket(fields: Record<string, unknown> = {}): { t: string; d: unknown } {
  return { t: "VOICE_SERVER_UPDATE", d: { ...SERVER, ...fields } };
}

/** Op 4 of a guild. */
export function op4(guildId: string = GUILD): VoiceStatePayload {
  const d = { guild_id: guildId, channel_id: CHANNEL, self_mute: false, self_deaf: false };
  return { op: 4, d };
}

/** The side of a connection; `told` is what the gateway library has told it. */
export class Connection implements DiscordGatewayAdapterLibraryMethods {
  readonly told: unknown[] = [];

  destroy(): void {
    this.told.push("destroy");
  }

  onVoiceStateUpdate(data: VoiceStateUpdate): void {
    this.told.push(data);
  }

  onVoiceServerUpdate(data: VoiceServerUpdate): void {
    this.told.push(data);
  }
}

/** Whatever a gateway library may hand over that is no voice packet. */
export const NONSENSE: readonly unknown[] = [
  undefined,
  null,
  0,
  "VOICE_STATE_UPDATE",
  [],
  {},
  { t: null, d: null },
  { t: "MESSAGE_CREATE", d: STATE },
  { t: "toString", d: STATE },
  { t: "READY" },
  { t: "READY", d: { user: { id: 1 } } },
  { t: "VOICE_STATE_UPDATE" },
  { t: "VOICE_STATE_UPDATE", d: null },
  { t: "VOICE_STATE_UPDATE", d: [STATE] },
  statePacket({ guild_id: null }),
  statePacket({ guild_id: Number(GUILD) }),
  statePacket({ guild_id: "" }),
  statePacket({ guild_id: "4177198342314393x" }),
  statePacket({ guild_id: -1n }),
  statePacket({ guild_id: {} }),
  statePacket({ user_id: undefined }),
  statePacket({ user_id: Number(ME) }),
  statePacket({ session_id: null }),
  statePacket({ session_id: 1n }),
  statePacket({ channel_id: 5 }),
  statePacket({ channel_id: false }),
  serverPacket({ guild_id: undefined }),
  serverPacket({ token: undefined }),
  serverPacket({ token: 7 }),
  serverPacket({ endpoint: 7 }),
];
