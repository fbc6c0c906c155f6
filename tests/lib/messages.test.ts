import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { RemoteProtocolError } from "../../lib/errors.ts";
import {
  decodeMessage,
  decodeServerBinary,
  encodeBinary,
  encodeMessage,
  isInteger,
  isRecord,
  readClientDisconnect,
  readClientsConnect,
  readHeartbeatAck,
  readHello,
  readReady,
  readSessionDescription,
  readSpeaking,
} from "../../lib/messages.ts";
import {
  byId,
  hex,
  JSON_KINDS,
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

function example(name: string): unknown {
  return examples.find((candidate) => candidate.name === name)!.message.d;
}

function remoteMessage(fn: () => unknown): string {
  return assertThrows(fn, RemoteProtocolError).message;
}

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
  const text = '{"op":8,"d":{"heartbeat_interval":13750.0}}';
  for (let size = 0; size < text.length; size++) {
    assertEquals(
      remoteMessage(() => decodeMessage(text.slice(0, size))),
      "Cannot read a message: it is not JSON",
    );
  }
});

test("decodeMessage() refuses JSON that is no object, and an op that is no opcode", () => {
  for (const value of [null, true, 0, 1.5, "text", [], [{ op: 8 }]]) {
    assertEquals(
      remoteMessage(() => decodeMessage(JSON.stringify(value))),
      "Cannot read a message: it is no object",
    );
  }
  for (const op of [undefined, null, -1, 256, 8.5, 1e300, "8", true, [8], {}]) {
    assertEquals(
      remoteMessage(() => decodeMessage(JSON.stringify({ op, d: {} }))),
      'Cannot read a message: "op" is no opcode',
    );
  }
});

test("decodeMessage() leaves a seq aside that is no unsigned 16-bit integer", () => {
  for (const seq of [-1, 65536, 1.5, "7", null, [7], true]) {
    assertEquals(decodeMessage(JSON.stringify({ op: 5, d: 1, seq })), { op: 5, d: 1 });
  }
});

test("decodeMessage() takes unknown opcodes and unknown fields", () => {
  assertEquals(decodeMessage('{"op":255,"d":{},"s":4,"t":"X"}'), { op: 255, d: {} });
});

for (const id of ["B01", "B04", "B05"]) {
  test(`decodeServerBinary() reads ${id}`, () => {
    const { frame, fields } = byId(ws_binary, id);
    const { seq, op, payload } = decodeServerBinary(hex(frame));
    assertEquals([seq, op, toHex(payload)], [fields.seq, fields.op, fields.payload]);
  });
}

test("decodeServerBinary() gives a view of the frame", () => {
  const frame = hex(byId(ws_binary, "B01").frame);
  const { payload } = decodeServerBinary(frame);
  assertEquals([payload.buffer === frame.buffer, payload.byteOffset], [true, 3]);
});

test("decodeServerBinary() refuses every truncated head and takes an empty payload", () => {
  for (const cut of truncations(hex("000719"))) {
    assertEquals(
      remoteMessage(() => decodeServerBinary(cut)),
      `Cannot read a binary message of ${cut.length} bytes: it has at least 3 bytes`,
    );
  }
  assertEquals(decodeServerBinary(hex("000719")).payload.length, 0);
});

test("decodeServerBinary() survives garbage of every length", () => {
  const random = seededRandom(6);
  for (let size = 3; size <= 100; size++) {
    const frame = randomBytes(random, size);
    frame[2] = 21 + frame[2] % 11;
    const { seq, payload } = decodeServerBinary(frame);
    assertEquals([seq, payload.length], [frame[0] * 256 + frame[1], size - 3]);
  }
});

test("decodeServerBinary() refuses opcodes that are not of end-to-end encryption", () => {
  for (let op = 0; op < 256; op++) {
    const decode = () => decodeServerBinary(Uint8Array.of(0, 1, op)).op;
    if (op >= 21 && op <= 31) assertEquals(decode(), op);
    else assertThrows(decode, RemoteProtocolError, `opcode ${op}`);
  }
  assertThrows(() => decodeServerBinary(hex("7b226f70223a317d")), RemoteProtocolError);
});

test("readHeartbeatAck() takes the bare nonce of older versions, and refuses what is none", () => {
  assertEquals([readHeartbeatAck(7), readHeartbeatAck("8"), readHeartbeatAck({ t: 9 })], [7, 8, 9]);
  for (const d of [undefined, null, true, "text", [], -1, 0.5]) {
    assertThrows(() => readHeartbeatAck(d), RemoteProtocolError, 'op 6: "t" must be an integer');
  }
});

test("encodeBinary() builds B03", () => {
  const { frame, fields } = byId(ws_binary, "B03");
  assertEquals(toHex(encodeBinary(fields.op, hex(fields.payload))), frame);
});

const KEY = Array.from({ length: 32 }, (_, i) => i);
const READY = { ssrc: 1, ip: "127.0.0.1", port: 1234, modes: ["a", "b"] };
const SPEAKING = { user_id: "852892297661906993", ssrc: 2, speaking: 5 };

/** For each reader: a payload that is right, and the values that a field may not take. */
const READERS: readonly {
  name: string;
  op: number;
  read: (d: unknown) => unknown;
  payload: Record<string, unknown>;
  fields: Record<string, { wanted: string; wrong: readonly unknown[]; hidden?: boolean }>;
}[] = [
  {
    name: "readHello",
    op: 8,
    read: readHello,
    payload: { heartbeat_interval: 13750 },
    fields: {
      heartbeat_interval: {
        wanted: "a positive number",
        wrong: [null, true, "13750", 0, -1, NaN, Infinity, [13750], {}],
      },
    },
  },
  {
    name: "readReady",
    op: 2,
    read: readReady,
    payload: READY,
    fields: {
      ssrc: {
        wanted: "an unsigned 32-bit integer",
        wrong: [null, true, "1", -1, 0.5, 2 ** 32, NaN, [1], {}],
      },
      ip: { wanted: "an IP address", wrong: [null, true, 7, "", ["127.0.0.1"], {}] },
      port: {
        wanted: "an integer of 1 to 65535",
        wrong: [null, true, "1234", 0, -1, 1.5, 65536, [1], {}],
      },
      modes: {
        wanted: "an array of strings",
        wrong: [null, true, 1, "plain", {}, [1], ["a", null], [["a"]]],
      },
    },
  },
  {
    name: "readSessionDescription",
    op: 4,
    read: readSessionDescription,
    payload: { mode: "m", secret_key: KEY },
    fields: {
      mode: { wanted: "a string", wrong: [null, true, 1, ["m"], {}] },
      secret_key: {
        wanted: "an array of 32 bytes",
        hidden: true,
        wrong: [
          null,
          true,
          1,
          "secret",
          {},
          { ...KEY, length: 32 },
          [],
          [251, 100, 11],
          KEY.slice(1),
          [...KEY, 1],
          [...KEY.slice(1), 256],
          [...KEY.slice(1), -1],
          [...KEY.slice(1), 0.5],
          [...KEY.slice(1), "1"],
          [...KEY.slice(1), null],
        ],
      },
    },
  },
  {
    name: "readSpeaking",
    op: 5,
    read: readSpeaking,
    payload: SPEAKING,
    fields: {
      user_id: { wanted: "a string", wrong: [null, true, 1, ["1"], {}] },
      ssrc: { wanted: "an unsigned 32-bit integer", wrong: [null, true, "2", -1, 2 ** 32, 0.5] },
      speaking: { wanted: "a bit mask", wrong: [null, "1", -1, 0.5, 2 ** 32, [1], {}] },
    },
  },
  {
    name: "readHeartbeatAck",
    op: 6,
    read: readHeartbeatAck,
    payload: { t: 7 },
    fields: { t: { wanted: "an integer", wrong: [null, true, "x", -1, 0.5, 2 ** 53, "1.5", {}] } },
  },
  {
    name: "readClientsConnect",
    op: 11,
    read: readClientsConnect,
    payload: { user_ids: ["1", "2"] },
    fields: {
      user_ids: {
        wanted: "an array of strings",
        wrong: [null, true, 1, "1", {}, [1], ["1", null]],
      },
    },
  },
  {
    name: "readClientDisconnect",
    op: 13,
    read: readClientDisconnect,
    payload: { user_id: "1234" },
    fields: { user_id: { wanted: "a string", wrong: [null, true, 1234, ["1"], {}] } },
  },
];

for (const { name, op, read, payload, fields } of READERS) {
  test(`${name}() leaves unknown fields alone`, () => {
    assertEquals(read({ ...payload, nobody: { knows: [] } }), read(payload));
  });

  test(`${name}() refuses a payload that is no object`, () => {
    if (read === readHeartbeatAck) return; // an answer of older versions is a bare number
    for (const d of [undefined, null, true, 0, "text", [], [payload]]) {
      assertEquals(remoteMessage(() => read(d)), `op ${op}: the payload must be an object`);
    }
  });

  for (const [field, { wanted, wrong, hidden }] of Object.entries(fields)) {
    test(`${name}() names ${field} where it is missing or wrong`, () => {
      for (const value of [undefined, ...wrong]) {
        const shown = hidden ? "another value" : JSON.stringify(value);
        assertEquals(
          remoteMessage(() => read({ ...payload, [field]: value })),
          `op ${op}: "${field}" must be ${wanted}: got ${shown}`,
        );
      }
    });
  }

  test(`${name}() throws nothing but RemoteProtocolError, whatever it reads`, () => {
    const values = [...JSON_KINDS, payload];
    for (const field of Object.keys(fields)) {
      for (const value of values) {
        try {
          read({ ...payload, [field]: value });
        } catch (error) {
          assertEquals((error as Error).name, "RemoteProtocolError");
        }
      }
    }
  });
}

test("a wrong value is shown shortened", () => {
  const message = remoteMessage(() => readHello({ heartbeat_interval: "x".repeat(10_000) }));
  assertEquals(message.length < 200, true);
});

// JSON.parse() of V8 has no depth limit, but JSON.stringify() overflows the stack.
test("a wrong value that is nested deeply is a RemoteProtocolError too", () => {
  const nested = "[".repeat(100_000) + "]".repeat(100_000);
  remoteMessage(() => readHello(decodeMessage(`{"op":8,"d":{"heartbeat_interval":${nested}}}`).d));
  remoteMessage(() => readReady(decodeMessage(`{"op":2,"d":{"ssrc":${nested}}}`).d));
});

test("readHello() takes fractions and the examples", () => {
  assertEquals(readHello({ heartbeat_interval: 13750.5 }), { heartbeat_interval: 13750.5 });
  assertEquals(readHello(example("Example Hello Payload")), { heartbeat_interval: 41250 });
  assertEquals(readHello(example("Example Hello")), { heartbeat_interval: 41250 });
});

test("readReady() reads the examples, without the wrong heartbeat_interval", () => {
  assertEquals(readReady(example("Example Voice Ready Payload")), {
    ssrc: 1,
    ip: "127.0.0.1",
    port: 1234,
    modes: ["xsalsa20_poly1305", "xsalsa20_poly1305_suffix", "xsalsa20_poly1305_lite"],
  });
  assertEquals(readReady(example("Example Ready")), {
    ssrc: 12871,
    ip: "127.0.0.1",
    port: 1234,
    modes: ["aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize"],
  });
  assertEquals(readReady({ ...READY, ssrc: 0xffffffff }).ssrc, 0xffffffff);
});

test("readSessionDescription() copies the key and never shows it", () => {
  const { mode, secret_key } = readSessionDescription({ mode: "m", secret_key: KEY });
  assertEquals([mode, secret_key.reveal()], ["m", Uint8Array.from(KEY)]);
  assertEquals(JSON.stringify(secret_key), '"[redacted]"');
  const error = assertThrows(() =>
    readSessionDescription(example("Example Session Description Payload"))
  );
  assertEquals(String(error).includes("251"), false);
});

test("readSpeaking() takes a bit mask, the boolean of old servers, and the example", () => {
  assertEquals(readSpeaking(example("Example Speaking (Receive)")), SPEAKING);
  assertEquals(readSpeaking({ ...SPEAKING, speaking: true }).speaking, 1);
  assertEquals(readSpeaking({ ...SPEAKING, speaking: false }).speaking, 0);
});

test("readHeartbeatAck() takes a nonce as number or text, and the example", () => {
  assertEquals(readHeartbeatAck({ t: 0 }), 0);
  assertEquals(readHeartbeatAck({ t: "1501184119561" }), 1501184119561);
  assertEquals(readHeartbeatAck(example("Example Heartbeat ACK Payload since V8")), 1501184119561);
});

test("readClientsConnect() and readClientDisconnect() read the examples", () => {
  const userId = "852892297661906993";
  assertEquals(readClientsConnect(example("Example Clients Connect")), [userId]);
  assertEquals(readClientsConnect({ user_ids: [] }), []);
  assertEquals(readClientDisconnect(example("Example Client Disconnect")), userId);
});

test("isRecord() and isInteger() tell JSON kinds apart", () => {
  assertEquals(JSON_KINDS.map(isRecord).map(Number).join(""), "00000000000011");
  assertEquals([0, 9, 10, -1, 0.5, NaN, "1", null].map((value) => isInteger(value, 9)), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});
