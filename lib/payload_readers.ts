/**
 * Readers for the payloads of the voice gateway, both directions, all versions. Either
 * form of what differs between versions is read: Speaking as a boolean, a bare
 * heartbeat nonce. Fields that nobody knows are left aside.
 *
 * @module
 */

import {
  FLAG,
  ID,
  IDS,
  INTEGER,
  isInteger,
  isRecord,
  lenient,
  NONCE,
  nullable,
  NUMBER,
  objects,
  optional,
  PORT,
  readFields,
  type Rule,
  type Rules,
  TEXT,
  TEXTS,
  U16,
  U32,
  wrong,
} from "./fields.ts";
import { GATEWAY_VERSION, type GatewayVersion, versionTraits } from "./gateway_version.ts";
import { isIpv4, isIpv6 } from "./ip_discovery.ts";
import type { VoiceMessage } from "./messages.ts";
import { VoiceOpcodes } from "./opcodes.ts";
import { KEY_SIZE } from "./packet.ts";
import type {
  CodecPayload,
  HeartbeatAckPayload,
  HeartbeatPayload,
  MediaSinkWantsPayload,
  ReceivePayloads,
  SelectProtocolPayload,
  SendPayloads,
  StreamPayload,
  UdpSelection,
  VoiceReceivePayload,
  VoiceSendPayload,
} from "./payloads.ts";
import { Secret } from "./secret.ts";

const INTERVAL: Rule = {
  wanted: "a positive number",
  accepts: (value) => typeof value === "number" && value > 0 && value < Infinity,
};
const KEY: Rule = {
  wanted: `an array of ${KEY_SIZE} bytes`,
  accepts: (value) =>
    Array.isArray(value) && value.length === KEY_SIZE &&
    value.every((byte) => isInteger(byte, 255)),
  read: (key: number[]) => new Secret(Uint8Array.from(key)),
  secret: true,
};
const TOKEN: Rule = {
  wanted: "a string that is not empty",
  accepts: (value) => typeof value === "string" && value !== "",
  read: (token: string) => new Secret(token),
  secret: true,
};
const SPEAKING: Rule = {
  wanted: "a bit mask",
  accepts: (value) => typeof value === "boolean" || isInteger(value, 0xffffffff),
  read: Number,
};
const SEQ_ACK: Rule = {
  wanted: "an integer of -1 to 65535",
  accepts: (value) => value === -1 || isInteger(value, 0xffff),
  read: (seq: number) => seq === -1 ? undefined : seq,
};
const IP: Rule = {
  wanted: "an IP address",
  accepts: (value) => typeof value === "string" && (isIpv4(value) || isIpv6(value)),
};
const OBJECT: Rule = { wanted: "an object", accepts: isRecord };
const BYTES: Rule = {
  wanted: "a binary message",
  accepts: (value) => value instanceof Uint8Array,
};

const STREAM: Rules<StreamPayload> = {
  type: optional(TEXT),
  rid: optional(TEXT),
  quality: optional(NUMBER),
  active: optional(FLAG),
  ssrc: optional(U32),
  rtx_ssrc: optional(U32),
  max_bitrate: optional(NUMBER),
  max_framerate: optional(NUMBER),
  max_resolution: optional(OBJECT),
};
const CODEC: Rules<CodecPayload> = /* @__PURE__ */ (() => ({
  name: TEXT,
  type: optional(TEXT),
  priority: optional(NUMBER),
  payload_type: optional(INTEGER),
  rtx_payload_type: optional(nullable(INTEGER)),
  encode: optional(FLAG),
  decode: optional(FLAG),
}))();
const STREAMS: Rule = /* @__PURE__ */ optional(/* @__PURE__ */ objects(STREAM));
const CODECS: Rule = /* @__PURE__ */ objects(CODEC);
const TRANSITION = { transition_id: U16 };
const UDP: Rules<UdpSelection> = { address: TEXT, port: U16, mode: TEXT };

type Reader = Rules<Record<string, unknown>> | ((op: number, d: unknown) => unknown);

/** For each opcode the rules of its fields, or what reads it. */
type Readers<Payloads> = {
  readonly [Op in keyof Payloads]: Rules<Payloads[Op]> | ((op: number, d: unknown) => Payloads[Op]);
};

const SEND: Readers<SendPayloads> = /* @__PURE__ */ (() => ({
  [VoiceOpcodes.Identify]: {
    server_id: ID,
    channel_id: optional(ID),
    user_id: ID,
    session_id: ID,
    token: TOKEN,
    max_dave_protocol_version: optional(U16),
    video: optional(FLAG),
    streams: STREAMS,
  },
  [VoiceOpcodes.SelectProtocol]: readSelectProtocol,
  [VoiceOpcodes.Heartbeat]: readHeartbeat,
  [VoiceOpcodes.Speaking]: { speaking: SPEAKING, delay: optional(NUMBER), ssrc: optional(U32) },
  [VoiceOpcodes.Resume]: {
    server_id: ID,
    channel_id: optional(ID),
    session_id: ID,
    token: TOKEN,
    seq_ack: optional(SEQ_ACK),
  },
  [VoiceOpcodes.Signal]: readAnything,
  [VoiceOpcodes.Video]: {
    audio_ssrc: U32,
    video_ssrc: U32,
    rtx_ssrc: optional(U32),
    streams: STREAMS,
  },
  [VoiceOpcodes.SessionUpdate]: { codecs: CODECS },
  [VoiceOpcodes.MediaSinkWants]: readWants,
  [VoiceOpcodes.VoiceBackendVersion]: readAnything,
  [VoiceOpcodes.DaveTransitionReady]: TRANSITION,
  [VoiceOpcodes.DaveMlsKeyPackage]: readBytes,
  [VoiceOpcodes.DaveMlsCommitWelcome]: readBytes,
  [VoiceOpcodes.DaveMlsInvalidCommitWelcome]: TRANSITION,
  [VoiceOpcodes.NoRoute]: readAnything,
}))();

const RECEIVE: Readers<ReceivePayloads> = {
  [VoiceOpcodes.Ready]: {
    ssrc: U32,
    ip: optional(IP),
    port: PORT,
    modes: TEXTS,
    heartbeat_interval: lenient(NUMBER),
    experiments: lenient(TEXTS),
    streams: lenient(STREAMS),
  },
  [VoiceOpcodes.Heartbeat]: readAnything,
  [VoiceOpcodes.SessionDescription]: {
    mode: TEXT,
    secret_key: KEY,
    dave_protocol_version: optional(INTEGER),
    secure_frames_version: lenient(INTEGER),
    audio_codec: lenient(TEXT),
    video_codec: lenient(TEXT),
    media_session_id: lenient(TEXT),
    keyframe_interval: lenient(NUMBER),
  },
  [VoiceOpcodes.Speaking]: { user_id: ID, ssrc: U32, speaking: SPEAKING },
  [VoiceOpcodes.HeartbeatAck]: readHeartbeatAck,
  [VoiceOpcodes.Hello]: { v: lenient(INTEGER), heartbeat_interval: INTERVAL },
  [VoiceOpcodes.Resumed]: readAnything,
  [VoiceOpcodes.Signal]: readAnything,
  [VoiceOpcodes.ClientsConnect]: { user_ids: IDS },
  [VoiceOpcodes.Video]: {
    user_id: ID,
    audio_ssrc: U32,
    video_ssrc: lenient(U32),
    streams: lenient(STREAMS),
  },
  [VoiceOpcodes.ClientDisconnect]: { user_id: ID },
  [VoiceOpcodes.SessionUpdate]: {
    audio_codec: lenient(TEXT),
    video_codec: lenient(TEXT),
    media_session_id: lenient(TEXT),
    keyframe_interval: lenient(NUMBER),
  },
  [VoiceOpcodes.MediaSinkWants]: readWants,
  [VoiceOpcodes.VoiceBackendVersion]: { voice: lenient(TEXT), rtc_worker: lenient(TEXT) },
  [VoiceOpcodes.ChannelOptionsUpdate]: readAnything,
  [VoiceOpcodes.ClientFlags]: { user_id: ID, flags: lenient(nullable(INTEGER)) },
  [VoiceOpcodes.SpeedTest]: readAnything,
  [VoiceOpcodes.ClientPlatform]: { user_id: ID, platform: lenient(nullable(INTEGER)) },
  [VoiceOpcodes.DavePrepareTransition]: { protocol_version: U16, transition_id: U16 },
  [VoiceOpcodes.DaveExecuteTransition]: TRANSITION,
  [VoiceOpcodes.DavePrepareEpoch]: { protocol_version: U16, epoch: INTEGER },
  [VoiceOpcodes.DaveMlsExternalSender]: readBytes,
  [VoiceOpcodes.DaveMlsProposals]: readBytes,
  [VoiceOpcodes.DaveMlsAnnounceCommitTransition]: readBytes,
  [VoiceOpcodes.DaveMlsWelcome]: readBytes,
};

/**
 * Reads the payload of a client's message.
 *
 * @param message The message.
 * @returns The message with its payload, or `undefined` where clients send no such opcode.
 * @throws {PayloadError} The payload is not what it must be.
 */
export function readSendPayload(message: VoiceMessage): VoiceSendPayload | undefined {
  const { op, d } = message;
  const reader = readerOf(SEND, op, d);
  return reader === undefined ? undefined : { op, d: read(reader, op, d) } as VoiceSendPayload;
}

/**
 * Reads the payload of a server's message.
 *
 * @param message The message.
 * @param version The version of the connection: in 1 it is op 3 that answers a heartbeat.
 * @returns The message with its payload, or `undefined` where servers send no such opcode, as
 * far as is known: such a message is to be passed on or ignored.
 * @throws {PayloadError} The payload is not what it must be.
 */
export function readReceivePayload(
  message: VoiceMessage,
  version: GatewayVersion = GATEWAY_VERSION,
): VoiceReceivePayload | undefined {
  const isAck = message.op === versionTraits(version).heartbeatAckOpcode;
  const op = isAck ? VoiceOpcodes.HeartbeatAck : message.op;
  const reader = readerOf(RECEIVE, op, message.d);
  if (reader === undefined) return undefined;
  return { ...message, op, d: read(reader, op, message.d) } as VoiceReceivePayload;
}

/** What reads an opcode; nothing, where a binary message has an opcode of JSON messages. */
function readerOf(readers: object, op: number, d: unknown): Reader | undefined {
  const reader = (readers as Readonly<Record<number, Reader | undefined>>)[op];
  return d instanceof Uint8Array && reader !== readBytes ? undefined : reader;
}

function read(reader: Reader, op: number, d: unknown): unknown {
  return typeof reader === "function" ? reader(op, d) : readFields(op, d, reader);
}

function readSelectProtocol(op: number, d: unknown): SelectProtocolPayload {
  const { protocol } = readFields<Pick<SelectProtocolPayload, "protocol">>(op, d, {
    protocol: TEXT,
  });
  const selection = readFields<SelectProtocolPayload>(op, d, {
    protocol: TEXT,
    data: protocol === "udp" ? OBJECT : lenient(TEXT),
    sdp: optional(TEXT),
    codecs: optional(CODECS),
    rtc_connection_id: optional(TEXT),
    experiments: optional(TEXTS),
  });
  if (protocol !== "udp") return selection;
  return { ...selection, data: readFields(op, selection.data, UDP, "data") };
}

/** From version 8 on an object, before a bare nonce. */
function readHeartbeat(op: number, d: unknown): HeartbeatPayload {
  const fields = isRecord(d) ? d : { t: d };
  return readFields<HeartbeatPayload>(op, fields, { t: NONCE, seq_ack: optional(SEQ_ACK) });
}

/** From version 8 on an object, before a bare nonce; some servers make a text of it. */
function readHeartbeatAck(op: number, d: unknown): HeartbeatAckPayload {
  const nonce = isRecord(d) ? d.t : d;
  const t = typeof nonce === "string" && nonce !== "" ? Number(nonce) : nonce;
  if (!NONCE.accepts(t)) wrong(op, "t", NONCE, nonce);
  return { t: t as number };
}

function readWants(op: number, d: unknown): MediaSinkWantsPayload {
  readFields(op, d, {});
  return d as MediaSinkWantsPayload;
}

function readBytes(op: number, d: unknown): Uint8Array {
  if (BYTES.accepts(d)) return d as Uint8Array;
  return wrong(op, "d", BYTES, d);
}

function readAnything(_op: number, d: unknown): unknown {
  return d;
}
