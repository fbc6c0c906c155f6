/**
 * Two bots talk through a voice server on loopback, and you see and hear the result:
 *
 *     deno task demo [FILE.ogg] [--out received.wav] [--report report.html]
 *       [--mode MODE] [--runtime deno|bun|node] [--json]
 *
 * Runs unmodified on `deno`, `bun` and `node`.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync, rmSync, statSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type OggOpusPacket, readOggOpus, SAMPLE_RATE } from "@sotto/voice/audio";
import { type DemoArguments, parseDemoArguments, USAGE } from "./arguments.ts";
import { holdCall } from "./call.ts";
import { compare } from "./compare.ts";
import { showProgress } from "./progress.ts";
import { writeRecording } from "./recording.ts";
import { renderReport, type ReportData } from "./report.ts";
import { reportData } from "./report_data.ts";
import { currentRuntime, runArguments, type RuntimeName, runtimePath } from "./runtimes.ts";
import { summaryJson, summaryText } from "./summary.ts";

async function main(args: string[]): Promise<number> {
  const wanted = readArguments(args);
  if (wanted === undefined) return 2;
  if (wanted.help) {
    console.log(USAGE);
    return 0;
  }
  const { runtime = currentRuntime() } = wanted;
  try {
    if (runtime !== currentRuntime()) return await rerun(runtime, args);
    const data = await demonstrate(wanted);
    console.log(wanted.json ? summaryJson(data, wanted) : summaryText(data, wanted));
    return data.bitExact && data.packets.lost === 0 ? 0 : 1;
  } catch (error) {
    console.error(describe(error));
    return 1;
  }
}

function readArguments(args: readonly string[]): DemoArguments | undefined {
  try {
    return parseDemoArguments(args);
  } catch (error) {
    console.error(`${describe(error)}\n\n${USAGE}`);
    return undefined;
  }
}

/** Runs the same command line on another runtime. */
async function rerun(runtime: RuntimeName, args: readonly string[]): Promise<number> {
  const path = await runtimePath(runtime);
  const program = runArguments(runtime, fileURLToPath(import.meta.url), args);
  const child = spawn(path, program, { stdio: "inherit" });
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

async function demonstrate(wanted: DemoArguments): Promise<ReportData> {
  const packets = await readPackets(wanted.file);
  for (const path of [wanted.out, wanted.report]) {
    if (await prepareFile(path)) process.on("exit", () => removeEmpty(path));
  }
  const sent = packets.map(({ packet }) => packet);
  const seconds = packets.reduce((sum, { duration }) => sum + duration, 0) / SAMPLE_RATE;
  const stream = wanted.json ? process.stderr : process.stdout;
  const silent = wanted.json && !stream.isTTY;
  const call = await holdCall(sent, {
    mode: wanted.mode,
    onPlay: (observe) => silent ? () => {} : showProgress(stream, seconds, observe),
  });
  const comparison = compare(sent, call.silenceSent, call.frames);
  const received = comparison.received.map((frame) => frame?.opus);
  const recording = await writeRecording(wanted.out, sent, received);
  const data = await reportData(wanted, { packets, call, comparison, recording });
  await writeFile(wanted.report, renderReport(data));
  return data;
}

async function readPackets(path: string): Promise<readonly OggOpusPacket[]> {
  try {
    const { packets } = readOggOpus(await readFile(path));
    if (packets.length > 0) return packets;
  } catch (error) {
    throw new Error(`Cannot play ${path}: ${describe(error)}`, { cause: error });
  }
  throw new Error(`Cannot play ${path}: it holds no audio packets, want at least 1`);
}

/**
 * Finds out before the call, not after it, that a file cannot be written.
 *
 * @returns Whether the file is new.
 */
async function prepareFile(path: string): Promise<boolean> {
  const isNew = !existsSync(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, "a")).close();
    return isNew;
  } catch (error) {
    throw new Error(`Cannot write ${path}: ${describe(error)}`, { cause: error });
  }
}

/** What the demo has not come to write does not stay behind. */
function removeEmpty(path: string): void {
  if (existsSync(path) && statSync(path).size === 0) rmSync(path);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "hint" in error ? `${error.message}. ${error.hint}` : error.message;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    console.error("Interrupted: the call was not finished");
    process.exit(130);
  });
}
// Whoever reads the output has seen enough.
process.stdout.on("error", () => process.exit(0));
process.exitCode = await main(process.argv.slice(2));
