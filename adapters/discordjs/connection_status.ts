/**
 * Where a `VoiceConnection` of the @discordjs/voice names stands, and why.
 *
 * @module
 */

/** The status of a connection. */
export const VoiceConnectionStatus = {
  /** A voice server is known and is being connected to. */
  Connecting: "connecting",
  /** The end. */
  Destroyed: "destroyed",
  /** The connection was lost, or never made; it may come back by itself, or by `rejoin`. */
  Disconnected: "disconnected",
  /** Audio can flow. */
  Ready: "ready",
  /** Op 4 was sent; the main gateway's answer is awaited. */
  Signalling: "signalling",
} as const;

/** A status of a connection. */
export type VoiceConnectionStatus =
  typeof VoiceConnectionStatus[keyof typeof VoiceConnectionStatus];

/** Why a connection is disconnected. */
export const VoiceConnectionDisconnectReason = {
  /** The voice WebSocket was closed, for good or until the main gateway says more. */
  WebSocketClose: 0,
  /** The gateway library did not send op 4, or nothing came of it. */
  AdapterUnavailable: 1,
  /** The main gateway has taken the voice server away; another one is to come. */
  EndpointRemoved: 2,
  /** `disconnect` was called. */
  Manual: 3,
} as const;

/** A reason why a connection is disconnected. */
export type VoiceConnectionDisconnectReason =
  typeof VoiceConnectionDisconnectReason[keyof typeof VoiceConnectionDisconnectReason];

/** What a connection wants; the main gateway's word on the bot's own voice state is taken over. */
export interface JoinConfig {
  /** Channel id; `null` after `disconnect`. */
  channelId: string | null;
  /** Name under which the connection is kept beside others of its guild. */
  group: string;
  /** Guild id. */
  guildId: string;
  /** Whether the bot does not listen. */
  selfDeaf: boolean;
  /** Whether the bot does not speak. */
  selfMute: boolean;
}
