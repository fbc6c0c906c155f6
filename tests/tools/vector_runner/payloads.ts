/**
 * Payloads of the gateways: those of the documents (`message`), and those that serenity reads
 * (`json`) or writes (`json_value`).
 *
 * A payload is read, written again in the form of its version, and compared. What these files
 * elide is filled in before, and the case says so: keys cut short, and whole groups of fields.
 *
 * @module
 */

import { readVoiceServer } from "../../../lib/gateway.ts";
import type { GatewayVersion } from "../../../lib/gateway_version.ts";
import {
  decodeMessage,
  encodeReceive,
  encodeSend,
  type VoiceMessage,
} from "../../../lib/messages.ts";
import { opcodeName, VoiceOpcodes } from "../../../lib/opcodes.ts";
import { KEY_SIZE } from "../../../lib/packet.ts";
import { readReceivePayload, readSendPayload } from "../../../lib/payload_readers.ts";
import { readVoiceStateUpdate } from "../../../lib/testing/gateway_messages.ts";
import { expectEqual, fail, type Fields, fieldsOf, isFields, textField } from "./fields.ts";

type Direction = "send" | "receive";

/** Reads and writes a payload of the documents. @throws {Error} It cannot be read. */
export function checkDocumented(vector: Fields): string | void {
  const message = fieldsOf(vector.message, '"message"');
  const gateway = mainGateway(message);
  if (gateway !== undefined) return gateway;
  const name = typeof vector.name === "string" ? vector.name : "";
  return checkMessage(JSON.stringify(message), directionIn(name));
}

/** Reads and writes a payload of serenity. @throws {Error} It cannot be read. */
export function checkSerenity(vector: Fields): string | void {
  if ("json" in vector) {
    const text = textField(vector, "json");
    const { op, d } = decodeMessage(text);
    expectEqual("The message", { op, d }, { op: vector.op, d: vector.d });
    return checkMessage(text);
  }
  const { op, d } = fieldsOf(vector.json_value, '"json_value"');
  return checkMessage(JSON.stringify({ op, d: withoutNulls(d) }));
}

/** Op 4 and VOICE_SERVER_UPDATE belong to the main gateway, which has opcodes of its own. */
function mainGateway({ op, t, d }: Fields): string | undefined {
  if (t === "VOICE_SERVER_UPDATE") {
    expectEqual("The update", readVoiceServer(d), d);
    return "main gateway: VOICE_SERVER_UPDATE";
  }
  if (op !== 4 || !isFields(d) || !("guild_id" in d)) return undefined;
  expectEqual("The voice state", readVoiceStateUpdate(d), d);
  return "main gateway: Update Voice State";
}

function checkMessage(text: string, hint?: Direction): string {
  const [message, filled] = fillIn(decodeMessage(text));
  const direction = hint ?? directionOf(message);
  const encoded = decodeMessage(
    direction === "send" ? sendAgain(message) : receiveAgain(message),
  );
  expectEqual("The opcode", encoded.op, message.op);
  expectEqual("The sequence number", encoded.seq, message.seq);
  expectCovered("d", encoded.d, message.d);
  const name = `${opcodeName(message.op)}, ${direction}`;
  return filled.length === 0
    ? name
    : `${name}; elided in the file, filled in: ${filled.join(", ")}`;
}

function sendAgain(message: VoiceMessage): string {
  const payload = readSendPayload(message) ?? fail(`Clients send no opcode ${message.op}`);
  return asText(encodeSend(payload, versionOf(message)));
}

function receiveAgain(message: VoiceMessage): string {
  const payload = readReceivePayload(message) ?? fail(`Servers send no opcode ${message.op}`);
  return asText(encodeReceive(payload, versionOf(message)));
}

/** Which way a message goes, by its shape. */
function directionOf(message: VoiceMessage): Direction {
  const { op, d, seq } = message;
  const names = isFields(d) && "user_id" in d && op !== VoiceOpcodes.Identify;
  if (seq !== undefined || names) return "receive";
  return sends(message) ? "send" : "receive";
}

function sends({ op, d }: VoiceMessage): boolean {
  try {
    return readSendPayload({ op, d }) !== undefined;
  } catch {
    return true;
  }
}

function directionIn(name: string): Direction | undefined {
  if (/\(send\)/i.test(name)) return "send";
  return /\(receive\)/i.test(name) ? "receive" : undefined;
}

/** The version in whose form a payload is. */
function versionOf({ op, d, seq }: VoiceMessage): GatewayVersion {
  const beats = op === VoiceOpcodes.Heartbeat || op === VoiceOpcodes.HeartbeatAck;
  if (beats) return isFields(d) ? 8 : 7;
  if (!isFields(d) || seq !== undefined) return 8;
  if ("channel_id" in d) return 9;
  const early = typeof d.speaking === "boolean" ||
    op === VoiceOpcodes.Ready && "heartbeat_interval" in d;
  return early ? 3 : 8;
}

/** What the documents leave out: [opcode, fields that are then all absent, values]. */
const ELIDED: { readonly [op: number]: Fields } = {
  [VoiceOpcodes.Ready]: { ssrc: 1, ip: "127.0.0.1", port: 1234 },
};

function fillIn(message: VoiceMessage): [filled: VoiceMessage, names: string[]] {
  const { op, d, seq } = message;
  if (!isFields(d)) return [message, []];
  const values: Record<string, unknown> = {};
  const elided = ELIDED[op] ?? {};
  if (Object.keys(elided).every((name) => !(name in d))) Object.assign(values, elided);
  if (op === VoiceOpcodes.SessionDescription) Object.assign(values, wholeKey(d.secret_key));
  // A server's message, for it has a sequence number.
  if (op === VoiceOpcodes.Speaking && seq !== undefined && !("user_id" in d)) values.user_id = "1";
  return [{ ...message, d: { ...d, ...values } }, Object.keys(values)];
}

/** Fills a key up that was cut short. */
function wholeKey(key: unknown): Fields {
  if (!Array.isArray(key) || key.length === 0 || key.length >= KEY_SIZE) return {};
  return { secret_key: [...key, ...new Uint8Array(KEY_SIZE - key.length)] };
}

/** Everything that was written must have been read; what nobody knows is left aside. */
function expectCovered(name: string, written: unknown, read: unknown): void {
  if (isFields(written) && isFields(read)) {
    for (const [field, value] of Object.entries(written)) {
      expectCovered(`${name}.${field}`, value, read[field]);
    }
  } else {
    // Some servers answer a heartbeat with its nonce as text.
    const isText = typeof read === "string" && typeof written === "number";
    expectEqual(name, isText ? String(written) : written, read);
  }
}

function withoutNulls(d: unknown): unknown {
  if (!isFields(d)) return d;
  return Object.fromEntries(Object.entries(d).filter(([, value]) => value !== null));
}

function asText(frame: string | Uint8Array): string {
  return typeof frame === "string" ? frame : fail("The message is binary, not JSON");
}
