import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
} from "../../../lib/ip_discovery.ts";
import { nobleAead } from "../../../lib/aead.ts";
import { NonceCounter } from "../../../lib/nonce.ts";
import { PacketCipher } from "../../../lib/packet.ts";
import {
  buildReceiverReport,
  buildSenderReport,
  type ReportBlock,
  sealRtcp,
} from "../../../lib/rtp/rtcp.ts";
import { byId, hex, loadVectors, toHex, type TransportVectors } from "../../tools/vectors.ts";
import { GCM, type RawClient, Rig, rtpHeader, sealGcm } from "./rig.ts";

const { udp_keepalive } = loadVectors<TransportVectors>("transport.json");
const PORT = 40_001;

function alone(options: ConstructorParameters<typeof Rig>[0] = {}): { rig: Rig; bot: RawClient } {
  const rig = new Rig(options);
  const bot = rig.identify("10");
  bot.port = PORT;
  return { rig, bot };
}

/** What a rig answers to a datagram, in hexadecimal. */
function answers({ rig, bot }: ReturnType<typeof alone>, datagram: Uint8Array): string[] {
  const before = rig.datagrams.length;
  bot.sendDatagram(datagram);
  return rig.datagrams.slice(before).map((sent) => toHex(sent.datagram));
}

function responseOf(ssrc: number, form: DiscoveryForm): string {
  return toHex(discoveryResponse(ssrc, { address: "127.0.0.1", port: PORT }, form));
}

for (
  const [asked, answered] of [
    ["74", "74"],
    ["70be", "70be"],
    ["70le", "70be"],
    ["70hybrid", "70hybrid"],
  ] as const
) {
  test(`PacketRelay answers discovery of ${asked} with ${answered}`, () => {
    const { rig, bot } = alone();
    const request = discoveryRequest(bot.ssrc, asked);
    assertEquals(answers({ rig, bot }, request), [responseOf(bot.ssrc, answered)]);
    assertEquals(rig.events.at(-1)?.type, "discovery");
    assertEquals([rig.server.stats().discoveries, rig.server.stats().dropped], [1, {}]);
  });
}

for (const discovery of ["74", "70be", "70le"] as const) {
  test(`PacketRelay answers discovery with ${discovery} where that is forced`, () => {
    const { rig, bot } = alone({ discovery });
    for (const asked of ["74", "70be", "70le", "70hybrid"] as const) {
      const request = discoveryRequest(bot.ssrc, asked);
      assertEquals(answers({ rig, bot }, request), [responseOf(bot.ssrc, discovery)], asked);
    }
    assertEquals(rig.server.stats().discoveries, 4);
  });
}

test("PacketRelay takes a 70-byte request for an SSRC that looks like RTP for discovery", () => {
  const { rig, bot } = alone();
  for (const form of ["70be", "70hybrid"] as const) {
    assertEquals(answers({ rig, bot }, discoveryRequest(0x80780000, form)), []);
  }
  assertEquals(rig.server.stats().dropped, { "unknown-ssrc": 2 });
});

test("PacketRelay answers clients that have not cleared what follows the SSRC", () => {
  const { rig, bot } = alone();
  for (const form of ["74", "70be", "70hybrid"] as const) {
    for (const at of [8, 40, 69]) {
      const request = discoveryRequest(bot.ssrc, form);
      request[at] = 1;
      const expected = form === "70be" ? 0 : 1; // which is known by its zeros only
      assertEquals(answers({ rig, bot }, request).length, expected, `${form} ${at}`);
    }
  }
  const { discoveries, dropped } = rig.server.stats();
  assertEquals([discoveries, dropped], [6, { "bad-version": 3 }]);
});

test("PacketRelay drops and counts requests whose length field is wrong", () => {
  const { rig, bot } = alone();
  for (const form of ["74", "70hybrid"] as const) {
    const request = discoveryRequest(bot.ssrc, form);
    request[3] = 74;
    assertEquals(answers({ rig, bot }, request), [], form);
  }
  assertEquals(rig.server.stats().dropped, { "bad-discovery": 2 });
});

test("PacketRelay answers the official keepalive only, and counts the other forms", () => {
  const { rig, bot } = alone();
  const answered = udp_keepalive.map(({ packet }) => answers({ rig, bot }, hex(packet)));
  assertEquals(answered, [["1337f00d00000001"], [], [], [], [], []]);
  const { keepalivesAnswered, keepalivesIgnored, dropped } = rig.server.stats();
  // P02 is the reply of a server: no keepalive.
  assertEquals([keepalivesAnswered, keepalivesIgnored, dropped], [1, 4, { "too-short": 1 }]);
});

test("PacketRelay echoes counters where it is told to, no SSRC and no JDA", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  for (const id of ["P03", "P04"]) {
    const { packet } = byId(udp_keepalive, id);
    assertEquals(answers({ rig, bot }, hex(packet)), [packet], id);
  }
  assertEquals(answers({ rig, bot }, hex("1337cafe00000001")), ["1337f00d00000001"]);
  for (const id of ["P05", "P06"]) {
    assertEquals(answers({ rig, bot }, hex(byId(udp_keepalive, id).packet)), [], id);
  }
  const { keepalivesAnswered, keepalivesIgnored, dropped } = rig.server.stats();
  assertEquals([keepalivesAnswered, keepalivesIgnored, dropped], [3, 2, {}]);
});

// What arrives is borrowed until the call returns; what is sent is looked at later.
test("PacketRelay echoes a copy", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  const counter = hex("0500000000000000");
  bot.sendDatagram(counter);
  counter.fill(0xee);
  assertEquals(toHex(rig.datagrams.at(-1)!.datagram), "0500000000000000");
});

test("PacketRelay drops eight or nine bytes that are no keepalive", () => {
  const { rig, bot } = alone({ echoKeepalives: true });
  for (const datagram of ["0000000100000001", "c90000000000000001", "ca0000000000000000"]) {
    assertEquals(answers({ rig, bot }, hex(datagram)), [], datagram);
  }
  const { keepalivesIgnored, dropped } = rig.server.stats();
  assertEquals([keepalivesIgnored, dropped], [0, { "too-short": 3 }]);
});

// RTCP

/** A client with a key, and one that hears what it says. */
function talking() {
  const rig = new Rig({ heartbeatInterval: 1e6 });
  const alice = rig.join("10", PORT);
  const bob = rig.join("20", PORT + 1);
  const seal = (compound: Uint8Array, counter: number, client = alice) => {
    const cipher = new PacketCipher(GCM, client.key, nobleAead, new NonceCounter(counter));
    return sealRtcp(cipher, compound);
  };
  return { rig, alice, bob, seal };
}

const BLOCK: ReportBlock = {
  ssrc: 2,
  fractionLost: 64,
  cumulativeLost: -1,
  highestSequence: 5,
  jitter: 96,
  lastSenderReport: 0,
  delaySinceLastSenderReport: 0,
};

test("PacketRelay tells of a client's reports, and passes none on", () => {
  const { rig, alice, bob, seal } = talking();
  const told = rig.events.length;
  const fields = { ssrc: 1, ntpTimestamp: 1n << 40n, rtpTimestamp: 0 };
  const sent = { packetCount: 7, octetCount: 21 };
  alice.sendDatagram(seal(buildSenderReport({ ...fields, ...sent, blocks: [BLOCK] }), 1));
  alice.sendDatagram(seal(buildReceiverReport(1, []), 2));
  alice.sendDatagram(seal(Uint8Array.of(0x80, 203, 0, 1, 0, 0, 0, 1), 3));
  const subject = { websocket: 1, userId: "10", guildId: "1" };
  assertEquals(rig.events.slice(told).map(({ at: _at, sessionId: _id, ...event }) => event), [
    { ...subject, type: "sender-report", ssrc: 1, packets: 7, octets: 21 },
    {
      ...subject,
      type: "reception-report",
      ssrc: 1,
      source: 2,
      fractionLost: 0.25,
      lost: -1,
      jitter: 2,
    },
  ]);
  assertEquals([rig.server.stats().rtcp, rig.server.stats().dropped], [3, {}]);
  assertEquals([alice.heard, bob.heard], [[], []]);
});

test("PacketRelay drops RTCP that is nobody's, of another's SSRC, repeated or malformed", () => {
  const { rig, alice, bob, seal } = talking();
  const report = buildReceiverReport(1, [BLOCK]);
  const good = seal(report, 1);
  alice.sendDatagram(good);
  alice.sendDatagram(good);
  // One nonce for a packet and a report is a replay, too.
  alice.sendDatagram(seal(report, 77));
  alice.sendDatagram(sealGcm(alice.key, 77, rtpHeader(1), 12, Uint8Array.of(1)));
  bob.sendDatagram(seal(report, 3, bob));
  alice.sendDatagram(seal(Uint8Array.of(0x80, 201, 0, 9, 0, 0, 0, 1), 4));
  alice.sendDatagram(seal(buildReceiverReport(9, []), 5), PORT + 9);
  alice.sendDatagram(good.slice(0, 20));
  assertEquals(rig.server.stats().dropped, {
    replay: 2,
    "wrong-ssrc": 1,
    "bad-rtcp": 1,
    "unknown-source": 1,
    "too-short": 1,
  });
  assertEquals(rig.server.stats().rtcp, 2);
});

test("PacketRelay tells of 31 streams of one datagram at most", () => {
  const { rig, alice, seal } = talking();
  const full = buildReceiverReport(1, Array<ReportBlock>(31).fill(BLOCK));
  alice.sendDatagram(seal(Uint8Array.of(...full, ...full), 1));
  assertEquals(rig.count("reception-report"), 31);
});
