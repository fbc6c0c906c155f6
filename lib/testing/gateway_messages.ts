/**
 * Messages of the main gateway's clients, as far as voice needs them.
 *
 * @module
 */

import type { VoiceStatePayload } from "../gateway.ts";
import { isInteger, isRecord } from "../fields.ts";
import { ClientFault } from "./client_messages.ts";

/** Opcodes of the main gateway that the stub knows. */
export const GatewayOpcodes = {
  /** Server: an event. */
  Dispatch: 0,
  /** Client: keeps the WebSocket alive. */
  Heartbeat: 1,
  /** Client: begins a session. */
  Identify: 2,
  /** Client: joins, moves or leaves a voice channel. */
  VoiceStateUpdate: 4,
  /** Client: continues a session. */
  Resume: 6,
  /** Server: the session is gone. */
  InvalidSession: 9,
  /** Server: the heartbeat interval. */
  Hello: 10,
  /** Server: answers Heartbeat. */
  HeartbeatAck: 11,
} as const;

/** Payload of Resume (op 6). */
export interface GatewayResume {
  /** Session id of READY. */
  readonly sessionId: string;
  /** The bot's token. */
  readonly token: string;
  /** Last sequence number received. */
  readonly seq: number;
}

const ID_LIMIT = 128;

/** Reads the token of Identify. @throws {ClientFault} 4002: it is missing. */
export function readGatewayIdentify(d: unknown): string {
  const { token } = fieldsOf(d);
  if (typeof token !== "string" || token === "") wrong("Identify: token must be a string.");
  return token;
}

/** Reads the payload of Resume. @throws {ClientFault} 4002: a field is wrong. */
export function readGatewayResume(d: unknown): GatewayResume {
  const { session_id: sessionId, token, seq } = fieldsOf(d);
  if (typeof sessionId !== "string") wrong("Resume: session_id must be a string.");
  if (typeof token !== "string") wrong("Resume: token must be a string.");
  if (!isInteger(seq, 0xffffffff)) wrong("Resume: seq must be an integer of 0 to 2^32 - 1.");
  return { sessionId, token, seq };
}

/** Reads the payload of Update Voice State. @throws {ClientFault} 4002: a field is wrong. */
export function readVoiceStateUpdate(d: unknown): VoiceStatePayload["d"] {
  const { guild_id, channel_id, self_mute = false, self_deaf = false } = fieldsOf(d);
  if (!isId(guild_id)) wrong("Voice State: guild_id must be a string.");
  if (channel_id !== null && !isId(channel_id)) {
    wrong("Voice State: channel_id must be a string or null.");
  }
  if (typeof self_mute !== "boolean") wrong("Voice State: self_mute must be a boolean.");
  if (typeof self_deaf !== "boolean") wrong("Voice State: self_deaf must be a boolean.");
  return { guild_id, channel_id, self_mute, self_deaf };
}

/**
 * Finds the user id in a bot token: its first part is the id in Base64.
 *
 * @param token `<base64>.<...>`, or anything.
 * @returns The user id, or `undefined` where the first part is no number.
 */
export function userIdOf(token: string): string | undefined {
  const [head] = token.replace(/^Bot /, "").split(".");
  let bits = 0;
  let size = 0;
  let id = "";
  for (const character of head.slice(0, ID_LIMIT).replace(/=+$/, "")) {
    const value = BASE64.indexOf(character);
    if (value < 0) return undefined;
    bits = (bits << 6 | value) & 0xffff;
    size += 6;
    if (size < 8) continue;
    size -= 8;
    id += String.fromCharCode(bits >>> size & 0xff);
  }
  return /^\d{1,20}$/.test(id) ? id : undefined;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function isId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= ID_LIMIT;
}

function fieldsOf(d: unknown): Record<string, unknown> {
  return isRecord(d) ? d : wrong("The payload must be an object.");
}

function wrong(reason: string): never {
  throw new ClientFault(4002, reason);
}
