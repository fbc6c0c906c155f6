/**
 * A bot that was written for @discordjs/voice, with its one import changed and nothing else: it
 * does and says what it does on the original, in the same order, and what it plays and hears is
 * the same to the byte.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { SpeakingFlags } from "@sotto/voice";
import { detectRuntime } from "../../adapters/detect.ts";
import { writeOggOpus } from "../../lib/audio/ogg_writer.ts";
import { type RuntimeName, runtimePath } from "../../examples/demo/runtimes.ts";
import { runCommand } from "../tools/command.ts";
import { TLS_CERTIFICATE_PATH } from "../tools/tls_front.ts";
import { within } from "../tools/waiting.ts";
import { toHex } from "./bot.ts";
import { installPeer } from "./install.ts";
import { CHANNEL, GUILD, Stage } from "./stage.ts";

const LIMIT = 60_000;
const RADIO = fileURLToPath(new URL("discordjs/radio.mjs", import.meta.url));
const GATEWAY = new URL("main_gateway.mjs", import.meta.url).href;
const FACADE = new URL("../../adapters/discordjs/mod.ts", import.meta.url).href;
const CONFIG = `--config=${fileURLToPath(new URL("../../deno.json", import.meta.url))}`;
/** Deno takes no certificate that signs itself, be it trusted or not. */
const ANY_CERTIFICATE = "--unsafely-ignore-certificate-errors=127.0.0.1";
const BOT = "100000000000000099";
const SILENCE = "f8fffe";

await installPeer("discordjs");

/** Distinct packets of 20 ms. */
function packets(first: number): Uint8Array[] {
  return Array.from({ length: 40 }, (_, index) => Uint8Array.of(0xfc, first, index, 1, 2, 3));
}

/** What a run of the bot has brought. */
interface Outcome {
  /** What the bot has said, in order; what it has heard is apart. */
  readonly said: readonly (readonly [what: string, value: unknown])[];
  /** What it has heard. */
  readonly heard: readonly string[];
  /** What another participant has heard of it. */
  readonly played: readonly string[];
}

/** Runs the bot beside a participant of ours, who answers its first packet. */
async function run(runtime: RuntimeName, program: string, file: string): Promise<Outcome> {
  await using stage = await Stage.open(undefined, "off");
  const ours = await stage.ours();
  const played: string[] = [];
  ours.connection.setSpeaking(SpeakingFlags.Microphone);
  let answered: Promise<unknown> | undefined;
  ours.connection.on("rawAudioFrame", ({ frame }) => {
    played.push(toHex(frame.subarray(12)));
    answered ??= ours.connection.play(packets(2));
  });
  const settings = {
    gatewayModule: GATEWAY,
    url: stage.server.gatewayUrl,
    token: `${btoa(BOT)}.radio`,
    guildId: GUILD,
    channelId: CHANNEL,
    file,
    speaker: ours.userId,
  };
  const prefix = runtime === "deno" ? ["run", "-A", "--no-check", ANY_CERTIFICATE, CONFIG] : [];
  const args = [...prefix, program, JSON.stringify(settings)];
  const { ok, ending, output } = await runCommand(await runtimePath(runtime), args, {
    timeLimit: 30_000,
    env: { NODE_EXTRA_CA_CERTS: TLS_CERTIFICATE_PATH },
  });
  assert(ok, `${ending}\n${output}`);
  await answered;
  const lines = output.split("\n").filter((line) => line.startsWith('{"what"')).map((line) =>
    JSON.parse(line) as { what: string; value: unknown }
  );
  const { value } = lines.find(({ what }) => what === "heard") ?? {};
  return {
    said: lines.filter(({ what }) => what !== "heard").map(({ what, value }) => [what, value]),
    heard: value as string[],
    played,
  };
}

/** Of what was said, in order, what is about one thing. */
function about({ said }: Outcome, ...things: string[]): unknown[] {
  return said.filter(([what]) => things.includes(what)).map(([what, value]) => `${what} ${value}`);
}

test(
  "a bot written for @discordjs/voice runs with only its import changed, and does the same",
  within(LIMIT, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sotto-radio-"));
    try {
      const file = join(folder, "file.ogg");
      writeFileSync(file, writeOggOpus(packets(1)));
      const source = readFileSync(RADIO, "utf8");
      const changed = source.replace('from "@discordjs/voice"', `from "${FACADE}"`);
      assertEquals(changed.length - source.length, FACADE.length - "@discordjs/voice".length);
      const program = join(folder, "radio.mjs");
      writeFileSync(program, changed);
      const theirs = await run("node", RADIO, file);
      const own = await run(detectRuntime(), program, file);

      for (const outcome of [theirs, own]) {
        const wanted = packets(1).map(toHex);
        assertEquals(outcome.played.filter((packet) => packet !== SILENCE), wanted);
        assertEquals(outcome.heard, [...packets(2).map(toHex), ...Array(5).fill(SILENCE)]);
      }
      const silenceOf = ({ played }: Outcome) =>
        played.filter((packet) => packet === SILENCE).length;
      // Five frames behind the pause, five at the end; the original does not send its last one.
      assertGreaterOrEqual(silenceOf(theirs), 9);
      assertGreaterOrEqual(silenceOf(own), 10);
      const things = [["connection", "reason", "disconnected", "rejoined", "attempts", "gone"]];
      things.push(["player", "subscribe", "type", "title", "paused", "unpaused", "duration"]);
      things.push(["same", "report", "start", "error"]);
      for (const each of things) assertEquals(about(own, ...each), about(theirs, ...each));
      assertEquals(about(own, "connection"), [
        "connection connecting",
        "connection ready",
        "connection disconnected",
        "connection signalling",
        "connection connecting",
        "connection ready",
        "connection destroyed",
      ]);
      assertEquals(about(own, "player"), [
        "player buffering",
        "player playing",
        "player paused",
        "player playing",
        "player idle",
      ]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }),
);
