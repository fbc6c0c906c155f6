import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { parseLocalPacket, RemoteProtocolError } from "../../../adapters/networking/mod.ts";
import { discoveryResponse } from "../../../lib/ip_discovery.ts";

test("parseLocalPacket() reads address and port, whatever the SSRC", () => {
  for (const ssrc of [0, 7, 0xffffffff]) {
    const v4 = discoveryResponse(ssrc, { address: "203.0.113.9", port: 50_001 });
    assertEquals(parseLocalPacket(Buffer.from(v4)), { ip: "203.0.113.9", port: 50_001 });
    const v6 = discoveryResponse(ssrc, { address: "2001:db8::7", port: 1 });
    assertEquals(parseLocalPacket(v6), { ip: "2001:db8::7", port: 1 });
  }
});

test("parseLocalPacket() refuses every truncation, and what is no address", () => {
  const response = discoveryResponse(7, { address: "203.0.113.9", port: 50_001 });
  for (let size = 0; size < response.length; size++) {
    assertThrows(() => parseLocalPacket(response.subarray(0, size)), RemoteProtocolError);
  }
  const spoiled = (at: number, value: number) => {
    const copy = response.slice();
    copy[at] = value;
    return () => parseLocalPacket(copy);
  };
  assertThrows(spoiled(1, 1), RemoteProtocolError, "wrong-type");
  assertThrows(spoiled(3, 71), RemoteProtocolError, "wrong-length");
  assertThrows(spoiled(8, 0x78), RemoteProtocolError, "bad-address");
  response.fill(0, 72);
  assertThrows(() => parseLocalPacket(response), RemoteProtocolError, "bad-port");
});
