import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  Keepalive,
  keepalive,
  type KeepaliveCodec,
  type KeepaliveForm,
  keepaliveForm,
  keepaliveReply,
  parseKeepalive,
  parseKeepaliveReply,
} from "../../lib/keepalive.ts";
import {
  COUNTER_KEEPALIVES,
  counterKeepalive,
  parseCounterKeepalive,
} from "../../lib/keepalive_counter.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
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

test("keepaliveForm() knows P01 and P03 to P06, and not the reply", () => {
  const form = (id: string) => keepaliveForm(hex(byId(udp_keepalive, id).packet));
  assertEquals(["P01", "P02", "P03", "P04", "P05", "P06"].map(form), [
    "official",
    undefined,
    "counter-le",
    "counter-be",
    "ssrc",
    "jda",
  ]);
});

test("keepaliveForm() takes no other size, and other bytes only where they are free", () => {
  for (let size = 0; size <= 100; size++) {
    const form = keepaliveForm(new Uint8Array(size));
    assertEquals(form, size === 4 ? "ssrc" : size === 8 ? "counter-le" : undefined, `${size}`);
  }
  assertEquals(keepaliveForm(hex("0000000100000001")), undefined);
  for (const flipped of bitFlips(hex(byId(udp_keepalive, "P06").packet))) {
    assertEquals(keepaliveForm(flipped), undefined, toHex(flipped));
  }
  assertEquals(keepaliveForm(hex("80c9000100000000")), "counter-le");
});

test("counterKeepalive() builds P03 and P04, parseCounterKeepalive() reads them", () => {
  for (const [form, id] of [["counter-le", "P03"], ["counter-be", "P04"]] as const) {
    const { packet } = byId(udp_keepalive, id);
    assertEquals(toHex(counterKeepalive(1, form)), packet);
    assertEquals(parseCounterKeepalive(hex(packet), form), 1);
    for (const counter of [0, 0x01020304, 0x80000000, 0xffffffff]) {
      assertEquals(parseCounterKeepalive(counterKeepalive(counter, form), form), counter);
    }
  }
  assertEquals(toHex(counterKeepalive(0x01020304)), "0403020100000000");
  assertEquals(parseCounterKeepalive(hex("0403020100000000")), 0x01020304);
});

test("parseCounterKeepalive() rejects other sizes and more than 32 bits", () => {
  for (const form of ["counter-le", "counter-be"] as const) {
    const valid = counterKeepalive(0x01020304, form);
    for (const datagram of [...truncations(valid), hex(toHex(valid) + "00"), hex(ping)]) {
      assertEquals(parseCounterKeepalive(datagram, form), undefined, toHex(datagram));
    }
  }
  assertEquals(parseCounterKeepalive(hex("0000000001000000")), undefined);
  assertEquals(parseCounterKeepalive(hex("0000000100000000"), "counter-be"), undefined);
});

test("the parsers survive garbage of every length", () => {
  const random = seededRandom(11);
  for (let i = 0; i < 1000; i++) {
    const garbage = randomBytes(random, i % 20);
    const form = keepaliveForm(garbage);
    assertEquals(form, garbage.length === 4 ? "ssrc" : undefined, toHex(garbage));
    assertEquals(parseCounterKeepalive(garbage), undefined);
  }
});

for (
  const [form, codec, answer] of [
    ["official", undefined, keepaliveReply],
    ["counter-le", COUNTER_KEEPALIVES["counter-le"], (n) => counterKeepalive(n, "counter-le")],
    ["counter-be", COUNTER_KEEPALIVES["counter-be"], (n) => counterKeepalive(n, "counter-be")],
  ] as [KeepaliveForm, KeepaliveCodec | undefined, (sequence: number) => Uint8Array][]
) {
  test(`Keepalive sends ${form} and reads its answer, and no other form's`, () => {
    const client = new Keepalive(codec);
    const sent = [client.next(0), client.next(5)];
    assertEquals(sent.map(keepaliveForm), [form, form]);
    assertEquals(sent.map((datagram) => datagram.length), [8, 8]);
    assertEquals(client.sequenceOf(answer(2)), 2);
    const foreign = [keepalive(2), keepaliveReply(2), hex("0200000000000000"), hex("00".repeat(9))]
      .filter((datagram) => toHex(datagram) !== toHex(answer(2)));
    for (const datagram of foreign) {
      assertEquals(client.sequenceOf(datagram), undefined, toHex(datagram));
    }
    assertEquals(client.acknowledge(2, 25), 20);
  });
}

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
