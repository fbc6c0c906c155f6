import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import { Components, LATENCY_COUNT } from "../../adapters/components.ts";
import { Driver } from "../../adapters/driver.ts";
import { VoiceSession } from "../../lib/session.ts";
import { FakeTransport } from "./fake_sockets.ts";

function setup(version?: 4 | 8): Components {
  const session = new VoiceSession({ guildId: "1", userId: "2", random: (into) => into.fill(1) });
  const handlers = { gateway() {}, event() {}, frame() {} };
  return new Components(session, new Driver(session, new FakeTransport(), handlers), version);
}

test("Components show nothing before anything has happened", () => {
  const components = setup();
  assertEquals(components.webSocket, {
    open: false,
    version: 8,
    sequence: undefined,
    latency: undefined,
    latencies: [],
    averageLatency: undefined,
  });
  assertEquals(components.udp, {
    remote: undefined,
    address: undefined,
    roundTrip: undefined,
    unsent: 0,
    socketErrors: 0,
  });
  assertEquals(components.rtp, {
    ssrc: 0,
    mode: undefined,
    sequence: 0x0101,
    timestamp: 0x01010101,
    nonce: 0,
  });
  assertEquals(components.jitters, new Map());
});

test("Components.webSocket tells the version that was asked for, and whether it is open", () => {
  const components = setup(4);
  assertEquals([components.webSocket.version, components.webSocket.open], [4, false]);
  for (const open of [true, true, false]) {
    components.setOpen(open);
    assertEquals(components.webSocket.open, open);
  }
});

test("Components.webSocket keeps the last ten latencies and their mean", () => {
  const components = setup();
  assertEquals(LATENCY_COUNT, 10);
  for (let i = 1; i <= 25; i++) {
    components.addLatency(i);
    const { latency, latencies, averageLatency } = components.webSocket;
    const kept = Array.from({ length: Math.min(i, 10) }, (_, k) => i - Math.min(i, 10) + 1 + k);
    assertEquals([latency, latencies], [i, kept]);
    assertEquals(averageLatency, (kept[0] + i) / 2);
  }
});

test("Components.webSocket takes a latency of 0 for one", () => {
  const components = setup();
  components.addLatency(0);
  const { latency, averageLatency } = components.webSocket;
  assertEquals([latency, averageLatency], [0, 0]);
});

test("Components.udp tells the last round trip", () => {
  const components = setup();
  for (const roundTrip of [5, 0, 7]) {
    components.setUdpRoundTrip(roundTrip);
    assertEquals(components.udp.roundTrip, roundTrip);
  }
});

test("Components are of the moment: what was read does not change, nor can it change them", () => {
  const components = setup();
  components.addLatency(1);
  const { webSocket } = components;
  components.addLatency(2);
  components.setOpen(true);
  assertEquals([webSocket.latencies, webSocket.latency, webSocket.open], [[1], 1, false]);
  assertEquals(components.webSocket.latencies, [1, 2]);
  assertThrows(() => {
    (components as { webSocket: unknown }).webSocket = 1;
  }, TypeError);
});
