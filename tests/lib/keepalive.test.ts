import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  Keepalive,
  keepalive,
  keepaliveReply,
  parseKeepalive,
  parseKeepaliveReply,
} from "../../lib/keepalive.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  toHex,
  type TransportVectors,
  truncations,
} from "../tools/vectors.ts";

const { udp_keepalive } = loadVectors<TransportVectors>("transport.json");
const ping = byId(udp_keepalive, "P01").packet;
const pong = byId(udp_keepalive, "P02").packet;

test("keepalive() and keepaliveReply() build P01 and P02", () => {
  assertEquals(toHex(keepalive(1)), ping);
  assertEquals(toHex(keepaliveReply(1)), pong);
});

test("parseKeepalive() and parseKeepaliveReply() read P01 and P02 and not each other", () => {
  assertEquals(parseKeepalive(hex(ping)), 1);
  assertEquals(parseKeepaliveReply(hex(pong)), 1);
  assertEquals(parseKeepalive(hex(pong)), undefined);
  assertEquals(parseKeepaliveReply(hex(ping)), undefined);
});

test("a keepalive's sequence is unsigned over all 32 bits", () => {
  for (const sequence of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) {
    assertEquals(parseKeepalive(keepalive(sequence)), sequence);
    assertEquals(parseKeepaliveReply(keepaliveReply(sequence)), sequence);
  }
});

test("the parsers reject the keepalives of other clients", () => {
  for (const id of ["P03", "P04", "P05", "P06"]) {
    const datagram = hex(byId(udp_keepalive, id).packet);
    assertEquals(parseKeepalive(datagram), undefined, id);
    assertEquals(parseKeepaliveReply(datagram), undefined, id);
  }
});

test("the parsers reject every truncation, one byte more, and every flip in the magic", () => {
  const flips = bitFlips(hex(pong)).slice(0, 32);
  for (const datagram of [...truncations(hex(pong)), hex(pong + "00"), ...flips]) {
    assertEquals(parseKeepaliveReply(datagram), undefined, toHex(datagram));
  }
  for (const datagram of [...truncations(hex(ping)), hex(ping + "00")]) {
    assertEquals(parseKeepalive(datagram), undefined, toHex(datagram));
  }
});

test("Keepalive counts from 1, one higher each time", () => {
  const client = new Keepalive();
  assertEquals([1, 2, 3].map((now) => parseKeepalive(client.next(now))), [1, 2, 3]);
});

test("Keepalive measures the round trip of the last keepalive only", () => {
  const client = new Keepalive();
  client.next(100);
  assertEquals(client.acknowledge(1, 130.5), 30.5);
  client.next(200);
  client.next(300);
  assertEquals(client.acknowledge(2, 310), undefined);
  assertEquals(client.acknowledge(4, 310), undefined);
  assertEquals(client.acknowledge(3, 340), 40);
});

test("Keepalive measures nothing before it has sent anything", () => {
  assertEquals(new Keepalive().acknowledge(0, 1234), undefined);
});

test("Keepalive measures a reply once", () => {
  const client = new Keepalive();
  client.next(100);
  assertEquals(client.acknowledge(1, 110), 10);
  assertEquals(client.acknowledge(1, 900), undefined);
});
