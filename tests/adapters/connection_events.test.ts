// What a connection tells: to `on`, to `onEvent`, to its logger; and what it never tells.

import { assert, assertEquals, assertNotStrictEquals } from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import type { RawAudioFrame } from "../../adapters/connection.ts";
import type { Logger } from "../../adapters/logger.ts";
import {
  ADDRESS,
  Bench,
  CHANNEL,
  ENDPOINT,
  KEY,
  MODE,
  OPUS,
  packet,
  REMOTE,
  SESSION_ID,
  SPEAKER,
  SPEAKER_SSRC,
  SSRC,
  TOKEN,
} from "./fake_connection.ts";
import { inFakeTime } from "./fake_sockets.ts";
import { thrownLater } from "./thrown_later.ts";
import { CONNECTION_EVENT_TYPES, SESSION_EVENT_TYPES } from "../tools/event_types.ts";

/** What must not be shown: the token, and the key in every form. */
const SECRETS = [TOKEN, [...KEY].join(","), [...KEY].join(", "), "c8c9cacb"];

function assertNoSecrets(texts: readonly string[]): void {
  for (const text of texts) {
    for (const secret of SECRETS) assertEquals(text.includes(secret), false, text);
  }
}

// Listeners

for (const type of CONNECTION_EVENT_TYPES) {
  test(
    `VoiceConnection.on("${type}") tells each such event, until it is ended`,
    inFakeTime(async (time) => {
      const bench = await Bench.connected(time);
      const told: { readonly type: string }[] = [];
      const others: string[] = [];
      const off = bench.connection.on(type, (event) => told.push(event));
      const from = bench.events.length;
      bench.provoke(type);
      assert(told.length > 0);
      for (const event of told) assertEquals(event.type, type);
      if (SESSION_EVENT_TYPES.some((name) => name === type)) {
        const same = bench.events.slice(from).filter((event) => event.type === type);
        assertEquals(told, same);
      }
      off();
      const { length } = told;
      bench.connection.on(type, ({ type }) => others.push(type));
      if (bench.connection.state === "connected") {
        bench.resume();
        bench.provoke("speaking");
        bench.transport.udp.handlers.message(packet(2));
      }
      bench.connection.leave();
      assertEquals(told.length, length);
      for (const other of others) assertEquals(other, type);
    }),
  );
}

test(
  "VoiceConnection.on tells each listener, in order, after onEvent",
  inFakeTime(async (time) => {
    const told: string[] = [];
    const bench = await Bench.connected(time, {
      onEvent: ({ type }) => type === "clientConnect" && told.push("onEvent"),
    });
    bench.connection.on("clientConnect", () => told.push("first"));
    bench.connection.on("clientConnect", () => told.push("second"));
    bench.provoke("clientConnect");
    assertEquals(told, ["onEvent", "first", "second"]);
    bench.connection.leave();
  }),
);

test(
  "VoiceConnection goes on where listeners, onEvent and logger throw; the errors are not lost",
  inFakeTime(async (time) => {
    let throwing = false;
    const fail = (name: string) => () => {
      if (throwing) throw new Error(name);
    };
    const bench = await Bench.connected(time, {
      onEvent: fail("onEvent"),
      logger: {
        debug: fail("logger"),
        info: fail("logger"),
        warn: fail("logger"),
        error: fail("logger"),
      },
    });
    const { connection } = bench;
    for (const type of CONNECTION_EVENT_TYPES) {
      connection.on(type, fail(type));
    }
    const told: string[] = [];
    connection.on("clientConnect", () => told.push("told"));
    const errors = await thrownLater(() => {
      throwing = true;
      bench.provoke("clientConnect");
      bench.transport.udp.handlers.message(packet(1));
      bench.resume();
      bench.provoke("keepalive");
      connection.setSpeaking(1);
      connection.leave();
    });
    assertEquals(told, ["told"]);
    assertEquals(connection.state, "closed");
    assertEquals([bench.transport.openCount, time.armed, bench.destroyed], [0, [], 1]);
    const names = new Set(errors.map((error) => (error as Error).message));
    for (const name of ["onEvent", "logger", "clientConnect", "rawMessage", "rawAudioFrame"]) {
      assert(names.has(name), `${name}: ${[...names]}`);
    }
  }),
);

// Raw messages

test(
  "VoiceConnection tells raw messages as they came, before they are read",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const told: unknown[] = [];
    bench.connection.on("rawMessage", ({ data }) => told.push(data));
    bench.connection.on("clientConnect", () => told.push("clientConnect"));
    const bytes = Uint8Array.of(0, 9, 25, 1, 2);
    const texts = ["{", '{ "op" : 18, "d" : {"user_id":"8"} , "seq":3 }', '{"op":250}'];
    for (const data of [...texts, bytes]) bench.transport.websocket.handlers.message(data);
    assertEquals(told, [texts[0], texts[1], "clientConnect", texts[2], bytes]);
    bench.connection.leave();
  }),
);

test(
  "VoiceConnection's raw messages never show the key",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const told: (string | Uint8Array)[] = [];
    bench.connection.on("rawMessage", ({ data }) => told.push(data));
    const key = `[${[...KEY]}]`;
    const messages = [
      `{"op":4,"d":{"mode":"${MODE}","secret_key":${key}}}`,
      `{"op":4,"d":{"mode":"${MODE}","\\u0073ecret_key":${key}}}`,
      `{"op":4,"d":{"mode":"${MODE}","secret_key":${key},"secret_key":${key}}}`,
      `{"op":4,"d":{"mode":"none","secret_key":${key}`,
    ];
    for (const message of messages) bench.transport.websocket.handlers.message(message);
    assertEquals(told.length, messages.length);
    assertNoSecrets(told.map(String));
    assertEquals(JSON.parse(told[0] as string).d, { mode: MODE, secret_key: "[redacted]" });
    // The session itself has read it.
    assertEquals(bench.events.filter(({ type }) => type === "ready").length, 4);
    bench.connection.leave();
  }),
);

// Raw audio

test(
  "VoiceConnection tells raw frames: 12 bytes of RTP and the Opus packet, users known or not",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time, { daveEncryption: false });
    const told: RawAudioFrame[] = [];
    bench.connection.on("rawAudioFrame", (event) => told.push(event));
    const { udp } = bench.transport;
    const other = Uint8Array.of(0xf8, 1, 2, 3);
    udp.handlers.message(packet(1));
    bench.provoke("speaking");
    udp.handlers.message(packet(0xffff, other));
    const header = [0x80, 0x78];
    assertEquals(told, [
      {
        type: "rawAudioFrame",
        userId: undefined,
        ssrc: SPEAKER_SSRC,
        frame: Uint8Array.of(...header, 0, 1, 0, 0, 3, 192, 0, 0, 0, SPEAKER_SSRC, ...OPUS),
      },
      {
        type: "rawAudioFrame",
        userId: SPEAKER,
        ssrc: SPEAKER_SSRC,
        frame: Uint8Array.of(
          ...header,
          255,
          255,
          3,
          191,
          252,
          64,
          0,
          0,
          0,
          SPEAKER_SSRC,
          ...other,
        ),
      },
    ]);
    bench.connection.leave();
  }),
);

test(
  "VoiceConnection's raw frames are copies: a listener may change them and keep them",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const told: Uint8Array[] = [];
    bench.connection.on("rawAudioFrame", ({ frame }) => told.push(frame));
    bench.provoke("speaking");
    const speakers = bench.connection.speakers().getReader();
    bench.connection.on("rawAudioFrame", ({ frame }) => frame.fill(0));
    for (let i = 1; i <= 3; i++) bench.transport.udp.handlers.message(packet(i));
    assertNotStrictEquals(told[0].buffer, told[1].buffer);
    const { frames } = (await speakers.read()).value!;
    bench.connection.leave();
    const heard = await Array.fromAsync(frames);
    assertEquals(heard.map(({ opus }) => opus), [OPUS, OPUS, OPUS]);
  }),
);

test(
  "VoiceConnection tells no raw frame of what it drops",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time, { daveEncryption: false });
    let told = 0;
    bench.connection.on("rawAudioFrame", () => told++);
    const { udp } = bench.transport;
    const forged = packet(2);
    forged[14] ^= 1;
    for (const datagram of [packet(1), packet(1), forged, packet(3).subarray(0, 20)]) {
      udp.handlers.message(datagram);
    }
    assertEquals(told, 1);
    bench.connection.leave();
    udp.handlers.message(packet(4));
    assertEquals(told, 1);
  }),
);

// The log

test(
  "VoiceConnection's log tells its life line by line and holds no secrets",
  inFakeTime(async (time) => {
    const lines: string[] = [];
    const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
    const logger: Logger = {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
    };
    const bench = await Bench.connected(time, { logger });
    const { connection, transport } = bench;
    connection.send(`{"op":99,"d":"${TOKEN}"}`);
    transport.websocket.receive(4, { mode: 5, secret_key: [...KEY] });
    transport.websocket.receive(4, { mode: MODE, secret_key: [...KEY, 1] });
    transport.websocket.handlers.message(`{"op":2,"d":"${TOKEN}"}`);
    for (const type of ["speaking", "keepalive", "highLatency"] as const) bench.provoke(type);
    bench.resume();
    transport.websocket.lose(4004, `the token ${TOKEN} is bad`);
    await connection.closed;
    const said = lines.join("\n");
    for (
      const line of [
        "info idle -> signalling",
        "debug sent Voice State (join) (gateway)",
        "info connected",
        `info ready: ssrc ${SSRC}, ${MODE}`,
        "debug sent raw (websocket)",
        "warn disconnected: 4015",
        "info resumed",
        "warn a heartbeat was answered after 16000 ms",
        "error Cannot stay connected while connected: the voice server closed with 4004",
      ]
    ) assert(said.includes(line), `${line}\n${said}`);
    assertNoSecrets(lines);
  }),
);

test(
  "VoiceConnection with the console for a logger writes there",
  inFakeTime(async (time) => {
    const levels = ["debug", "info", "warn", "error"] as const;
    const original = levels.map((level) => console[level]);
    const lines: string[] = [];
    try {
      for (const level of levels) console[level] = (line: string) => void lines.push(line);
      const bench = await Bench.connected(time, { logger: console });
      bench.connection.leave();
    } finally {
      levels.forEach((level, i) => console[level] = original[i]);
    }
    assertEquals([lines[0], lines.at(-1)], ["idle -> signalling", "closed"]);
  }),
);

// Members

test(
  "VoiceConnection's members tell what is, before, in and after a call",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    transport.websocket.receive(18, { user_id: SPEAKER, flags: 0 }, 41);
    time.now += 30;
    bench.provoke("heartbeat");
    bench.provoke("speaking");
    for (const sequence of [1, 3]) transport.udp.handlers.message(packet(sequence));
    const { sequence, timestamp } = connection.rtp;
    connection.sendOpus(OPUS);
    assertEquals(connection.webSocket, {
      open: true,
      version: 8,
      sequence: 41,
      latency: 30,
      latencies: [30],
      averageLatency: 30,
    });
    const { roundTrip, ...udp } = connection.udp;
    assertEquals([udp, roundTrip], [
      { remote: REMOTE, address: ADDRESS, unsent: 0, socketErrors: 0 },
      undefined,
    ]);
    assertEquals(connection.rtp, {
      ssrc: SSRC,
      mode: MODE,
      sequence: sequence + 1 & 0xffff,
      timestamp: timestamp + 960 >>> 0,
      nonce: 1,
    });
    const [[ssrc, jitter]] = connection.jitters;
    assertEquals([ssrc, jitter.userId, jitter.received, jitter.lost], [
      SPEAKER_SSRC,
      SPEAKER,
      2,
      1,
    ]);
    const { endpoint, sessionId, channelId } = connection;
    assertEquals([endpoint, sessionId, channelId], [ENDPOINT, SESSION_ID, CHANNEL]);
    assertEquals(connection.token?.reveal(), TOKEN);
    assertEquals(connection.webSocket.open, true);
    transport.websocket.lose(4015);
    assertEquals([connection.webSocket.open, connection.udp.remote], [false, REMOTE]);
    time.advance(0);
    transport.websocket.handlers.open();
    assertEquals(connection.webSocket.open, true);
    connection.leave();
    assertEquals([connection.webSocket.open, connection.udp.remote], [false, undefined]);
    assertEquals([connection.udp.address, connection.shard], [undefined, undefined]);
  }),
);

test(
  "VoiceConnection.channelId is that of the channel to which it was moved",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.update("other", "b.example", "5");
    assertEquals([bench.connection.channelId, bench.connection.endpoint], ["5", "b.example"]);
    bench.connection.leave();
  }),
);

test(
  "VoiceConnection.shard sends to the main gateway, until the end",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const d = { guild_id: "1", channel_id: null, self_mute: true, self_deaf: false };
    assertEquals(bench.connection.shard?.sendPayload({ op: 4, d }), true);
    assertEquals(bench.payloads.at(-1), { op: 4, d });
    bench.connection.leave();
    assertEquals(bench.connection.shard, undefined);
    const server = { endpoint: ENDPOINT, token: TOKEN, sessionId: SESSION_ID };
    const direct = await Bench.connected(time, { server });
    assertEquals(direct.connection.shard, undefined);
    direct.connection.leave();
  }),
);

test(
  "VoiceConnection keeps ten latencies and their mean",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    const expected: number[] = [];
    for (let i = 1; i <= 15; i++) {
      const { d } = transport.websocket.messages.filter(({ op }) => op === 3).at(-1)!;
      time.now += i;
      transport.websocket.receive(6, d);
      transport.websocket.receive(6, d);
      expected.push(i);
      time.advance(13_750 - i);
    }
    const { latency, latencies, averageLatency } = connection.webSocket;
    assertEquals([latency, latencies.length, latencies], [15, 10, expected.slice(-10)]);
    assertEquals([averageLatency, connection.stats().roundTrip.websocket], [10.5, 15]);
    connection.leave();
  }),
);

test(
  "VoiceConnection shows its secrets to no inspection, with all its members",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection } = bench;
    const { webSocket, udp, rtp, jitters, token } = connection;
    for (const thing of [connection, webSocket, udp, rtp, jitters, token, bench.events]) {
      const options = { depth: 12, showHidden: true, getters: true };
      assertNoSecrets([inspect(thing, options), JSON.stringify(thing) ?? "", `${thing}`]);
    }
    connection.leave();
  }),
);
