import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import test from "node:test";
import { CLOSE_CODES } from "../../lib/close_codes.ts";
import { closedWith, FAILURES, noSharedMode, udpUnreachable } from "../../lib/failure.ts";

test("every failure says what happened and what to look at", () => {
  const failures = [
    ...Object.values(FAILURES),
    noSharedMode("lists"),
    udpUnreachable("silence"),
    ...[...Object.keys(CLOSE_CODES), 1006, 4999].map((code) => closedWith(Number(code), "")),
  ];
  for (const { message, hint } of failures) {
    assertGreater(message.length, 4);
    assertGreater(hint.length, 10);
    assertEquals(/[.!]$/.test(message), false, message);
  }
});

test("closedWith() names the code and its meaning", () => {
  const { code, message } = closedWith(4016, "");
  assertEquals(code, "closed");
  assertStringIncludes(message, "4016 (unknown encryption mode)");
});

test("closedWith() gives the reason, cut to a bearable length", () => {
  assertStringIncludes(closedWith(1006, "no route").message, "1006 (connection lost: no route)");
  assertEquals(closedWith(4006, "x".repeat(9999)).message.length < 300, true);
});

test("noSharedMode() and udpUnreachable() keep the message", () => {
  assertEquals([noSharedMode("a").code, noSharedMode("a").message], ["no-shared-mode", "a"]);
  assertEquals([udpUnreachable("b").code, udpUnreachable("b").message], ["udp-unreachable", "b"]);
});

test("FAILURES have the codes that programs tell them apart by", () => {
  const codes = Object.entries(FAILURES).map(([name, { code }]) => [name, code]);
  assertEquals(Object.fromEntries(codes), {
    gatewayRefused: "gateway-refused",
    noUpdates: "timeout",
    noVoiceState: "timeout",
    noVoiceServer: "timeout",
    noNewServer: "disconnected",
    tooManyServers: "disconnected",
    kicked: "disconnected",
    noAnswer: "timeout",
  });
});
