/**
 * The parsers of messages: voice gateway in both directions, main gateway, endpoints, modes.
 *
 * @module
 */

import { endpointHost, websocketUrl } from "../../lib/endpoint.ts";
import { PayloadError, RemoteProtocolError } from "../../lib/errors.ts";
import type { GatewayVersion } from "../../lib/gateway_version.ts";
import { readVoiceServer, readVoiceState } from "../../lib/gateway.ts";
import {
  decodeClientBinary,
  decodeMessage,
  decodeServerBinary,
  encodeBinary,
  encodeMessage,
  encodeReceive,
  encodeSend,
  type VoiceMessage,
} from "../../lib/messages.ts";
import { opcodeName } from "../../lib/opcodes.ts";
import { chooseMode, type EncryptionMode, isEncryptionMode } from "../../lib/packet.ts";
import { ALL_ENCRYPTION_MODES, ENCRYPTION_MODES } from "../../lib/packet.ts";
import { readReceivePayload, readSendPayload } from "../../lib/payload_readers.ts";
import type { VoiceSendPayload } from "../../lib/payloads.ts";
import {
  ClientFault,
  decodeClientMessage,
  readClientMessage,
} from "../../lib/testing/client_messages.ts";
import {
  readGatewayIdentify,
  readGatewayResume,
  readVoiceStateUpdate,
  userIdOf,
} from "../../lib/testing/gateway_messages.ts";
import { isIP } from "node:net";
import { hex, loadVectors, type TransportVectors } from "../tools/vectors.ts";
import type { Json } from "./mutate.ts";
import {
  type AnyParser,
  BYTES,
  check,
  checkInteger,
  checkSame,
  parser,
  rejection,
  TEXT,
  VALUE,
} from "./parser.ts";

const MEBIBYTE = 2 ** 20;
const KEY = Array.from({ length: 32 }, (_, i) => i);
const TRANSPORT = loadVectors<TransportVectors>("transport.json");

/** Messages of the documents of Discord and of its users. */
export const DOCUMENTED: readonly VoiceMessage[] = loadVectors<{
  cases: { message?: VoiceMessage }[];
}>("doc_examples.json").cases.flatMap(({ message }) => message ?? []);

// Frames

const DEEP: Readonly<Record<string, () => string>> = {
  "1 MiB of opening brackets": () => "[".repeat(MEBIBYTE),
  "1 MiB of opening braces": () => '{"d":'.repeat(MEBIBYTE / 5),
  "a text of 1 MiB": () => JSON.stringify("x".repeat(MEBIBYTE)),
};

const NOT_A_MESSAGE = ["it is not JSON", "it is no object", '"op" is no opcode'].map((why) =>
  `RemoteProtocolError: Cannot read a message: ${why}`
);

const MESSAGE_TEXTS: readonly string[] = [
  '{"op":6,"d":1}',
  '{"op":9007199254740991,"d":{}}',
  '{"op":5,"d":{"user_id":"1","ssrc":2,"speaking":1},"seq":65535}',
  '{"heartbeat_interval":13750.5}',
  ...DOCUMENTED.map((message) => JSON.stringify(message)),
];

const message = parser({
  name: "decodeMessage",
  covers: ["decodeMessage"],
  domain: TEXT,
  seeds: MESSAGE_TEXTS,
  outcomes: ["message", "numbered", ...NOT_A_MESSAGE],
  run: (text) => {
    try {
      const read = decodeMessage(text);
      checkInteger("op", read.op, 0, Number.MAX_SAFE_INTEGER);
      if (read.seq !== undefined) checkInteger("seq", read.seq, 0, 0xffff);
      const again = decodeMessage(encodeMessage(read.op, read.d, read.seq));
      check(JSON.stringify(again) === JSON.stringify(read), () => "it is another one once more");
      return read.seq === undefined ? "message" : "numbered";
    } catch (error) {
      return rejection(error, RemoteProtocolError);
    }
  },
  large: {
    ...Object.fromEntries(
      Object.entries(DEEP).map(([name, make]) =>
        [name, [NOT_A_MESSAGE[name.startsWith("a text") ? 1 : 0], make]] as const
      ),
    ),
    "255 values in each other": ["message", () => `{"op":8,"d":${nested(255)}}`],
  },
});

function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

const BINARY: readonly Uint8Array[] = [
  ...TRANSPORT.ws_binary.map(({ frame }) => hex(frame)),
  hex("00011b0102"),
  hex("1a0102"),
  hex("000110"),
  hex("0001ff"),
];

function binaryParser(
  name: string,
  decode: (frame: Uint8Array) => VoiceMessage,
  read: (message: VoiceMessage) => { readonly op: number; readonly d: unknown } | undefined,
): AnyParser {
  return parser({
    name,
    covers: name.startsWith("decodeClient") ? ["decodeClientBinary"] : ["decodeServerBinary"],
    domain: BYTES,
    seeds: BINARY,
    outcomes: [
      ...["bytes", "unknown"],
      "RemoteProtocolError: Cannot read a binary message of # bytes: it has at least #",
    ],
    run: (frame) => {
      try {
        const decoded = decode(frame);
        checkInteger("op", decoded.op, 0, 255);
        const bytes = decoded.d as Uint8Array;
        check(bytes.buffer === frame.buffer, () => "the payload is no view of the frame");
        checkSame("the frame built again", encodeBinary(decoded.op, bytes, decoded.seq), frame);
        const payload = read(decoded);
        if (payload === undefined) return "unknown";
        check(payload.d === bytes, () => "the payload is another one");
        checkInteger("op", payload.op, 25, 30);
        return "bytes";
      } catch (error) {
        return rejection(error, RemoteProtocolError);
      }
    },
    large: { "1 MiB": ["bytes", () => largeFrame(name)] },
  });
}

function largeFrame(name: string): Uint8Array {
  const frame = new Uint8Array(MEBIBYTE);
  frame.set(name.endsWith("8") ? [0, 1, 27] : name.endsWith("7") ? [27] : [26]);
  return frame;
}

// Payloads of the voice gateway

interface PayloadCase {
  readonly op: number;
  /** The version of the connection; 9 by default. */
  readonly version?: GatewayVersion;
  /** Valid payloads; where there are rules, each field has its place in one of them. */
  readonly seeds: readonly Json[];
  /** Fields that can be wrong; those that are not listed are left out where they are. */
  readonly fields: readonly string[];
  /** Whether no field has a rule. */
  readonly bare?: boolean;
}

const STREAM = {
  ...{ type: "video", rid: "100", quality: 100, active: true, ssrc: 11, rtx_ssrc: 12 },
  ...{ max_bitrate: 2_500_000, max_framerate: 30 },
  max_resolution: { type: "fixed", width: 1280, height: 720 },
};
const CODECS = [
  { name: "opus", type: "audio", priority: 1000, payload_type: 120, rtx_payload_type: null },
  {
    ...{ name: "H264", type: "video", priority: 1000, payload_type: 101, rtx_payload_type: 102 },
    ...{ encode: true, decode: false },
  },
];
const LONG_ID = "1".repeat(128);
const IDENTITY = { server_id: "1", user_id: "2", session_id: "3", token: "T0KEN" };
const UDP = { address: "127.0.0.1", port: 1337, mode: "aead_aes256_gcm_rtpsize" };
const TRANSITION = { transition_id: 7 };
const WHOLE = "the payload";

const SEND: readonly PayloadCase[] = [
  {
    op: 0,
    seeds: [
      IDENTITY,
      {
        ...IDENTITY,
        channel_id: LONG_ID,
        max_dave_protocol_version: 1,
        video: true,
        streams: [STREAM],
      },
    ],
    fields: [
      ...["server_id", "user_id", "session_id", "token", "channel_id"],
      ...["max_dave_protocol_version", "video", "streams", WHOLE],
    ],
  },
  {
    op: 1,
    seeds: [
      { protocol: "udp", data: UDP },
      { protocol: "udp", data: UDP, codecs: CODECS, rtc_connection_id: "x", experiments: ["y"] },
      { protocol: "webrtc", data: "v=0", sdp: "v=0" },
      { protocol: "webrtc", sdp: "v=0" },
    ],
    fields: [
      ...["protocol", "data", "data.address", "data.port", "data.mode", "sdp", "codecs"],
      ...["rtc_connection_id", "experiments", WHOLE],
    ],
  },
  {
    op: 3,
    seeds: [1, { t: 1, seq_ack: 10 }, { t: 2 ** 53 - 1, seq_ack: -1 }],
    fields: ["t", "seq_ack"],
  },
  {
    op: 5,
    seeds: [{ speaking: 1, delay: 0, ssrc: 1 }, { speaking: true }],
    fields: ["speaking", "delay", "ssrc", WHOLE],
  },
  {
    op: 7,
    seeds: [
      { server_id: "1", session_id: "3", token: "T0KEN" },
      { server_id: "1", session_id: "3", token: "T0KEN", channel_id: "4", seq_ack: 10 },
    ],
    fields: ["server_id", "session_id", "token", "channel_id", "seq_ack", WHOLE],
  },
  {
    op: 12,
    seeds: [{ audio_ssrc: 1, video_ssrc: 2, rtx_ssrc: 3, streams: [STREAM] }],
    fields: ["audio_ssrc", "video_ssrc", "rtx_ssrc", "streams", WHOLE],
  },
  { op: 14, seeds: [{ codecs: CODECS }, { codecs: [] }], fields: ["codecs", WHOLE] },
  { op: 15, seeds: [{ any: 100, 12: 0 }, {}], fields: [WHOLE], bare: true },
  { op: 16, seeds: [{}, null], fields: [], bare: true },
  { op: 23, seeds: [TRANSITION], fields: ["transition_id", WHOLE] },
  { op: 26, seeds: [null], fields: ["d"], bare: true },
  { op: 28, seeds: [null], fields: ["d"], bare: true },
  { op: 31, seeds: [TRANSITION], fields: ["transition_id", WHOLE] },
];

const RECEIVE: readonly PayloadCase[] = [
  {
    op: 2,
    seeds: [
      { ssrc: 1, ip: "127.0.0.1", port: 1234, modes: ["a", "b"] },
      {
        ssrc: 1,
        ip: "2001:db8::1",
        port: 1,
        modes: [],
        heartbeat_interval: 1.5,
        experiments: ["x"],
        streams: [STREAM],
      },
    ],
    fields: ["ssrc", "ip", "port", "modes", WHOLE],
  },
  {
    op: 4,
    seeds: [
      { mode: "m", secret_key: KEY },
      {
        ...{ mode: "m", secret_key: KEY, dave_protocol_version: 1, audio_codec: "opus" },
        ...{ video_codec: "H264", media_session_id: "x", secure_frames_version: 1 },
        keyframe_interval: 1,
      },
    ],
    fields: ["mode", "secret_key", "dave_protocol_version", WHOLE],
  },
  {
    op: 5,
    seeds: [{ user_id: "1", ssrc: 1, speaking: 1 }, { user_id: "1", ssrc: 1, speaking: false }],
    fields: ["user_id", "ssrc", "speaking", WHOLE],
  },
  { op: 6, seeds: [1, "2", { t: 3 }, { t: "4" }], fields: ["t"] },
  { op: 3, version: 1, seeds: [1, "2", { t: 3 }], fields: ["t"] },
  {
    op: 8,
    seeds: [{ v: 8, heartbeat_interval: 13750.5 }],
    fields: ["heartbeat_interval", WHOLE],
  },
  { op: 9, seeds: [null, {}], fields: [], bare: true },
  { op: 11, seeds: [{ user_ids: ["1", LONG_ID] }], fields: ["user_ids", WHOLE] },
  {
    op: 12,
    seeds: [{ user_id: "1", audio_ssrc: 1, video_ssrc: 2, streams: [STREAM] }],
    fields: ["user_id", "audio_ssrc", WHOLE],
  },
  { op: 13, seeds: [{ user_id: "1" }], fields: ["user_id", WHOLE] },
  {
    op: 14,
    seeds: [{ audio_codec: "a", video_codec: "b", media_session_id: "c", keyframe_interval: 1 }],
    fields: [WHOLE],
  },
  { op: 15, seeds: [{ any: 100 }], fields: [WHOLE], bare: true },
  {
    op: 16,
    seeds: [{ voice: "0.8.24", rtc_worker: "0.3.18" }],
    fields: [WHOLE],
  },
  {
    op: 18,
    seeds: [{ user_id: "1", flags: 2 }, { user_id: "1", flags: null }],
    fields: ["user_id", WHOLE],
  },
  { op: 20, seeds: [{ user_id: "1", platform: 0 }], fields: ["user_id", WHOLE] },
  {
    op: 21,
    seeds: [{ protocol_version: 1, transition_id: 7 }],
    fields: ["protocol_version", "transition_id", WHOLE],
  },
  { op: 22, seeds: [TRANSITION], fields: ["transition_id", WHOLE] },
  {
    op: 24,
    seeds: [{ protocol_version: 1, epoch: 1 }],
    fields: ["protocol_version", "epoch", WHOLE],
  },
  { op: 25, seeds: [null], fields: ["d"], bare: true },
  { op: 99, seeds: [null, {}], fields: [], bare: true },
];

/** Fields whose values an error does not show. */
const SECRETS: readonly (string | undefined)[] = ["token", "secret_key"];

function payloadParser(direction: "Send" | "Receive", item: PayloadCase): AnyParser {
  const { op, version, seeds, fields, bare = false } = item;
  const encoded = direction === "Send" ? encodeSendAgain : encodeReceiveAgain;
  const taken = fields.includes("d") ? [] : [op === 99 ? "unknown" : "payload"];
  const names = namesIn(seeds);
  return parser({
    name: `read${direction}Payload op ${op}${version === undefined ? "" : ` version ${version}`}`,
    covers: [`read${direction}Payload`],
    domain: VALUE,
    seeds,
    outcomes: [...taken, ...fields],
    // One table of rules for all opcodes: together they get several times as many.
    share: 1 / 4,
    run: (d) => {
      try {
        const text = encoded({ op, d }, version);
        if (text === undefined) return "unknown";
        const message = decodeMessage(text);
        check(encoded(message, version) === text, () => `it is another one once more: ${text}`);
        if (!bare) checkFields(message.d, names);
        return "payload";
      } catch (error) {
        return payloadFault(error, op, version);
      }
    },
  });
}

function encodeSendAgain(raw: VoiceMessage): string | undefined {
  const payload = readSendPayload(raw);
  return payload === undefined ? undefined : encodeSend(payload, 9) as string;
}

function encodeReceiveAgain(raw: VoiceMessage, version?: GatewayVersion): string | undefined {
  const payload = readReceivePayload(raw, version);
  return payload === undefined ? undefined : encodeReceive(payload, version ?? 9) as string;
}

/** Names of all fields in a value. */
function namesIn(value: unknown, names: Set<string> = new Set()): Set<string> {
  if (typeof value !== "object" || value === null) return names;
  for (const [name, field] of Object.entries(value)) {
    if (!Array.isArray(value)) names.add(name);
    namesIn(field, names);
  }
  return names;
}

const IDS: readonly string[] = ["server_id", "channel_id", "user_id", "session_id"];

/** What has no rule is left out; ids and addresses are of a kind that can be trusted. */
function checkFields(value: unknown, names: ReadonlySet<string>): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) return value.forEach((item) => checkFields(item, names));
  for (const [name, field] of Object.entries(value)) {
    check(names.has(name), () => `the field ${name} has no rule`);
    const ids = name === "user_ids" ? field as string[] : IDS.includes(name) ? [field] : [];
    for (const id of ids) checkInteger(`characters of ${name}`, id.length, 1, 128);
    if (name === "ip") check(isIP(field) > 0, () => `the address is ${field}`);
    // Of a resolution only that it is an object is known.
    if (name !== "max_resolution") checkFields(field, names);
  }
}

function payloadFault(error: unknown, sent: number, version?: GatewayVersion): string {
  if (!(error instanceof PayloadError)) throw error;
  // The answer to a heartbeat is named by the opcode that it has today.
  const op = version === 1 && sent === 3 ? 6 : sent;
  check(error.op === op, () => `op ${error.op} in the error`);
  check(error.message.startsWith(`op ${op}: ${error.rule}`), () => error.message);
  check(error.message.length < 300, () => `${error.message.length} characters`);
  const hidden = !SECRETS.includes(error.field) || error.message.endsWith(": got another value");
  check(hidden, () => `a secret is shown: ${error.message}`);
  return error.field ?? WHOLE;
}

// Messages of clients, as a server reads them

const CLIENT_MESSAGES: readonly VoiceMessage[] = SEND.flatMap(({ op, seeds }) =>
  seeds.map((d) => ({ op, d }))
);

const NOT_A_CLIENT_MESSAGE = "4002 The message is no JSON object with an opcode.";

const clientMessage = parser({
  name: "decodeClientMessage",
  covers: ["decodeClientMessage"],
  domain: TEXT,
  seeds: [...CLIENT_MESSAGES.map((item) => JSON.stringify(item)), ...MESSAGE_TEXTS],
  outcomes: ["message", NOT_A_CLIENT_MESSAGE, "4002 The message is too long."],
  run: (text) => {
    try {
      checkInteger("op", decodeClientMessage(text).op, 0, Number.MAX_SAFE_INTEGER);
      return "message";
    } catch (error) {
      return clientFault(error);
    }
  },
  large: {
    "65536 opening brackets": [NOT_A_CLIENT_MESSAGE, () => "[".repeat(65_536)],
    "1 MiB of opening brackets": [
      "4002 The message is too long.",
      DEEP["1 MiB of opening brackets"],
    ],
    "65500 characters, nested": ["message", () => `{"op":3,"d":${nested(32_700)}}`],
  },
});

/** The close code and the reason; one that fits a close frame and shows nothing received. */
function clientFault(error: unknown): string {
  if (!(error instanceof ClientFault)) throw error;
  checkInteger("the close code", error.code, 4000, 4999);
  checkInteger("bytes of the reason", new TextEncoder().encode(error.message).length, 1, 123);
  check(!/T0KEN/.test(error.message), () => `a token is shown: ${error.message}`);
  return `${error.code} ${error.message}`;
}

const CHECKED_OPCODES = [0, 1, 3, 5, 7, 12, 14, 15, 23, 26, 28, 31];

function clientPayloadParser(version: GatewayVersion): AnyParser {
  return parser({
    name: `readClientMessage version ${version}`,
    covers: ["readClientMessage"],
    domain: VALUE,
    seeds: [
      ...CLIENT_MESSAGES.map(({ op, d }) => ({ op, d: d as Json })),
      { op: 0, d: { ...IDENTITY, server_id: "1".repeat(129) } },
      { op: 7, d: { ...IDENTITY, token: "T0KEN".repeat(200) } },
      { op: 1, d: { protocol: "udp", data: { ...UDP, address: "1".repeat(65) } } },
    ],
    outcomes: [
      ...["payload", "unknown", "4012 Unknown protocol: this server takes udp."],
      "4020 Bad request: the nonce of a heartbeat is an integer.",
      ...CHECKED_OPCODES.map((op) => `4002 ${opcodeName(op)}`),
    ],
    run: (value) => {
      try {
        const text = JSON.stringify(value);
        const read = readClientMessage(decodeMessage(text), version);
        if (read === undefined) return "unknown";
        checkClientPayload(read);
        return "payload";
      } catch (error) {
        if (error instanceof RemoteProtocolError) return "unknown";
        return clientFault(error).replace(/(4002 \w+):.*/s, "$1");
      }
    },
  });
}

/** What a server keeps of a client is bounded. */
function checkClientPayload({ op, d }: VoiceSendPayload): void {
  if (op === 0 || op === 7) checkInteger("the token's size", d.token.reveal().length, 1, 512);
  if (op !== 1) return;
  check(typeof d.data === "object", () => `the protocol is ${d.protocol}`);
  checkInteger("the address's size", d.data.address.length, 0, 64);
}

// The main gateway

const VOICE_STATE = { guild_id: "1", user_id: "2", channel_id: "3", session_id: "4" };
const VOICE_SERVER = { guild_id: "1", token: "T0KEN", endpoint: "a.discord.media:443" };

const voiceState = parser({
  name: "readVoiceState",
  covers: ["readVoiceState"],
  domain: VALUE,
  seeds: [VOICE_STATE, { ...VOICE_STATE, channel_id: null }, {
    user_id: "",
    session_id: "",
    channel_id: "",
  }] as Json[],
  outcomes: [
    "state",
    "RemoteProtocolError: VOICE_STATE_UPDATE: user_id, session_id and channel_id must be strings (channel_id or null)",
  ],
  run: (data) => {
    try {
      const { user_id, session_id, channel_id } = readVoiceState(data);
      check(`${typeof user_id} ${typeof session_id}` === "string string", () => "an id is no text");
      check(channel_id === null || typeof channel_id === "string", () => "channel_id is no text");
      return "state";
    } catch (error) {
      return rejection(error, RemoteProtocolError);
    }
  },
});

const voiceServer = parser({
  name: "readVoiceServer",
  covers: ["readVoiceServer"],
  domain: VALUE,
  seeds: [VOICE_SERVER, { ...VOICE_SERVER, endpoint: null }, { token: "", endpoint: "" }] as Json[],
  outcomes: [
    "server",
    "RemoteProtocolError: VOICE_SERVER_UPDATE: token and endpoint must be strings (endpoint or null)",
  ],
  run: (data) => {
    try {
      const { token, endpoint } = readVoiceServer(data);
      check(typeof token === "string", () => "the token is no text");
      check(endpoint === null || typeof endpoint === "string", () => "the endpoint is no text");
      return "server";
    } catch (error) {
      return rejection(error, RemoteProtocolError);
    }
  },
});

const ENDPOINTS: readonly string[] = [
  "c-ams20-20d36bc4.discord.media:2087",
  ...["sweetwater-12345.discord.media", "a.discord.media:80", "wss://a.discord.media:443/"],
  ...["ws://127.0.0.1:5000", "ws://localhost", "ws://[::1]:1", "[2001:db8::1]:443", "a:65535"],
  ...["http://x", "a:0", "a:65536", " a ", "ws://example.com", "user@a", "a/b", "a?b", "a#b"],
];

const endpoint = parser({
  name: "websocketUrl, endpointHost",
  covers: ["websocketUrl", "endpointHost"],
  domain: TEXT,
  seeds: ENDPOINTS,
  outcomes: [
    ...["wss", "ws", "RangeError: it must be a host with an optional port"],
    "RangeError: ws:// is for loopback, elsewhere it is wss://",
  ],
  run: (text) => {
    try {
      const url = websocketUrl(text, 8);
      const [match, scheme, host] = /^(wss?):\/\/([^\s/?#@]+?)(?::\d{1,5})?\/\?v=8$/.exec(url) ??
        [];
      check(match !== undefined, () => `the URL is ${url}`);
      const bare = host.replace(/^\[|\]$/g, "");
      check(endpointHost(text) === bare, () => `the host is ${endpointHost(text)}`);
      check(scheme === "wss" || isLoopback(bare), () => `a token in the clear: ${url}`);
      return scheme;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return `RangeError: ${error.message.split('": ').at(-1)}`;
    }
  },
  large: {
    "1 MiB of letters": ["wss", () => "a".repeat(MEBIBYTE)],
    "1 MiB of colons": [
      "RangeError: it must be a host with an optional port",
      () => ":".repeat(MEBIBYTE),
    ],
    "1 MiB of spaces and a letter": ["wss", () => " ".repeat(MEBIBYTE) + "a"],
    "1 MiB of an IPv6 address": [
      "RangeError: it must be a host with an optional port",
      () => `[${":".repeat(MEBIBYTE)}`,
    ],
  },
});

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);
}

const modes = parser({
  name: "chooseMode, isEncryptionMode",
  covers: ["chooseMode", "isEncryptionMode"],
  domain: VALUE,
  seeds: [
    [...ALL_ENCRYPTION_MODES],
    [ENCRYPTION_MODES[1]],
    ["plain", "xsalsa20_poly1305"],
    ["toString", "__proto__", "constructor"],
  ],
  outcomes: ["mode", "no strings", "no mode is shared"],
  run: (value) => {
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string")) {
      return "no strings";
    }
    for (const name of value) {
      const known = (ALL_ENCRYPTION_MODES as readonly string[]).includes(name);
      check(isEncryptionMode(name) === known, () => `isEncryptionMode of ${name}`);
    }
    try {
      const mode: EncryptionMode = chooseMode(value);
      check(value.includes(mode) && ENCRYPTION_MODES.includes(mode), () => `the mode is ${mode}`);
      return "mode";
    } catch (error) {
      rejection(error, RemoteProtocolError);
      return "no mode is shared";
    }
  },
  large: {
    "100000 modes": [
      "no mode is shared",
      () => Array.from({ length: 100_000 }, (_, i) => `mode ${i}`),
    ],
  },
});

function stubParser<T>(
  name: string,
  seeds: readonly Json[],
  reasons: readonly string[],
  read: (d: unknown) => T,
): AnyParser {
  return parser({
    name,
    covers: [name],
    domain: VALUE,
    seeds,
    outcomes: [
      "payload",
      ...reasons.map((reason) => `4002 ${reason}`),
      "4002 The payload must be an object.",
    ],
    run: (d) => {
      try {
        read(d);
        return "payload";
      } catch (error) {
        return clientFault(error);
      }
    },
  });
}

const OP_4 = { guild_id: "1", channel_id: "2", self_mute: false, self_deaf: true };

const stub: readonly AnyParser[] = [
  stubParser("readGatewayIdentify", [{ token: "T0KEN", intents: 128 }], [
    "Identify: token must be a string.",
  ], readGatewayIdentify),
  stubParser("readGatewayResume", [{ session_id: "a", token: "T0KEN", seq: 3 }], [
    "Resume: session_id must be a string.",
    "Resume: token must be a string.",
    "Resume: seq must be an integer of 0 to 2^32 - 1.",
  ], readGatewayResume),
  stubParser("readVoiceStateUpdate", [OP_4, { ...OP_4, channel_id: null }, {
    guild_id: "1",
    channel_id: "2",
  }], [
    "Voice State: guild_id must be a string.",
    "Voice State: channel_id must be a string or null.",
    "Voice State: self_mute must be a boolean.",
    "Voice State: self_deaf must be a boolean.",
  ], readVoiceStateUpdate),
];

const userId = parser({
  name: "userIdOf",
  covers: ["userIdOf"],
  domain: TEXT,
  seeds: [
    "MTA0Njk0MzE5MzA2MjQ4MTky.x.y",
    "MQ==",
    "MQ",
    "!.x",
    "",
    "MTA0Njk0MzE5MzA2MjQ4MTkyMTIzNDU2Nzg5MA",
  ],
  outcomes: ["id", "none"],
  run: (token) => {
    const id = userIdOf(token);
    check(id === undefined || /^\d{1,20}$/.test(id), () => `the id is ${id}`);
    return id === undefined ? "none" : "id";
  },
  large: {
    "1 MiB of equals signs": ["none", () => "=".repeat(MEBIBYTE)],
    "1 MiB of dots": ["none", () => ".".repeat(MEBIBYTE)],
  },
});

/** The parsers of messages. */
export const MESSAGE_PARSERS: readonly AnyParser[] = [
  message,
  binaryParser(
    "decodeServerBinary version 8",
    (frame) => decodeServerBinary(frame, 8),
    (raw) => readReceivePayload(raw, 8),
  ),
  binaryParser(
    "decodeServerBinary version 7",
    (frame) => decodeServerBinary(frame, 7),
    (raw) => readReceivePayload(raw, 7),
  ),
  binaryParser("decodeClientBinary", decodeClientBinary, readSendPayload),
  ...SEND.map((item) => payloadParser("Send", item)),
  ...RECEIVE.map((item) => payloadParser("Receive", item)),
  clientMessage,
  clientPayloadParser(4),
  clientPayloadParser(8),
  voiceState,
  voiceServer,
  endpoint,
  modes,
  ...stub,
  userId,
];
