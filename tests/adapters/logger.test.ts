import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { log, type Logger } from "../../adapters/logger.ts";
import { VoiceConnectError } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { SESSION_EVENT_TYPES } from "../tools/event_types.ts";

const ERROR = new VoiceConnectError("Cannot stay connected while connected: it rained", {
  phase: "connected",
  code: "timeout",
  hint: "Take an umbrella",
});

/** The line of each event, by level. */
const LINES: readonly (readonly [SessionEvent, keyof Logger, string])[] = [
  [{ type: "state", from: "idle", to: "signalling" }, "info", "idle -> signalling"],
  [
    { type: "ready", ssrc: 7, mode: "aead_aes256_gcm_rtpsize" },
    "info",
    "ready: ssrc 7, aead_aes256_gcm_rtpsize",
  ],
  [{ type: "resumed" }, "info", "resumed"],
  [{ type: "connected" }, "info", "connected"],
  [
    { type: "disconnected", code: 4015, reason: "crashed", bySelf: false },
    "warn",
    "disconnected: 4015",
  ],
  [
    { type: "disconnected", code: 1012, reason: "", bySelf: true },
    "info",
    "disconnected: 1012 by self",
  ],
  [{ type: "closed" }, "info", "closed"],
  [
    { type: "closed", error: ERROR },
    "error",
    "Cannot stay connected while connected: it rained. Take an umbrella",
  ],
  [{ type: "speaking", userId: "8", ssrc: 9, flags: 1 }, "debug", "speaking: user 8"],
  [{ type: "video", userId: "8", ssrc: 9 }, "debug", "video: user 8"],
  [{ type: "clientConnect", userId: "8" }, "debug", "clientConnect: user 8"],
  [{ type: "clientDisconnect", userId: "8" }, "debug", "clientDisconnect: user 8"],
  [{ type: "heartbeat", roundTrip: 12.345 }, "debug", "heartbeat: 12.3 ms"],
  [
    { type: "highLatency", roundTrip: 15_000.4 },
    "warn",
    "a heartbeat was answered after 15000 ms",
  ],
  [{ type: "keepalive", roundTrip: 0 }, "debug", "keepalive: 0.0 ms"],
  [
    { type: "receptionReport", fractionLost: 0.125, lost: 9, jitter: 2, roundTrip: 20, at: 5 },
    "debug",
    "the server lost 12.5 %, jitter 2.0 ms",
  ],
  [
    { type: "daveEpochTransition", epoch: 3, transitionId: 2, protocolVersion: 1 },
    "info",
    "end-to-end encryption: version 1, epoch 3",
  ],
  [
    { type: "daveEpochTransition", epoch: undefined, transitionId: 2, protocolVersion: 0 },
    "info",
    "end-to-end encryption: version 0",
  ],
  [{ type: "davePrivacyCode", code: "123" }, "debug", "privacy code: 123"],
  [{ type: "davePrivacyCode", code: undefined }, "debug", "privacy code: none"],
  [{ type: "daveReady", ready: true }, "info", "end-to-end encryption: ready"],
  [{ type: "daveReady", ready: false }, "info", "end-to-end encryption: not ready"],
  [
    { type: "daveRecovery", transitionId: 2, reason: "stalled" },
    "warn",
    "end-to-end encryption starts over: stalled",
  ],
  [
    { type: "daveIgnored", op: 27, reason: "bad-signature" },
    "debug",
    "ignored op 27: bad-signature",
  ],
  [{ type: "malformed", reason: "op 2: bad" }, "warn", "malformed: op 2: bad"],
  [
    { type: "message", direction: "sent", channel: "websocket", name: "Identify" },
    "debug",
    "sent Identify (websocket)",
  ],
];

for (const [event, level, line] of LINES) {
  test(`log() writes "${line}" as ${level}`, () => {
    const written: string[][] = [];
    const write = (name: string) => (...args: string[]) => void written.push([name, ...args]);
    log({
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
    }, event);
    assertEquals(written, [[level, line]]);
  });
}

test("log() has a line for every type of event", () => {
  const covered = new Set(LINES.map(([{ type }]) => type));
  assertEquals([...covered].sort(), [...SESSION_EVENT_TYPES].sort());
});

test("log() leaves its logger the this that it has", () => {
  class Lines implements Logger {
    readonly #lines: string[] = [];
    get lines(): readonly string[] {
      return this.#lines;
    }
    debug(line: string): void {
      this.#lines.push(line);
    }
    info(line: string): void {
      this.#lines.push(line);
    }
    warn(line: string): void {
      this.#lines.push(line);
    }
    error(line: string): void {
      this.#lines.push(line);
    }
  }
  const lines = new Lines();
  for (const [event] of LINES) log(lines, event);
  assertEquals(lines.lines, LINES.map(([, , line]) => line));
});

test("log() writes to the console, which fits", () => {
  const written: string[] = [];
  const levels = ["debug", "info", "warn", "error"] as const;
  const original = levels.map((level) => console[level]);
  const logger: Logger = console;
  try {
    for (const level of levels) console[level] = (...args) => void written.push(args.join());
    for (const [event] of LINES) log(logger, event);
  } finally {
    levels.forEach((level, i) => console[level] = original[i]);
  }
  assertEquals(written, LINES.map(([, , line]) => line));
});

test("log() writes one line, whatever a server puts into a reason", () => {
  const reason = "bad\nready: ssrc 1\r\u2028forged";
  const error = new VoiceConnectError(`Cannot stay connected: ${reason}`, {
    phase: "connected",
    code: "closed",
    hint: "Look",
  });
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const logger = { debug: write, info: write, warn: write, error: write };
  log(logger, { type: "malformed", reason });
  log(logger, { type: "closed", error });
  log(logger, { type: "disconnected", code: 4000, reason, bySelf: false });
  assertEquals(lines.length, 3);
  for (const line of lines) assert(!/[\n\r\u2028]/.test(line), JSON.stringify(line));
});
