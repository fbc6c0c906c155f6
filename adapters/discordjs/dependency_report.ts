/**
 * What a bot runs on, for bug reports.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { getCiphers } from "node:crypto";
import { OPUS_PAYLOAD_TYPE } from "../../lib/rtp_header.ts";
import { detectRuntime } from "../detect.ts";

/** The version of @discordjs/voice whose names are these. */
export const version = "0.19.2";

/** RTP payload type of Opus at Discord. */
export const RTP_OPUS_PAYLOAD_TYPE: number = OPUS_PAYLOAD_TYPE;

const RULE = "-".repeat(50);
const TIME_LIMIT = 5_000;

/**
 * Tells what does what here. Looks for FFmpeg, which blocks for a moment.
 *
 * @returns Lines of text.
 */
export function generateDependencyReport(): string {
  const hasGcm = getCiphers().includes("aes-256-gcm");
  return [
    RULE,
    "Core Dependencies",
    `- @discordjs/voice: the names of ${version}, by @sotto/voice`,
    `- runtime: ${detectRuntime()}`,
    "",
    "Opus Libraries",
    "- WebAssembly: built in",
    "",
    "Encryption Libraries",
    `- native crypto support for aes-256-gcm: ${yes(hasGcm)}`,
    "- @noble/ciphers: built in",
    "",
    "DAVE Libraries",
    "- built in",
    "",
    "FFmpeg",
    ...describeFfmpeg(),
    RULE,
  ].join("\n");
}

function describeFfmpeg(): string[] {
  try {
    const { stdout, status } = spawnSync("ffmpeg", ["-version"], {
      encoding: "utf8",
      timeout: TIME_LIMIT,
    });
    if (status !== 0) return ["- not found"];
    const version = /version (\S+)/.exec(stdout)?.[1] ?? "unknown";
    return [`- version: ${version}`, `- libopus: ${yes(stdout.includes("--enable-libopus"))}`];
  } catch {
    return ["- not found"]; // Deno asks for the right to run it
  }
}

function yes(is: boolean): string {
  return is ? "yes" : "no";
}
