import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { classifyDatagram, type DatagramKind, isRtcp, isRtp } from "../../lib/demux.ts";
import { discoveryRequest } from "../../lib/ip_discovery.ts";
import {
  bitFlips,
  byId,
  hex,
  loadVectors,
  randomBytes,
  seededRandom,
  toHex,
  type TransportVectors,
} from "../tools/vectors.ts";

const { vectors, ip_discovery, negative, udp_keepalive } = loadVectors<TransportVectors>(
  "transport.json",
);
const KINDS: readonly DatagramKind[] = [
  "keepalive",
  "keepalive-reply",
  "discovery-request",
  "discovery-response",
  "rtcp",
  "rtp",
  "unknown",
];

function kindOf(text: string): DatagramKind {
  return classifyDatagram(hex(text));
}

for (const { id, kind, packet } of vectors) {
  test(`classifyDatagram() takes ${id} for ${kind}`, () => {
    assertEquals(classifyDatagram(hex(packet)), kind);
  });
}

test("classifyDatagram() knows keepalives of all forms, and the official reply", () => {
  for (const { id, packet } of udp_keepalive) {
    const expected = id.startsWith("P02") ? "keepalive-reply" : "keepalive";
    assertEquals(kindOf(packet), expected, id);
  }
});

test("classifyDatagram() knows discovery by size and type, the 70-byte forms by nothing", () => {
  const kinds = ip_discovery.map(({ packet }) => kindOf(packet));
  assertEquals(kinds, [
    "unknown",
    "unknown",
    "unknown",
    "unknown",
    "discovery-request",
    "unknown",
    "discovery-request",
    "discovery-response",
    "discovery-response",
    "discovery-response",
  ]);
  assertEquals(classifyDatagram(discoveryRequest(0x80000000, "70be")), "rtp");
  assertEquals(classifyDatagram(discoveryRequest(0xbfffffff, "70be")), "rtp");
  assertEquals(classifyDatagram(discoveryRequest(0xc0000000, "70be")), "unknown");
});

test("classifyDatagram() leaves it to the parsers whether discovery is well-formed", () => {
  assertEquals(kindOf(byId(negative, "N01").packet), "discovery-request");
  for (const id of ["N03", "N04", "N05", "N06", "N07", "N08"]) {
    assertEquals(kindOf(byId(negative, id).packet), "discovery-response", id);
  }
  assertEquals(kindOf(byId(negative, "N02").packet), "unknown");
});

test("classifyDatagram() takes version 2 for RTP or RTCP, however broken, and no other", () => {
  for (const { id, packet } of negative.filter(({ id }) => /^N1/.test(id))) {
    assertEquals(kindOf(packet), "rtp", id);
  }
  assertEquals(kindOf(byId(negative, "N20").packet), "unknown");
  assertEquals(["", "80", "8078", "80c8", "bf7f00", "4078", "c078"].map(kindOf), [
    "unknown",
    "unknown",
    "rtp",
    "rtp",
    "rtp",
    "unknown",
    "unknown",
  ]);
});

test("classifyDatagram() looks at the size before the version", () => {
  const head = "80c80006deadbeef";
  assertEquals(kindOf(head), "rtcp");
  assertEquals(kindOf(head.slice(0, 8)), "keepalive");
  assertEquals(kindOf("80c8000600000000"), "keepalive");
  assertEquals(kindOf(head + "00"), "rtcp");
});

test("isRtcp() knows the RTCP vectors and all packet types, and no audio", () => {
  for (const id of ["V23", "V24", "V27"]) assertEquals(isRtcp(hex(byId(vectors, id).packet)), true);
  for (const { id, kind, packet } of vectors) {
    if (kind === "rtp") assertEquals(isRtcp(hex(packet)), false, id);
  }
  for (let type = 0; type < 256; type++) {
    const expected = type >= 192 && type <= 223;
    assertEquals(isRtcp(Uint8Array.of(0x80, type, 0, 0, 0, 0, 0, 0)), expected, `${type}`);
  }
  assertEquals(isRtcp(hex("40c8000000000000")), false);
  assertEquals(isRtcp(hex("80c80000000000")), false);
});

test("isRtp() is version 2 and no RTCP, and what is too short to tell", () => {
  for (const { id, kind, packet } of vectors) assertEquals(isRtp(hex(packet)), kind === "rtp", id);
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const two = first >= 0x80 && first < 0xc0;
      const rtcp = second >= 192 && second <= 223;
      assertEquals(isRtp(Uint8Array.of(first, second)), two);
      assertEquals(isRtp(Uint8Array.of(first, second, 0, 0, 0, 0, 0)), two);
      assertEquals(isRtp(Uint8Array.of(first, second, 0, 0, 0, 0, 0, 0)), two && !rtcp);
    }
  }
  for (const text of ["", "80", "90", "bf"]) assertEquals(isRtp(hex(text)), false, text);
  for (const size of [70, 74]) {
    const datagram = new Uint8Array(size);
    datagram.set([0x80, 0x78]);
    assertEquals(isRtp(datagram), true);
  }
});

test("classifyDatagram() gives every input one of its kinds, and changes nothing", () => {
  const random = seededRandom(13);
  const inputs = Array.from({ length: 5000 }, (_, i) => randomBytes(random, i % 101));
  for (const { packet } of [...ip_discovery, ...udp_keepalive]) {
    inputs.push(...bitFlips(hex(packet)));
  }
  for (const input of inputs) {
    const before = input.slice();
    const kind = classifyDatagram(input);
    assert(KINDS.includes(kind), toHex(input));
    if (kind === "rtp" || kind === "rtcp") assertEquals(input[0] >>> 6, 2, toHex(input));
    if (kind === "rtp" || kind === "rtcp") {
      assertEquals([isRtp(input), isRtcp(input)], [
        kind === "rtp",
        kind === "rtcp",
      ]);
    }
    assert(!(isRtp(input) && isRtcp(input)), toHex(input));
    assertEquals(input, before);
  }
});
