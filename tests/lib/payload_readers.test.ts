import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { PayloadError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS } from "../../lib/gateway_version.ts";
import type { VoiceMessage } from "../../lib/messages.ts";
import { decodeMessage } from "../../lib/messages.ts";
import { VoiceOpcodes } from "../../lib/opcodes.ts";
import { readReceivePayload, readSendPayload } from "../../lib/payload_readers.ts";
import { Secret } from "../../lib/secret.ts";
import { JSON_KINDS, loadVectors, shown } from "../tools/vectors.ts";

type Fields = Record<string, unknown>;
type Direction = "send" | "receive";

const READ: Record<Direction, (message: VoiceMessage) => VoiceMessage | undefined> = {
  send: readSendPayload,
  receive: readReceivePayload,
};

const TOKEN = "66d29164ee8cd919";
const USER = "852892297661906993";
const KEY = Array.from({ length: 32 }, (_, i) => 251 - i);

/** The words for what a field must be, and values that it may not have. */
const WRONG: Record<string, readonly unknown[]> = {
  "a string": [true, 7, ["x"], {}],
  "a string that is not empty": [true, 7, "", ["x"], {}],
  "a string of 1 to 128 characters": [true, 7, "", ["x"], {}],
  "an array of strings of 1 to 128 characters": [
    ...[true, 7, "x", {}, [7], [""], ["x", "x".repeat(129)], ["x", null], [["x"]]],
  ],
  "an IP address": [
    ...[true, 7, "", "x", "localhost", "1.2.3", "1.2.3.256", "1.2.3.4 ", "[::1]", "::1%0", ":"],
    ...[["127.0.0.1"], {}],
  ],
  "an array of strings": [true, 7, "x", {}, [7], ["x", null], [["x"]]],
  "an array of objects with valid fields": [true, 7, "x", {}, [null], ["x"], [[]]],
  "an object": [true, 7, "x", [], [{}]],
  "an unsigned 32-bit integer": [true, "1", -1, 0.5, 2 ** 32, [1], {}],
  "an unsigned 16-bit integer": [true, "1", -1, 0.5, 2 ** 16, [1], {}],
  "an unsigned integer": [true, "1", -1, 0.5, 2 ** 53, [1], {}],
  "an integer of 1 to 65535": [true, "1", -1, 0, 0.5, 2 ** 16, [1], {}],
  "an integer of -1 to 65535": [true, "1", -2, 0.5, 2 ** 16, [1], {}],
  "an integer": [true, "x", "", 0.5, "0.5", 2 ** 53, [1], {}],
  "a positive number": [true, "1", 0, -1, [1], {}],
  "a number": [true, "1", [1], {}],
  "a boolean": [7, "true", [], {}],
  "a bit mask": ["1", -1, 0.5, 2 ** 32, [1], {}],
  "an array of 32 bytes": [
    ...[true, 7, "key", {}, { ...KEY, length: 32 }, [], KEY.slice(1), [...KEY, 1]],
    ...[256, -1, 0.5, "1", null].map((byte) => [...KEY.slice(1), byte]),
  ],
};

/** A payload with all its fields, what is read of it, and what the fields must be. */
interface Example {
  readonly op: number;
  readonly direction: Direction;
  readonly d: Fields;
  /** What is read, where it is not `d`. */
  readonly read?: Fields;
  readonly required?: Fields;
  readonly optional?: Fields;
  /** Fields on which nothing depends: left out where they are wrong, too. */
  readonly lenient?: Fields;
  /** The same, but that they may be null, and then are. */
  readonly nullable?: Fields;
  /** Fields whose value no error shows. */
  readonly hidden?: readonly string[];
}

const STREAM = {
  type: "video",
  rid: "100",
  quality: 100,
  active: true,
  ssrc: 2,
  rtx_ssrc: 3,
  max_bitrate: 2_500_000,
  max_framerate: 29.97,
  max_resolution: { type: "fixed", width: 1280, height: 720 },
};
const CODEC = {
  name: "H264",
  type: "video",
  priority: 1000,
  payload_type: 103,
  rtx_payload_type: 104,
  encode: true,
  decode: false,
};
const UDP = { address: "203.0.113.7", port: 50004, mode: "aead_aes256_gcm_rtpsize" };
const TEXT = "a string";
const ID = "a string of 1 to 128 characters";
const TEXTS = "an array of strings";
const OBJECTS = "an array of objects with valid fields";
const U32 = "an unsigned 32-bit integer";
const U16 = "an unsigned 16-bit integer";
const DESCRIPTION = {
  mode: "m",
  dave_protocol_version: 1,
  secure_frames_version: 0,
  audio_codec: "opus",
  video_codec: "H264",
  media_session_id: "89f1d62f166b948746f7646713d39dbb",
  keyframe_interval: 0.5,
};
const TRANSITION = { d: { transition_id: 10 }, required: { transition_id: U16 } };

const EXAMPLES: readonly Example[] = [
  {
    op: VoiceOpcodes.Identify,
    direction: "send",
    d: {
      server_id: "41771983423143937",
      channel_id: "127121515262115840",
      user_id: USER,
      session_id: "30f32c5d54ae86130fc4a215c7474263",
      token: TOKEN,
      max_dave_protocol_version: 1,
      video: true,
      streams: [STREAM, {}],
    },
    required: {
      server_id: ID,
      user_id: ID,
      session_id: ID,
      token: "a string that is not empty",
    },
    optional: {
      channel_id: ID,
      max_dave_protocol_version: U16,
      video: "a boolean",
      streams: OBJECTS,
    },
    hidden: ["token"],
  },
  {
    op: VoiceOpcodes.SelectProtocol,
    direction: "send",
    d: {
      protocol: "udp",
      data: UDP,
      sdp: "v=0",
      codecs: [CODEC, { ...CODEC, rtx_payload_type: null }],
      rtc_connection_id: "d6b92f64-40df-48eb-8bce-7facb043149a",
      experiments: ["fixed_keyframe_interval"],
    },
    required: { protocol: TEXT, data: "an object" },
    optional: { sdp: TEXT, codecs: OBJECTS, rtc_connection_id: TEXT, experiments: TEXTS },
  },
  {
    op: VoiceOpcodes.Ready,
    direction: "receive",
    d: {
      ssrc: 0xffffffff,
      ip: "127.0.0.1",
      port: 1234,
      modes: ["a", "b"],
      heartbeat_interval: 1,
      experiments: [],
      streams: [STREAM],
    },
    required: { ssrc: U32, port: "an integer of 1 to 65535", modes: TEXTS },
    optional: { ip: "an IP address" },
    lenient: { heartbeat_interval: "a number", experiments: TEXTS, streams: OBJECTS },
  },
  {
    op: VoiceOpcodes.Heartbeat,
    direction: "send",
    d: { t: 1501184119561, seq_ack: 65535 },
    required: { t: "an integer" },
    optional: { seq_ack: "an integer of -1 to 65535" },
  },
  {
    op: VoiceOpcodes.SessionDescription,
    direction: "receive",
    d: { ...DESCRIPTION, secret_key: KEY },
    read: { ...DESCRIPTION, secret_key: Uint8Array.from(KEY) },
    required: { mode: TEXT, secret_key: "an array of 32 bytes" },
    optional: { dave_protocol_version: "an unsigned integer" },
    lenient: {
      secure_frames_version: "an unsigned integer",
      audio_codec: TEXT,
      video_codec: TEXT,
      media_session_id: TEXT,
      keyframe_interval: "a number",
    },
    hidden: ["secret_key"],
  },
  {
    op: VoiceOpcodes.Speaking,
    direction: "send",
    d: { speaking: 5, delay: 0.5, ssrc: 1 },
    required: { speaking: "a bit mask" },
    optional: { delay: "a number", ssrc: U32 },
  },
  {
    op: VoiceOpcodes.Speaking,
    direction: "receive",
    d: { user_id: USER, ssrc: 2, speaking: 5 },
    required: { user_id: ID, ssrc: U32, speaking: "a bit mask" },
  },
  {
    op: VoiceOpcodes.HeartbeatAck,
    direction: "receive",
    d: { t: 1501184119561 },
    required: { t: "an integer" },
  },
  {
    op: VoiceOpcodes.Resume,
    direction: "send",
    d: {
      server_id: "41771983423143937",
      channel_id: "127121515262115840",
      session_id: "30f32c5d54ae86130fc4a215c7474263",
      token: TOKEN,
      seq_ack: 0,
    },
    required: { server_id: ID, session_id: ID, token: "a string that is not empty" },
    optional: { channel_id: ID, seq_ack: "an integer of -1 to 65535" },
    hidden: ["token"],
  },
  {
    op: VoiceOpcodes.Hello,
    direction: "receive",
    d: { v: 8, heartbeat_interval: 13750.5 },
    required: { heartbeat_interval: "a positive number" },
    lenient: { v: "an unsigned integer" },
  },
  {
    op: VoiceOpcodes.ClientsConnect,
    direction: "receive",
    d: { user_ids: [USER, "1"] },
    required: { user_ids: "an array of strings of 1 to 128 characters" },
  },
  {
    op: VoiceOpcodes.Video,
    direction: "send",
    d: { audio_ssrc: 1, video_ssrc: 0, rtx_ssrc: 0, streams: [] },
    required: { audio_ssrc: U32, video_ssrc: U32 },
    optional: { rtx_ssrc: U32, streams: OBJECTS },
  },
  {
    op: VoiceOpcodes.Video,
    direction: "receive",
    d: { user_id: USER, audio_ssrc: 1, video_ssrc: 2, streams: [STREAM] },
    required: { user_id: ID, audio_ssrc: U32 },
    lenient: { video_ssrc: U32, streams: OBJECTS },
  },
  {
    op: VoiceOpcodes.ClientDisconnect,
    direction: "receive",
    d: { user_id: USER },
    required: { user_id: ID },
  },
  {
    op: VoiceOpcodes.SessionUpdate,
    direction: "send",
    d: { codecs: [CODEC] },
    required: { codecs: OBJECTS },
  },
  {
    op: VoiceOpcodes.SessionUpdate,
    direction: "receive",
    d: { audio_codec: "opus", video_codec: "H264", media_session_id: "x", keyframe_interval: 0.5 },
    lenient: {
      audio_codec: TEXT,
      video_codec: TEXT,
      media_session_id: TEXT,
      keyframe_interval: "a number",
    },
  },
  {
    op: VoiceOpcodes.VoiceBackendVersion,
    direction: "receive",
    d: { voice: "0.9.1", rtc_worker: "0.3.35" },
    lenient: { voice: TEXT, rtc_worker: TEXT },
  },
  {
    op: VoiceOpcodes.ClientFlags,
    direction: "receive",
    d: { user_id: USER, flags: 3 },
    required: { user_id: ID },
    nullable: { flags: "an unsigned integer" },
  },
  {
    op: VoiceOpcodes.ClientPlatform,
    direction: "receive",
    d: { user_id: USER, platform: 0 },
    required: { user_id: ID },
    nullable: { platform: "an unsigned integer" },
  },
  {
    op: VoiceOpcodes.DavePrepareTransition,
    direction: "receive",
    d: { protocol_version: 1, transition_id: 10 },
    required: { protocol_version: U16, transition_id: U16 },
  },
  { op: VoiceOpcodes.DaveExecuteTransition, direction: "receive", ...TRANSITION },
  { op: VoiceOpcodes.DaveTransitionReady, direction: "send", ...TRANSITION },
  {
    op: VoiceOpcodes.DavePrepareEpoch,
    direction: "receive",
    d: { protocol_version: 1, epoch: 1 },
    required: { protocol_version: U16, epoch: "an unsigned integer" },
  },
  { op: VoiceOpcodes.DaveMlsInvalidCommitWelcome, direction: "send", ...TRANSITION },
];

/** Opcodes whose payload is any JSON value, any object, or bytes. */
const ANY: Record<Direction, readonly number[]> = {
  send: [10, 16, 32],
  receive: [3, 9, 10, 17, 19],
};
const OBJECT: Record<Direction, readonly number[]> = { send: [15], receive: [15] };
const BINARY: Record<Direction, readonly number[]> = { send: [26, 28], receive: [25, 27, 29, 30] };

const DIRECTIONS: readonly Direction[] = ["send", "receive"];

/** A payload that was read, its secrets in the clear. */
function reveal(payload: unknown): unknown {
  if (!(payload instanceof Object) || payload instanceof Uint8Array) return payload;
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      value instanceof Secret ? value.reveal() : value,
    ]),
  );
}

function read(direction: Direction, op: number, d: unknown): unknown {
  const message = READ[direction]({ op, d });
  assertEquals(message?.op, op);
  return reveal(message?.d);
}

function errorOf(direction: Direction, op: number, d: unknown): PayloadError {
  const error = assertThrows(() => READ[direction]({ op, d }), PayloadError);
  assertEquals([error.op, error.message.startsWith(`op ${op}: ${error.rule}`)], [op, true]);
  return error;
}

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
}

for (const direction of DIRECTIONS) {
  test(`Each opcode that may be ${direction === "send" ? "sent" : "received"} is known, no other`, () => {
    const listed = EXAMPLES.filter((example) => example.direction === direction);
    const known = new Set([
      ...listed.map(({ op }) => op),
      ...ANY[direction],
      ...OBJECT[direction],
      ...BINARY[direction],
    ]);
    for (const op of [...Array(256).keys(), -1, 0.5, 256, NaN]) {
      if (known.has(op)) continue;
      for (const d of [undefined, ...JSON_KINDS]) {
        assertEquals(READ[direction]({ op, d }), undefined, `op ${op}`);
      }
    }
  });

  test(`Opcodes with any payload are handed on as they are: ${direction}`, () => {
    for (const op of ANY[direction]) {
      for (const d of [undefined, ...JSON_KINDS]) {
        assertEquals(READ[direction]({ op, d }), { op, d });
      }
    }
  });

  test(`Media Sink Wants is any object: ${direction}`, () => {
    for (const op of OBJECT[direction]) {
      const d = { "8964": 100, any: 50, pixelCounts: { "8964": 1189844.5 } };
      assertEquals(read(direction, op, d), d);
      assertEquals(read(direction, op, {}), {});
      for (const wrong of [undefined, null, 7, "text", []]) {
        assertEquals(errorOf(direction, op, wrong).message, "op 15: the payload must be an object");
      }
    }
  });

  test(`Binary payloads are handed on as views, and nothing else is taken: ${direction}`, () => {
    for (const op of BINARY[direction]) {
      const d = Uint8Array.of(1, 2, 3);
      assertEquals(READ[direction]({ op, d })?.d === d, true);
      assertEquals(read(direction, op, new Uint8Array()), new Uint8Array());
      for (const wrong of [null, 7, "text", [1], { 0: 1 }]) {
        const { message } = errorOf(direction, op, wrong);
        assertEquals(message, `op ${op}: "d" must be a binary message: got ${shown(wrong)}`);
      }
    }
  });
}

test("Every opcode of 0 to 32 is known in at least one direction", () => {
  const known = DIRECTIONS.flatMap((direction) => [
    ...ANY[direction],
    ...OBJECT[direction],
    ...BINARY[direction],
  ]).concat(EXAMPLES.map(({ op }) => op));
  assertEquals(
    [...new Set(known)].sort((a, b) => a - b),
    Object.values(VoiceOpcodes).sort((a, b) => a - b),
  );
  assertEquals(new Set(known).size, 33);
});

for (const example of EXAMPLES) {
  const { op, direction, d, required = {}, optional = {}, lenient = {} } = example;
  const { nullable = {}, hidden = [] } = example;
  const normal = example.read ?? d;
  const name = `op ${op} (${direction})`;
  /** Heartbeats have a form that is no object. */
  const bare = op === VoiceOpcodes.Heartbeat || op === VoiceOpcodes.HeartbeatAck;

  test(`${name} is read, without the fields that nobody knows`, () => {
    assertEquals(read(direction, op, d), normal);
    assertEquals(read(direction, op, { ...d, nobody: { knows: [] }, constructor: 1 }), normal);
  });

  test(`${name} has rules for all of its fields`, () => {
    const fields = [required, optional, lenient, nullable].flatMap(Object.keys);
    assertEquals(fields.sort(), Object.keys(d).sort());
  });

  test(`${name} refuses a payload that is no object`, () => {
    for (const wrong of [undefined, null, true, "text", [], [d]]) {
      const { message, field } = errorOf(direction, op, wrong);
      if (bare) assertEquals(field, "t");
      else assertEquals(message, `op ${op}: the payload must be an object`);
    }
  });

  test(`${name} names a field that is missing, null or wrong`, () => {
    const check = (field: string, wanted: string, values: readonly unknown[]) => {
      for (const value of values) {
        const got = hidden.includes(field) ? "another value" : shown(value);
        const { message } = errorOf(direction, op, { ...d, [field]: value });
        assertEquals(message, `op ${op}: "${field}" must be ${wanted}: got ${got}`);
      }
    };
    for (const [field, wanted] of Object.entries(required) as [string, string][]) {
      check(field, wanted, [undefined, null, ...WRONG[wanted]]);
      assertThrows(() => read(direction, op, without(d, field)), PayloadError);
    }
    for (const [field, wanted] of Object.entries(optional) as [string, string][]) {
      check(field, wanted, WRONG[wanted]);
    }
  });

  test(`${name} leaves out what is optional and absent or null, and keeps what may be null`, () => {
    for (const field of Object.keys({ ...optional, ...lenient, ...nullable })) {
      const expected = without(normal, field);
      assertEquals(read(direction, op, without(d, field)), expected, field);
      if (field in nullable) continue;
      assertEquals(read(direction, op, { ...d, [field]: null }), expected, field);
    }
    for (
      const [field, wanted] of Object.entries({ ...lenient, ...nullable }) as [string, string][]
    ) {
      for (const value of WRONG[wanted]) {
        assertEquals(read(direction, op, { ...d, [field]: value }), without(normal, field));
      }
    }
    for (const field of Object.keys(nullable)) {
      assertEquals(read(direction, op, { ...d, [field]: null }), { ...normal, [field]: null });
    }
  });

  test(`${name} throws nothing but PayloadError, whatever it reads`, () => {
    const attempt = (payload: unknown) => {
      try {
        READ[direction]({ op, d: payload });
      } catch (error) {
        assertEquals(error instanceof PayloadError, true, `${error}`);
      }
    };
    for (const value of [...JSON_KINDS, Uint8Array.of(1, 2)]) {
      attempt(value);
      for (const field of Object.keys(d)) attempt({ ...d, [field]: value });
    }
  });
}

// What is particular to one opcode

test("Select Protocol's data is checked where the protocol is udp", () => {
  const read = (d: unknown) => READ.send({ op: 1, d })?.d;
  const fields = { address: TEXT, port: U16, mode: TEXT };
  for (const [field, wanted] of Object.entries(fields)) {
    for (const value of [undefined, null, ...WRONG[wanted]]) {
      const { message } = errorOf("send", 1, { protocol: "udp", data: { ...UDP, [field]: value } });
      assertEquals(message, `op 1: "data.${field}" must be ${wanted}: got ${shown(value)}`);
    }
  }
  assertEquals(read({ protocol: "udp", data: { ...UDP, other: 1 } }), {
    protocol: "udp",
    data: UDP,
  });
});

test("Select Protocol's data is text or nothing where the protocol is another one", () => {
  const read = (d: unknown) => READ.send({ op: 1, d })?.d;
  for (const protocol of ["webrtc", "webrtc-p2p", "UDP", ""]) {
    for (const data of ["a=ice-ufrag", ""]) {
      assertEquals(read({ protocol, data, sdp: "v=0" }), { protocol, data, sdp: "v=0" });
    }
    for (const data of [undefined, null, UDP, ...WRONG[TEXT]]) {
      assertEquals(read({ protocol, data }), { protocol });
    }
  }
});

test("Select Protocol's protocol is read before anything else", () => {
  for (const protocol of [undefined, null, ...WRONG[TEXT]]) {
    const { field } = errorOf("send", 1, { data: 7, codecs: 7, sdp: 7, protocol });
    assertEquals(field, "protocol");
  }
  assertEquals(
    errorOf("send", 1, { protocol: "udp", data: { ...UDP, port: -1 } }).field,
    "data.port",
  );
});

test("Ids have 1 to 128 characters in every payload that has one", () => {
  const [longest, long] = ["x".repeat(128), "x".repeat(129)];
  for (const { op, direction, d, read: normal = d, required, optional } of EXAMPLES) {
    for (const [field, wanted] of Object.entries({ ...required, ...optional })) {
      if (wanted !== ID) continue;
      const taken = read(direction, op, { ...d, [field]: longest });
      assertEquals(taken, { ...normal, [field]: longest });
      const { rule } = errorOf(direction, op, { ...d, [field]: long });
      assertEquals(rule, `"${field}" must be ${ID}`);
    }
  }
  assertEquals(read("receive", 11, { user_ids: [longest] }), { user_ids: [longest] });
});

test("Ready's ip is an IPv4 or IPv6 address, or absent", () => {
  const ready = { ssrc: 1, port: 1, modes: [] };
  for (const ip of ["0.0.0.0", "203.0.113.7", "::", "2001:db8::1", "::ffff:203.0.113.7"]) {
    assertEquals(read("receive", 2, { ...ready, ip }), { ...ready, ip });
  }
});

test("A binary message with an opcode of JSON messages is not known", () => {
  for (const direction of DIRECTIONS) {
    for (let op = 0; op < 256; op++) {
      const found = READ[direction]({ op, d: Uint8Array.of(1) });
      assertEquals(found !== undefined, BINARY[direction].includes(op), `op ${op}`);
    }
  }
});

test("A codec needs its name only, a stream nothing", () => {
  const select = (codec: unknown) => ({ protocol: "udp", data: UDP, codecs: [codec] });
  const opus = { name: "opus", type: "audio", priority: 1000, payload_type: 120 };
  for (const codec of [{ name: "opus" }, opus, CODEC]) {
    assertEquals(read("send", 1, select(codec)), select(codec));
    assertEquals(read("send", 14, { codecs: [codec] }), { codecs: [codec] });
  }
  for (
    const [field, value] of [["name", undefined], ["type", 1], ["payload_type", "120"]] as const
  ) {
    errorOf("send", 1, select({ ...CODEC, [field]: value }));
  }
  for (const field of Object.keys(STREAM)) {
    const video = { audio_ssrc: 1, video_ssrc: 2 };
    read("send", 12, { ...video, streams: [{ ...STREAM, [field]: undefined }] });
    errorOf("send", 12, { ...video, streams: [{ ...STREAM, [field]: [] }] });
  }
  for (const field of Object.keys(CODEC)) {
    errorOf("send", 14, { codecs: [{ ...CODEC, [field]: [] }] });
  }
});

test("Codecs and streams are handed out without what is null or not known", () => {
  const unknown = { nobody: { knows: [] }, constructor: 1 };
  const codecs = [{ ...CODEC, ...unknown, priority: null, encode: null, rtx_payload_type: null }];
  const known = without(without(CODEC, "priority"), "encode");
  const normalCodecs = [{ ...known, rtx_payload_type: null }];
  assertEquals(read("send", 14, { codecs }), { codecs: normalCodecs });
  const select = { protocol: "udp", data: UDP };
  assertEquals(read("send", 1, { ...select, codecs }), { ...select, codecs: normalCodecs });
  const streams = [{ ...STREAM, ...unknown, rid: null }, { max_resolution: null, ...unknown }];
  const normalStreams = [without(STREAM, "rid"), {}];
  for (const { op, direction, d } of EXAMPLES.filter(({ d }) => "streams" in d)) {
    assertEquals(read(direction, op, { ...d, streams }), { ...d, streams: normalStreams });
  }
});

test("Speaking is a bit mask, or the boolean of the first versions", () => {
  for (const [wire, flags] of [[true, 1], [false, 0], [0, 0], [0xffffffff, 0xffffffff]] as const) {
    assertEquals(read("send", 5, { speaking: wire, delay: 0, ssrc: 1 }), {
      speaking: flags,
      delay: 0,
      ssrc: 1,
    });
    assertEquals(read("receive", 5, { user_id: USER, ssrc: 1, speaking: wire, delay: 0 }), {
      user_id: USER,
      ssrc: 1,
      speaking: flags,
    });
  }
  assertEquals(read("send", 5, { speaking: 1 }), { speaking: 1 });
});

test("A heartbeat is an object or a bare nonce; a seq_ack of -1 is none", () => {
  for (const t of [0, -1, 1501184119561, 2 ** 53 - 1]) {
    for (const d of [t, { t }, { t, seq_ack: -1 }, { t, seq_ack: null }]) {
      assertEquals(read("send", 3, d), { t });
    }
    assertEquals(read("send", 3, { t, seq_ack: 0 }), { t, seq_ack: 0 });
  }
  for (const d of [0.5, "1", null, true, [1], { t: 0.5 }, { t: "1" }, {}, { nonce: 1 }]) {
    assertEquals(errorOf("send", 3, d).rule, '"t" must be an integer');
  }
});

test("A Resume with a seq_ack of -1 has none, one of 0 has it", () => {
  const resume = { server_id: "1", session_id: "2", token: TOKEN };
  for (const seq_ack of [-1, null, undefined]) {
    assertEquals(read("send", 7, { ...resume, seq_ack }), resume);
  }
  assertEquals(read("send", 7, { ...resume, seq_ack: 0 }), { ...resume, seq_ack: 0 });
});

test("A heartbeat ACK is an object or a bare nonce, as a number or as text", () => {
  for (const t of [0, 7, 1501184119561]) {
    for (const d of [t, `${t}`, { t }, { t: `${t}` }]) assertEquals(read("receive", 6, d), { t });
  }
  for (const d of ["", "x", "0.5", 0.5, null, [], {}, { t: null }]) {
    assertEquals(errorOf("receive", 6, d).rule, '"t" must be an integer');
  }
});

test("Op 3 of a server answers a heartbeat in version 1, and asks for one in the others", () => {
  for (const version of GATEWAY_VERSIONS) {
    for (const d of [7, "7", { t: 7 }]) {
      const expected: VoiceMessage = version === 1 ? { op: 6, d: { t: 7 } } : { op: 3, d };
      assertEquals<unknown>(readReceivePayload({ op: 3, d }, version), expected);
      assertEquals(readReceivePayload({ op: 6, d }, version), { op: 6, d: { t: 7 } });
    }
    if (version > 1) continue;
    const { op, rule } = assertThrows(
      () => readReceivePayload({ op: 3, d: null }, version),
      PayloadError,
    );
    assertEquals([op, rule], [6, '"t" must be an integer']);
  }
});

test("Hello's interval may be a fraction, but not infinite", () => {
  const { heartbeat_interval } = READ.receive(
    decodeMessage('{"op":8,"d":{"v":4,"heartbeat_interval":13750.0}}'),
  )!.d as Fields;
  assertEquals(heartbeat_interval, 13750);
  errorOf("receive", 8, { heartbeat_interval: Infinity });
  errorOf("receive", 8, { heartbeat_interval: NaN });
});

test("readReceivePayload() keeps the sequence number, 0 too", () => {
  for (const seq of [0, 65535]) {
    assertEquals(readReceivePayload({ op: 13, d: { user_id: "1" }, seq }), {
      op: 13,
      d: { user_id: "1" },
      seq,
    });
  }
  assertEquals(readReceivePayload({ op: 9, d: null }), { op: 9, d: null });
});

test("readReceivePayload() copies the key", () => {
  const secret_key = [...KEY];
  const { d } = readReceivePayload({ op: 4, d: { mode: "m", secret_key } })!;
  secret_key.fill(0);
  assertEquals(reveal(d), { mode: "m", secret_key: Uint8Array.from(KEY) });
});

// Secrets

function assertHidden(things: readonly unknown[], ...secrets: readonly string[]): void {
  for (const thing of things) {
    const shown = [
      String(thing),
      JSON.stringify(thing),
      inspect(thing, { depth: Infinity, showHidden: true }),
      thing instanceof Error ? `${thing.stack}` : "",
    ].join("\n");
    for (const secret of secrets) assertEquals(shown.includes(secret), false, shown);
  }
}

test("Tokens that were read have no text form", () => {
  for (const { op, d } of EXAMPLES.filter(({ d }) => "token" in d)) {
    assertHidden([readSendPayload({ op, d })], TOKEN);
  }
});

test("A key that was read has no text form", () => {
  const key = KEY.slice(0, 4);
  const message = readReceivePayload({ op: 4, d: { mode: "m", secret_key: KEY } });
  assertHidden([message], key.join(","), key.join(", "), "251");
});

test("No error shows a token or a key, whichever field is wrong", () => {
  for (const { op, direction, d } of EXAMPLES) {
    for (const field of Object.keys(d)) {
      for (const value of [{ TOKEN }, [TOKEN], [...KEY, 256], ...JSON_KINDS]) {
        const hidden = field === "token" || field === "secret_key";
        if (!hidden && (value === null || JSON.stringify(value).length > 10)) continue;
        try {
          READ[direction]({ op, d: { ...d, [field]: value } });
        } catch (error) {
          assertHidden([error], TOKEN, "251,250", "251, 250");
        }
      }
    }
  }
});

// Examples of others

interface Case {
  readonly name: string;
  readonly message: { readonly op: number; readonly d: unknown; readonly seq?: number };
}

function exampleCases(): Case[] {
  const { cases } = loadVectors<{ cases: Case[] }>("doc_examples.json");
  return cases.filter(({ name }) => !/Gateway|Server Update/.test(name));
}

function serenityCases(): Case[] {
  interface Raw {
    readonly name: string;
    readonly json?: string;
    readonly json_value?: unknown;
  }
  const { cases } = loadVectors<{ cases: Raw[] }>("serenity_voice_payloads.json");
  return cases.map(({ name, json, json_value }) => ({
    name,
    message: JSON.parse(json ?? JSON.stringify(json_value)) as Case["message"],
  }));
}

/** Which way an example goes: what both send tells itself by its fields. */
function directionOf({ name, message: { op, d } }: Case): Direction {
  if (op === VoiceOpcodes.Speaking) {
    return typeof (d as Fields).user_id === "string" ? "receive" : "send";
  }
  if (name.includes("(Send)")) return "send";
  if (op === VoiceOpcodes.MediaSinkWants) return "receive";
  return [0, 1, 3, 7, 32].includes(op) ? "send" : "receive";
}

/** Their keys are elided to a few bytes. */
function withKey(d: unknown): unknown {
  return d instanceof Object && "secret_key" in d ? { ...d, secret_key: KEY } : d;
}

/** `d` without what the readers do not know, in the form to which they bring it. */
function expected({ op, d }: Case["message"]): unknown {
  if (op === 3 || op === 6) return d instanceof Object ? d : { t: Number(d) };
  if (!(d instanceof Object)) return d;
  if (op === 4) return { ...withKey(d) as Fields, secret_key: Uint8Array.from(KEY) };
  return op === 5 && (d as Fields).user_id === null ? without(d as Fields, "user_id") : d;
}

const PARTIAL = "Example Ready Payload";

for (
  const [source, cases] of [["documentation", exampleCases()], [
    "serenity",
    serenityCases(),
  ]] as const
) {
  for (const [index, example] of cases.entries()) {
    const { name, message } = example;
    if (name === PARTIAL) continue;
    test(`${source} ${index}, ${name}, is read`, () => {
      const raw = decodeMessage(JSON.stringify({ ...message, d: withKey(message.d) }));
      assertEquals(raw.seq, message.seq);
      const read = READ[directionOf(example)](raw);
      assertEquals(read?.op, message.op);
      assertEquals(reveal(read?.d), expected(message));
    });
  }
}

test("Elided examples are refused for what they lack, and their keys are not shown", () => {
  const [partial] = exampleCases().filter(({ name }) => name === PARTIAL);
  assertEquals(
    errorOf("receive", 2, partial.message.d).message,
    'op 2: "ssrc" must be an unsigned 32-bit integer: got undefined',
  );
  const elided = [...exampleCases(), ...serenityCases()].filter(({ message }) => message.op === 4);
  assertEquals(elided.length, 3);
  for (const { message } of elided) {
    assertEquals(
      errorOf("receive", 4, message.d).message,
      'op 4: "secret_key" must be an array of 32 bytes: got another value',
    );
  }
});
