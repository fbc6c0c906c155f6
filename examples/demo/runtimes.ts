/**
 * Finds the three runtimes. A machine with npm is enough: a runtime that is not
 * the current process is fetched by `npx` once, at the version pinned here, and
 * its path is kept in an environment variable that child processes inherit.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";

/** A runtime the library supports. */
export type RuntimeName = "deno" | "bun" | "node";

/** Every runtime, in the order they are tested. */
export const RUNTIMES: readonly RuntimeName[] = ["deno", "bun", "node"];

/** The version of each runtime that is fetched. */
export const PINNED_VERSIONS: Readonly<Record<RuntimeName, string>> = {
  deno: "2.9.6",
  bun: "1.4.5",
  node: "24.21.0",
};

/** The oldest version that is used without fetching. Node knows `await using` from 24 on. */
const OLDEST_VERSIONS: Readonly<Record<RuntimeName, string>> = {
  deno: "2.9.0",
  bun: "1.4.0",
  node: "24.0.0",
};

const PRINT_PATH: Readonly<Record<RuntimeName, readonly string[]>> = {
  deno: ["deno", "eval", "console.log(Deno.execPath())"],
  bun: ["bun", "-e", "console.log(process.execPath)"],
  node: ["node", "-p", "process.execPath"],
};

/** A first fetch downloads about 100 MB. */
const FETCH_TIME_LIMIT = 300_000;

/** The runtime of the current process. */
export function currentRuntime(): RuntimeName {
  const { deno, bun } = process.versions as Record<string, string | undefined>;
  return deno !== undefined ? "deno" : bun !== undefined ? "bun" : "node";
}

/**
 * Returns the absolute path of a runtime's executable: the one in `SOTTO_DENO`,
 * `SOTTO_BUN` or `SOTTO_NODE`, else the current process when it is that runtime
 * and recent enough, else the pinned version from the npm registry.
 *
 * @param name The runtime.
 * @returns The path, which is also left in the environment for child processes.
 * @throws {Error} When the runtime cannot be fetched; the message says why.
 */
export async function runtimePath(name: RuntimeName): Promise<string> {
  const variable = `SOTTO_${name.toUpperCase()}`;
  const known = process.env[variable];
  if (known !== undefined && known !== "") return known;
  const path = isUsable(name) ? process.execPath : await fetchRuntime(name);
  process.env[variable] = path;
  return path;
}

/**
 * Returns the arguments, after the executable's path, that run a TypeScript file.
 *
 * @param name The runtime.
 * @param file The file to run.
 * @param args Arguments for the program itself.
 * @returns The arguments in order.
 */
export function runArguments(
  name: RuntimeName,
  file: string,
  args: readonly string[] = [],
): string[] {
  return name === "deno" ? ["run", "-A", file, ...args] : [file, ...args];
}

function isUsable(name: RuntimeName): boolean {
  if (currentRuntime() !== name) return false;
  const current = process.versions[name] ?? "0";
  return current.localeCompare(OLDEST_VERSIONS[name], "en", { numeric: true }) >= 0;
}

function fetchRuntime(name: RuntimeName): Promise<string> {
  const wanted = `${name}@${PINNED_VERSIONS[name]}`;
  console.error(`Fetching ${wanted}, unless it is here already`);
  const windows = process.platform === "win32";
  const args = ["-y", "-p", wanted, ...PRINT_PATH[name]];
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(new Error(`Cannot fetch ${wanted}: ${reason}`));
    const child = spawn(
      windows ? "npx.cmd" : "npx",
      windows ? args.map((arg) => `"${arg}"`) : args,
      { stdio: ["ignore", "pipe", "pipe"], shell: windows },
    );
    const limit = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`npx took longer than ${FETCH_TIME_LIMIT / 1000} s`);
    }, FETCH_TIME_LIMIT);
    let output = "";
    let errors = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => errors += chunk);
    child.on("error", (error) => {
      clearTimeout(limit);
      fail(error.message);
    });
    child.on("close", (code) => {
      clearTimeout(limit);
      const path = output.trim().split("\n").at(-1)?.trim() ?? "";
      if (code === 0 && path !== "") resolve(path);
      else fail(errors.trim() || `npx ended with code ${code}`);
    });
  });
}
