/**
 * How many frames of 20 ms in stereo each Opus package codes in a second, on each runtime in one
 * run:
 *
 *     deno run -A tests/bench/opus.ts [deno|bun|node]...
 *
 * The last column tells how many times faster `libopus-wasm` is than `opusscript`. Where nothing
 * else is said, it is 64 kbit/s of music and speech.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  runArguments,
  type RuntimeName,
  runtimePath,
  RUNTIMES,
} from "../../examples/demo/runtimes.ts";
import { startChild } from "../tools/child.ts";
import type { RunResult } from "./opus_run.ts";

const RUN = fileURLToPath(new URL("./opus_run.ts", import.meta.url));

for (const runtime of RUNTIMES) {
  if (process.argv.length > 2 && !process.argv.includes(runtime)) continue;
  console.log(tableOf(runtime, await measure(runtime)));
}

async function measure(runtime: RuntimeName): Promise<RunResult> {
  using child = startChild(await runtimePath(runtime), runArguments(runtime, RUN));
  const { code, stdout, stderr } = await child.ended;
  if (code !== 0) throw new Error(`Cannot measure on ${runtime}: exit code ${code}\n${stderr}`);
  return JSON.parse(stdout) as RunResult;
}

function tableOf(runtime: RuntimeName, { version, packages }: RunResult): string {
  const wasm = packages["libopus-wasm"];
  const script = packages.opusscript;
  const rows = Object.keys(wasm).map((operation) => {
    const ratio = script[operation]! / wasm[operation]!;
    return row(operation, [
      frameRate(wasm[operation]!),
      frameRate(script[operation]!),
      `${ratio.toFixed(2)} x`,
    ]);
  });
  const head = row(`${runtime} ${version}`, ["libopus-wasm", "opusscript", "ratio"]);
  return [head, "-".repeat(head.length), ...rows, ""].join("\n");
}

function frameRate(microseconds: number): string {
  return `${(1000 / microseconds).toFixed(1)} k/s`;
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(28) + cells.map((cell) => cell.padStart(14)).join("");
}
