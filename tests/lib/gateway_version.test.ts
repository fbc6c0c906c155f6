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
    const { wrappedHello, readyInterval, speakingMask, numbered, channelId } = traits;
    const flags = [wrappedHello, readyInterval, speakingMask, numbered, channelId];
    const { heartbeatAckOpcode, heartbeatShare } = traits;
    return `${version} ${heartbeatAckOpcode} ${heartbeatShare} ${flags.map(Number).join("")}`;
  });
  assertEquals(rows, [
    "1 3 0.75 01000",
    "2 6 0.75 01000",
    "3 6 0.75 11000",
    "4 6 1 10100",
    "5 6 1 10100",
    "6 6 1 10100",
    "7 6 1 10100",
    "8 6 1 10110",
    "9 6 1 10111",
  ]);
});
