/**
 * Messages of the voice gateway's clients, read as a server reads them: strictly,
 * with the close code that Discord would answer. Fields that nobody knows are left
 * alone. No message shows a received value, because it may be a token.
 *
 * @module
 */

import { PayloadError, RemoteProtocolError } from "../errors.ts";
import { isRecord } from "../fields.ts";
import { type GatewayVersion, versionTraits } from "../gateway_version.ts";
import { decodeClientBinary, decodeMessage, type VoiceMessage } from "../messages.ts";
import { opcodeName, VoiceOpcodes } from "../opcodes.ts";
import { readSendPayload } from "../payload_readers.ts";
import type { UdpSelection, VoiceSendPayload } from "../payloads.ts";

/** Most UTF-16 units of a message. */
export const MESSAGE_LIMIT = 65_536;

/** Most bytes of a binary message. */
export const BINARY_LIMIT: number = 2 ** 20 + 1;

const TOKEN_LIMIT = 512;
/** The address field of IP discovery. */
const ADDRESS_LIMIT = 64;

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

/**
 * Reads a message, its payload not yet.
 *
 * @param text Text of a text frame.
 * @returns Opcode and payload.
 * @throws {ClientFault} 4002: it is too long, no JSON, no object, or has no `op`.
 */
export function decodeClientMessage(text: string): VoiceMessage {
  if (text.length > MESSAGE_LIMIT) throw new ClientFault(4002, "The message is too long.");
  try {
    return decodeMessage(text);
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    throw new ClientFault(4002, "The message is no JSON object with an opcode.");
  }
}

/**
 * Reads a message's payload.
 *
 * @param message The message.
 * @param version The version of the connection.
 * @returns The message with its payload, or `undefined` where the opcode is not known.
 * @throws {ClientFault} 4002: a field is wrong; 4012: the protocol is not udp; 4020: the nonce of a
 * heartbeat is no integer.
 */
export function readClientMessage(
  message: VoiceMessage,
  version: GatewayVersion,
): VoiceSendPayload | undefined {
  const read = readPayload(message);
  switch (read?.op) {
    case VoiceOpcodes.Heartbeat:
      checkForm(message.d, version);
      break;
    case VoiceOpcodes.Identify:
    case VoiceOpcodes.Resume:
      checkLength(read.op, "token", read.d.token.reveal(), TOKEN_LIMIT);
      break;
    case VoiceOpcodes.SelectProtocol:
      if (read.d.protocol !== "udp") {
        throw new ClientFault(4012, "Unknown protocol: this server takes udp.");
      }
      checkLength(read.op, "data.address", (read.d.data as UdpSelection).address, ADDRESS_LIMIT);
  }
  return read;
}

/**
 * Takes a binary message apart, as clients send them about end-to-end encryption.
 *
 * @param frame Bytes of a binary frame; the payload is a view of them.
 * @returns Opcode and payload.
 * @throws {ClientFault} 4002: it is too long or empty.
 */
export function decodeClientFrame(frame: Uint8Array): VoiceMessage {
  if (frame.length > BINARY_LIMIT) throw new ClientFault(4002, "The message is too long.");
  if (frame.length === 0) throw new ClientFault(4002, "The message has no opcode.");
  return decodeClientBinary(frame);
}

function readPayload(message: VoiceMessage): VoiceSendPayload | undefined {
  try {
    return readSendPayload(message);
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    if (error.op === VoiceOpcodes.Heartbeat && error.field === "t") {
      throw new ClientFault(4020, "Bad request: the nonce of a heartbeat is an integer.");
    }
    return wrong(error.op, error.rule);
  }
}

/** Each version has one form of heartbeat; what a client of another one sends is a mistake. */
function checkForm(d: unknown, version: GatewayVersion): void {
  const { numbered } = versionTraits(version);
  if (isRecord(d) === numbered) return;
  const wanted = numbered ? "an object" : "a nonce";
  wrong(VoiceOpcodes.Heartbeat, `in version ${version} the payload must be ${wanted}`);
}

function checkLength(op: number, field: string, value: string, limit: number): void {
  if (value.length > limit) wrong(op, `"${field}" must have at most ${limit} characters`);
}

function wrong(op: number, rule: string): never {
  throw new ClientFault(4002, `${opcodeName(op)}: ${rule}.`);
}
