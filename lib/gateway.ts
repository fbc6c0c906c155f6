/**
 * The main gateway's share in a voice connection: op 4 goes out, VOICE_STATE_UPDATE
 * and VOICE_SERVER_UPDATE come back. Only the fields that voice needs are named.
 *
 * @module
 */

import { RemoteProtocolError } from "./errors.ts";

/** Op 4 of the main gateway: joins, moves or leaves. */
export interface VoiceStatePayload {
  /** Opcode of the main gateway. */
  readonly op: 4;
  /** Payload. */
  readonly d: {
    /** Guild id. */
    readonly guild_id: string;
    /** Channel id; `null` leaves. */
    readonly channel_id: string | null;
    /** Whether the client does not speak. */
    readonly self_mute: boolean;
    /** Whether the client does not listen. */
    readonly self_deaf: boolean;
  };
}

/** What VOICE_STATE_UPDATE says. */
export interface VoiceStateUpdate {
  /** Guild id; absent in private calls. */
  readonly guild_id?: string | null;
  /** Channel id; `null` where the user has left. */
  readonly channel_id: string | null;
  /** Whose state it is. */
  readonly user_id: string;
  /** Session id for Identify. */
  readonly session_id: string;
}

/** What VOICE_SERVER_UPDATE says. */
export interface VoiceServerUpdate {
  /** Token for Identify. */
  readonly token: string;
  /** Guild id; `null` in private calls. */
  readonly guild_id: string | null;
  /** `host` or `host:port`; `null` while the voice server is being replaced. */
  readonly endpoint: string | null;
}

/** All that is needed to identify with a voice server. */
export interface VoiceServer {
  /** `host`, `host:port`, or a `ws://` URL on loopback. */
  readonly endpoint: string;
  /** Token of VOICE_SERVER_UPDATE. */
  readonly token: string;
  /** Session id of VOICE_STATE_UPDATE. */
  readonly sessionId: string;
}

/**
 * Checks what a gateway library hands over as VOICE_STATE_UPDATE.
 *
 * @param data Anything.
 * @returns The same.
 * @throws {RemoteProtocolError} A field that voice needs is wrong.
 */
export function readVoiceState(data: unknown): VoiceStateUpdate {
  const { user_id, session_id, channel_id } = (data ?? {}) as Record<string, unknown>;
  const valid = typeof user_id === "string" && typeof session_id === "string" &&
    (typeof channel_id === "string" || channel_id === null);
  if (valid) return data as VoiceStateUpdate;
  throw new RemoteProtocolError(
    "VOICE_STATE_UPDATE: user_id, session_id and channel_id must be strings (channel_id or null)",
  );
}

/**
 * Checks what a gateway library hands over as VOICE_SERVER_UPDATE.
 *
 * @param data Anything.
 * @returns The same.
 * @throws {RemoteProtocolError} A field that voice needs is wrong.
 */
export function readVoiceServer(data: unknown): VoiceServerUpdate {
  const { token, endpoint } = (data ?? {}) as Record<string, unknown>;
  const valid = typeof token === "string" && (typeof endpoint === "string" || endpoint === null);
  if (valid) return data as VoiceServerUpdate;
  throw new RemoteProtocolError(
    "VOICE_SERVER_UPDATE: token and endpoint must be strings (endpoint or null)",
  );
}
