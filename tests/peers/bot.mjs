/**
 * What the peers' programs have in common: a bot in a process of its own, on a library of
 * others and without a line of ours.
 *
 * Standard input takes a command a line, as JSON; standard output says what
 * happened in the same form. The end of standard input ends the program.
 *
 *     {"do":"join","gateway":"ws://...","token":"...","guildId":"...","channelId":"...","dave":true}
 *     {"do":"hear","userId":"..."}          before the user speaks
 *     {"do":"speak"}                        sends Speaking before there is audio
 *     {"do":"play","packets":["fc00..."]}   Opus packets as hex, one every 20 ms
 *     {"do":"leave"}
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";

/** Writes a line of the report. */
export function report(event, details) {
  process.stdout.write(`${JSON.stringify({ event, at: performance.now(), ...details })}\n`);
}

/**
 * Reports a message of the voice gateway, as text. Only the opcode, and whose Speaking it
 * is: what else is behind it may be a token or a key.
 */
export function reportMessage(direction, text) {
  const { op, d } = JSON.parse(text);
  report("message", { direction, op, userId: op === 5 ? d.user_id : undefined });
}

/** Reports an Opus packet of a user. */
export function reportOpus(userId, opus) {
  report("heard", { userId, opus: Buffer.from(opus).toString("hex") });
}

/** Opus packets, written as hex, as a stream of buffers. */
export function streamOf(packets) {
  return Readable.from(packets.map((hex) => Buffer.from(hex, "hex")), { objectMode: true });
}

/** Obeys commands until `leave` or the end of standard input. */
export function obey(commands) {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async (line) => {
    const command = JSON.parse(line);
    try {
      await commands[command.do](command);
    } catch ({ message }) {
      report("error", { message });
    }
    if (command.do !== "leave") return;
    process.stdin.unref?.();
    lines.close();
  });
  lines.on("close", () => setTimeout(() => process.exit(), 200).unref());
  report("started", { version: process.version });
}
