import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { RemoteProtocolError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../lib/gateway_version.ts";
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
import { opcodeName, VoiceOpcodes } from "../../lib/opcodes.ts";
import { readReceivePayload, readSendPayload } from "../../lib/payload_readers.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "../../lib/payloads.ts";
import { Secret } from "../../lib/secret.ts";
import {
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVectors,
  truncations,
} from "../tools/vectors.ts";

interface DocExamples {
  cases: { name: string; message: { op: number; d: unknown; seq?: number } }[];
}
interface SerenityPayloads {
  cases: { name: string; json?: string; json_value?: unknown; op?: number; d?: unknown }[];
}

const { ws_binary } = loadVectors<TransportVectors>("transport.json");
const examples = loadVectors<DocExamples>("doc_examples.json").cases;
const payloads = loadVectors<SerenityPayloads>("serenity_voice_payloads.json").cases;

const NUMBERED = GATEWAY_VERSIONS.filter((version) => version >= 8);
const UNNUMBERED = GATEWAY_VERSIONS.filter((version) => version < 8);

function remoteMessage(fn: () => unknown): string {
  return assertThrows(fn, RemoteProtocolError).message;
}

// JSON messages

test("decodeMessage() reads every example of the documentation", () => {
  for (const { name, message } of examples) {
    const { op, d, seq } = decodeMessage(JSON.stringify(message));
    assertEquals([op, d, seq], [message.op, message.d, message.seq], name);
  }
});

test("decodeMessage() reads every payload of serenity's model", () => {
  for (const { name, json, json_value, op, d } of payloads) {
    const message = decodeMessage(json ?? JSON.stringify(json_value));
    if (json !== undefined) assertEquals(message, { op: op!, d }, name);
  }
});

test("encodeMessage() writes op, d and seq, and leaves out what is not there", () => {
  assertEquals(encodeMessage(3, { t: 5, seq_ack: undefined }), '{"op":3,"d":{"t":5}}');
  assertEquals(encodeMessage(3, { t: 5, seq_ack: 0 }), '{"op":3,"d":{"t":5,"seq_ack":0}}');
  assertEquals(encodeMessage(9, null, 0), '{"op":9,"d":null,"seq":0}');
});

test("encodeMessage() and decodeMessage() are inverse", () => {
  for (const seq of [0, 1, 65535]) {
    assertEquals(decodeMessage(encodeMessage(5, { a: [1] }, seq)), { op: 5, d: { a: [1] }, seq });
  }
  assertEquals(decodeMessage(encodeMessage(9, null)), { op: 9, d: null });
});

test("decodeMessage() refuses what is no JSON", () => {
  for (const text of ["", " ", "{", "{]", "undefined", "\0", '{"op":8}x', "\ufeff{}"]) {
    assertEquals(remoteMessage(() => decodeMessage(text)), "Cannot read a message: it is not JSON");
  }
});

test("decodeMessage() refuses every truncation of a message", () => {
  for (
    const text of ['{"op":8,"d":{"heartbeat_interval":13750.0}}', '{"heartbeat_interval":41250}']
  ) {
    for (let size = 0; size < text.length; size++) {
      assertEquals(
        remoteMessage(() => decodeMessage(text.slice(0, size))),
        "Cannot read a message: it is not JSON",
      );
    }
  }
});

test("decodeMessage() refuses JSON that is no object, and an op that is no opcode", () => {
  for (const value of [null, true, 0, 1.5, "text", [], [{ op: 8 }]]) {
    assertEquals(
      remoteMessage(() => decodeMessage(JSON.stringify(value))),
      "Cannot read a message: it is no object",
    );
  }
  for (const op of [undefined, null, -1, 8.5, 2 ** 53, 1e300, "8", true, [8], {}]) {
    assertEquals(
      remoteMessage(() => decodeMessage(JSON.stringify({ op, d: {} }))),
      'Cannot read a message: "op" is no opcode',
    );
  }
});

test("decodeMessage() gives a bare Hello its opcode, and nothing else", () => {
  assertEquals(decodeMessage('{"heartbeat_interval":41250}'), {
    op: 8,
    d: { heartbeat_interval: 41250 },
  });
  assertEquals(readReceivePayload(decodeMessage('{"v":1,"heartbeat_interval":41250.5}')), {
    op: 8,
    d: { v: 1, heartbeat_interval: 41250.5 },
  });
  assertEquals(decodeMessage('{"op":9,"d":null,"heartbeat_interval":1}'), { op: 9, d: null });
  for (const text of ['{"op":null,"heartbeat_interval":1}', '{"d":{"heartbeat_interval":1}}']) {
    assertThrows(() => decodeMessage(text), RemoteProtocolError, '"op" is no opcode');
  }
});

test("decodeMessage() leaves a seq aside that is no unsigned 16-bit integer", () => {
  for (const seq of [-1, 65536, 1.5, "7", null, [7], true]) {
    assertEquals(decodeMessage(JSON.stringify({ op: 5, d: 1, seq })), { op: 5, d: 1 });
  }
  for (const seq of [0, 65535]) {
    assertEquals(decodeMessage(JSON.stringify({ op: 5, d: 1, seq })), { op: 5, d: 1, seq });
  }
});

test("decodeMessage() takes unknown opcodes and unknown fields", () => {
  for (const op of [33, 255, 256, 300, 2 ** 53 - 1]) {
    assertEquals(decodeMessage(`{"op":${op},"d":{},"s":4,"t":"X"}`), { op, d: {} });
    assertEquals(decodeMessage(`{"op":${op},"d":[1],"seq":8}`), { op, d: [1], seq: 8 });
  }
});

// Binary messages

for (const id of ["B01", "B04", "B05"]) {
  test(`decodeServerBinary() reads ${id} from version 8 on`, () => {
    const { frame, fields } = byId(ws_binary, id);
    for (const version of NUMBERED) {
      const { seq, op, d } = decodeServerBinary(hex(frame), version);
      assertEquals([seq, op, toHex(d as Uint8Array)], [fields.seq, fields.op, fields.payload]);
    }
  });
}

test("decodeServerBinary() reads a frame without a sequence number below version 8", () => {
  const { frame, fields } = byId(ws_binary, "B01");
  for (const version of UNNUMBERED) {
    const { op, d, ...rest } = decodeServerBinary(hex(frame).subarray(2), version);
    assertEquals([op, toHex(d as Uint8Array), rest], [fields.op, fields.payload, {}]);
    // With one, its first byte is the opcode.
    const numbered = decodeServerBinary(hex(frame), version);
    assertEquals([numbered.op, toHex(numbered.d as Uint8Array)], [0, frame.slice(2)]);
  }
});

test("decodeServerBinary() and decodeClientBinary() give a view of the frame", () => {
  const frame = hex(byId(ws_binary, "B01").frame);
  const numbered = decodeServerBinary(frame, 8).d as Uint8Array;
  assertEquals([numbered.buffer === frame.buffer, numbered.byteOffset], [true, 3]);
  for (
    const { d } of [decodeServerBinary(frame.subarray(2), 4), decodeClientBinary(frame.subarray(2))]
  ) {
    assertEquals([(d as Uint8Array).buffer === frame.buffer, (d as Uint8Array).byteOffset], [
      true,
      3,
    ]);
  }
});

test("Binary messages with every truncated head are refused, an empty payload is taken", () => {
  const forms = [
    { head: "000719", decode: (frame: Uint8Array) => decodeServerBinary(frame, 8) },
    { head: "19", decode: (frame: Uint8Array) => decodeServerBinary(frame, 7) },
    { head: "19", decode: decodeClientBinary },
  ];
  for (const { head, decode } of forms) {
    for (const cut of truncations(hex(head))) {
      assertEquals(
        remoteMessage(() => decode(cut)),
        `Cannot read a binary message of ${cut.length} bytes: it has at least ${head.length / 2}`,
      );
    }
    const { op, d } = decode(hex(head));
    assertEquals([op, d], [25, new Uint8Array()]);
  }
});

test("decodeServerBinary() survives garbage of every length", () => {
  const random = seededRandom(6);
  for (const version of GATEWAY_VERSIONS) {
    const head = version >= 8 ? 3 : 1;
    for (let size = head; size <= 100; size++) {
      const frame = randomBytes(random, size);
      const { op, seq, d } = decodeServerBinary(frame, version);
      const expected = version >= 8 ? frame[0] * 256 + frame[1] : undefined;
      assertEquals([op, seq, (d as Uint8Array).length], [frame[head - 1], expected, size - head]);
    }
  }
});

test("Binary messages are taken with any opcode", () => {
  const payload = Uint8Array.of(7);
  for (let op = 0; op < 256; op++) {
    assertEquals(decodeServerBinary(Uint8Array.of(1, 2, op, 7), 8), { op, d: payload, seq: 258 });
    assertEquals(decodeServerBinary(Uint8Array.of(op, 7), 7), { op, d: payload });
    assertEquals(decodeClientBinary(Uint8Array.of(op, 7)), { op, d: payload });
  }
});

test("encodeBinary() builds B03, and a prefix for each sequence number", () => {
  const { frame, fields } = byId(ws_binary, "B03");
  assertEquals(toHex(encodeBinary(fields.op, hex(fields.payload))), frame);
  for (const [seq, prefix] of [[0, "0000"], [1, "0001"], [256, "0100"], [65535, "ffff"]] as const) {
    assertEquals(toHex(encodeBinary(25, hex("aabb"), seq)), `${prefix}19aabb`);
  }
});

// Every opcode in the form of every version

/** The first version that has a form, and the form; binary ones in hexadecimal. */
type Forms = readonly (readonly [since: GatewayVersion, form: string])[];

const TOKEN = new Secret("66d29164ee8cd919");
const KEY = Array.from({ length: 32 }, (_, i) => i);
const IDS = { server_id: "1", channel_id: "2", session_id: "s", token: TOKEN };

const SENT: readonly (readonly [message: VoiceSendPayload, forms: Forms])[] = [
  [
    { op: 0, d: { ...IDS, user_id: "3", max_dave_protocol_version: 0, video: false, streams: [] } },
    [
      [
        1,
        '{"op":0,"d":{"server_id":"1","session_id":"s","token":"66d29164ee8cd919","user_id":"3","max_dave_protocol_version":0,"video":false,"streams":[]}}',
      ],
      [
        9,
        '{"op":0,"d":{"server_id":"1","channel_id":"2","session_id":"s","token":"66d29164ee8cd919","user_id":"3","max_dave_protocol_version":0,"video":false,"streams":[]}}',
      ],
    ],
  ],
  [{ op: 0, d: { server_id: "1", user_id: "3", session_id: "s", token: TOKEN } }, [
    [
      1,
      '{"op":0,"d":{"server_id":"1","user_id":"3","session_id":"s","token":"66d29164ee8cd919"}}',
    ],
  ]],
  [{ op: 1, d: { protocol: "udp", data: { address: "203.0.113.7", port: 5, mode: "m" } } }, [
    [1, '{"op":1,"d":{"protocol":"udp","data":{"address":"203.0.113.7","port":5,"mode":"m"}}}'],
  ]],
  [{ op: 1, d: { protocol: "webrtc", data: "a", sdp: "a", codecs: [{ name: "opus" }] } }, [
    [1, '{"op":1,"d":{"protocol":"webrtc","data":"a","sdp":"a","codecs":[{"name":"opus"}]}}'],
  ]],
  [{ op: 3, d: { t: 7, seq_ack: 0 } }, [
    [1, '{"op":3,"d":7}'],
    [8, '{"op":3,"d":{"t":7,"seq_ack":0}}'],
  ]],
  [{ op: 3, d: { t: 7 } }, [[1, '{"op":3,"d":7}'], [8, '{"op":3,"d":{"t":7}}']]],
  [{ op: 5, d: { speaking: 5, delay: 0, ssrc: 9 } }, [
    [1, '{"op":5,"d":{"speaking":true,"delay":0,"ssrc":9}}'],
    [4, '{"op":5,"d":{"speaking":5,"delay":0,"ssrc":9}}'],
  ]],
  [{ op: 5, d: { speaking: 0, delay: 0, ssrc: 9 } }, [
    [1, '{"op":5,"d":{"speaking":false,"delay":0,"ssrc":9}}'],
    [4, '{"op":5,"d":{"speaking":0,"delay":0,"ssrc":9}}'],
  ]],
  [{ op: 7, d: { ...IDS, seq_ack: 0 } }, [
    [1, '{"op":7,"d":{"server_id":"1","session_id":"s","token":"66d29164ee8cd919"}}'],
    [8, '{"op":7,"d":{"server_id":"1","session_id":"s","token":"66d29164ee8cd919","seq_ack":0}}'],
    [
      9,
      '{"op":7,"d":{"server_id":"1","channel_id":"2","session_id":"s","token":"66d29164ee8cd919","seq_ack":0}}',
    ],
  ]],
  [{ op: 10, d: { anything: [1] } }, [[1, '{"op":10,"d":{"anything":[1]}}']]],
  [{ op: 12, d: { audio_ssrc: 1, video_ssrc: 0, rtx_ssrc: 0, streams: [] } }, [
    [1, '{"op":12,"d":{"audio_ssrc":1,"video_ssrc":0,"rtx_ssrc":0,"streams":[]}}'],
  ]],
  [{ op: 14, d: { codecs: [{ name: "opus" }] } }, [[
    1,
    '{"op":14,"d":{"codecs":[{"name":"opus"}]}}',
  ]]],
  [{ op: 15, d: { any: 100 } }, [[1, '{"op":15,"d":{"any":100}}']]],
  [{ op: 16, d: {} }, [[1, '{"op":16,"d":{}}']]],
  [{ op: 23, d: { transition_id: 10 } }, [[1, '{"op":23,"d":{"transition_id":10}}']]],
  [{ op: 26, d: hex("0102") }, [[1, "1a0102"]]],
  [{ op: 28, d: hex("0102") }, [[1, "1c0102"]]],
  [{ op: 31, d: { transition_id: 10 } }, [[1, '{"op":31,"d":{"transition_id":10}}']]],
  [{ op: 32, d: {} }, [[1, '{"op":32,"d":{}}']]],
];

const READY = { ssrc: 1, port: 5, modes: ["m"], experiments: [] };
const NUMBERED_ONE = [
  ...[11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24].map((op) => numbered(op, 7)),
  numbered(10, 0),
  numbered(13, 65535),
];

/** A JSON message that has a number from version 8 on and no other difference. */
function numbered(op: number, seq: number): readonly [VoiceReceivePayload, Forms] {
  const payloads: Record<number, unknown> = {
    11: { user_ids: ["8"] },
    12: { user_id: "8", audio_ssrc: 1, video_ssrc: 0, streams: [] },
    13: { user_id: "8" },
    14: { audio_codec: "opus" },
    16: { voice: "0.9.1" },
    18: { user_id: "8", flags: null },
    20: { user_id: "8", platform: 0 },
    21: { protocol_version: 0, transition_id: 0 },
    22: { transition_id: 65535 },
    24: { protocol_version: 1, epoch: 1 },
  };
  const d = payloads[op] ?? { any: 1 };
  const body = `{"op":${op},"d":${JSON.stringify(d)}`;
  return [{ op, d, seq } as VoiceReceivePayload, [[1, `${body}}`], [8, `${body},"seq":${seq}}`]]];
}

const RECEIVED: readonly (readonly [message: VoiceReceivePayload, forms: Forms])[] = [
  [{ op: 2, d: { ...READY, ip: "127.0.0.1", heartbeat_interval: 6 } }, [
    [
      1,
      '{"op":2,"d":{"ssrc":1,"port":5,"modes":["m"],"experiments":[],"ip":"127.0.0.1","heartbeat_interval":6}}',
    ],
    [4, '{"op":2,"d":{"ssrc":1,"port":5,"modes":["m"],"experiments":[],"ip":"127.0.0.1"}}'],
  ]],
  [{ op: 2, d: READY }, [[1, '{"op":2,"d":{"ssrc":1,"port":5,"modes":["m"],"experiments":[]}}']]],
  [{ op: 2, d: READY, seq: 3 }, [
    [1, '{"op":2,"d":{"ssrc":1,"port":5,"modes":["m"],"experiments":[]}}'],
    [8, '{"op":2,"d":{"ssrc":1,"port":5,"modes":["m"],"experiments":[]},"seq":3}'],
  ]],
  [{ op: 3, d: null }, [[1, '{"op":3,"d":null}']]],
  [{ op: 4, d: { mode: "m", secret_key: new Secret(Uint8Array.from(KEY)) } }, [
    [1, `{"op":4,"d":{"mode":"m","secret_key":${JSON.stringify(KEY)}}}`],
  ]],
  [{ op: 5, d: { user_id: "8", ssrc: 9, speaking: 5 }, seq: 7 }, [
    [1, '{"op":5,"d":{"user_id":"8","ssrc":9,"speaking":true}}'],
    [4, '{"op":5,"d":{"user_id":"8","ssrc":9,"speaking":5}}'],
    [8, '{"op":5,"d":{"user_id":"8","ssrc":9,"speaking":5},"seq":7}'],
  ]],
  [{ op: 5, d: { user_id: "8", ssrc: 9, speaking: 0 } }, [
    [1, '{"op":5,"d":{"user_id":"8","ssrc":9,"speaking":false}}'],
    [4, '{"op":5,"d":{"user_id":"8","ssrc":9,"speaking":0}}'],
  ]],
  [{ op: 6, d: { t: 7 } }, [
    [1, '{"op":3,"d":7}'],
    [2, '{"op":6,"d":7}'],
    [8, '{"op":6,"d":{"t":7}}'],
  ]],
  [{ op: 8, d: { v: 8, heartbeat_interval: 13750.5 } }, [
    [1, '{"heartbeat_interval":13750.5}'],
    [3, '{"op":8,"d":{"v":8,"heartbeat_interval":13750.5}}'],
  ]],
  [{ op: 9, d: null }, [[1, '{"op":9,"d":null}']]],
  ...NUMBERED_ONE,
  [{ op: 25, d: hex("aabb"), seq: 0 }, [[1, "19aabb"], [8, "000019aabb"]]],
  [{ op: 27, d: hex("aabb"), seq: 1 }, [[1, "1baabb"], [8, "00011baabb"]]],
  [{ op: 29, d: hex(""), seq: 256 }, [[1, "1d"], [8, "01001d"]]],
  [{ op: 30, d: hex("aabb"), seq: 65535 }, [[1, "1eaabb"], [8, "ffff1eaabb"]]],
];

function formOf(forms: Forms, version: GatewayVersion): string {
  return forms.findLast(([since]) => since <= version)![1];
}

function shown(frame: string | Uint8Array): string {
  return typeof frame === "string" ? frame : toHex(frame);
}

test("encodeSend() and encodeReceive() are shown for every opcode there is", () => {
  const shown = [...SENT, ...RECEIVED].map(([{ op }]) => op);
  assertEquals(new Set(shown), new Set(Object.values(VoiceOpcodes)));
});

for (const [index, [message, forms]] of SENT.entries()) {
  test(`encodeSend() ${index} writes ${opcodeName(message.op)} as each version has it`, () => {
    for (const version of GATEWAY_VERSIONS) {
      const frame = encodeSend(message, version);
      assertEquals(shown(frame), formOf(forms, version), `version ${version}`);
      assertEquals(frame instanceof Uint8Array, message.d instanceof Uint8Array);
    }
  });
}

for (const [index, [message, forms]] of RECEIVED.entries()) {
  test(`encodeReceive() ${index} writes ${opcodeName(message.op)} as each version has it`, () => {
    for (const version of GATEWAY_VERSIONS) {
      const frame = encodeReceive(message, version);
      assertEquals(shown(frame), formOf(forms, version), `version ${version}`);
      assertEquals(frame instanceof Uint8Array, message.d instanceof Uint8Array);
    }
  });
}

for (const version of GATEWAY_VERSIONS) {
  test(`What is written for version ${version} is read as it was`, () => {
    for (const [message] of SENT) {
      const frame = encodeSend(message, version);
      const raw = typeof frame === "string" ? decodeMessage(frame) : decodeClientBinary(frame);
      assertEquals(reveal(readSendPayload(raw)), carried(message, version));
    }
    for (const [message] of RECEIVED) {
      // There it is the opcode of the answer.
      if (version === 1 && message.op === VoiceOpcodes.Heartbeat) continue;
      const frame = encodeReceive(message, version);
      const raw = typeof frame === "string"
        ? decodeMessage(frame)
        : decodeServerBinary(frame, version);
      assertEquals(reveal(readReceivePayload(raw, version)), carried(message, version));
    }
  });
}

test("encodeSend() refuses a heartbeat's nonce that is no safe integer", () => {
  for (const version of GATEWAY_VERSIONS) {
    for (const t of [0.5, NaN, Infinity, -Infinity, 2 ** 53, 1e300, "7", null, undefined]) {
      const { message } = assertThrows(
        () => encodeSend({ op: 3, d: { t: t as number } }, version),
        RangeError,
      );
      assertEquals(message, `Cannot encode a heartbeat with nonce ${t}: it must be an integer`);
    }
    for (const t of [0, -1, 2 ** 53 - 1, -(2 ** 53) + 1]) {
      const raw = decodeMessage(encodeSend({ op: 3, d: { t } }, version) as string);
      assertEquals(raw.d, version < 8 ? t : { t });
    }
  }
});

test("encodeReceive() refuses a binary message without the number that its version demands", () => {
  for (const op of [25, 27, 29, 30] as const) {
    const message = { op, d: hex("aabb") };
    for (const version of NUMBERED) {
      assertEquals(
        assertThrows(() => encodeReceive(message, version), RangeError).message,
        `Cannot encode op ${op} for version ${version}: it needs a number`,
      );
    }
    for (const version of UNNUMBERED) {
      assertEquals(shown(encodeReceive(message, version)), toHex(Uint8Array.of(op, 0xaa, 0xbb)));
    }
  }
});

test("Neither direction changes the message that it writes", () => {
  for (const version of GATEWAY_VERSIONS) {
    for (const [message] of SENT) encodeSend(frozen(message), version);
    for (const [message] of RECEIVED) encodeReceive(frozen(message), version);
  }
});

/** To write to it throws; of bytes only what holds them. */
function frozen<T extends VoiceMessage>(message: T): T {
  if (!(message.d instanceof Uint8Array)) Object.freeze(message.d);
  return Object.freeze(message);
}

/** The message, its secrets in the clear. */
function reveal(message: VoiceMessage | undefined): VoiceMessage | undefined {
  if (!(message?.d instanceof Object) || message.d instanceof Uint8Array) return message;
  const fields = Object.entries(message.d).map(([name, value]) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ]);
  return { ...message, d: Object.fromEntries(fields) };
}

/** What a version carries of a message, its secrets in the clear. */
function carried(message: VoiceMessage, version: GatewayVersion): VoiceMessage | undefined {
  const { op, d, seq } = reveal(message)!;
  const numbers = seq !== undefined && version >= 8 ? { seq } : {};
  const fields = d as Record<string, unknown>;
  const omit = (...names: readonly string[]) => ({
    op,
    d: Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name))),
    ...numbers,
  });
  switch (op) {
    case 0:
    case 7:
      return omit(version < 9 ? "channel_id" : "", version < 8 ? "seq_ack" : "");
    case 2:
      return omit(version < 4 ? "" : "heartbeat_interval");
    case 3:
      return version < 8 && fields !== null ? omit("seq_ack") : { op, d };
    case 5:
      return version >= 4
        ? { op, d, ...numbers }
        : { op, d: { ...fields, speaking: Math.sign(fields.speaking as number) } };
    case 8:
      return omit(version < 3 ? "v" : "");
    default:
      return { op, d, ...numbers };
  }
}
