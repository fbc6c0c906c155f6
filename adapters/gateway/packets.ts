/**
 * What gateway libraries hand over, in the form that Discord sends: keys in snake_case or
 * camelCase, snowflakes as text or as bigint.
 *
 * @module
 */

import type { VoiceServerUpdate, VoiceStateUpdate } from "../gateway_adapter.ts";

/** A dispatch that voice needs. */
export type VoicePacket =
  | { readonly t: "READY"; readonly userId: string }
  | { readonly t: "VOICE_STATE_UPDATE"; readonly guildId: string; readonly d: VoiceStateUpdate }
  | { readonly t: "VOICE_SERVER_UPDATE"; readonly guildId: string; readonly d: VoiceServerUpdate };

/**
 * Reads a dispatch of the main gateway.
 *
 * @param packet Anything.
 * @returns The dispatch, or `undefined` where voice does not need it or a field is wrong.
 */
export function readVoicePacket(packet: unknown): VoicePacket | undefined {
  const { t, d } = fieldsOf(packet);
  switch (t) {
    case "READY":
      return readReady(fieldsOf(d));
    case "VOICE_STATE_UPDATE":
      return readState(fieldsOf(d));
    case "VOICE_SERVER_UPDATE":
      return readServer(fieldsOf(d));
  }
}

/**
 * Reads a snowflake.
 *
 * @param value Anything.
 * @returns Its decimal text, or `undefined` where it is none. A number is none, as it is rounded.
 */
export function readSnowflake(value: unknown): string | undefined {
  const text = typeof value === "bigint" ? String(value) : value;
  return typeof text === "string" && /^\d{1,20}$/.test(text) ? text : undefined;
}

/**
 * The fields of an object.
 *
 * @param value Anything.
 * @returns The same; without fields where it is no object.
 */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

function readReady(d: Readonly<Record<string, unknown>>): VoicePacket | undefined {
  const userId = readSnowflake(fieldsOf(d.user).id);
  return userId === undefined ? undefined : { t: "READY", userId };
}

function readState(d: Readonly<Record<string, unknown>>): VoicePacket | undefined {
  const guildId = readSnowflake(d.guild_id ?? d.guildId);
  const userId = readSnowflake(d.user_id ?? d.userId);
  const sessionId = d.session_id ?? d.sessionId;
  const channel = d.channel_id ?? d.channelId ?? null;
  const channelId = channel === null ? null : readSnowflake(channel);
  if (guildId === undefined || userId === undefined || channelId === undefined) return undefined;
  if (typeof sessionId !== "string") return undefined;
  const state = {
    guild_id: guildId,
    channel_id: channelId,
    user_id: userId,
    session_id: sessionId,
  };
  return { t: "VOICE_STATE_UPDATE", guildId, d: state };
}

function readServer(d: Readonly<Record<string, unknown>>): VoicePacket | undefined {
  const guildId = readSnowflake(d.guild_id ?? d.guildId);
  const { token, endpoint = null } = d;
  if (guildId === undefined || typeof token !== "string") return undefined;
  if (typeof endpoint !== "string" && endpoint !== null) return undefined;
  return { t: "VOICE_SERVER_UPDATE", guildId, d: { token, guild_id: guildId, endpoint } };
}
