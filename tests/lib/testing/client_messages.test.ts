import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../../lib/gateway_version.ts";
import {
  ClientFault,
  decodeClientMessage,
  MESSAGE_LIMIT,
  readClientMessage,
} from "../../../lib/testing/client_messages.ts";
import type { VoiceMessage } from "../../../lib/messages.ts";
import { JSON_KINDS } from "../../tools/vectors.ts";

type Fields = Record<string, unknown>;

const TOKEN = "66d29164ee8cd919";
const IDENTIFY: Fields = { server_id: "1", user_id: "2", session_id: "3", token: TOKEN };
const RESUME: Fields = { server_id: "1", session_id: "3", token: TOKEN, seq_ack: 5 };
const DATA: Fields = { address: "127.0.0.1", port: 9, mode: "m" };
const SELECT: Fields = { protocol: "udp", data: DATA };

function heartbeat(version: GatewayVersion, t: unknown): unknown {
  return version < 8 ? t : { t, seq_ack: 0 };
}

/** The fault of a message in each version, where it is the same in all. */
function faultOf(op: number, d: unknown, versions = GATEWAY_VERSIONS): ClientFault {
  const faults = versions.map((version) =>
    assertThrows(() => readClientMessage({ op, d }, version), ClientFault)
  );
  const [first] = faults;
  for (const { code, message } of faults) {
    assertEquals([code, message], [first.code, first.message]);
    assert(message.length <= 123 && message.endsWith("."), message);
  }
  return first;
}

test("decodeClientMessage() reads opcode and payload", () => {
  assertEquals(decodeClientMessage('{"op":3,"d":7,"x":1}'), { op: 3, d: 7 });
  for (const op of [0, 255, 256, 2 ** 53 - 1]) {
    assertEquals(decodeClientMessage(`{"op":${op},"d":[]}`), { op, d: [] });
  }
  const text = (size: number) => JSON.stringify({ op: 16, d: "x".repeat(size - 16) });
  assertEquals(text(MESSAGE_LIMIT).length, MESSAGE_LIMIT);
  assertEquals(decodeClientMessage(text(MESSAGE_LIMIT)).op, 16);
});

test("decodeClientMessage() says 4002 of what is no message, and shows nothing of it", () => {
  const long = JSON.stringify(TOKEN.repeat(MESSAGE_LIMIT / TOKEN.length));
  const texts = [
    "",
    "null",
    `"${TOKEN}"`,
    "[]",
    "{}",
    `{"op":"${TOKEN}"}`,
    '{"op":1.5}',
    '{"op":-1}',
    '{"op":1e300}',
    "{",
    long,
  ];
  for (const text of texts) {
    const fault = assertThrows(() => decodeClientMessage(text), ClientFault);
    assertEquals(fault.code, 4002);
    assertFalse(`${fault.message}${inspect(fault)}`.includes(TOKEN));
  }
});

for (const version of GATEWAY_VERSIONS) {
  const read = (op: number, d: unknown) => readClientMessage({ op, d }, version);
  const codeOf = (op: number, d: unknown) => assertThrows(() => read(op, d), ClientFault).code;

  test(`readClientMessage() reads what a client of version ${version} sends`, () => {
    const messages: VoiceMessage[] = [
      { op: 0, d: IDENTIFY },
      { op: 0, d: { ...IDENTIFY, channel_id: "4", max_dave_protocol_version: 1, video: true } },
      { op: 1, d: SELECT },
      { op: 1, d: { ...SELECT, codecs: [{ name: "opus", type: "audio" }], experiments: [] } },
      { op: 3, d: heartbeat(version, 1501184119561) },
      { op: 5, d: { speaking: 1, delay: 0, ssrc: 1 } },
      { op: 5, d: { speaking: true } },
      { op: 7, d: RESUME },
      { op: 7, d: { ...RESUME, seq_ack: undefined, channel_id: "4", video: false } },
      { op: 12, d: { audio_ssrc: 1, video_ssrc: 0, rtx_ssrc: 0, streams: [] } },
      { op: 16, d: {} },
      { op: 32, d: {} },
    ];
    for (const { op, d } of messages) assertEquals(read(op, d)?.op, op);
    for (const op of [2, 4, 6, 8, 9, 11, 13, 25, 33, 255, 256, 2 ** 53 - 1]) {
      assertEquals(read(op, {}), undefined);
    }
  });

  test(`readClientMessage() wants the heartbeat of version ${version}`, () => {
    assertEquals(read(3, heartbeat(version, 7))?.op, 3);
    const other = version < 8 ? [{ t: 7 }, { t: 7, seq_ack: 0 }] : [7, 0];
    for (const d of other) {
      const { code, message } = assertThrows(() => read(3, d), ClientFault);
      const wanted = version < 8 ? "a nonce" : "an object";
      assertEquals(code, 4002);
      assertEquals(message, `Heartbeat: in version ${version} the payload must be ${wanted}.`);
    }
    for (const t of [0.5, 1501184119561.5, "7", null, true, [], 2 ** 53]) {
      assertEquals(codeOf(3, heartbeat(version, t)), 4020, `nonce ${t}`);
    }
    for (const seq_ack of ["1", 1.5, 65536, -2]) assertEquals(codeOf(3, { t: 1, seq_ack }), 4002);
  });
}

test("readClientMessage() names a wrong field with 4002, and shows no value", () => {
  const wrong: readonly [op: number, d: Fields, field: string, reason: string][] = [
    [0, IDENTIFY, "server_id", 'Identify: "server_id" must be a string of 1 to 128 characters.'],
    [0, IDENTIFY, "user_id", 'Identify: "user_id" must be a string of 1 to 128 characters.'],
    [0, IDENTIFY, "session_id", 'Identify: "session_id" must be a string of 1 to 128 characters.'],
    [0, IDENTIFY, "token", 'Identify: "token" must be a string that is not empty.'],
    [1, SELECT, "protocol", 'SelectProtocol: "protocol" must be a string.'],
    [
      1,
      SELECT,
      "codecs",
      'SelectProtocol: "codecs" must be an array of objects with valid fields.',
    ],
    [5, { speaking: 1 }, "speaking", 'Speaking: "speaking" must be a bit mask.'],
    [5, { speaking: 1 }, "ssrc", 'Speaking: "ssrc" must be an unsigned 32-bit integer.'],
    [7, RESUME, "token", 'Resume: "token" must be a string that is not empty.'],
    [7, RESUME, "seq_ack", 'Resume: "seq_ack" must be an integer of -1 to 65535.'],
  ];
  for (const [op, d, field, reason] of wrong) {
    for (const value of [{ TOKEN }, [TOKEN], [{ TOKEN }, TOKEN], -2.5]) {
      const fault = faultOf(op, { ...d, [field]: value });
      assertEquals([fault.code, fault.message], [4002, reason]);
      assertFalse(inspect(fault).includes(TOKEN));
    }
  }
  for (const field of Object.keys(DATA)) {
    const { code, message } = faultOf(1, { ...SELECT, data: { ...DATA, [field]: [TOKEN] } });
    assertEquals([code, message.startsWith(`SelectProtocol: "data.${field}" must be `)], [
      4002,
      true,
    ]);
  }
});

test("readClientMessage() knows no protocol but udp: 4012", () => {
  for (const protocol of ["webrtc", "webrtc-p2p", "", "UDP", TOKEN]) {
    for (const data of [undefined, "v=0", DATA, ...JSON_KINDS]) {
      const { code, message } = faultOf(1, { protocol, data });
      assertEquals([code, message], [4012, "Unknown protocol: this server takes udp."]);
    }
  }
  assertEquals(faultOf(1, { protocol: "udp", data: "v=0" }).code, 4002);
});

test("readClientMessage() bounds ids and tokens", () => {
  const bounds: readonly [op: number, d: Fields, field: string, limit: number][] = [
    [0, IDENTIFY, "server_id", 128],
    [0, IDENTIFY, "channel_id", 128],
    [0, IDENTIFY, "user_id", 128],
    [0, IDENTIFY, "session_id", 128],
    [0, IDENTIFY, "token", 512],
    [7, RESUME, "server_id", 128],
    [7, RESUME, "channel_id", 128],
    [7, RESUME, "session_id", 128],
    [7, RESUME, "token", 512],
  ];
  for (const [op, d, field, limit] of bounds) {
    assertEquals(readClientMessage({ op, d: { ...d, [field]: "x".repeat(limit) } }, 8)?.op, op);
    const { code, message } = faultOf(op, { ...d, [field]: "x".repeat(limit + 1) });
    const name = op === 0 ? "Identify" : "Resume";
    const wanted = field === "token"
      ? "must have at most 512 characters"
      : "must be a string of 1 to 128 characters";
    assertEquals([code, message], [4002, `${name}: "${field}" ${wanted}.`]);
  }
});

test("readClientMessage() bounds the address of Select Protocol by the field of IP discovery", () => {
  for (const address of ["", "127.0.0.1", "x".repeat(64)]) {
    const d = { protocol: "udp", data: { ...DATA, address } };
    assertEquals(readClientMessage({ op: 1, d }, 8)?.d, d);
  }
  for (const size of [65, 1000, MESSAGE_LIMIT]) {
    const data = { ...DATA, address: "x".repeat(size) };
    const { code, message } = faultOf(1, { protocol: "udp", data });
    assertEquals([code, message], [
      4002,
      'SelectProtocol: "data.address" must have at most 64 characters.',
    ]);
  }
});

test("readClientMessage() takes no binary opcode as JSON", () => {
  for (const op of [26, 28]) {
    for (const d of [{}, "AAEC", [1, 2], null]) assertEquals(faultOf(op, d).code, 4002);
  }
});

test("readClientMessage() throws nothing but ClientFault, with a reason that fits its frame", () => {
  const bodies: readonly [op: number, d: Fields][] = [
    [0, { ...IDENTIFY, channel_id: "4", max_dave_protocol_version: 0, video: true, streams: [] }],
    [1, { ...SELECT, sdp: "", codecs: [], rtc_connection_id: "", experiments: [] }],
    [3, { t: 1, seq_ack: 0 }],
    [5, { speaking: 1, delay: 0, ssrc: 0 }],
    [7, { ...RESUME, channel_id: "4" }],
    [12, { audio_ssrc: 1, video_ssrc: 1, rtx_ssrc: 1, streams: [] }],
    [14, { codecs: [] }],
    [15, {}],
    [23, { transition_id: 1 }],
    [31, { transition_id: 1 }],
  ];
  const attempt = (message: VoiceMessage, version: GatewayVersion) => {
    try {
      readClientMessage(message, version);
    } catch (error) {
      assert(error instanceof ClientFault, `${error}`);
      assert([4002, 4012, 4020].includes(error.code) && error.message.length <= 123);
    }
  };
  for (const version of GATEWAY_VERSIONS) {
    for (const value of [undefined, ...JSON_KINDS]) {
      for (let op = 0; op < 40; op++) attempt({ op, d: value }, version);
      for (const [op, d] of bodies) {
        for (const field of Object.keys(d)) attempt({ op, d: { ...d, [field]: value } }, version);
      }
    }
  }
});
