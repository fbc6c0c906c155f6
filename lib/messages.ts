/**
 * Messages of the voice gateway: JSON in text frames, and binary frames for end-to-end
 * encryption. Payloads are written here, in the form of a version, and read in
 * `payload_readers.ts`.
 *
 * @example Read a frame, answer it
 * ```ts
 * import { decodeMessage, encodeSend, readReceivePayload, VoiceOpcodes } from "@sotto/voice/core";
 *
 * const frame = '{"op":8,"d":{"v":8,"heartbeat_interval":13750.0}}';
 * const message = readReceivePayload(decodeMessage(frame));
 * if (message?.op === VoiceOpcodes.Hello) console.log(message.d.heartbeat_interval);
 * const beat = encodeSend({ op: VoiceOpcodes.Heartbeat, d: { t: 1, seq_ack: 10 } }, 8);
 * // {"op":3,"d":{"t":1,"seq_ack":10}}, and {"op":3,"d":1} for version 4
 * ```
 *
 * @module
 */

import { RemoteProtocolError } from "./errors.ts";
import { isInteger, isRecord } from "./fields.ts";
import { type GatewayVersion, versionTraits } from "./gateway_version.ts";
import { VoiceOpcodes } from "./opcodes.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "./payloads.ts";

/** A message, its payload not yet read. */
export interface VoiceMessage {
  /** Opcode. */
  readonly op: number;
  /** Payload; of a binary message its bytes, a view of the frame. */
  readonly d: unknown;
  /** Sequence number of a message that a server may replay, 0 to 65535. */
  readonly seq?: number;
}

/**
 * Writes a client's message.
 *
 * @param message Opcode and payload; a binary payload makes a binary frame.
 * @param version The version whose form it has.
 * @returns Text of a text frame, or bytes of a binary one.
 * @throws {RangeError} The nonce of a heartbeat is no integer: a server would close with 4020.
 */
export function encodeSend(
  message: VoiceSendPayload,
  version: GatewayVersion,
): string | Uint8Array {
  const { op, d } = message;
  const { numbered, speakingMask, channelId } = versionTraits(version);
  switch (op) {
    case VoiceOpcodes.Identify:
    case VoiceOpcodes.Resume: {
      // End-to-end encryption names its group after the channel.
      const named = channelId || op === VoiceOpcodes.Identify && d.max_dave_protocol_version;
      const channel_id = named ? d.channel_id : undefined;
      const numbers = op === VoiceOpcodes.Resume && !numbered ? { seq_ack: undefined } : {};
      return encodeMessage(op, { ...d, ...numbers, channel_id, token: d.token.reveal() });
    }
    case VoiceOpcodes.Heartbeat:
      if (!Number.isSafeInteger(d.t)) {
        throw new RangeError(`Cannot encode a heartbeat with nonce ${d.t}: it must be an integer`);
      }
      return encodeMessage(op, numbered ? d : d.t);
    case VoiceOpcodes.Speaking:
      return encodeMessage(op, speakingMask ? d : { ...d, speaking: d.speaking !== 0 });
  }
  return d instanceof Uint8Array ? encodeBinary(op, d) : encodeMessage(op, d);
}

/**
 * Writes a server's message.
 *
 * @param message Opcode, payload and sequence number; a binary payload makes a binary frame.
 * @param version The version whose form it has; below 8 without the sequence number.
 * @returns Text of a text frame, or bytes of a binary one.
 * @throws {RangeError} A binary message without a sequence number, which the version demands.
 */
export function encodeReceive(
  message: VoiceReceivePayload,
  version: GatewayVersion,
): string | Uint8Array {
  const { op, d } = message;
  const { numbered, speakingMask, wrappedHello, readyInterval, heartbeatAckOpcode } = versionTraits(
    version,
  );
  const seq = numbered ? message.seq : undefined;
  switch (op) {
    case VoiceOpcodes.Ready:
      if (!readyInterval) return encodeMessage(op, { ...d, heartbeat_interval: undefined }, seq);
      break;
    case VoiceOpcodes.Hello:
      if (!wrappedHello) return JSON.stringify({ heartbeat_interval: d.heartbeat_interval });
      break;
    case VoiceOpcodes.HeartbeatAck:
      return encodeMessage(heartbeatAckOpcode, numbered ? d : d.t);
    case VoiceOpcodes.SessionDescription:
      return encodeMessage(op, { ...d, secret_key: [...d.secret_key.reveal()] }, seq);
    case VoiceOpcodes.Speaking:
      if (!speakingMask) return encodeMessage(op, { ...d, speaking: d.speaking !== 0 }, seq);
      break;
  }
  if (!(d instanceof Uint8Array)) return encodeMessage(op, d, seq);
  if (numbered && seq === undefined) {
    throw new RangeError(`Cannot encode op ${op} for version ${version}: it needs a number`);
  }
  return encodeBinary(op, d, seq);
}

/**
 * Writes a JSON message.
 *
 * @param op Opcode.
 * @param d Payload, as it is on the wire.
 * @param seq Sequence number, on messages of a server.
 * @returns Text of a text frame.
 */
export function encodeMessage(op: number, d: unknown, seq?: number): string {
  return JSON.stringify({ op, d, seq });
}

/**
 * Reads a JSON message. A bare Hello, as servers of the first versions send it, gets its
 * opcode.
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
  if (op === undefined && message.heartbeat_interval !== undefined) {
    return { op: VoiceOpcodes.Hello, d: message };
  }
  if (!isInteger(op, Number.MAX_SAFE_INTEGER)) {
    throw new RemoteProtocolError('Cannot read a message: "op" is no opcode');
  }
  return isInteger(seq, 0xffff) ? { op, d, seq } : { op, d };
}

/**
 * Writes a binary message: sequence number u16 (of a server, from version 8 on), opcode
 * u8, payload.
 *
 * @param op Opcode.
 * @param payload The bytes behind it.
 * @param seq Sequence number, where it has one.
 * @returns Bytes of a binary frame.
 */
export function encodeBinary(op: number, payload: Uint8Array, seq?: number): Uint8Array {
  const prefix = seq === undefined ? [op] : [seq >>> 8 & 0xff, seq & 0xff, op];
  const frame = new Uint8Array(prefix.length + payload.length);
  frame.set(prefix);
  frame.set(payload, prefix.length);
  return frame;
}

/**
 * Reads a binary message of a server.
 *
 * @param frame Bytes of a binary frame; the payload is a view of them.
 * @param version The version of the connection: below 8 there is no sequence number.
 * @returns Opcode, payload and sequence number.
 * @throws {RemoteProtocolError} The frame is shorter than its head.
 */
export function decodeServerBinary(frame: Uint8Array, version: GatewayVersion): VoiceMessage {
  if (!versionTraits(version).numbered) return decodeBinary(frame, 0);
  return { ...decodeBinary(frame, 2), seq: frame[0] << 8 | frame[1] };
}

/**
 * Reads a binary message of a client.
 *
 * @param frame Bytes of a binary frame; the payload is a view of them.
 * @returns Opcode and payload.
 * @throws {RemoteProtocolError} The frame is empty.
 */
export function decodeClientBinary(frame: Uint8Array): VoiceMessage {
  return decodeBinary(frame, 0);
}

function decodeBinary(frame: Uint8Array, at: number): VoiceMessage {
  const head = at + 1;
  if (frame.length < head) {
    throw new RemoteProtocolError(
      `Cannot read a binary message of ${frame.length} bytes: it has at least ${head}`,
    );
  }
  return { op: frame[at], d: frame.subarray(head) };
}
