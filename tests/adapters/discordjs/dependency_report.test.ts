import { assertEquals, assertMatch } from "@std/assert";
import test from "node:test";
import {
  generateDependencyReport,
  RTP_OPUS_PAYLOAD_TYPE,
  version,
} from "../../../adapters/discordjs/dependency_report.ts";
import { detectRuntime } from "../../../adapters/detect.ts";
import { runtimeTransport } from "../../../adapters/discordjs/runtime_transport.ts";

test("generateDependencyReport() tells what does what, FFmpeg too", () => {
  const report = generateDependencyReport();
  for (const title of ["Core Dependencies", "Opus Libraries", "DAVE Libraries", "FFmpeg"]) {
    assertMatch(report, new RegExp(`^${title}$`, "m"));
  }
  assertMatch(report, /^- runtime: (deno|bun|node)$/m);
  assertMatch(report, /^FFmpeg\n- (version: \S+\n- libopus: (yes|no)|not found)$/m);
});

test("version and RTP_OPUS_PAYLOAD_TYPE are those of @discordjs/voice", () => {
  assertEquals([version, RTP_OPUS_PAYLOAD_TYPE], ["0.19.2", 120]);
});

test("runtimeTransport() is that of this runtime, at once", () => {
  assertEquals(runtimeTransport().runtime, detectRuntime());
});
