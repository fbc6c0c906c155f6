/**
 * Installs a peer: a folder beside this file with a `package.json` of its own,
 * because peers in one tree break each other. A peer that cannot be installed
 * is an error, so that the test which needs it fails: such a test is not skipped.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runCommand } from "../tools/command.ts";

const PEERS = fileURLToPath(new URL("./", import.meta.url));
const INSTALL_TIME_LIMIT = 120_000;
const POLL_INTERVAL = 100;

/**
 * Installs a peer with npm, unless it is there in the versions that its
 * `package.json` pins. Processes that do so at the same time wait for one another.
 *
 * @param name Name of the folder, for example `discordjs`.
 * @returns The folder's path.
 * @throws {Error} npm has failed; the message holds what it printed.
 */
export async function installPeer(name: string): Promise<string> {
  const folder = join(PEERS, name);
  if (isInstalled(folder)) return folder;
  const lock = join(folder, ".installing");
  const deadline = performance.now() + 2 * INSTALL_TIME_LIMIT;
  while (!takeLock(lock)) {
    if (performance.now() > deadline) {
      throw new Error(`Cannot install the peer ${name}: ${lock} is locked`);
    }
    await sleep(POLL_INTERVAL);
  }
  try {
    if (!isInstalled(folder)) await runNpm(name, folder);
  } finally {
    rmdirSync(lock);
  }
  return folder;
}

interface PackageJson {
  readonly version?: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly overrides?: Readonly<Record<string, string>>;
}

function isInstalled(folder: string): boolean {
  const { dependencies, overrides } = readPackage(folder)!;
  return Object.entries({ ...dependencies, ...overrides }).every(([name, version]) =>
    readPackage(join(folder, "node_modules", name))?.version === version
  );
}

function readPackage(folder: string): PackageJson | undefined {
  const path = join(folder, "package.json");
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) as PackageJson : undefined;
}

/** A lock is a folder; one that is older than any installation is left over from a crash. */
function takeLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
  try {
    if (Date.now() - statSync(lock).mtimeMs > INSTALL_TIME_LIMIT + 10_000) rmdirSync(lock);
  } catch {
    // Another process has removed it.
  }
  return false;
}

async function runNpm(name: string, folder: string): Promise<void> {
  const args = [
    "install",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--no-package-lock",
    "--loglevel=error",
    `--prefix=${folder}`,
  ];
  const result = await runCommand("npm", args, { cwd: folder, timeLimit: INSTALL_TIME_LIMIT });
  if (!result.ok || !isInstalled(folder)) {
    throw new Error(`Cannot install the peer ${name}: npm: ${result.ending}\n${result.output}`);
  }
}
