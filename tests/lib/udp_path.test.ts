import { assertEquals } from "@std/assert";
import test from "node:test";
import type { Output } from "../../lib/io.ts";
import { DISCOVERY_LIMIT, discoveryResponse } from "../../lib/ip_discovery.ts";
import { KEEPALIVE_INTERVAL, keepaliveReply } from "../../lib/keepalive.ts";
import { Outbox } from "../../lib/outbox.ts";
import { TimerTable } from "../../lib/timer.ts";
import { UdpPath } from "../../lib/udp_path.ts";

const SSRC = 0xdeadbeef;
const FOUND = { address: "203.0.113.7", port: 50004 };

function setup() {
  const outbox = new Outbox();
  const timers = new TimerTable();
  const path = new UdpPath(outbox, timers);
  const drain = (): Output["type"][] => {
    const types: Output["type"][] = [];
    for (let output; (output = outbox.poll()) !== undefined;) types.push(output.type);
    return types;
  };
  path.open(4, "192.0.2.1", 50001, SSRC);
  assertEquals(drain(), ["openUdp"]);
  return { path, timers, drain, outbox };
}

test("UdpPath.discover() waits twice as long each time, five times", () => {
  const { path, timers } = setup();
  const waits: (number | undefined)[] = [];
  for (let i = 0; i < DISCOVERY_LIMIT; i++) {
    assertEquals(path.discover(1000), true);
    waits.push(timers.next());
  }
  assertEquals(waits, [1200, 1400, 1800, 2600, 4200]);
  assertEquals(path.discover(1000), false);
  path.open(5, "192.0.2.1", 50001, SSRC);
  assertEquals(path.discover(1000), true);
});

test("UdpPath.receive() tells the address, and why not", () => {
  const { path, timers } = setup();
  path.discover(0);
  assertEquals(path.receive(discoveryResponse(SSRC - 1, FOUND), 1), "discovery-rejected");
  assertEquals(path.receive(Uint8Array.of(1, 2, 3), 1), "unknown-datagram");
  assertEquals(path.receive(Uint8Array.of(0x81, 201, 0, 1, 0, 0, 0, 1), 1), "rtcp");
  assertEquals(timers.next(), 200);
  assertEquals(path.receive(discoveryResponse(SSRC, FOUND), 1), FOUND);
  assertEquals(timers.next(), undefined);
});

test("UdpPath.keepAlive() measures the round trip of each keepalive once", () => {
  const { path, timers, drain, outbox } = setup();
  path.keepAlive(0);
  assertEquals(timers.next(), KEEPALIVE_INTERVAL);
  path.keepAlive(5000);
  drain();
  const faults = [1, 2, 2].map((sequence) => path.receive(keepaliveReply(sequence), 5040));
  assertEquals(faults, ["stale-keepalive", undefined, "stale-keepalive"]);
  outbox.poll();
  assertEquals(outbox.poll(), { type: "event", event: { type: "keepalive", roundTrip: 40 } });
  assertEquals(outbox.poll(), undefined);
});

test("UdpPath.close() retires the id at once and disarms its timers", () => {
  const { path, timers, drain } = setup();
  path.discover(0);
  path.keepAlive(0);
  drain();
  path.close();
  assertEquals([path.id, timers.next(), drain()], [undefined, undefined, ["closeUdp"]]);
  path.close();
  path.keepAlive(1);
  assertEquals([drain(), timers.next()], [[], undefined]);
});
