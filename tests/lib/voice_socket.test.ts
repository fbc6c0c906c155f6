import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { RemoteProtocolError } from "../../lib/errors.ts";
import type { Output } from "../../lib/io.ts";
import { Outbox } from "../../lib/outbox.ts";
import { TimerTable } from "../../lib/timer.ts";
import { MESSAGE_LIMIT, VoiceSocket } from "../../lib/voice_socket.ts";

function setup() {
  const outbox = new Outbox();
  const timers = new TimerTable();
  const socket = new VoiceSocket(outbox, timers);
  const drain = (): Output[] => {
    const outputs: Output[] = [];
    for (let output; (output = outbox.poll()) !== undefined;) outputs.push(output);
    return outputs;
  };
  const sent = () =>
    drain().flatMap((output) =>
      output.type === "sendWebSocket" ? [JSON.parse(output.data as string)] : []
    );
  socket.open(1, "ws://127.0.0.1/?v=8");
  drain();
  return { socket, timers, drain, sent };
}

const HELLO = JSON.stringify({ op: 8, d: { heartbeat_interval: 1000 } });

test("VoiceSocket beats at the interval of Hello, with a nonce that grows", () => {
  const { socket, timers, sent } = setup();
  assertEquals(socket.receive(HELLO, 5), undefined);
  assertEquals(timers.next(), 1005);
  socket.beat(1005);
  socket.beat(2005);
  assertEquals(sent().map(({ op, d }) => [op, d.t]), [[3, 1], [3, 2]]);
  assertEquals([timers.next(), socket.dead], [3005, true]);
});

test("VoiceSocket measures the round trip of the last beat", () => {
  const { socket, drain } = setup();
  socket.receive(HELLO, 0);
  socket.beat(1000);
  drain();
  socket.receive('{"op":6,"d":{"t":1}}', 1030);
  const events = drain().map((output) => output.type === "event" ? output.event : output);
  assertEquals(events[1], { type: "heartbeat", roundTrip: 30 });
});

test("VoiceSocket acknowledges the last sequence number, 0 included, of text and binary", () => {
  const { socket, sent } = setup();
  socket.beat(0);
  socket.receive('{"op":18,"d":{},"seq":0}', 0);
  socket.beat(1);
  socket.receive(Uint8Array.of(0xff, 0xff, 25), 1);
  socket.beat(2);
  socket.forgetSequence();
  socket.beat(3);
  assertEquals(sent().map(({ d }) => d.seq_ack), [undefined, 0, 65535, undefined]);
});

test("VoiceSocket hands on what belongs to the session", () => {
  const { socket } = setup();
  assertEquals(socket.receive('{"op":9,"d":null}', 0), { op: 9, d: null });
  assertEquals(socket.receive(Uint8Array.of(0, 1, 25, 7), 0), undefined);
  assertThrows(() => socket.receive("{", 0), RemoteProtocolError);
  assertThrows(() => socket.receive('{"op":8,"d":{}}', 0), RemoteProtocolError);
});

test("VoiceSocket.close() retires the id at once and stops the heart", () => {
  const { socket, timers, drain } = setup();
  socket.receive(HELLO, 0);
  drain();
  socket.close(4900);
  assertEquals(drain(), [{ type: "closeWebSocket", id: 1, code: 4900 }]);
  assertEquals([socket.id, timers.next()], [undefined, undefined]);
  socket.beat(9);
  socket.send(5, {});
  socket.close(1000);
  assertEquals([drain(), timers.next()], [[], undefined]);
});

test("VoiceSocket takes no message longer than its limit", () => {
  const { socket } = setup();
  const text = (size: number) => `{"op":250,"d":"${"x".repeat(size - 17)}"}`;
  assertEquals(text(MESSAGE_LIMIT).length, MESSAGE_LIMIT);
  assertEquals(socket.receive(text(MESSAGE_LIMIT), 0)?.op, 250);
  assertThrows(() => socket.receive(text(MESSAGE_LIMIT + 1), 0), RemoteProtocolError);
});
