/**
 * A call of ten bots in one channel, each of which hears the other nine, on each runtime; the
 * server is a process of its own:
 *
 *     deno run -A tests/bench/call_of_ten.ts [--runtime deno|bun|node]... [--seconds N]
 *
 * Prints one JSON line a runtime: frames sent and received, what is missing, the CPU time of the
 * bots' process as a share of the time that passed, and how late frames were sent. Exits with 1
 * where a frame is missing.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { joinVoice, oggOpus, SILENCE_COUNT, type VoiceConnection } from "@sotto/voice";
import {
  runArguments,
  type RuntimeName,
  runtimePath,
  RUNTIMES,
} from "../../examples/demo/runtimes.ts";
import { startChild } from "../tools/child.ts";
import { startServerProgram } from "../tools/server_program.ts";

const SELF = fileURLToPath(import.meta.url);
const BOT_COUNT = 10;
const CALL = { guildId: "41771983423143937", channelId: "127121515262115840" };

const { values } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    seconds: { type: "string", default: "60" },
    here: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);

if (values.here) console.log(JSON.stringify(await measure()));
else for (const runtime of values.runtime as RuntimeName[]) await measureOn(runtime);

async function measureOn(runtime: RuntimeName): Promise<void> {
  const args = ["--here", "--seconds", `${seconds}`];
  using child = startChild(await runtimePath(runtime), [...runArguments(runtime, SELF), ...args]);
  const { code, stdout, stderr } = await child.ended;
  if (code !== 0) throw new Error(`Cannot measure on ${runtime}: exit code ${code}\n${stderr}`);
  const result = JSON.parse(stdout);
  console.log(JSON.stringify({ runtime, ...result }));
  if (result.missing > 0) process.exitCode = 1;
}

async function measure() {
  await using server = await startServerProgram(["--dave", "required"]);
  const bots = await Promise.all(Array.from({ length: BOT_COUNT }, (_, i) => join(server, i)));
  await Promise.all(bots.map((bot) => bot.untilReady()));
  const heard = bots.map(count);
  const packets = await talk(seconds * 50);
  const cpu = process.cpuUsage();
  const start = performance.now();
  const played = await Promise.all(bots.map((bot) => bot.play(packets)));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const passed = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const stats = bots.map((bot) => bot.stats());
  for (const bot of bots) bot.leave();
  const received = (await Promise.all(heard)).reduce((sum, frames) => sum + frames, 0);
  const expected = BOT_COUNT * (BOT_COUNT - 1) * (packets.length + SILENCE_COUNT);
  return {
    seconds,
    sent: played.reduce((sum, { packetsSent, silenceSent }) => sum + packetsSent + silenceSent, 0),
    received,
    missing: expected - received,
    lost: stats.flatMap(({ streams }) => streams).reduce((sum, { lost }) => sum + lost, 0),
    cpuPercent: Math.round((user + system) / passed / 10),
    latenessP50: round(Math.max(...stats.map(({ pacing }) => pacing.p50))),
    latenessP99: round(Math.max(...stats.map(({ pacing }) => pacing.p99))),
  };
}

function join({ url, token }: { url: string; token: string }, index: number) {
  const server = { endpoint: url, token, sessionId: `session-${index}` };
  return joinVoice({ ...CALL, userId: `10000000000000000${index}`, server });
}

/** Frames that a bot hears until it leaves. */
async function count(bot: VoiceConnection): Promise<number> {
  let frames = 0;
  const readers: Promise<void>[] = [];
  for await (const speaker of bot.speakers()) {
    readers.push((async () => {
      for await (const _ of speaker) frames++;
    })());
  }
  await Promise.all(readers);
  return frames;
}

async function talk(length: number): Promise<Uint8Array[]> {
  const file = await readFile(new URL("../audio/talk.ogg", import.meta.url));
  const packets = await Array.fromAsync(oggOpus(file));
  return Array.from({ length }, (_, i) => packets[i % packets.length]);
}

function round(ms: number): number {
  return Math.round(100 * ms) / 100;
}
