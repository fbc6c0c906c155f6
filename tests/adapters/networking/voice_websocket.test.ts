import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { inspect } from "node:util";
import {
  type BinaryWebSocketMessage,
  LocalProtocolError,
  RemoteProtocolError,
  VoiceOpcodes,
  type VoiceReceivePayload,
  VoiceWebSocket,
  WEBSOCKET_QUEUE_LIMIT,
} from "../../../adapters/networking/mod.ts";
import { startVoiceServer } from "../../../adapters/testing/mod.ts";
import { until, within } from "../../tools/waiting.ts";
import { serveWebSocket } from "../fixtures.ts";
import { ALICE, caughtLater, GUILD, LIMIT, next, Played, TOKEN } from "./fixtures.ts";

const IDENTIFY = {
  op: VoiceOpcodes.Identify,
  d: { server_id: GUILD, user_id: ALICE, session_id: "session", token: TOKEN },
} as const;

function played(debug = false): { network: Played; ws: VoiceWebSocket } {
  const network = new Played();
  return { network, ws: new VoiceWebSocket("ws://127.0.0.1:9/?v=8", debug, network.transport) };
}

/** What a message does to a WebSocket. */
function hear(data: unknown): { ws: VoiceWebSocket; errors: Error[]; packets: unknown[] } {
  const { ws } = played();
  const errors: Error[] = [];
  const packets: unknown[] = [];
  ws.on("error", (error) => errors.push(error));
  ws.on("packet", (packet) => packets.push(packet));
  ws.on("binary", (message) => packets.push(message));
  ws.onMessage(new MessageEvent("message", { data }));
  return { ws, errors, packets };
}

test(
  "VoiceWebSocket sends what came before the open, in order, and tells what comes",
  within(LIMIT, async () => {
    const { server, url, events } = await serveWebSocket();
    const ws = new VoiceWebSocket(url, false);
    ws.sendPacket(IDENTIFY);
    ws.sendBinaryMessage(VoiceOpcodes.DaveMlsKeyPackage, Buffer.from([1, 2, 3]));
    ws.sendPacket({ op: VoiceOpcodes.Speaking, d: { speaking: 1, delay: 0, ssrc: 7 } });
    await next(ws, "open");
    const { client } = await events.take();
    assertStringIncludes(client.path, "v=8");
    const received = [];
    for (let i = 0; i < 3; i++) {
      const event = await events.take();
      assert(event.type === "message");
      received.push(typeof event.data === "string" ? JSON.parse(event.data) : [...event.data]);
    }
    assertEquals(received, [IDENTIFY, [26, 1, 2, 3], {
      op: 5,
      d: { speaking: 1, delay: 0, ssrc: 7 },
    }]);

    const packet = next<[VoiceReceivePayload]>(ws, "packet");
    client.send(JSON.stringify({ op: 8, d: { v: 8, heartbeat_interval: 41_250.5 }, seq: 0 }));
    assertEquals(await packet, [{ op: 8, d: { v: 8, heartbeat_interval: 41_250.5 }, seq: 0 }]);
    assertEquals(ws.sequence, 0);
    const binary = next<[BinaryWebSocketMessage]>(ws, "binary");
    client.send(Uint8Array.of(1, 2, 25, 9, 8));
    const [message] = await binary;
    assertEquals([message.op, [...message.payload], message.seq], [25, [9, 8], 258]);
    assert(Buffer.isBuffer(message.payload));
    assertEquals(ws.sequence, 258);

    const closed = next<[number, string]>(ws, "close");
    client.close(4014, "moved");
    assertEquals(await closed, [4014, "moved"]);
    await server.close();
  }),
);

test(
  "VoiceWebSocket.destroy() closes with 1000, once, and nothing is told afterwards",
  within(LIMIT, async () => {
    const { server, url, events } = await serveWebSocket();
    const ws = new VoiceWebSocket(url, true);
    await next(ws, "open");
    await events.take();
    const told: unknown[] = [];
    ws.on("close", (...args) => told.push(args));
    ws.destroy();
    ws.destroy();
    const closed = await events.take();
    assert(closed.type === "close");
    assertEquals(closed.code, 1000);
    assertEquals(told, [[1000, ""]]);
    for (const name of ["open", "packet", "binary", "error", "debug", "close"] as const) {
      ws.removeAllListeners(name).on(name as "open", () => told.push(name));
    }
    ws.onMessage(new MessageEvent("message", { data: '{"op":5,"d":{},"seq":5}' }));
    ws.destroy();
    ws.setHeartbeatInterval(1);
    await server.close();
    assertEquals(told.length, 1);
    assertEquals(ws.sequence, -1);
  }),
);

test("VoiceWebSocket ignores a transport that calls after the end", () => {
  const { network, ws } = played();
  const told: string[] = [];
  for (const name of ["open", "packet", "error"] as const) {
    ws.on(name as "open", () => told.push(name));
  }
  ws.destroy();
  assertEquals(network.ws.closedWith, 1000);
  network.ws.handlers.open();
  network.ws.handlers.message('{"op":8,"d":{}}');
  network.ws.handlers.close(1006, "late");
  assertEquals(told, []);
});

test(
  "VoiceWebSocket destroyed while the runtime is detected opens nothing",
  within(LIMIT, async () => {
    const { server, url, events } = await serveWebSocket();
    const ws = new VoiceWebSocket(url, false);
    ws.destroy();
    const other = new VoiceWebSocket(url, false);
    await next(other, "open");
    assertEquals((await events.take()).type, "open");
    assertEquals(events.size, 0);
    other.destroy();
    await server.close();
  }),
);

test("VoiceWebSocket asks for version 8 where the address names none", () => {
  const addresses = [
    ["wss://voice.example", "wss://voice.example/?v=8"],
    ["wss://voice.example:2053/?v=4", "wss://voice.example:2053/?v=4"],
    ["wss://voice.example/?encoding=json", "wss://voice.example/?encoding=json&v=8"],
    ["wss://voice.example/?v=77", "wss://voice.example/?v=8"],
    ["no url", "no url"],
  ];
  for (const [address, url] of addresses) {
    const network = new Played();
    new VoiceWebSocket(address, false, network.transport).destroy();
    assertEquals(network.ws.url, url);
  }
});

test(
  "VoiceWebSocket tells error and close 1006 where it cannot connect, and throws nothing unheard",
  within(LIMIT, async () => {
    const { server, url } = await serveWebSocket();
    await server.close();
    const unheard = new VoiceWebSocket(url, false);
    const [code] = await next<[number, string]>(unheard, "close");
    assertEquals(code, 1006);
    const ws = new VoiceWebSocket("no url", false);
    const error = next<[Error]>(ws, "error");
    const closed = next<[number, string]>(ws, "close");
    assertStringIncludes((await error)[0].message, "Cannot keep the WebSocket open: ");
    assertEquals((await closed)[0], 1006);
  }),
);

test("VoiceWebSocket keeps a bounded queue, and after the end says that a message is lost", () => {
  const { network, ws } = played();
  const beat = { op: VoiceOpcodes.Heartbeat, d: { t: 1 } } as const;
  for (let i = 0; i < WEBSOCKET_QUEUE_LIMIT; i++) ws.sendPacket(beat);
  assertThrows(() => ws.sendPacket(beat), LocalProtocolError, "64 messages wait");
  assertThrows(
    () => ws.sendBinaryMessage(VoiceOpcodes.DaveMlsKeyPackage, Buffer.alloc(1)),
    LocalProtocolError,
  );
  network.ws.handlers.open();
  assertEquals(network.ws.sent.length, WEBSOCKET_QUEUE_LIMIT);
  ws.sendPacket(beat);
  assertEquals(network.ws.sent.length, WEBSOCKET_QUEUE_LIMIT + 1);
  ws.destroy();
  ws.sendPacket(beat);
  const errors: Error[] = [];
  ws.on("error", (error) => errors.push(error));
  ws.sendPacket(beat);
  assertEquals(network.ws.sent.length, WEBSOCKET_QUEUE_LIMIT + 1);
  assertEquals(errors.length, 1);
  assertInstanceOf(errors[0], LocalProtocolError);
});

const MALFORMED: readonly unknown[] = [
  "",
  "{",
  "null",
  "[]",
  '"text"',
  "{}",
  '{"op":"8"}',
  '{"op":-1}',
  `{"op":5,"d":"${"x".repeat(1_048_576)}"}`,
  new Uint8Array(2),
  new ArrayBuffer(0),
  undefined,
  42,
  new Blob(["{}"]),
];

for (const [index, data] of MALFORMED.entries()) {
  test(`VoiceWebSocket.onMessage() makes an error of malformed message ${index}, no more`, () => {
    const { ws, errors, packets } = hear(data);
    assertEquals(packets, []);
    assertEquals(errors.length, 1);
    assertInstanceOf(errors[0], RemoteProtocolError);
    assertEquals(ws.sequence, -1);
    ws.removeAllListeners("error");
    const thrown = caughtLater(() => ws.onMessage(new MessageEvent("message", { data })));
    assertEquals(thrown, []);
  });
}

test("VoiceWebSocket.onMessage() takes text, a Buffer, an ArrayBuffer and what nobody knows", () => {
  assertEquals(hear('{"op":99,"d":[1],"seq":7}').packets, [{ op: 99, d: [1], seq: 7 }]);
  const payload = (data: unknown) => (hear(data).packets[0] as BinaryWebSocketMessage).payload;
  assertEquals([...payload(Buffer.from([0, 1, 30, 5]))], [5]);
  assertEquals([...payload(Uint8Array.of(0, 1, 30, 6).buffer)], [6]);
});

test("VoiceWebSocket.sequence counts 0, and keeps its value where a message has none", () => {
  const { ws } = hear('{"op":5,"d":{},"seq":0}');
  assertEquals(ws.sequence, 0);
  for (
    const [text, sequence] of [
      ['{"op":6,"d":{"t":1}}', 0],
      ['{"op":5,"d":{},"seq":65535}', 65_535],
      ['{"op":5,"d":{},"seq":65536}', 65_535],
      ['{"op":5,"d":{},"seq":"3"}', 65_535],
      ['{"op":5,"d":{},"seq":0}', 0],
    ] as const
  ) {
    ws.onMessage(new MessageEvent("message", { data: text }));
    assertEquals(ws.sequence, sequence);
  }
});

test(
  "VoiceWebSocket.setHeartbeatInterval() beats with integers and seq_ack, and measures the ping",
  within(LIMIT, async () => {
    const server = await startVoiceServer();
    const ws = new VoiceWebSocket(server.url, true);
    const beats: string[] = [];
    ws.on("debug", (message) => message.includes(">> heartbeat") && beats.push(message));
    assertEquals([ws.ping, ws.sequence], [undefined, -1]);
    await next(ws, "packet");
    ws.setHeartbeatInterval(10);
    await next<[VoiceReceivePayload]>(ws, "packet", ({ op }) => op === VoiceOpcodes.HeartbeatAck);
    assert(ws.ping !== undefined && ws.ping > 0 && ws.ping < 5000, `${ws.ping}`);
    await until(() => beats.length >= 3);
    ws.setHeartbeatInterval(-1);
    const seen = beats.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals(beats.length, seen);
    ws.destroy();
    await server.close();
  }),
);

test(
  "VoiceWebSocket tells the server what it has received: -1, then the last number, 0 too",
  within(LIMIT, async () => {
    const { network, ws } = played();
    network.ws.handlers.open();
    ws.setHeartbeatInterval(10);
    const beat = async (index: number): Promise<unknown> => {
      await until(() => network.ws.sent.length > index);
      const message = JSON.parse(network.ws.sent[index] as string);
      network.ws.handlers.message(JSON.stringify({ op: 6, d: { t: message.d.t } }));
      return message;
    };
    assertEquals(await beat(0), { op: 3, d: { t: 1, seq_ack: -1 } });
    network.ws.handlers.message('{"op":5,"d":{},"seq":0}');
    assertEquals(await beat(1), { op: 3, d: { t: 2, seq_ack: 0 } });
    network.ws.handlers.message('{"op":5,"d":{},"seq":300}');
    assertEquals(await beat(2), { op: 3, d: { t: 3, seq_ack: 300 } });
    ws.destroy();
  }),
);

test(
  "VoiceWebSocket closes with 4800 where two heartbeats were not answered, and beats no more",
  within(LIMIT, async () => {
    const { network, ws } = played();
    network.ws.handlers.open();
    ws.setHeartbeatInterval(10);
    assertEquals(await next(ws, "close"), [4800, "no heartbeat was answered"]);
    assertEquals(network.ws.closedWith, 4800);
    assertEquals(network.ws.sent.length, 2);
  }),
);

test("VoiceWebSocket leaves no timer behind, whoever ends it", () => {
  const { setInterval, clearInterval } = globalThis;
  const running = new Set<unknown>();
  const run = (end: (played: { network: Played; ws: VoiceWebSocket }) => void): void => {
    const both = played();
    both.network.ws.handlers.open();
    both.ws.setHeartbeatInterval(10_000);
    both.ws.setHeartbeatInterval(20_000);
    assertEquals(running.size, 1);
    end(both);
    assertEquals(running.size, 0);
  };
  globalThis.setInterval = ((...args: Parameters<typeof setInterval>) => {
    const id = setInterval(...args);
    running.add(id);
    return id;
  }) as typeof setInterval;
  globalThis.clearInterval = (id) => {
    running.delete(id);
    clearInterval(id);
  };
  try {
    run(({ ws }) => ws.destroy());
    run(({ ws }) => ws.setHeartbeatInterval(-1));
    run(({ network }) => network.ws.handlers.close(4014, ""));
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
});

test("VoiceWebSocket.setHeartbeatInterval() refuses what is no interval", () => {
  const { ws } = played();
  for (const ms of [0, -2, NaN, -Infinity]) {
    assertThrows(() => ws.setHeartbeatInterval(ms), RangeError, `${ms}`);
  }
  for (const ms of [Infinity, 2 ** 31, 13_750.5, -1]) ws.setHeartbeatInterval(ms);
  ws.destroy();
});

test("VoiceWebSocket hides the key of op 4, which can be read", () => {
  const key = Array.from({ length: 32 }, (_, i) => 200 + i);
  const { packets } = hear(JSON.stringify({ op: 4, d: { mode: "m", secret_key: key }, seq: 3 }));
  const packet = packets[0] as { d: { mode: string; secret_key: number[] } };
  assertEquals(packet.d.secret_key, key);
  assertEquals(packet.d.mode, "m");
  for (const text of [inspect(packet, { depth: 9 }), JSON.stringify(packet)]) {
    assert(!text.includes("201"), text);
    assertStringIncludes(text, "[redacted]");
  }
  for (const d of ["null", "[]", "3", "{}"]) {
    const { errors, packets } = hear(`{"op":4,"d":${d}}`);
    assertEquals([errors.length, packets.length], [0, 1]);
  }
});

test("VoiceWebSocket debugs without contents, and only where it was asked for", () => {
  for (const debug of [true, false]) {
    const { network, ws } = played(debug);
    const lines: string[] = [];
    ws.on("debug", (line) => lines.push(line));
    ws.sendPacket(IDENTIFY);
    network.ws.handlers.open();
    network.ws.handlers.message('{"op":2,"d":{"word":"swordfish"}}');
    network.ws.handlers.close(4004, `no ${TOKEN}`);
    assertEquals(lines, debug ? [">> Identify", "open", "<< Ready", "closed with 4004"] : []);
  }
});

test("VoiceWebSocket goes on where a listener throws; the error reaches the process", () => {
  const { network, ws } = played();
  network.ws.handlers.open();
  ws.on("packet", () => {
    throw new Error("of the listener");
  });
  const thrown = caughtLater(() => {
    network.ws.handlers.message('{"op":5,"d":{},"seq":1}');
    network.ws.handlers.message('{"op":5,"d":{},"seq":2}');
  });
  assertEquals(thrown.map((error) => (error as Error).message), Array(2).fill("of the listener"));
  assertEquals(ws.sequence, 2);
});

test("VoiceWebSocket calls an override of onMessage with what comes", () => {
  class Counting extends VoiceWebSocket {
    events: MessageEvent[] = [];
    override onMessage(event: MessageEvent): void {
      this.events.push(event);
      super.onMessage(event);
    }
  }
  const network = new Played();
  const ws = new Counting("ws://127.0.0.1:9", false, network.transport);
  network.ws.handlers.message('{"op":5,"d":{},"seq":9}');
  assertEquals(ws.events.map(({ data }) => data), ['{"op":5,"d":{},"seq":9}']);
  assertEquals(ws.sequence, 9);
});
