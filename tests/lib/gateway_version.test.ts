import { assertEquals } from "@std/assert";
import test from "node:test";
import {
  GATEWAY_VERSION,
  GATEWAY_VERSIONS,
  UNNAMED_GATEWAY_VERSION,
  versionTraits,
} from "../../lib/gateway_version.ts";

test("GATEWAY_VERSIONS are 1 to 9; a client asks for 8, a URL without a version is 4", () => {
  assertEquals(GATEWAY_VERSIONS, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals([GATEWAY_VERSION, UNNAMED_GATEWAY_VERSION], [8, 4]);
});

test("versionTraits() change where the protocol's table of versions says so", () => {
  const rows = GATEWAY_VERSIONS.map((version) => {
    const traits = versionTraits(version);
    const { wrappedHello, exactHello, speakingMask, numbered, channelId } = traits;
    const flags = [wrappedHello, exactHello, speakingMask, numbered, channelId];
    return `${version} ${traits.heartbeatAckOpcode} ${flags.map(Number).join("")}`;
  });
  assertEquals(rows, [
    "1 3 00000",
    "2 6 00000",
    "3 6 10000",
    "4 6 11100",
    "5 6 11100",
    "6 6 11100",
    "7 6 11100",
    "8 6 11110",
    "9 6 11111",
  ]);
});
