/**
 * Messages of the voice gateway's clients, read as a server reads them: strictly,
 * with the close code that Discord would answer. Fields that nobody knows are left
 * alone. No message shows a received value, because it may be a token.
 *
 * @module
 */

import {
  type HeartbeatPayload,
  isInteger,
  isRecord,
  type ResumePayload,
  type SelectProtocolPayload,
} from "../messages.ts";

/** Most UTF-16 units of a message. */
export const MESSAGE_LIMIT = 65_536;

const ID_LIMIT = 128;
const TOKEN_LIMIT = 512;

/** A client broke a rule; its WebSocket is to be closed. */
export class ClientFault extends Error {
  /** Name of the class. */
  override readonly name = "ClientFault";
  /** The close code. */
  readonly code: number;

  /**
   * Says what is wrong.
   *
   * @param code The close code.
   * @param reason Reason text of the close frame: at most 123 bytes, no received value.
   */
  constructor(code: number, reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Payload of Identify (op 0), as far as the server needs it. */
export interface ClientIdentity {
  /** Guild id. */
  readonly guildId: string;
  /** User id. */
  readonly userId: string;
  /** Session id of the voice state. */
  readonly sessionId: string;
  /** Token of the voice server update. */
  readonly token: string;
}

/** A message of a client, its payload not yet read. */
export interface ClientMessage {
  /** Opcode: any integer. */
  readonly op: number;
  /** Payload. */
  readonly d: unknown;
}

/**
 * Reads a message.
 *
 * @param text Text of a text frame.
 * @returns Opcode and payload.
 * @throws {ClientFault} 4002: it is too long, no JSON, no object, or has no integer `op`.
 */
export function decodeClientMessage(text: string): ClientMessage {
  if (text.length > MESSAGE_LIMIT) throw new ClientFault(4002, "The message is too long.");
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new ClientFault(4002, "The message is not JSON.");
  }
  if (!isRecord(message) || !Number.isInteger(message.op)) {
    throw new ClientFault(4002, "The message has no opcode.");
  }
  return { op: message.op as number, d: message.d };
}

/** Reads the payload of Identify. @throws {ClientFault} 4002: a field is wrong. */
export function readIdentify(d: unknown): ClientIdentity {
  const fields = fieldsOf("Identify", d);
  const version = fields.max_dave_protocol_version ?? 0;
  if (!isInteger(version, 0xffff)) wrong("Identify", "max_dave_protocol_version", "an integer");
  return {
    guildId: text("Identify", "server_id", fields.server_id, ID_LIMIT),
    userId: text("Identify", "user_id", fields.user_id, ID_LIMIT),
    sessionId: text("Identify", "session_id", fields.session_id, ID_LIMIT),
    token: text("Identify", "token", fields.token, TOKEN_LIMIT),
  };
}

/** Reads the payload of Resume; a `seq_ack` of -1 or null is none. @throws {ClientFault} 4002: a field is wrong. */
export function readResume(d: unknown): ResumePayload {
  const fields = fieldsOf("Resume", d);
  return {
    server_id: text("Resume", "server_id", fields.server_id, ID_LIMIT),
    session_id: text("Resume", "session_id", fields.session_id, ID_LIMIT),
    token: text("Resume", "token", fields.token, TOKEN_LIMIT),
    seq_ack: readSeqAck("Resume", fields.seq_ack),
  };
}

/** Reads the payload of Select Protocol. @throws {ClientFault} 4002: a field is wrong; 4012: not udp. */
export function readSelectProtocol(d: unknown): SelectProtocolPayload {
  const { protocol, data } = fieldsOf("Select Protocol", d);
  if (typeof protocol !== "string") wrong("Select Protocol", "protocol", "a string");
  if (protocol !== "udp") throw new ClientFault(4012, "Unknown protocol: this server takes udp.");
  const { address, port, mode } = fieldsOf("Select Protocol", data);
  if (typeof address !== "string") wrong("Select Protocol", "address", "a string");
  if (!isInteger(port, 0xffff)) wrong("Select Protocol", "port", "an integer of 0 to 65535");
  if (typeof mode !== "string") wrong("Select Protocol", "mode", "a string");
  return { protocol, data: { address, port, mode } };
}

/**
 * Reads the payload of Speaking. Its `ssrc` is of no consequence: the server knows better.
 *
 * @returns `SpeakingFlags`.
 * @throws {ClientFault} 4002: a field is wrong.
 */
export function readClientSpeaking(d: unknown): number {
  const { speaking } = fieldsOf("Speaking", d);
  const flags = typeof speaking === "boolean" ? Number(speaking) : speaking;
  if (!isInteger(flags, 0xffffffff)) wrong("Speaking", "speaking", "a bit mask");
  return flags;
}

/** Reads the payload of Heartbeat. @throws {ClientFault} 4002: a field is wrong; 4020: the nonce is no integer. */
export function readClientHeartbeat(d: unknown): HeartbeatPayload {
  const { t, seq_ack } = fieldsOf("Heartbeat", d);
  if (t === undefined) wrong("Heartbeat", "t", "an integer");
  if (!Number.isInteger(t)) {
    throw new ClientFault(4020, "Bad request: the nonce of a heartbeat is an integer.");
  }
  return { t: t as number, seq_ack: readSeqAck("Heartbeat", seq_ack) };
}

function readSeqAck(message: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === -1) return undefined;
  if (!isInteger(value, 0xffff)) wrong(message, "seq_ack", "an integer of -1 to 65535");
  return value;
}

function text(message: string, field: string, value: unknown, limit: number): string {
  const valid = typeof value === "string" && value !== "" && value.length <= limit;
  if (!valid) wrong(message, field, `a string of 1 to ${limit} characters`);
  return value;
}

function fieldsOf(message: string, d: unknown): Record<string, unknown> {
  if (isRecord(d)) return d;
  throw new ClientFault(4002, `${message}: the payload must be an object.`);
}

function wrong(message: string, field: string, wanted: string): never {
  throw new ClientFault(4002, `${message}: ${field} must be ${wanted}.`);
}
