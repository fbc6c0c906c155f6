/**
 * How fast DAVE is here, beside `@snazzah/davey`, on each runtime in one run:
 *
 *     deno task bench:dave [--runtime deno|bun|node]... [--json]
 *
 * The columns are this library with the pure primitives, this library with those that the
 * runtime's entry point uses, and davey; the last one tells how many times faster than davey the
 * second is. An epoch is what each member does when somebody comes or goes: check the proposal and
 * commit it, process the commit that was chosen, derive the keys of all members' frames.
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
import type { RunResult } from "./dave_run.ts";
import type { Medians } from "./rounds.ts";

const RUN = fileURLToPath(new URL("./dave_run.ts", import.meta.url));

async function main(): Promise<void> {
  const { runtimes, json } = parseArguments(process.argv.slice(2));
  const results: Partial<Record<RuntimeName, RunResult>> = {};
  for (const runtime of runtimes) {
    const result = await measure(runtime);
    results[runtime] = result;
    if (!json) console.log(tableOf(runtime, result));
  }
  if (json) console.log(JSON.stringify(results));
}

function parseArguments(args: string[]): { runtimes: readonly RuntimeName[]; json: boolean } {
  const runtimes: RuntimeName[] = [];
  let json = false;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--json") json = true;
    else if (args[i] === "--runtime") runtimes.push(runtimeOf(args[++i]));
    else throw new Error(`Unknown argument ${args[i]}: use --runtime and --json`);
  }
  return { runtimes: runtimes.length === 0 ? RUNTIMES : runtimes, json };
}

function runtimeOf(text: string | undefined): RuntimeName {
  const runtime = RUNTIMES.find((name) => name === text);
  if (runtime === undefined) throw new Error(`Unknown runtime ${text}: use ${RUNTIMES.join(", ")}`);
  return runtime;
}

/** Measures in a process of its own. That davey cannot be had there is an error. */
async function measure(runtime: RuntimeName): Promise<RunResult> {
  using child = startChild(await runtimePath(runtime), runArguments(runtime, RUN));
  const { code, stdout, stderr } = await child.ended;
  if (code !== 0) throw new Error(`Cannot measure on ${runtime}: exit code ${code}\n${stderr}`);
  return JSON.parse(stdout) as RunResult;
}

function tableOf(runtime: RuntimeName, { version, subjects }: RunResult): string {
  const entries = Object.entries(subjects)
    .map(([name, medians]) => [name, { ...medians, ...epochsOf(medians) }] as const);
  const names = entries.map(([name]) => name);
  const columns = entries.map(([, medians]) => medians);
  const operations = Object.keys(columns[0]!);
  const rows = operations.map((operation) => {
    const times = columns.map((medians) => medians[operation]!);
    const cells = times.map((time) => isFrames(operation) ? frameRate(time) : milliseconds(time));
    const [, native, davey] = times;
    return row(operation, [...cells, `${(davey! / native!).toFixed(2)} x`]);
  });
  const head = row(`${runtime} ${version}`, [...names, "against davey"]);
  return [head, "-".repeat(head.length), ...rows, ""].join("\n");
}

/** What a member does in an epoch in which one member comes or goes. */
function epochsOf(medians: Medians): Medians {
  const sums = Object.keys(medians).filter((name) => name.startsWith("commit ")).map((commit) => {
    const kind = commit.slice("commit ".length);
    return [`epoch ${kind}`, medians[commit]! + medians[`process ${kind}`]!] as const;
  });
  return Object.fromEntries(sums);
}

function isFrames(operation: string): boolean {
  return operation === "seal" || operation === "open";
}

function frameRate(microseconds: number): string {
  return `${Math.round(1000 / microseconds)} k/s`;
}

function milliseconds(microseconds: number): string {
  return `${(microseconds / 1000).toFixed(2)} ms`;
}

function row(name: string, cells: readonly string[]): string {
  return name.padEnd(20) + cells.map((cell) => cell.padStart(14)).join("");
}

await main();
