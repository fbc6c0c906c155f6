/**
 * Starts what is measured: on each runtime one process for the packets, and several for memory
 * and imports.
 *
 * @module
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, type } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { installPeer } from "../peers/install.ts";
import type { IdleRun } from "./idle_run.ts";
import type { PacketRun } from "./packets_run.ts";
import type {
  BenchReport,
  BenchRuntime,
  IdleKind,
  ImportKind,
  RuntimeReport,
} from "./report_data.ts";
import { median } from "./rounds.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const NODE_26 = "26.10.0";
const IDLE_KINDS: readonly IdleKind[] = ["own", "own-dave", "sockets", "discordjs"];
const IMPORT_ROUNDS = 9;

/** Peers have packages of their own, and each has to find them. */
const DENO_FLAGS = ["run", "-A", "--node-modules-dir=manual", "--v8-flags=--expose-gc"];

/**
 * Measures everything.
 *
 * @param runtimes Where.
 */
export async function measureAll(runtimes: readonly BenchRuntime[]): Promise<BenchReport> {
  const folder = mkdtempSync(join(tmpdir(), "sotto-bench-"));
  try {
    const bundles = await bundleAll(folder);
    const reports: RuntimeReport[] = [];
    for (const runtime of runtimes) reports.push(await measure(runtime, bundles));
    return {
      date: new Date().toISOString().slice(0, 10),
      machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${type()} ${release()}`,
      runtimes: reports,
      sizes: bundles.sizes,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(runtime: BenchRuntime, bundles: Bundles): Promise<RuntimeReport> {
  const run = await runner(runtime);
  const packets = JSON.parse(await run("packets_run.ts")) as PacketRun;
  const idle: Partial<Record<IdleKind, IdleRun>> = {};
  for (const kind of IDLE_KINDS) {
    say(`  idle connections: ${kind}`);
    idle[kind] = await run("idle_run.ts", kind).then(JSON.parse, complain);
  }
  return { runtime, ...packets, idle, imports: await measureImports(run, runtime, bundles) };
}

type Run = (program: string, ...args: string[]) => Promise<string>;

async function measureImports(
  run: Run,
  runtime: BenchRuntime,
  { file }: Bundles,
): Promise<RuntimeReport["imports"]> {
  say("  imports");
  const peer = await installPeer("discordjs");
  const files: Record<ImportKind, string> = {
    own: join(ROOT, `adapters/${runtime.replace(/\d+/, "")}.ts`),
    "own-bundle": file(runtime),
    discordjs: join(peer, "node_modules/@discordjs/voice/dist/index.mjs"),
  };
  const kinds = Object.entries(files) as [ImportKind, string][];
  const times = new Map<ImportKind, number[]>(kinds.map(([kind]) => [kind, []]));
  for (let round = -1; round < IMPORT_ROUNDS; round++) {
    for (const [kind, path] of kinds) {
      const time = await run("import_run.mjs", path).then(Number, complain);
      if (round >= 0 && time !== undefined) times.get(kind)!.push(time);
    }
  }
  return Object.fromEntries(
    Array.from(times, ([kind, all]) => [kind, all.length === 0 ? undefined : median(all)]),
  );
}

function complain(error: Error): undefined {
  say(`  ${error.message}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** How programs of this folder are run on a runtime. */
async function runner(runtime: BenchRuntime): Promise<Run> {
  const path = runtime === "node26" ? node26() : await runtimePath(runtime);
  const flags = runtime === "deno" ? DENO_FLAGS : runtime === "bun" ? [] : ["--expose-gc"];
  const env = { ...process.env, NO_COLOR: "1", ...runtime === "node26" && { SOTTO_NODE: path } };
  say(`${runtime}: ${path}`);
  return (program, ...args) => {
    const file = fileURLToPath(new URL(program, import.meta.url));
    const child = spawn(path, [...flags, file, ...args], {
      ...{ cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] },
    });
    let [output, errors] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => output += text);
    child.stderr.setEncoding("utf8").on("data", (text) => {
      errors += text;
      if (program === "packets_run.ts") process.stderr.write(text);
    });
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) return resolve(output);
        reject(new Error(`Cannot measure on ${runtime}: ${program} ended with ${code}\n${errors}`));
      });
    });
  };
}

function node26(): string {
  const args = ["-y", "-p", `node@${NODE_26}`, "node", "-p", "process.execPath"];
  return execFileSync("npx", args, { encoding: "utf8" }).trim().split("\n").at(-1)!;
}

interface Bundles {
  /** A bot that only sends, on a runtime. */
  readonly file: (runtime: BenchRuntime) => string;
  readonly sizes: BenchReport["sizes"];
}

/** Bundles what a bot that only sends uses; what is loaded only when it is needed is not counted. */
async function bundleAll(folder: string): Promise<Bundles> {
  say("bundling");
  const deno = await runtimePath("deno");
  const bundle = (name: string, from: string, code: string, ...flags: string[]): string => {
    // Packages are found from here, and no other tool looks here.
    const entry = join(from, "node_modules", `.bench-${name}.mjs`);
    const out = join(folder, name);
    writeFileSync(entry, code);
    try {
      const args = ["bundle", "--quiet", "--platform", "deno", "--minify", "--code-splitting"];
      execFileSync(deno, [...args, ...flags, "--outdir", out, entry], { cwd: from });
    } finally {
      rmSync(entry);
    }
    return join(out, `.bench-${name}.js`);
  };
  const own = (runtime: string) =>
    bundle(runtime, ROOT, `export { joinVoice, oggOpus } from "../adapters/${runtime}.ts";`);
  const files: Record<string, string> = { deno: own("deno"), bun: own("bun"), node: own("node") };
  const peer = await installPeer("discordjs");
  const names = "joinVoiceChannel, createAudioPlayer, createAudioResource";
  const code = `export { ${names} } from "@discordjs/voice";`;
  const optional = ["@snazzah/davey", "ffmpeg-static"].flatMap((name) => ["--external", name]);
  const discordjs = bundle("discordjs", peer, code, ...optional);
  return {
    file: (runtime) => files[runtime.replace(/\d+/, "")]!,
    sizes: {
      own: loadedSize(files.deno!),
      discordjs: loadedSize(discordjs),
      davey: nativeSize(join(peer, "node_modules/@snazzah")),
    },
  };
}

/** Bytes of a bundle and of the parts that it imports at once. */
function loadedSize(file: string): number {
  const code = readFileSync(file, "utf8");
  const parts = Array.from(code.matchAll(/(?:from|import)"\.\/([^"]+)"/g), ([, name]) => name!);
  const sizes = parts.map((name) => loadedSize(join(file, "..", name)));
  return statSync(file).size + sizes.reduce((sum, size) => sum + size, 0);
}

function nativeSize(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const native = files.filter((name) => name.endsWith(".node"));
  return Math.max(0, ...native.map((name) => statSync(join(folder, name)).size));
}
