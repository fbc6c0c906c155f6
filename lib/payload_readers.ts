/**
 * Readers for the payloads of the voice gateway, both directions, all versions. Either
 * form of what differs between versions is read: Speaking as a boolean, a bare
 * heartbeat nonce. Fields that nobody knows are left aside.
 *
 * @module
 */

import {
  FLAG,
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
  secret,
  SOME_TEXT,
  TEXT,
  TEXTS,
  U16,
  U32,
  wrong,
} from "./fields.ts";
import type { VoiceMessage } from "./messages.ts";
import { VoiceOpcodes } from "./opcodes.ts";
import { KEY_SIZE } from "./packet.ts";
import type {
  ClientDisconnectPayload,
  ClientFlagsPayload,
  ClientPlatformPayload,
  ClientsConnectPayload,
  CodecPayload,
  DavePrepareEpochPayload,
  DavePrepareTransitionPayload,
  DaveTransitionPayload,
  HeartbeatAckPayload,
  HeartbeatPayload,
  HelloPayload,
  IdentifyPayload,
  MediaSinkWantsPayload,
  ReadyPayload,
  ReceivePayloads,
  ResumePayload,
  SelectProtocolPayload,
  SendPayloads,
  SessionDescriptionPayload,
  SessionUpdatePayload,
  SessionUpdateSendPayload,
  SpeakingPayload,
  SpeakingSendPayload,
  StreamPayload,
  UdpSelection,
  VideoPayload,
  VideoSendPayload,
  VoiceBackendVersionPayload,
  VoiceReceivePayload,
  VoiceSendPayload,
} from "./payloads.ts";
import { Secret } from "./secret.ts";

const INTERVAL: Rule = {
  wanted: "a positive number",
  accepts: (value) => typeof value === "number" && value > 0 && value < Infinity,
};
const KEY: Rule = secret({
  wanted: `an array of ${KEY_SIZE} bytes`,
  accepts: (value) =>
    Array.isArray(value) && value.length === KEY_SIZE &&
    value.every((byte) => isInteger(byte, 255)),
});
const SPEAKING: Rule = {
  wanted: "a bit mask",
  accepts: (value) => typeof value === "boolean" || isInteger(value, 0xffffffff),
};
const SEQ_ACK: Rule = {
  wanted: "an integer of -1 to 65535",
  accepts: (value) => value === -1 || isInteger(value, 0xffff),
};
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
};
const CODEC: Rules<CodecPayload> = {
  name: TEXT,
  type: optional(TEXT),
  priority: optional(NUMBER),
  payload_type: optional(INTEGER),
  rtx_payload_type: optional(nullable(INTEGER)),
};
const STREAMS: Rule = /* @__PURE__ */ optional(/* @__PURE__ */ objects(STREAM));
const CODECS: Rule = /* @__PURE__ */ objects(CODEC);

const UDP: Rules<UdpSelection> = { address: TEXT, port: U16, mode: TEXT };
const TRANSITION: Rules<DaveTransitionPayload> = { transition_id: U16 };

type Wire<T, Replaced> = Omit<T, keyof Replaced> & Replaced;
type WireToken<T> = Wire<T, { readonly token: string }>;
type WireKey<T> = Wire<T, { readonly secret_key: readonly number[] }>;
type WireSpeaking<T> = Wire<T, { readonly speaking: number | boolean }>;

type Readers<Payloads> = {
  readonly [Op in keyof Payloads]: (op: number, d: unknown) => Payloads[Op];
};

const SEND: Readers<SendPayloads> = /* @__PURE__ */ (() => ({
  [VoiceOpcodes.Identify]: (op, d) =>
    withSecretToken(readFields<WireToken<IdentifyPayload>>(op, d, {
      server_id: SOME_TEXT,
      channel_id: optional(SOME_TEXT),
      user_id: SOME_TEXT,
      session_id: SOME_TEXT,
      token: secret(SOME_TEXT),
      max_dave_protocol_version: optional(U16),
      video: optional(FLAG),
      streams: STREAMS,
    })),
  [VoiceOpcodes.SelectProtocol]: readSelectProtocol,
  [VoiceOpcodes.Heartbeat]: readHeartbeat,
  [VoiceOpcodes.Speaking]: (op, d) =>
    withFlags(
      readFields<WireSpeaking<SpeakingSendPayload>>(op, d, {
        speaking: SPEAKING,
        delay: optional(NUMBER),
        ssrc: optional(U32),
      }),
      { delay: 0, ssrc: 0 },
    ),
  [VoiceOpcodes.Resume]: (op, d) =>
    withoutEmptyAck(withSecretToken(readFields<WireToken<ResumePayload>>(op, d, {
      server_id: SOME_TEXT,
      channel_id: optional(SOME_TEXT),
      session_id: SOME_TEXT,
      token: secret(SOME_TEXT),
      seq_ack: optional(SEQ_ACK),
    }))),
  [VoiceOpcodes.Signal]: (_op, d) => d,
  [VoiceOpcodes.Video]: (op, d) =>
    readFields<VideoSendPayload>(op, d, {
      audio_ssrc: U32,
      video_ssrc: U32,
      rtx_ssrc: optional(U32),
      streams: STREAMS,
    }),
  [VoiceOpcodes.SessionUpdate]: (op, d) =>
    readFields<SessionUpdateSendPayload>(op, d, { codecs: CODECS }),
  [VoiceOpcodes.MediaSinkWants]: readWants,
  [VoiceOpcodes.VoiceBackendVersion]: (_op, d) => d,
  [VoiceOpcodes.DaveTransitionReady]: (op, d) => readFields(op, d, TRANSITION),
  [VoiceOpcodes.DaveMlsKeyPackage]: readBytes,
  [VoiceOpcodes.DaveMlsCommitWelcome]: readBytes,
  [VoiceOpcodes.DaveMlsInvalidCommitWelcome]: (op, d) => readFields(op, d, TRANSITION),
  [VoiceOpcodes.NoRoute]: (_op, d) => d,
}))();

const RECEIVE: Readers<ReceivePayloads> = {
  [VoiceOpcodes.Ready]: (op, d) =>
    readFields<ReadyPayload>(op, d, {
      ssrc: U32,
      ip: optional(SOME_TEXT),
      port: PORT,
      modes: TEXTS,
      heartbeat_interval: lenient(NUMBER),
      experiments: lenient(TEXTS),
      streams: lenient(STREAMS),
    }),
  [VoiceOpcodes.Heartbeat]: (_op, d) => d,
  [VoiceOpcodes.SessionDescription]: readSessionDescription,
  [VoiceOpcodes.Speaking]: (op, d) =>
    withFlags(
      readFields<WireSpeaking<SpeakingPayload>>(op, d, {
        user_id: TEXT,
        ssrc: U32,
        speaking: SPEAKING,
      }),
      {},
    ),
  [VoiceOpcodes.HeartbeatAck]: readHeartbeatAck,
  [VoiceOpcodes.Hello]: (op, d) =>
    readFields<HelloPayload>(op, d, { v: lenient(INTEGER), heartbeat_interval: INTERVAL }),
  [VoiceOpcodes.Resumed]: (_op, d) => d,
  [VoiceOpcodes.Signal]: (_op, d) => d,
  [VoiceOpcodes.ClientsConnect]: (op, d) =>
    readFields<ClientsConnectPayload>(op, d, { user_ids: TEXTS }),
  [VoiceOpcodes.Video]: (op, d) =>
    readFields<VideoPayload>(op, d, {
      user_id: TEXT,
      audio_ssrc: U32,
      video_ssrc: lenient(U32),
      streams: lenient(STREAMS),
    }),
  [VoiceOpcodes.ClientDisconnect]: (op, d) =>
    readFields<ClientDisconnectPayload>(op, d, { user_id: TEXT }),
  [VoiceOpcodes.SessionUpdate]: (op, d) =>
    readFields<SessionUpdatePayload>(op, d, {
      audio_codec: lenient(TEXT),
      video_codec: lenient(TEXT),
      media_session_id: lenient(TEXT),
      keyframe_interval: lenient(NUMBER),
    }),
  [VoiceOpcodes.MediaSinkWants]: readWants,
  [VoiceOpcodes.VoiceBackendVersion]: (op, d) =>
    readFields<VoiceBackendVersionPayload>(op, d, {
      voice: lenient(TEXT),
      rtc_worker: lenient(TEXT),
    }),
  [VoiceOpcodes.ChannelOptionsUpdate]: (_op, d) => d,
  [VoiceOpcodes.ClientFlags]: (op, d) =>
    readFields<ClientFlagsPayload>(op, d, { user_id: TEXT, flags: nullable(INTEGER) }),
  [VoiceOpcodes.SpeedTest]: (_op, d) => d,
  [VoiceOpcodes.ClientPlatform]: (op, d) =>
    readFields<ClientPlatformPayload>(op, d, { user_id: TEXT, platform: nullable(INTEGER) }),
  [VoiceOpcodes.DavePrepareTransition]: (op, d) =>
    readFields<DavePrepareTransitionPayload>(op, d, { protocol_version: U16, transition_id: U16 }),
  [VoiceOpcodes.DaveExecuteTransition]: (op, d) => readFields(op, d, TRANSITION),
  [VoiceOpcodes.DavePrepareEpoch]: (op, d) =>
    readFields<DavePrepareEpochPayload>(op, d, { protocol_version: U16, epoch: INTEGER }),
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
  const read = SEND[op as keyof SendPayloads];
  return read === undefined ? undefined : { op, d: read(op, d) } as VoiceSendPayload;
}

/**
 * Reads the payload of a server's message.
 *
 * @param message The message.
 * @returns The message with its payload, or `undefined` where servers send no such opcode, as
 * far as is known: such a message is to be passed on or ignored.
 * @throws {PayloadError} The payload is not what it must be.
 */
export function readReceivePayload(message: VoiceMessage): VoiceReceivePayload | undefined {
  const { op, d } = message;
  const read = RECEIVE[op as keyof ReceivePayloads];
  return read === undefined ? undefined : { ...message, d: read(op, d) } as VoiceReceivePayload;
}

function readSelectProtocol(op: number, d: unknown): SelectProtocolPayload {
  const selection = readFields<SelectProtocolPayload>(op, d, {
    protocol: TEXT,
    data: {
      wanted: "an object or a string",
      accepts: (data) => isRecord(data) || TEXT.accepts(data),
    },
    sdp: optional(TEXT),
    codecs: optional(CODECS),
    rtc_connection_id: optional(TEXT),
    experiments: optional(TEXTS),
  });
  if (selection.protocol !== "udp") return selection;
  return { ...selection, data: readFields(op, selection.data, UDP, "data") };
}

/** From version 8 on an object, before a bare nonce. */
function readHeartbeat(op: number, d: unknown): HeartbeatPayload {
  const fields = isRecord(d) ? d : { t: d };
  return withoutEmptyAck(
    readFields<HeartbeatPayload>(op, fields, { t: NONCE, seq_ack: optional(SEQ_ACK) }),
  );
}

/** From version 8 on an object, before a bare nonce; some servers make a text of it. */
function readHeartbeatAck(op: number, d: unknown): HeartbeatAckPayload {
  const nonce = isRecord(d) ? d.t : d;
  const t = typeof nonce === "string" && nonce !== "" ? Number(nonce) : nonce;
  if (!NONCE.accepts(t)) wrong(op, "t", NONCE, nonce);
  return { t: t as number };
}

function readSessionDescription(op: number, d: unknown): SessionDescriptionPayload {
  const { secret_key, ...fields } = readFields<WireKey<SessionDescriptionPayload>>(op, d, {
    mode: TEXT,
    secret_key: KEY,
    dave_protocol_version: optional(INTEGER),
    audio_codec: lenient(TEXT),
    video_codec: lenient(TEXT),
    media_session_id: lenient(TEXT),
  });
  return { ...fields, secret_key: new Secret(Uint8Array.from(secret_key)) };
}

function readWants(op: number, d: unknown): MediaSinkWantsPayload {
  readFields(op, d, {});
  return d as MediaSinkWantsPayload;
}

function readBytes(op: number, d: unknown): Uint8Array {
  if (BYTES.accepts(d)) return d as Uint8Array;
  return wrong(op, "d", BYTES, d);
}

function withSecretToken<T extends { readonly token: string }>(
  fields: T,
): Omit<T, "token"> & { readonly token: Secret<string> } {
  return { ...fields, token: new Secret(fields.token) };
}

function withFlags<T extends { readonly speaking: number | boolean }, D extends Partial<T>>(
  fields: T,
  defaults: D,
): Omit<T, "speaking"> & { readonly speaking: number } {
  return { ...defaults, ...fields, speaking: Number(fields.speaking) };
}

function withoutEmptyAck<T extends { readonly seq_ack?: number }>(fields: T): T {
  const { seq_ack, ...rest } = fields;
  return seq_ack === -1 ? rest as T : fields;
}
