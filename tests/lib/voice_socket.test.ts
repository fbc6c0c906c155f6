import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { RemoteProtocolError } from "../../lib/errors.ts";
import { GATEWAY_VERSIONS, type GatewayVersion } from "../../lib/gateway_version.ts";
import type { Output } from "../../lib/io.ts";
import { Outbox } from "../../lib/outbox.ts";
import { SEND_LIMIT } from "../../lib/send_limit.ts";
import { TimerTable } from "../../lib/timer.ts";
import { MESSAGE_LIMIT, VoiceSocket } from "../../lib/voice_socket.ts";

function setup(version: GatewayVersion = 8) {
  const outbox = new Outbox();
  const timers = new TimerTable();
  const socket = new VoiceSocket(outbox, timers, version);
  const drain = (): Output[] => {
    const outputs: Output[] = [];
    for (let output; (output = outbox.poll()) !== undefined;) outputs.push(output);
    return outputs;
  };
  const sent = () =>
    drain().flatMap((output) =>
      output.type === "sendWebSocket" ? [JSON.parse(output.data as string)] : []
    );
  const roundTrips = () =>
    drain().flatMap((output) =>
      output.type === "event" && output.event.type === "heartbeat" ? [output.event.roundTrip] : []
    );
  socket.open(1, `ws://127.0.0.1/?v=${version}`);
  drain();
  return { socket, timers, drain, sent, roundTrips };
}

const HELLO = JSON.stringify({ op: 8, d: { heartbeat_interval: 1000 } });
const BARE_HELLO = JSON.stringify({ heartbeat_interval: 1000 });

/** The answer to a heartbeat, as servers of a version write it. */
function ack(version: GatewayVersion, nonce: unknown): string {
  if (version === 1) return JSON.stringify({ op: 3, d: nonce });
  return JSON.stringify({ op: 6, d: version < 8 ? nonce : { t: nonce } });
}

test("VoiceSocket beats at the interval of Hello, with a nonce that grows", () => {
  const { socket, timers, sent } = setup();
  assertEquals(socket.receive(HELLO, 5), undefined);
  assertEquals(timers.next(), 1005);
  socket.beat(1005);
  socket.beat(2005);
  assertEquals(sent().map(({ op, d }) => [op, d.t]), [[3, 1], [3, 2]]);
  assertEquals([timers.next(), socket.dead], [3005, true]);
});

test("VoiceSocket arms its timer when it opens, and arms it anew with Hello", () => {
  for (const version of GATEWAY_VERSIONS) {
    const { socket, timers, sent } = setup(version);
    assertEquals(timers.next(), undefined);
    socket.opened(7);
    assertEquals([timers.next(), sent()], [7 + 13_750, []]);
    socket.beat(7 + 13_750);
    assertEquals(sent().map(({ op }) => op), [3]);
    assertEquals([timers.next(), socket.dead], [7 + 2 * 13_750, false]);
    socket.receive(HELLO, 20_000);
    assertEquals(timers.next(), 20_000 + (version < 4 ? 750 : 1000));
    socket.retire();
    assertEquals(timers.next(), undefined);
  }
});

test("VoiceSocket opens again with the interval of the last Hello", () => {
  const { socket, timers } = setup();
  socket.opened(0);
  socket.receive(HELLO, 0);
  socket.close(4900);
  socket.open(2, "ws://127.0.0.1/");
  socket.opened(500);
  assertEquals(timers.next(), 1500);
});

test("VoiceSocket dies of two beats that nobody answers, without ever a Hello", () => {
  const { socket } = setup();
  socket.opened(0);
  socket.beat(13_750);
  assertEquals(socket.dead, false);
  socket.beat(27_500);
  assertEquals(socket.dead, true);
});

test("VoiceSocket beats at 0.75 of the interval below version 4, whatever form Hello has", () => {
  for (const version of GATEWAY_VERSIONS) {
    for (const hello of [HELLO, BARE_HELLO, '{"op":8,"d":{"v":4,"heartbeat_interval":1000.0}}']) {
      const { socket, timers } = setup(version);
      assertEquals(socket.receive(hello, 5), undefined);
      const interval = version < 4 ? 750 : 1000;
      assertEquals(timers.next(), 5 + interval, `version ${version}`);
      socket.beat(5 + interval);
      assertEquals(timers.next(), 5 + 2 * interval);
    }
  }
});

test("VoiceSocket arms its timer anew for a Hello that comes again", () => {
  const { socket, timers } = setup();
  socket.receive(HELLO, 0);
  socket.receive('{"op":8,"d":{"heartbeat_interval":200.5}}', 100);
  assertEquals(timers.next(), 300.5);
});

test("VoiceSocket sends the heartbeat of its version, and lives on that version's answer", () => {
  for (const version of GATEWAY_VERSIONS) {
    const { socket, sent, roundTrips } = setup(version);
    socket.receive('{"op":13,"d":{"user_id":"1"},"seq":5}', 0);
    for (const now of [0, 1000]) socket.beat(now);
    const nonces = version < 8 ? [1, 2] : [{ t: 1, seq_ack: 5 }, { t: 2, seq_ack: 5 }];
    assertEquals(sent(), nonces.map((d) => ({ op: 3, d })));
    assertEquals(socket.dead, true);
    assertEquals(socket.receive(ack(version, 2), 1030), undefined);
    assertEquals([socket.dead, roundTrips()], [false, [30]], `version ${version}`);
  }
});

test("VoiceSocket measures the round trip of each beat once, a text nonce counts too", () => {
  for (const version of GATEWAY_VERSIONS) {
    const { socket, roundTrips } = setup(version);
    for (const now of [1000, 2000, 3000]) socket.beat(now);
    const frames = [
      [ack(version, 2), 3010],
      [ack(version, 99), 3015],
      [ack(version, "3"), 3020],
      [ack(version, 3), 3030],
    ] as const;
    for (const [frame, now] of frames) socket.receive(frame, now);
    assertEquals(roundTrips(), [1010, 20], `version ${version}`);
  }
});

test("VoiceSocket beats when the server asks for it, from version 2 on, once a second", () => {
  for (const version of GATEWAY_VERSIONS.slice(1)) {
    for (const d of [null, 7, {}, "now", undefined]) {
      const { socket, sent } = setup(version);
      socket.beat(0);
      for (const now of [10, 500, 1010]) socket.receive(JSON.stringify({ op: 3, d }), now);
      assertEquals(sent().length, 3, `version ${version}`);
      assertEquals(socket.dead, false);
    }
  }
});

test("VoiceSocket of version 1 takes op 3 for an answer, whatever is in it", () => {
  const { socket, sent } = setup(1);
  socket.beat(0);
  socket.receive('{"op":3,"d":7}', 10);
  for (const d of [null, {}, "now"]) {
    socket.beat(0);
    socket.beat(0);
    assertEquals(socket.dead, true);
    assertThrows(() => socket.receive(JSON.stringify({ op: 3, d }), 10), RemoteProtocolError);
    assertEquals(socket.dead, false);
  }
  assertEquals(sent().length, 7);
});

test("VoiceSocket acknowledges the last sequence number, 0 included, of text and binary", () => {
  for (const version of [8, 9] as const) {
    const { socket, sent } = setup(version);
    const steps: (string | Uint8Array | undefined)[] = [
      undefined,
      '{"op":13,"d":{"user_id":"1"},"seq":0}',
      Uint8Array.of(0xff, 0xff, 25),
      '{"op":250,"d":1,"seq":7}',
      '{"op":5,"d":{"user_id":"1","ssrc":2,"speaking":1}}',
      Uint8Array.of(0, 0, 30, 1, 2),
      Uint8Array.of(0, 7, 200, 1),
      '{"op":300,"d":{},"seq":8}',
      Uint8Array.of(0, 9, 0),
      Uint8Array.of(0, 10, 5, 1), // an opcode of JSON messages
    ];
    for (const frame of steps) {
      if (frame !== undefined) socket.receive(frame, 0);
      socket.beat(0);
    }
    assertThrows(() => socket.receive('{"op":5,"d":{},"seq":11}', 0), RemoteProtocolError);
    socket.beat(0);
    socket.forgetSequence();
    socket.beat(0);
    assertEquals(
      sent().map(({ d }) => d.seq_ack),
      [undefined, 0, 65535, 7, 7, 0, 7, 8, 9, 10, 11, undefined],
    );
  }
});

test("VoiceSocket has no sequence number below version 8, whatever it is told", () => {
  for (const version of [1, 4, 7] as const) {
    const { socket } = setup(version);
    socket.receive('{"op":13,"d":{"user_id":"1"},"seq":5}', 0);
    socket.receive(Uint8Array.of(25, 1, 2), 0);
    assertEquals(socket.seqAck, undefined);
  }
});

test("VoiceSocket hands on what belongs to the session, binary messages too", () => {
  for (const version of GATEWAY_VERSIONS) {
    const { socket } = setup(version);
    assertEquals(socket.receive('{"op":9,"d":null}', 0), { op: 9, d: null });
    const binary = version < 8 ? Uint8Array.of(25, 7) : Uint8Array.of(0, 1, 25, 7);
    const numbers = version < 8 ? {} : { seq: 1 };
    assertEquals(socket.receive(binary, 0), { op: 25, d: Uint8Array.of(7), ...numbers });
    for (const op of [1, 7, 23, 26, 33, 255]) {
      assertEquals(socket.receive(`{"op":${op},"d":{"a":1}}`, 0), undefined);
      const frame = version < 8 ? Uint8Array.of(op, 7) : Uint8Array.of(0, 1, op, 7);
      assertEquals(socket.receive(frame, 0), undefined);
    }
  }
});

test("VoiceSocket throws RemoteProtocolError for what is no message", () => {
  for (const version of GATEWAY_VERSIONS) {
    const { socket } = setup(version);
    const frames = [
      ...["{", "[]", '{"op":8,"d":{}}', '{"heartbeat_interval":0}', '{"op":2,"d":null}'],
      ...(version < 8
        ? [Uint8Array.of()]
        : [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(0, 1)]),
    ];
    for (const frame of frames) assertThrows(() => socket.receive(frame, 0), RemoteProtocolError);
  }
});

test("VoiceSocket.close() retires the id at once and stops the heart", () => {
  const { socket, timers, drain } = setup();
  socket.receive(HELLO, 0);
  drain();
  socket.close(4900);
  assertEquals(drain(), [{ type: "closeWebSocket", id: 1, code: 4900 }]);
  assertEquals([socket.id, timers.next()], [undefined, undefined]);
  socket.beat(9);
  socket.send({ op: 16, d: {} });
  socket.close(1000);
  assertEquals([drain(), timers.next()], [[], undefined]);
});

test("VoiceSocket takes no message longer than its limit, text or binary", () => {
  const { socket } = setup();
  const text = (size: number) => `{"op":9,"d":"${"x".repeat(size - 15)}"}`;
  assertEquals(text(MESSAGE_LIMIT).length, MESSAGE_LIMIT);
  assertEquals(socket.receive(text(MESSAGE_LIMIT), 0)?.op, 9);
  const bytes = new Uint8Array(MESSAGE_LIMIT + 1).fill(25);
  assertEquals(socket.receive(bytes.subarray(1), 0)?.op, 25);
  for (const frame of [text(MESSAGE_LIMIT + 1), bytes]) {
    assertThrows(() => socket.receive(frame, 0), RemoteProtocolError, "at most 1048576 are taken");
  }
});

test("VoiceSocket tells that it is open, and that it has closed what was open, once", () => {
  const { socket, drain } = setup();
  socket.close(1000);
  assertEquals(drain(), [{ type: "closeWebSocket", id: 1, code: 1000 }]);
  socket.open(2, "ws://127.0.0.1/?v=8");
  drain();
  socket.opened(0);
  assertEquals(drain(), [{ type: "event", event: { type: "connected" } }]);
  socket.close(1012);
  socket.close(1012);
  assertEquals(drain(), [
    { type: "closeWebSocket", id: 2, code: 1012 },
    { type: "event", event: { type: "disconnected", code: 1012, reason: "", bySelf: true } },
  ]);
});

test("VoiceSocket.retire() says nothing: the server has closed", () => {
  const { socket, drain } = setup();
  socket.opened(0);
  drain();
  socket.retire();
  socket.close(1000);
  assertEquals([drain(), socket.id], [[], undefined]);
});

for (const [roundTrip, high] of [[0, false], [14_999, false], [15_000, true], [26_000, true]]) {
  test(`VoiceSocket tells a round trip of ${roundTrip} ms ${high ? "as high too" : "only"}`, () => {
    for (const version of GATEWAY_VERSIONS) {
      const { socket, drain } = setup(version);
      socket.beat(0);
      drain();
      const events = () =>
        drain().flatMap((it) =>
          it.type === "event" && it.event.type !== "message" ? [it.event] : []
        );
      socket.receive(ack(version, 1), roundTrip as number);
      const expected = { roundTrip: roundTrip as number };
      assertEquals(events(), [
        { type: "heartbeat", ...expected },
        ...high ? [{ type: "highLatency" as const, ...expected }] : [],
      ]);
      socket.receive(ack(version, 1), 30_000);
      assertEquals(events(), []);
    }
  });
}

test("VoiceSocket sends messages of the caller's own where it is open, text and bytes", () => {
  const { socket, drain } = setup();
  for (const data of ["{}", Uint8Array.of(1, 2)]) {
    socket.sendRaw(data, 0);
    assertEquals(drain()[0], { type: "sendWebSocket", id: 1, data });
  }
  socket.retire();
  socket.sendRaw("late", 0);
  socket.sendLatest({ op: 16, d: {} }, 0);
  assertEquals(drain(), []);
});

test("VoiceSocket arms the timer for messages that wait, and none where none does", () => {
  const { socket, timers, sent } = setup();
  for (let i = 0; i < SEND_LIMIT; i++) socket.sendRaw('{"op":99}', i);
  assertEquals([sent().length, timers.has("send")], [SEND_LIMIT, false]);
  socket.sendRaw('{"op":98}', 500);
  assertEquals([sent(), timers.next()], [[], 60_000]);
  socket.flush(59_999);
  assertEquals([sent(), timers.next()], [[], 60_000]);
  timers.clear("send");
  socket.flush(60_000);
  assertEquals([sent(), timers.next()], [[{ op: 98 }], undefined]);
});

test("VoiceSocket.send() passes before the messages that wait", () => {
  const { socket, sent } = setup();
  for (let i = 0; i < SEND_LIMIT + 1; i++) socket.sendRaw('{"op":99}', 0);
  sent();
  socket.send({ op: 16, d: {} });
  assertEquals(sent(), [{ op: 16, d: {} }]);
});

test("VoiceSocket without a WebSocket wants to send nothing, and is not woken for it", () => {
  const { socket, timers, sent } = setup();
  for (let i = 0; i < SEND_LIMIT + 1; i++) socket.sendRaw('{"op":99}', 0);
  assertEquals(timers.has("send"), true);
  socket.retire();
  assertEquals(timers.next(), undefined);
  sent();
  socket.open(2, "ws://127.0.0.1/?v=8");
  socket.flush(60_000);
  assertEquals([sent(), timers.next()], [[], undefined]);
});
