// What a caller does with a connection: wait, connect, reconnect, go to another voice server.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import test from "node:test";
import { ReconnectInProgress } from "../../adapters/connection.ts";
import type { DiscordGatewayAdapterLibraryMethods } from "../../adapters/gateway_adapter.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import type { VoiceStatePayload } from "../../lib/gateway.ts";
import type { PhaseTimeouts } from "../../lib/session.ts";
import {
  Bench,
  CHANNEL,
  ENDPOINT,
  MODE,
  OPUS,
  packet,
  SESSION_ID,
  SSRC,
  TOKEN,
  USER,
} from "./fake_connection.ts";
import { type FakeTime, inFakeTime } from "./fake_sockets.ts";
import { thrownLater } from "./thrown_later.ts";

const SERVER = { endpoint: ENDPOINT, token: TOKEN, sessionId: SESSION_ID };

/** Whether a promise has settled, and how: `pending`, `resolved`, or what it rejected with. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "pending";
  promise.then(() => state = "resolved", (error) => state = error);
  for (let i = 0; i < 10; i++) await null;
  return state;
}

/** The server answers a Resume; the second one in a row may be a second late. */
function answerResume({ transport }: Bench, time: FakeTime): void {
  time.advance(1000);
  transport.websocket.handlers.open();
  assertEquals(transport.websocket.messages[0].op, 7);
  transport.websocket.receive(9, null);
}

// Reconnect

test(
  "VoiceConnection.reconnect resumes on a new WebSocket, and keeps everything else",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    transport.websocket.receive(18, { user_id: "8", flags: 0 }, 41);
    connection.sendOpus(OPUS);
    const before = connection.rtp;
    const reconnecting = connection.reconnect();
    assertEquals([connection.state, transport.websocket.closedWith], ["reconnecting", [1012]]);
    assertEquals(connection.sendOpus(OPUS), false);
    assertEquals(await stateOf(reconnecting), "pending");
    answerResume(bench, time);
    await reconnecting;
    assertEquals(transport.websocket.messages[0].d.seq_ack, 41);
    assertEquals([connection.rtp, connection.users.has("8")], [before, true]);
    assertEquals([transport.websockets.length, transport.udps.length], [2, 1]);
    assertEquals(connection.sendOpus(OPUS), true);
    connection.leave();
  }),
);

test(
  "VoiceConnection.reconnect joins a recovery that is under way, and cuts its wait short",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    transport.websocket.lose(1006);
    time.advance(0);
    transport.websocket.lose(1006);
    const reconnecting = connection.reconnect();
    assertEquals(await stateOf(reconnecting), "pending");
    answerResume(bench, time);
    await reconnecting;
    assertEquals(transport.websockets.length, 3);
    connection.leave();
  }),
);

test(
  "VoiceConnection.reconnect called again rejects with ReconnectInProgress, and then no more",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection } = bench;
    for (let i = 0; i < 3; i++) {
      const first = connection.reconnect();
      for (let k = 0; k < 2; k++) {
        const error = await assertRejects(() => connection.reconnect(), ReconnectInProgress);
        assertInstanceOf(error, LocalProtocolError);
        assertEquals(error.message, "Cannot reconnect: an earlier call is not done");
      }
      answerResume(bench, time);
      await first;
    }
    connection.leave();
    await assertRejects(() => connection.reconnect(), LocalProtocolError, "closed");
    await assertRejects(() => connection.reconnect(), LocalProtocolError, "closed");
  }),
);

test(
  "VoiceConnection.reconnect rejects where the connection ends meanwhile",
  inFakeTime(async (time) => {
    for (const code of [4017, undefined]) {
      const bench = await Bench.connected(time);
      const { connection, transport } = bench;
      const reconnecting = connection.reconnect();
      const rejected = assertRejects(() => reconnecting, VoiceConnectError);
      time.advance(0);
      if (code === undefined) connection.leave();
      else transport.websocket.lose(code);
      assertEquals((await rejected).closeCode, code);
      await assertRejects(() => connection.reconnect(), LocalProtocolError, "session is closed");
    }
  }),
);

test(
  "VoiceConnection.reconnect from inside an event resolves when the connection is ready",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection } = bench;
    let reconnecting: Promise<void> | undefined;
    connection.on("clientConnect", () => reconnecting = connection.reconnect());
    bench.provoke("clientConnect");
    assertEquals(connection.state, "reconnecting");
    assertEquals(await stateOf(reconnecting!), "pending");
    answerResume(bench, time);
    await reconnecting;
    connection.leave();
  }),
);

test(
  "VoiceConnection.reconnect survives a session that the server has forgotten",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    const reconnecting = connection.reconnect();
    time.advance(0);
    transport.websocket.lose(4006);
    time.advance(1000);
    assertEquals(bench.channels, [CHANNEL, null, CHANNEL]);
    bench.update("other");
    bench.shakeHands();
    await reconnecting;
    assertEquals([connection.state, connection.ssrc], ["connected", SSRC]);
    connection.leave();
  }),
);

// Connect

test(
  "VoiceConnection.connect does nothing where the connection is ready",
  inFakeTime(async (time) => {
    const { connection, transport } = await Bench.connected(time);
    const { length } = transport.log;
    await Promise.all([connection.connect(), connection.connect()]);
    assertEquals([transport.log.length, connection.state], [length, "connected"]);
    connection.leave();
    await assertRejects(() => connection.connect(), LocalProtocolError, "Cannot connect");
  }),
);

test(
  "VoiceConnection.connect makes the next attempt now, however many wait for it",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    const before = connection.rtp;
    transport.websocket.lose(1006);
    time.advance(0);
    transport.websocket.lose(1006);
    const connecting = [connection.connect(), connection.connect(), connection.untilReady()];
    answerResume(bench, time);
    await Promise.all(connecting);
    assertEquals([transport.websockets.length, connection.rtp], [3, before]);
    connection.leave();
  }),
);

// Until it is ready

test(
  "VoiceConnection.untilReady resolves at once, after a recovery, and never too early",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    await connection.untilReady();
    for (let i = 0; i < 2; i++) {
      transport.websocket.lose(4015);
      const waiting = [
        connection.untilReady(),
        connection.untilReady(new AbortController().signal),
      ];
      for (const promise of waiting) assertEquals(await stateOf(promise), "pending");
      answerResume(bench, time);
      await Promise.all(waiting);
    }
    connection.leave();
  }),
);

test(
  "VoiceConnection.untilReady rejects with the reason of its signal, before and meanwhile",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    const reason = new Error("enough");
    const early = await assertRejects(() => connection.untilReady(AbortSignal.abort(reason)));
    assertStrictEquals(early, reason);
    transport.websocket.lose(4015);
    const controller = new AbortController();
    const rejected = assertRejects(() => connection.untilReady(controller.signal));
    const other = connection.untilReady();
    controller.abort(reason);
    assertStrictEquals(await rejected, reason);
    assertEquals(await stateOf(other), "pending");
    answerResume(bench, time);
    await other;
    connection.leave();
  }),
);

test(
  "VoiceConnection.untilReady rejects where the connection ends, and after the end",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    transport.websocket.lose(4015);
    const rejected = assertRejects(() => connection.untilReady(), VoiceConnectError);
    time.advance(0);
    transport.websocket.lose(4017);
    assertEquals((await rejected).closeCode, 4017);
    for (let i = 0; i < 2; i++) {
      const error = await assertRejects(() => connection.untilReady(), VoiceConnectError);
      assertEquals(error.closeCode, 4017);
    }
    const left = await Bench.connected(time);
    left.connection.leave();
    assertEquals(
      (await assertRejects(() => left.connection.untilReady(), VoiceConnectError)).code,
      "left",
    );
  }),
);

test(
  "VoiceConnection that nobody waits for ends without an unhandled rejection",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.transport.websocket.lose(4015);
    bench.connection.forceClose();
    for (let i = 0; i < 10; i++) await null;
    assertEquals(bench.connection.state, "closed");
  }),
);

// Another voice server

test(
  "VoiceConnection.setVoiceServer goes over to another server, as after an update",
  inFakeTime(async (time) => {
    for (const options of [{}, { server: SERVER }]) {
      const bench = await Bench.connected(time, options);
      const { connection, transport } = bench;
      const { nonce } = connection.rtp;
      const server = { endpoint: "b.example:99", token: "new", sessionId: "s2" };
      connection.setVoiceServer(server);
      assertEquals(connection.state, "connecting");
      assertEquals([transport.websockets[0].closedWith, transport.udps[0].closed], [[1000], 1]);
      assertEquals(transport.websocket.url, "wss://b.example:99/?v=8");
      const waiting = connection.untilReady();
      bench.shakeHands();
      await waiting;
      const { op, d } = transport.websocket.messages[0];
      assertEquals([op, d.token, d.session_id, d.user_id], [0, "new", "s2", USER]);
      assertEquals([connection.endpoint, connection.sessionId], ["b.example:99", "s2"]);
      assertEquals([connection.rtp.nonce, connection.mode], [nonce, MODE]);
      assertEquals(bench.channels, options.server === undefined ? [CHANNEL] : []);
      connection.leave();
    }
  }),
);

test(
  "VoiceConnection.setVoiceServer does nothing where it is the present server",
  inFakeTime(async (time) => {
    for (const options of [{}, { server: SERVER }]) {
      const { connection, transport } = await Bench.connected(time, options);
      const { length } = transport.log;
      for (let i = 0; i < 2; i++) connection.setVoiceServer({ ...SERVER });
      assertEquals(connection.state, "connected");
      const opened = transport.log.slice(length).filter((line) => line.startsWith("open"));
      assertEquals(opened, []);
      connection.leave();
    }
  }),
);

test(
  "VoiceConnection.setVoiceServer refuses a malformed endpoint, and changes nothing",
  inFakeTime(async (time) => {
    for (const options of [{}, { server: SERVER }]) {
      const { connection, transport } = await Bench.connected(time, options);
      const { length } = transport.log;
      for (const endpoint of ["", "two words", "http://x", "x:0", "x/path", "ws://192.0.2.1:1"]) {
        const server = { ...SERVER, endpoint, token: "new" };
        const error = assertThrows(() => connection.setVoiceServer(server), RangeError);
        assertEquals(error.message.includes("new"), false);
      }
      assertEquals([connection.state, transport.log.length], ["connected", length]);
      assertEquals([connection.endpoint, connection.token?.reveal()], [ENDPOINT, TOKEN]);
      connection.leave();
      assertThrows(() => connection.setVoiceServer(SERVER), LocalProtocolError);
    }
  }),
);

test(
  "VoiceConnection.setVoiceServer from inside an event refuses a malformed endpoint there",
  inFakeTime(async (time) => {
    for (const options of [{}, { server: SERVER }]) {
      const bench = await Bench.connected(time, options);
      const { connection } = bench;
      let thrown: unknown;
      connection.on("clientConnect", () => {
        try {
          connection.setVoiceServer({ ...SERVER, endpoint: "two words" });
        } catch (error) {
          thrown = error;
        }
      });
      bench.provoke("clientConnect");
      assertInstanceOf(thrown, RangeError);
      assertEquals(connection.state, "connected");
      connection.leave();
    }
  }),
);

test(
  "VoiceConnection.setVoiceServer ends the wait for a server that went away",
  inFakeTime(async (time) => {
    for (const options of [{}, { server: SERVER }]) {
      const bench = await Bench.connected(time, options);
      const { connection, transport } = bench;
      transport.websocket.lose(4014);
      assertEquals(connection.state, "waiting");
      connection.setVoiceServer(SERVER);
      bench.shakeHands();
      await connection.untilReady();
      connection.leave();
    }
  }),
);

// Messages and op 4

test(
  "VoiceConnection.send sends text and bytes, and nothing while it is not ready",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection, transport } = bench;
    const bytes = Uint8Array.of(26, 1, 2);
    connection.send('{"op":99,"d":1}');
    connection.send(bytes);
    assertEquals(transport.websocket.sent.slice(-2), ['{"op":99,"d":1}', bytes]);
    transport.websocket.lose(4015);
    assertThrows(() => connection.send("{}"), LocalProtocolError, "Cannot send");
    answerResume(bench, time);
    connection.leave();
    assertThrows(() => connection.send("{}"), LocalProtocolError, "the session is closed");
  }),
);

test(
  "VoiceConnection.send lets 120 messages pass in a minute, and refuses where 120 wait",
  inFakeTime(async (time) => {
    const { connection, transport } = await Bench.connected(time);
    const { length } = transport.websocket.sent;
    for (let i = 0; i < 240; i++) connection.send(`{"op":99,"d":${i}}`);
    assertEquals(transport.websocket.sent.length, length + 120);
    assertThrows(() => connection.send("{}"), LocalProtocolError, "120 messages wait already");
    for (let second = 0; second < 60; second++) {
      const beat = transport.websocket.messages.filter(({ op }) => op === 3).at(-1)!;
      transport.websocket.receive(6, beat.d);
      time.advance(1000);
    }
    const sent = transport.websocket.messages.flatMap(({ op, d }) => op === 99 ? [Number(d)] : []);
    assertEquals(sent, Array.from({ length: 240 }, (_, i) => i));
    connection.leave();
  }),
);

test(
  "VoiceConnection.requestVoice sends op 4, keeps one to leave, not where the caller signals",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    for (let i = 0; i < 3; i++) bench.connection.requestVoice();
    assertThrows(() => bench.connection.requestVoice(), LocalProtocolError, "5 op 4 a minute");
    assertEquals(bench.channels, Array(4).fill(CHANNEL));
    bench.connection.leave();
    assertEquals(bench.channels.slice(4), [null]);
    assertThrows(() => bench.connection.requestVoice(), LocalProtocolError, "closed");
    const direct = await Bench.connected(time, { server: SERVER });
    assertThrows(() => direct.connection.requestVoice(), LocalProtocolError, "the caller signals");
    direct.connection.leave();
  }),
);

// The gateway library refuses

test(
  "VoiceConnection.join ends with gateway-refused where the gateway library never takes op 4",
  inFakeTime(async (time) => {
    const bench = new Bench(time);
    bench.sendPayload = () => false;
    const rejected = assertRejects(() => bench.joining, VoiceConnectError);
    time.advance(15_000);
    const { code, phase } = await rejected;
    assertEquals([code, phase], ["gateway-refused", "signalling"]);
    assertEquals([bench.transport.openCount, bench.destroyed, time.armed], [0, 1, []]);
  }),
);

test(
  "VoiceConnection.join is done where the gateway library takes op 4 later",
  inFakeTime(async (time) => {
    let calls = 0;
    const bench = new Bench(time);
    // The first op 4 was taken.
    bench.sendPayload = () => ++calls > 1;
    time.advance(5_000);
    time.advance(5_000);
    assertEquals(calls, 2);
    bench.update();
    bench.shakeHands();
    const connection = await bench.joining;
    assertEquals(connection.state, "connected");
    connection.leave();
  }),
);

test(
  "VoiceConnection is left without a word where the gateway library refuses that op 4",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.sendPayload = () => false;
    bench.connection.leave();
    assertEquals([bench.connection.state, bench.destroyed], ["closed", 1]);
    assertEquals(await bench.connection.closed, undefined);
  }),
);

test(
  "VoiceConnection is not disturbed where the gateway library refuses requestVoice",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.sendPayload = () => false;
    bench.connection.requestVoice();
    assertEquals(bench.connection.state, "connected");
    bench.connection.leave();
  }),
);

test(
  "VoiceConnection ends where sendPayload throws later, and tells the reason",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const reason = new Error("the shard is gone");
    bench.sendPayload = () => {
      throw reason;
    };
    bench.connection.requestVoice();
    await assertRefusedBy(bench, reason);
    assertEquals([bench.transport.openCount, bench.destroyed, time.armed], [0, 1, []]);
  }),
);

/** The connection has ended because the gateway library has thrown this. */
async function assertRefusedBy({ connection }: Bench, reason: unknown): Promise<void> {
  const error = await connection.closed;
  assertInstanceOf(error, VoiceConnectError);
  assertEquals([error.code, error.phase], ["gateway-refused", "signalling"]);
  assertEquals(error.message, "Cannot go on: the gateway library fails to send op 4");
  assertStrictEquals(error.cause, reason);
  assertStrictEquals(await stateOf(connection.untilReady()), error);
}

for (const [name, message] of [["an Error", new Error("the shard is gone")], ["a text", "gone"]]) {
  test(
    `VoiceConnection ends where sendPayload throws ${name} in a recovery, and tells it`,
    inFakeTime(async (time) => {
      const bench = await Bench.connected(time);
      const waiting = stateOf(bench.connection.untilReady());
      assertEquals(await waiting, "resolved");
      bench.transport.websocket.lose(4006);
      bench.sendPayload = () => {
        throw message;
      };
      assertEquals(bench.connection.state, "signalling");
      time.advance(1000);
      assertEquals(bench.connection.state, "closed");
      await assertRefusedBy(bench, message);
      assertEquals([bench.transport.openCount, bench.destroyed, time.armed], [0, 1, []]);
    }),
  );
}

test(
  "VoiceConnection.join rejects where sendPayload throws when op 4 is sent again",
  inFakeTime(async (time) => {
    const bench = new Bench(time);
    const reason = new Error("the shard is gone");
    bench.sendPayload = () => {
      throw reason;
    };
    const rejected = assertRejects(() => bench.joining, VoiceConnectError);
    time.advance(5_000);
    const { code, cause } = await rejected;
    assertEquals(code, "gateway-refused");
    assertStrictEquals(cause, reason);
    assertEquals([bench.transport.openCount, bench.destroyed, time.armed], [0, 1, []]);
  }),
);

// The gateway library goes

/** An adapter whose `destroy` does this; it writes down how often, and says what it is given. */
function adapterOf(destroy: () => void) {
  const adapter = {
    destroyed: 0,
    methods: undefined as DiscordGatewayAdapterLibraryMethods | undefined,
    channels: [] as (string | null)[],
    adapterCreator: (methods: DiscordGatewayAdapterLibraryMethods) => {
      adapter.methods = methods;
      return {
        sendPayload: ({ d }: VoiceStatePayload) => adapter.channels.push(d.channel_id) > 0,
        destroy: () => {
          adapter.destroyed++;
          destroy();
        },
      };
    },
  };
  return adapter;
}

test(
  "VoiceConnection throws what destroy() of the adapter throws later, when `closed` was told",
  inFakeTime(async (time) => {
    const reason = new Error("destroyed twice");
    const order: string[] = [];
    const adapter = adapterOf(() => {
      order.push("destroy");
      throw reason;
    });
    const bench = new Bench(time, {
      adapterCreator: adapter.adapterCreator,
      onEvent: ({ type }) => type === "closed" && order.push("onEvent"),
    });
    bench.methods = adapter.methods!;
    bench.update();
    bench.shakeHands();
    const connection = await bench.joining;
    connection.on("closed", () => order.push("listener"));
    const thrown = await thrownLater(() => connection.leave());
    assertEquals(thrown, [reason]);
    assertEquals(order, ["onEvent", "listener", "destroy"]);
    assertEquals([connection.state, await connection.closed], ["closed", undefined]);
    assertEquals([bench.transport.openCount, adapter.destroyed, time.armed], [0, 1, []]);
    assertEquals(adapter.channels, [CHANNEL, null]);
  }),
);

test(
  "VoiceConnection.join rejects where the gateway library gives up inside adapterCreator",
  inFakeTime(async (time) => {
    const adapter = adapterOf(() => {});
    const bench = new Bench(time, {
      adapterCreator: (methods) => {
        methods.destroy();
        methods.destroy();
        return adapter.adapterCreator(methods);
      },
    });
    const { code, message } = await assertRejects(() => bench.joining, VoiceConnectError);
    assertEquals(code, "gateway-closed");
    assertEquals(message, "Cannot go on: the gateway library has given the connection up");
    assertEquals([adapter.destroyed, adapter.channels], [1, []]);
    assertEquals([bench.transport.log, time.armed], [[], []]);
  }),
);

test(
  "VoiceConnection.closed tells that the gateway library has given it up, in each state",
  inFakeTime(async (time) => {
    const reach: ((bench: Bench) => void)[] = [
      () => {},
      ({ transport }) => transport.websocket.lose(1006),
      ({ transport }) => transport.websocket.lose(4006),
      ({ transport }) => transport.websocket.lose(4014),
    ];
    for (const change of reach) {
      const bench = await Bench.connected(time);
      change(bench);
      bench.methods.destroy();
      const error = await bench.connection.closed;
      assertInstanceOf(error, VoiceConnectError);
      assertEquals([error.code, error.phase], ["gateway-closed", "closed"]);
      assertEquals([bench.channels, bench.destroyed], [[CHANNEL, null], 1]);
      assertEquals([bench.transport.openCount, time.armed], [0, []]);
      bench.methods.destroy();
      assertEquals(bench.destroyed, 1);
    }
  }),
);

test(
  "VoiceConnection.closed blames no gateway library that destroys its adapter after leave()",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    bench.sendPayload = () => {
      bench.methods.destroy();
      return true;
    };
    bench.connection.leave();
    bench.methods.destroy();
    assertEquals([await bench.connection.closed, bench.destroyed], [undefined, 1]);
  }),
);

// Timeouts

test(
  "VoiceConnection.join keeps to the timeouts that it is given",
  inFakeTime(async (time) => {
    const bench = new Bench(time, { timeouts: { signalling: 900 } });
    const rejected = assertRejects(() => bench.joining, VoiceConnectError);
    time.advance(899);
    assertEquals(bench.channels, [CHANNEL, CHANNEL, CHANNEL]);
    time.advance(1);
    assertEquals((await rejected).code, "timeout");
  }),
);

test(
  "VoiceConnection.join refuses timeouts that are none, and asks nobody for anything",
  inFakeTime(async (time) => {
    for (const value of [0, -1, NaN, Infinity, 2 ** 31]) {
      const timeouts: PhaseTimeouts = { connecting: value };
      const bench = new Bench(time, { timeouts });
      await assertRejects(() => bench.joining, RangeError, `timeouts.connecting ${value}`);
      assertEquals([bench.payloads, bench.transport.log], [[], []]);
    }
    assert(time.armed.length === 0);
  }),
);

test(
  "VoiceConnection.receive takes a datagram as if the server had sent it, while there is a socket",
  inFakeTime(async (time) => {
    const bench = await Bench.connected(time);
    const { connection } = bench;
    for (const datagram of [packet(7), packet(7), Uint8Array.of(0x80, 0x78, 1)]) {
      connection.receive(datagram);
    }
    const { received, dropped } = connection.stats();
    assertEquals([received, dropped.duplicate], [1, 1]);
    assertEquals(Object.values(dropped).reduce((sum, count) => sum + count, 0), 2);
    connection.leave();
    connection.receive(packet(8));
    assertEquals(connection.stats().received, 1);
  }),
);
