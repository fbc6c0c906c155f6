import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import {
  DISCOVERY_SIZE,
  discoveryRequest,
  discoveryResponse,
  DiscoveryRetry,
  isDiscoveryResponse,
  isIpv4,
  parseDiscoveryRequest,
  parseDiscoveryResponse,
} from "../../lib/ip_discovery.ts";
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

interface CapturedDiscovery {
  cases: {
    request_hex: string;
    response_hex: string;
    datagram_hex: string;
    ssrc: number;
    ip: string;
    port: number;
  }[];
}

const SSRC = 0xdeadbeef;
const { ip_discovery, negative } = loadVectors<TransportVectors>("transport.json");
const { cases: captured } = loadVectors<CapturedDiscovery>("ip_discovery.json");
const response = hex(byId(ip_discovery, "D08").packet);

test("discoveryRequest() builds D07 and the captured request", () => {
  assertEquals(toHex(discoveryRequest(SSRC)), byId(ip_discovery, "D07").packet);
  assertEquals(toHex(discoveryRequest(captured[0].ssrc)), captured[0].request_hex);
});

for (const id of ["D08", "D09"]) {
  test(`parseDiscoveryResponse() reads ${id}, discoveryResponse() builds it`, () => {
    const { packet, fields } = byId(ip_discovery, id);
    const found = { address: fields.ip, port: fields.port };
    assertEquals(parseDiscoveryResponse(hex(packet), fields.ssrc), found);
    assertEquals(toHex(discoveryResponse(fields.ssrc, found)), packet);
  });
}

test("parseDiscoveryResponse() reads the captured response", () => {
  const { response_hex, ssrc, ip, port } = captured[1];
  assertEquals(parseDiscoveryResponse(hex(response_hex), ssrc), { address: ip, port });
});

for (
  const [id, fault] of [
    ["N01", "wrong-type"],
    ["N02", "wrong-size"],
    ["N03", "wrong-length"],
    ["N04", "bad-address"],
    ["N05", "bad-address"],
    ["N06", "wrong-ssrc"],
    ["N07", "bad-address"],
    ["N08", "bad-port"],
  ] as const
) {
  test(`parseDiscoveryResponse() rejects ${id} as ${fault}`, () => {
    assertEquals(parseDiscoveryResponse(hex(byId(negative, id).packet), SSRC), fault);
  });
}

test("parseDiscoveryResponse() rejects the forms of other generations", () => {
  for (const id of ["D02", "D04", "D06"]) {
    assertEquals(parseDiscoveryResponse(hex(byId(ip_discovery, id).packet), SSRC), "wrong-size");
  }
  assertEquals(parseDiscoveryResponse(hex(byId(ip_discovery, "D07").packet), SSRC), "wrong-type");
  assertEquals(parseDiscoveryResponse(hex(byId(ip_discovery, "D10").packet), SSRC), "bad-address");
});

test("parseDiscoveryResponse() rejects every truncation, and one byte more", () => {
  for (const cut of [...truncations(response), hex(toHex(response) + "00")]) {
    assertEquals(parseDiscoveryResponse(cut, SSRC), "wrong-size");
    assertEquals(isDiscoveryResponse(cut), false);
    assertEquals(parseDiscoveryRequest(cut), undefined);
  }
});

// A flipped bit can still be a valid address, but never anything else.
test("parseDiscoveryResponse() reads a valid address or a reason from every flipped bit", () => {
  for (const [bit, flipped] of bitFlips(response).entries()) {
    const found = parseDiscoveryResponse(flipped, SSRC);
    const byte = bit >>> 3;
    if (byte < 2) assertEquals(found, "wrong-type");
    else if (byte < 4) assertEquals(found, "wrong-length");
    else if (byte < 8) assertEquals(found, "wrong-ssrc");
    else if (typeof found === "string") assertEquals(found, "bad-address");
    else assert(isIpv4(found.address) && found.port > 0, JSON.stringify(found));
  }
});

test("the parsers survive garbage of every length", () => {
  const random = seededRandom(5);
  for (let size = 0; size <= 100; size++) {
    const garbage = randomBytes(random, size);
    assertEquals(typeof parseDiscoveryResponse(garbage, SSRC), "string");
    assertEquals(parseDiscoveryRequest(garbage), undefined);
    assertEquals(isDiscoveryResponse(garbage), false);
  }
});

test("parseDiscoveryRequest() reads the SSRC of requests only", () => {
  assertEquals(parseDiscoveryRequest(discoveryRequest(SSRC)), SSRC);
  assertEquals(parseDiscoveryRequest(response), undefined);
  for (const id of ["D01", "D05"]) {
    assertEquals(parseDiscoveryRequest(hex(byId(ip_discovery, id).packet)), undefined);
  }
});

test("isDiscoveryResponse() tells responses by size and type", () => {
  assertEquals(isDiscoveryResponse(response), true);
  assertEquals(isDiscoveryResponse(discoveryRequest(SSRC)), false);
  assertEquals(response.length, DISCOVERY_SIZE);
});

test("isIpv4() takes dotted decimal and nothing else", () => {
  for (const text of ["0.0.0.0", "127.0.0.1", "255.255.255.255", "10.20.30.40"]) {
    assertEquals(isIpv4(text), true, text);
  }
  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "256.1.1.1",
      "1.1.1.999",
      "01.2.3.4",
      "1.2.3.",
      "1..3.4",
      " 1.2.3.4",
      "1.2.3.4\n",
      "0x1.2.3.4",
      "1e1.2.3.4",
      "-1.2.3.4",
      "::1",
      "localhost",
    ]
  ) {
    assertEquals(isIpv4(text), false, JSON.stringify(text));
  }
});

test("DiscoveryRetry waits 200 ms and twice as long each time, five times", () => {
  const retry = new DiscoveryRetry();
  const round = () => Array.from({ length: 7 }, () => retry.next());
  const expected = [200, 400, 800, 1600, 3200, undefined, undefined];
  assertEquals(round(), expected);
  retry.reset();
  assertEquals(round(), expected);
});
