/**
 * Messages of the voice gateway as they are on the wire: plain JSON, for those who write and
 * read them by hand. The only file of an adapter that names opcodes.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { RemoteProtocolError } from "../../lib/errors.ts";
import { isRecord } from "../../lib/fields.ts";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../lib/gateway_version.ts";
import {
  decodeMessage,
  decodeServerBinary,
  encodeSend,
  type VoiceMessage,
} from "../../lib/messages.ts";
import { VoiceOpcodes } from "../../lib/opcodes.ts";
import type { ReceivePayloads, SendPayloads } from "../../lib/payloads.ts";
import type { Secret } from "../../lib/secret.ts";
import { MESSAGE_LIMIT } from "../../lib/voice_socket.ts";
import { hide } from "./redacted.ts";

/** A payload as it is on the wire: tokens are strings, keys are arrays of bytes. */
export type WirePayload<T> = T extends object ? {
    [K in keyof T]: T[K] extends Secret<string> ? string
      : T[K] extends Secret<Uint8Array> ? readonly number[]
      : T[K];
  }
  : T;

/** A JSON message of a client. */
export type VoiceSendPayload = {
  [Op in keyof SendPayloads]: SendPayloads[Op] extends Uint8Array ? never
    : { readonly op: Op; readonly d: WirePayload<SendPayloads[Op]> };
}[keyof SendPayloads];

/**
 * A JSON message of a server. Only `op` and `seq` were checked: `d` is what came, and should be
 * what the type says. Of op 4 `d.secret_key` is readable, and not shown.
 */
export type VoiceReceivePayload = {
  [Op in keyof ReceivePayloads]: ReceivePayloads[Op] extends Uint8Array ? never : {
    readonly op: Op;
    readonly d: WirePayload<ReceivePayloads[Op]>;
    readonly seq?: number;
  };
}[keyof ReceivePayloads];

/** A binary message of a server. */
export interface BinaryWebSocketMessage {
  /** Opcode. */
  op: VoiceOpcodes;
  /** The bytes behind the head; the receiver's own. */
  payload: Buffer;
  /** Sequence number, 0 to 65535. */
  seq: number;
}

/** A WebSocket's address, and which form messages have there. */
export interface GatewayAddress {
  /** The URL, with `v`. */
  readonly url: string;
  /** Version of the voice gateway. */
  readonly version: GatewayVersion;
}

const OWN_VERSION: GatewayVersion = 8;

/**
 * Reads the version out of an address. One that names none gets 8: a server would take it
 * for version 4, where nothing is numbered.
 *
 * @param address URL of a voice WebSocket; one that is no URL is left as it is.
 */
export function readAddress(address: string): GatewayAddress {
  if (!URL.canParse(address)) return { url: address, version: OWN_VERSION };
  const url = new URL(address);
  const version = GATEWAY_VERSIONS.find((known) => `${known}` === url.searchParams.get("v"));
  if (version !== undefined) return { url: address, version };
  url.searchParams.set("v", `${OWN_VERSION}`);
  return { url: url.href, version: OWN_VERSION };
}

/**
 * Reads a frame.
 *
 * @param frame What came.
 * @param version Version of the voice gateway.
 * @throws {RemoteProtocolError} It is no message.
 */
export function readFrame(frame: unknown, version: GatewayVersion): VoiceMessage {
  if (typeof frame !== "string" && !(frame instanceof Uint8Array)) {
    throw new RemoteProtocolError("Cannot read a message: it is neither text nor bytes");
  }
  if (frame.length > MESSAGE_LIMIT) {
    throw new RemoteProtocolError(
      `Cannot read a message of ${frame.length} characters: at most ${MESSAGE_LIMIT} are taken`,
    );
  }
  if (typeof frame !== "string") return decodeServerBinary(frame, version);
  return hideKey(decodeMessage(frame));
}

function hideKey(message: VoiceMessage): VoiceMessage {
  const { op, d } = message;
  if (op !== VoiceOpcodes.SessionDescription || !isRecord(d) || !("secret_key" in d)) {
    return message;
  }
  const { secret_key: key, ...shown } = d;
  hide(shown, "secret_key", () => key);
  return { ...message, d: shown };
}

/** The key that a message brings, if it is one of a session. */
export function keyOf({ op, d }: VoiceMessage): Uint8Array | undefined {
  if (op !== VoiceOpcodes.SessionDescription || !isRecord(d)) return undefined;
  const key = d.secret_key;
  return Array.isArray(key) ? Uint8Array.from(key) : undefined;
}

/** The nonce of the heartbeat that a message answers, if it does. */
export function acknowledgedNonce({ op, d }: VoiceMessage): number | undefined {
  if (op !== VoiceOpcodes.HeartbeatAck) return undefined;
  const nonce = isRecord(d) ? d.t : d;
  return typeof nonce === "number" ? nonce : undefined;
}

/**
 * Writes a heartbeat.
 *
 * @param nonce An integer.
 * @param sequence The last sequence number received; -1 where none was.
 * @param version Version of the voice gateway.
 */
export function heartbeat(
  nonce: number,
  sequence: number,
  version: GatewayVersion,
): string | Uint8Array {
  return encodeSend({ op: VoiceOpcodes.Heartbeat, d: { t: nonce, seq_ack: sequence } }, version);
}
