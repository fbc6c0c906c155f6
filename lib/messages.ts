/**
 * Messages of the voice gateway, version 8: JSON in text frames, and binary frames
 * for end-to-end encryption.
 *
 * What is received is read with care: a payload that lacks what the session needs
 * is a `RemoteProtocolError` that names opcode and field; fields that nobody knows
 * are left alone.
 *
 * @module
 */

import { RemoteProtocolError } from "./errors.ts";
import { KEY_SIZE } from "./packet.ts";
import { VoiceOpcodes } from "./opcodes.ts";
import { Secret } from "./secret.ts";

/** Version of the voice gateway that this module speaks. */
export const GATEWAY_VERSION = 8;

const FIRST_BINARY_OPCODE = 21;
const LAST_BINARY_OPCODE = 31;

/** A JSON message, its payload not yet read. */
export interface VoiceMessage {
  /** Opcode. */
  readonly op: number;
  /** Payload. */
  readonly d: unknown;
  /** Sequence number of a message that a server may replay, 0 to 65535. */
  readonly seq?: number;
}

/** A binary message. */
export interface BinaryMessage {
  /** Opcode. */
  readonly op: number;
  /** The bytes behind the opcode; a view of the frame. */
  readonly payload: Uint8Array;
  /** Sequence number, on frames of the server. */
  readonly seq?: number;
}

/** Payload of Identify (op 0). */
export interface IdentifyPayload {
  /** Guild id. */
  readonly server_id: string;
  /** The client's user id. */
  readonly user_id: string;
  /** Session id of the main gateway's voice state. */
  readonly session_id: string;
  /** Token of the voice server update. */
  readonly token: string;
  /** Highest DAVE version that the client speaks; 0 is none. */
  readonly max_dave_protocol_version: number;
}

/** Payload of Resume (op 7). */
export interface ResumePayload {
  /** Guild id. */
  readonly server_id: string;
  /** Session id of the main gateway's voice state. */
  readonly session_id: string;
  /** Token of the voice server update. */
  readonly token: string;
  /** Last sequence number received; absent where none was. */
  readonly seq_ack?: number;
}

/** Payload of Select Protocol (op 1). */
export interface SelectProtocolPayload {
  /** Always `udp` here. */
  readonly protocol: string;
  /** The client's own address and its choice of mode. */
  readonly data: {
    /** IP address, as IP discovery found it. */
    readonly address: string;
    /** UDP port, as IP discovery found it. */
    readonly port: number;
    /** Encryption mode. */
    readonly mode: string;
  };
}

/** Payload of Hello (op 8). */
export interface HelloPayload {
  /** Milliseconds between heartbeats; may be a fraction. */
  readonly heartbeat_interval: number;
}

/** Payload of Ready (op 2). */
export interface ReadyPayload {
  /** The client's SSRC. */
  readonly ssrc: number;
  /** IP address of the UDP server. */
  readonly ip: string;
  /** Port of the UDP server. */
  readonly port: number;
  /** Encryption modes that the server offers. */
  readonly modes: readonly string[];
}

/** Payload of Session Description (op 4). */
export interface SessionDescriptionPayload {
  /** The encryption mode that was selected. */
  readonly mode: string;
  /** `KEY_SIZE` bytes. */
  readonly secret_key: Secret<Uint8Array>;
}

/** Payload of Speaking (op 5), from the server. */
export interface SpeakingPayload {
  /** Who speaks. */
  readonly user_id: string;
  /** With which SSRC. */
  readonly ssrc: number;
  /** `SpeakingFlags`. */
  readonly speaking: number;
}

/** Payload of Video (op 12), from the server; the SSRCs of video are left aside. */
export interface VideoPayload {
  /** Whose streams. */
  readonly user_id: string;
  /** SSRC of the user's voice; 0 for none. */
  readonly audio_ssrc: number;
}

/** Payload of Heartbeat (op 3), from the client. */
export interface HeartbeatPayload {
  /** Nonce: an integer, or the server closes with 4020. */
  readonly t: number;
  /** Last sequence number received; absent where none was. */
  readonly seq_ack?: number;
}

/**
 * Writes a JSON message.
 *
 * @param op Opcode.
 * @param d Payload.
 * @param seq Sequence number, on messages of a server.
 * @returns Text of a text frame.
 */
export function encodeMessage(op: number, d: unknown, seq?: number): string {
  return JSON.stringify({ op, d, seq });
}

/**
 * Reads a JSON message.
 *
 * @param text Text of a text frame.
 * @returns Opcode, payload and sequence number.
 * @throws {RemoteProtocolError} It is no JSON, no object, or has no integer `op`.
 */
export function decodeMessage(text: string): VoiceMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new RemoteProtocolError("Cannot read a message: it is not JSON");
  }
  if (!isRecord(message)) throw new RemoteProtocolError("Cannot read a message: it is no object");
  const { op, d, seq } = message;
  if (!isInteger(op, 255)) {
    throw new RemoteProtocolError('Cannot read a message: "op" is no opcode');
  }
  return isInteger(seq, 0xffff) ? { op, d, seq } : { op, d };
}

/**
 * Writes a binary message of a client: opcode, payload.
 *
 * @param op Opcode.
 * @param payload The bytes behind it.
 * @returns Bytes of a binary frame.
 */
export function encodeBinary(op: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(1 + payload.length);
  frame[0] = op;
  frame.set(payload, 1);
  return frame;
}

/**
 * Reads a binary message of a server of version 8 or later: sequence number u16,
 * opcode u8, payload.
 *
 * @param frame Bytes of a binary frame; the payload is a view of them.
 * @returns Opcode, payload and sequence number.
 * @throws {RemoteProtocolError} The frame is shorter than its head, or its opcode is none of
 * end-to-end encryption.
 */
export function decodeServerBinary(frame: Uint8Array): BinaryMessage {
  if (frame.length < 3) {
    throw new RemoteProtocolError(
      `Cannot read a binary message of ${frame.length} bytes: it has at least 3 bytes`,
    );
  }
  const op = frame[2];
  if (op < FIRST_BINARY_OPCODE || op > LAST_BINARY_OPCODE) {
    throw new RemoteProtocolError(`Cannot read a binary message: opcode ${op} is not of DAVE`);
  }
  return { seq: frame[0] << 8 | frame[1], op, payload: frame.subarray(3) };
}

/** Reads the payload of Hello. @throws {RemoteProtocolError} A field is wrong. */
export function readHello(d: unknown): HelloPayload {
  const interval = fieldsOf(VoiceOpcodes.Hello, d).heartbeat_interval;
  const valid = typeof interval === "number" && interval > 0 &&
    interval < Infinity;
  if (!valid) {
    wrong(VoiceOpcodes.Hello, "heartbeat_interval", "a positive number", interval);
  }
  return { heartbeat_interval: interval };
}

/** Reads the payload of Ready. @throws {RemoteProtocolError} A field is wrong. */
export function readReady(d: unknown): ReadyPayload {
  const op = VoiceOpcodes.Ready;
  const { ssrc, ip, port, modes } = fieldsOf(op, d);
  if (!isInteger(ssrc, 0xffffffff)) wrong(op, "ssrc", "an unsigned 32-bit integer", ssrc);
  if (typeof ip !== "string" || ip === "") wrong(op, "ip", "an IP address", ip);
  if (!isInteger(port, 0xffff) || port === 0) wrong(op, "port", "an integer of 1 to 65535", port);
  if (!isStrings(modes)) wrong(op, "modes", "an array of strings", modes);
  return { ssrc, ip, port, modes };
}

/** Reads the payload of Session Description. @throws {RemoteProtocolError} A field is wrong. */
export function readSessionDescription(d: unknown): SessionDescriptionPayload {
  const op = VoiceOpcodes.SessionDescription;
  const { mode, secret_key: key } = fieldsOf(op, d);
  if (typeof mode !== "string") wrong(op, "mode", "a string", mode);
  const valid = Array.isArray(key) && key.length === KEY_SIZE &&
    key.every((byte) => isInteger(byte, 255));
  if (!valid) wrong(op, "secret_key", `an array of ${KEY_SIZE} bytes`, REDACTED);
  return { mode, secret_key: new Secret(Uint8Array.from(key)) };
}

/** Reads the payload of Speaking. @throws {RemoteProtocolError} A field is wrong. */
export function readSpeaking(d: unknown): SpeakingPayload {
  const op = VoiceOpcodes.Speaking;
  const { user_id, ssrc, speaking } = fieldsOf(op, d);
  if (typeof user_id !== "string") wrong(op, "user_id", "a string", user_id);
  if (!isInteger(ssrc, 0xffffffff)) wrong(op, "ssrc", "an unsigned 32-bit integer", ssrc);
  const flags = typeof speaking === "boolean" ? Number(speaking) : speaking;
  if (!isInteger(flags, 0xffffffff)) wrong(op, "speaking", "a bit mask", speaking);
  return { user_id, ssrc, speaking: flags };
}

/** Reads the payload of Video. @throws {RemoteProtocolError} A field is wrong. */
export function readVideo(d: unknown): VideoPayload {
  const op = VoiceOpcodes.Video;
  const { user_id, audio_ssrc } = fieldsOf(op, d);
  if (typeof user_id !== "string") wrong(op, "user_id", "a string", user_id);
  if (!isInteger(audio_ssrc, 0xffffffff)) {
    wrong(op, "audio_ssrc", "an unsigned 32-bit integer", audio_ssrc);
  }
  return { user_id, audio_ssrc };
}

/**
 * Reads the payload of Heartbeat ACK.
 *
 * @returns The nonce.
 * @throws {RemoteProtocolError} A field is wrong.
 */
export function readHeartbeatAck(d: unknown): number {
  const t = isRecord(d) ? d.t : d;
  const nonce = typeof t === "string" ? Number(t) : t;
  if (!isInteger(nonce, Number.MAX_SAFE_INTEGER)) {
    wrong(VoiceOpcodes.HeartbeatAck, "t", "an integer", t);
  }
  return nonce;
}

/** Reads the user ids of Clients Connect. @throws {RemoteProtocolError} A field is wrong. */
export function readClientsConnect(d: unknown): readonly string[] {
  const { user_ids } = fieldsOf(VoiceOpcodes.ClientsConnect, d);
  if (!isStrings(user_ids)) {
    wrong(VoiceOpcodes.ClientsConnect, "user_ids", "an array of strings", user_ids);
  }
  return user_ids;
}

/** Reads the user id of Client Disconnect. @throws {RemoteProtocolError} A field is wrong. */
export function readClientDisconnect(d: unknown): string {
  const { user_id } = fieldsOf(VoiceOpcodes.ClientDisconnect, d);
  if (typeof user_id !== "string") {
    wrong(VoiceOpcodes.ClientDisconnect, "user_id", "a string", user_id);
  }
  return user_id;
}

const REDACTED = /* @__PURE__ */ Symbol("[redacted]");

function wrong(op: number, field: string, wanted: string, value: unknown): never {
  throw new RemoteProtocolError(`op ${op}: "${field}" must be ${wanted}: got ${show(value)}`);
}

function show(value: unknown): string | undefined {
  if (value === REDACTED) return "another value";
  try {
    return JSON.stringify(value)?.slice(0, 80);
  } catch {
    return "a value nested too deeply";
  }
}

function fieldsOf(op: number, d: unknown): Record<string, unknown> {
  if (isRecord(d)) return d;
  throw new RemoteProtocolError(`op ${op}: the payload must be an object`);
}

/** Tells whether `value` is an object with fields. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tells whether `value` is an integer of 0 to `max`. */
export function isInteger(value: unknown, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 &&
    (value as number) <= max;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) &&
    value.every((item) => typeof item === "string");
}
