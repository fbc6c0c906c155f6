/**
 * Everything that can be checked without running a test:
 *
 *     deno task check
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runtimePath } from "../../examples/demo/runtimes.ts";
import { runCommand } from "./command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STEP_TIME_LIMIT = 300_000;

const entryPoints = Object.values(
  (JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8")) as { exports: Record<string, string> })
    .exports,
);

/** Peers have dependencies of their own, which are not installed here. */
const IGNORED_FOLDERS = /^tests\/(links|peers\/\w+)$|\/(\.|node_modules$)/;

function sources(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return IGNORED_FOLDERS.test(path) ? [] : sources(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

const library = ["mod.ts", ...sources("lib"), ...sources("adapters")];
const steps: ReadonlyArray<readonly [name: string, args: readonly string[]]> = [
  ["dependencies", ["install"]],
  ["format", ["fmt", "--check"]],
  ["lint", ["lint"]],
  ["types", ["check", "--quiet", ...library, ...sources("examples"), ...sources("tests")]],
  ["types of the core, ECMAScript only", [
    "check",
    "--quiet",
    "--config",
    "lib/deno.json",
    ...sources("lib"),
  ]],
  ["code in the docs", ["check", "--quiet", "--doc-only", ...library, "README.md"]],
  ["docs", ["doc", "--lint", ...entryPoints]],
  ["publish, dry run", ["publish", "--quiet", "--dry-run", "--allow-dirty"]],
];

const deno = await runtimePath("deno");
let failures = 0;
for (const [name, args] of steps) {
  const start = performance.now();
  const result = await runCommand(deno, args, { cwd: ROOT, timeLimit: STEP_TIME_LIMIT });
  const time = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  if (result.ok) {
    console.log(`ok      ${name} (${time})`);
  } else {
    failures++;
    console.log(`${result.output.trimEnd()}\nFAILED  ${name}: ${result.ending} (${time})`);
  }
}
process.exitCode = failures === 0 ? 0 : 1;
