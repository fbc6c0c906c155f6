import { assert, assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  DISCOVERY_FORMS,
  DISCOVERY_SIZE,
  type DiscoveryForm,
  discoveryRequest,
  discoveryResponse,
  DiscoveryRetry,
  isDiscoveryResponse,
  isIpv4,
  isIpv6,
  looksLikeDiscoveryRequest,
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
/** Offset of the response's address. */
const offsetIn = (form: DiscoveryForm) => form === "74" ? 8 : 4;

for (
  const [form, id] of [["70le", "D01"], ["70be", "D03"], ["70hybrid", "D05"], [
    "74",
    "D07",
  ]] as const
) {
  test(`discoveryRequest() builds ${id} for ${form}, parseDiscoveryRequest() reads it`, () => {
    const { packet } = byId(ip_discovery, id);
    assertEquals(toHex(discoveryRequest(SSRC, form)), packet);
    const asked = form === "70le" ? "70be" : form;
    assertEquals(parseDiscoveryRequest(hex(packet)), { ssrc: SSRC, form: asked });
  });
}

test("discoveryRequest() builds the 74-byte form by default, and the captured request", () => {
  assertEquals(toHex(discoveryRequest(SSRC)), byId(ip_discovery, "D07").packet);
  assertEquals(toHex(discoveryRequest(captured[0].ssrc)), captured[0].request_hex);
});

for (
  const [form, id] of [
    ["70le", "D02"],
    ["70be", "D04"],
    ["70hybrid", "D06"],
    ["74", "D08"],
    ["74", "D09"],
    ["74", "D10"],
  ] as const
) {
  test(`parseDiscoveryResponse() reads ${id}, discoveryResponse() builds it`, () => {
    const { packet, fields } = byId(ip_discovery, id);
    const found = { address: fields.ip, port: fields.port };
    assertEquals(parseDiscoveryResponse(hex(packet), fields.ssrc, form), found);
    assertEquals(toHex(discoveryResponse(fields.ssrc, found, form)), packet);
    if (form !== "74") return;
    assertEquals(parseDiscoveryResponse(hex(packet), fields.ssrc), found);
    assertEquals(toHex(discoveryResponse(fields.ssrc, found)), packet);
  });
}

// Discord, protocol sheet section 5: clients of these generations left the four bytes unread.
test("parseDiscoveryResponse() takes the first four bytes of the 70-byte forms for opaque", () => {
  for (const form of ["70le", "70be", "70hybrid"] as const) {
    const datagram = discoveryResponse(1, { address: "192.0.2.1", port: 0x1234 }, form);
    datagram.set([0, 1, 0, 70]);
    const found = { address: "192.0.2.1", port: 0x1234 };
    assertEquals(parseDiscoveryResponse(datagram, SSRC, form), found);
  }
});

test("parseDiscoveryResponse() rejects a 70-byte response without address or port", () => {
  const packet = (form: DiscoveryForm, address: string, port: number) =>
    discoveryResponse(SSRC, { address, port }, form);
  for (const form of ["70le", "70be", "70hybrid"] as const) {
    const fault = (datagram: Uint8Array) => parseDiscoveryResponse(datagram, SSRC, form);
    assertEquals(fault(packet(form, "192.0.2.1", 0)), "bad-port");
    for (const address of ["", "999.1.2.3", "fe80::1%eth0", "localhost"]) {
      assertEquals(fault(packet(form, address, 5)), "bad-address", address);
    }
    const endless = packet(form, "192.0.2.1", 0x0101).fill(0x39, 4, 68);
    assertEquals(fault(endless), "bad-address");
    assertEquals(fault(response), "wrong-size");
  }
});

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
});

for (const form of DISCOVERY_FORMS) {
  const valid = discoveryResponse(SSRC, { address: "203.0.113.7", port: 50004 }, form);

  test(`parseDiscoveryResponse() rejects every truncation of ${form}, and one byte more`, () => {
    for (const cut of [...truncations(valid), hex(toHex(valid) + "00")]) {
      assertEquals(parseDiscoveryResponse(cut, SSRC, form), "wrong-size");
      assertEquals(isDiscoveryResponse(cut, form), false);
      assertEquals(parseDiscoveryRequest(cut), undefined);
    }
  });

  // A flipped bit can still be a valid address, but never anything else.
  test(`parseDiscoveryResponse() reads an address or a reason from every flip in ${form}`, () => {
    for (const [bit, flipped] of bitFlips(valid).entries()) {
      const found = parseDiscoveryResponse(flipped, SSRC, form);
      const byte = bit >>> 3;
      if (form !== "74" && byte < 4) assertEquals(found, { address: "203.0.113.7", port: 50004 });
      else if (byte < 2) assertEquals(found, "wrong-type");
      else if (byte < 4) assertEquals(found, "wrong-length");
      else if (byte < offsetIn(form)) assertEquals(found, "wrong-ssrc");
      else if (typeof found === "string") assertEquals(found, "bad-address");
      else assert(isIpv4(found.address) && found.port > 0, JSON.stringify(found));
    }
  });

  test(`parseDiscoveryRequest() reads each flipped bit of ${form} that counts`, () => {
    const request = discoveryRequest(SSRC, form);
    const marked = form === "74" || form === "70hybrid";
    const head = marked ? 8 : 4;
    for (const [bit, flipped] of bitFlips(request).entries()) {
      const ssrc = parseDiscoveryRequest(flipped)?.ssrc;
      const byte = bit >>> 3;
      if (byte >= head) assertEquals(ssrc, marked ? SSRC : undefined, `bit ${bit}`);
      else if (byte < head - 4) assertEquals(ssrc, undefined, `bit ${bit}`);
      else assertEquals(ssrc, (SSRC ^ 1 << 31 - bit % 32) >>> 0, `bit ${bit}`);
    }
  });
}

test("the parsers survive garbage of every length", () => {
  const random = seededRandom(5);
  for (let i = 0; i <= 1000; i++) {
    const garbage = randomBytes(random, i % 101);
    for (const form of DISCOVERY_FORMS) {
      assertEquals(typeof parseDiscoveryResponse(garbage, SSRC, form), "string");
    }
    assertEquals(parseDiscoveryRequest(garbage), undefined);
    assertEquals(isDiscoveryResponse(garbage), false);
    assertEquals(looksLikeDiscoveryRequest(garbage), false);
  }
});

test("parseDiscoveryRequest() reads requests only", () => {
  assertEquals(parseDiscoveryRequest(response), undefined);
  for (const form of DISCOVERY_FORMS) {
    const reply = discoveryResponse(SSRC, { address: "192.0.2.1", port: 5 }, form);
    assertEquals(parseDiscoveryRequest(reply), undefined, form);
  }
});

// dysnomia#205: servers of Discord rejected bytes that a client had not cleared.
test("parseDiscoveryRequest() wants zeros where there is no other mark", () => {
  for (const form of DISCOVERY_FORMS) {
    const request = discoveryRequest(SSRC, form);
    request[request.length - 1] = 1;
    const marked = form === "74" || form === "70hybrid";
    assertEquals(parseDiscoveryRequest(request), marked ? { ssrc: SSRC, form } : undefined);
    assertEquals(looksLikeDiscoveryRequest(request), marked, form);
  }
});

test("parseDiscoveryRequest() tells the SSRC 0x00010046 from the hybrid form", () => {
  const ssrc = 0x00010046;
  assertEquals(parseDiscoveryRequest(discoveryRequest(ssrc, "70be")), { ssrc, form: "70be" });
  const hybrid = discoveryRequest(ssrc, "70hybrid");
  assertEquals(parseDiscoveryRequest(hybrid), { ssrc, form: "70hybrid" });
});

test("discoveryResponse() takes the longest address that leaves a NUL, and no longer one", () => {
  for (const form of DISCOVERY_FORMS) {
    const built = discoveryResponse(SSRC, { address: "x".repeat(63), port: 5 }, form);
    assertEquals(built[offsetIn(form) + 63], 0);
    const error = assertThrows(
      () => discoveryResponse(SSRC, { address: "x".repeat(64), port: 5 }, form),
      RangeError,
    );
    assertEquals(
      error.message,
      "Cannot build a discovery response: the address has 64 characters, at most 63 fit",
    );
  }
});

test("isDiscoveryResponse() tells responses by size and, where there is one, type", () => {
  assertEquals(isDiscoveryResponse(response), true);
  assertEquals(isDiscoveryResponse(discoveryRequest(SSRC)), false);
  assertEquals(response.length, DISCOVERY_SIZE);
  for (const form of ["70be", "70le", "70hybrid"] as const) {
    assertEquals(isDiscoveryResponse(response, form), false);
    assertEquals(isDiscoveryResponse(new Uint8Array(70), form), true);
  }
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

test("isIpv6() takes what RFC 4291 section 2.2 does", () => {
  for (
    const text of [
      "2001:db8::7",
      "2001:DB8:0:0:8:800:200C:417A",
      "FF01::101",
      "::1",
      "::",
      "1::",
      "1:2:3:4:5:6:7::",
      "::2:3:4:5:6:7:8",
      "0:0:0:0:0:0:13.1.68.3",
      "::ffff:129.144.52.38",
      "64:ff9b::192.0.2.33",
      "1:2:3:4:5::1.2.3.4",
    ]
  ) {
    assertEquals(isIpv6(text), true, text);
  }
});

test("isIpv6() takes nothing else", () => {
  for (
    const text of [
      "",
      ":",
      ":::",
      "::::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8",
      "1:2:3:4::5:6:7:8",
      ":1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:",
      "12345::",
      "g::1",
      "fe80::1%eth0",
      "[::1]",
      "::1/128",
      " ::1",
      "::1\n",
      "1.2.3.4",
      "1.2.3.4::",
      "::1.2.3.4:5",
      "::1.2.3",
      "::256.1.1.1",
      "1:2:3:4:5:6:7:1.2.3.4",
      "1:2:3:4:5:6::1.2.3.4",
      "::ffff:01.2.3.4",
      "-1::",
    ]
  ) {
    assertEquals(isIpv6(text), false, JSON.stringify(text));
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
