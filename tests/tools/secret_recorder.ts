/**
 * Loaded before a test file: notes every token and key that is used, and what child
 * processes print, so that `tests/run.ts` can search the one for the other. Without
 * `SOTTO_SECRETS`, the folder for both, it does nothing.
 *
 * - Secrets: each value that `Secret.reveal` returns. What is never revealed was not used.
 * - Output: what children write to pipes, which a test may read and drop; what they inherit
 *   is the test's own output.
 * - Children that run our code on one of the three runtimes load this module too. Not those
 *   on Deno with less than all permissions: this module would need some of its own.
 *
 * It keeps no memory that grows, since tests beside it measure the heap.
 *
 * @module
 */

import { ChildProcess } from "node:child_process";
import { appendFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Secret } from "../../lib/secret.ts";

/** The environment variable that names the folder. */
export const SECRETS_VARIABLE = "SOTTO_SECRETS";

/** Most secrets that a process notes; fuzzing uses hundreds of thousands. */
const SECRET_LIMIT = 4096;

/** Places in which it is noted which secrets were noted; a clash costs a repeated line. */
const PLACES = 1 << 14;

const SELF = fileURLToPath(import.meta.url);

/** Notes what `Secret.reveal` returns. */
function recordSecrets(folder: string): void {
  const path = join(folder, `${process.pid}.secrets`);
  const noted = new Uint32Array(PLACES);
  let left = SECRET_LIMIT;
  const { reveal } = Secret.prototype;
  Secret.prototype.reveal = function <T>(this: Secret<T>): T {
    const value = reveal.call(this) as T;
    if (left === 0 || typeof value !== "string" && !(value instanceof Uint8Array)) return value;
    const line = JSON.stringify(typeof value === "string" ? value : [...value]);
    const hash = hashOf(line);
    if (noted[hash % PLACES] !== hash) {
      noted[hash % PLACES] = hash;
      left--;
      appendFileSync(path, `${line}\n`);
    }
    return value;
  };
}

/** Notes what children print, and has those load this module. */
function recordChildren(folder: string): void {
  interface Spawning {
    args?: string[];
  }
  interface Patched {
    spawn(options: Spawning): unknown;
    emit(type: string, ...args: unknown[]): boolean;
  }
  const prototype = ChildProcess.prototype as unknown as Patched;
  const { spawn, emit } = prototype;
  prototype.spawn = function (this: ChildProcess, options) {
    return spawn.call(this, { ...options, args: preloading(options.args) });
  };
  prototype.emit = function (this: ChildProcess, type, ...args) {
    if (type === "spawn") {
      const path = join(folder, `${process.pid}-${this.pid}.output`);
      for (const stream of [this.stdout, this.stderr]) {
        if (stream === null) continue;
        const { push } = stream;
        stream.push = (chunk, encoding) => {
          if (chunk !== null) appendFileSync(path, chunk);
          return push.call(stream, chunk, encoding);
        };
      }
    }
    return emit.call(this, type, ...args);
  };
}

/** A command line, the executable first, that loads this module; others stay as they are. */
function preloading(args: string[] = []): string[] {
  const [path = "", first] = args;
  // Another one of the same name may be too old to load it.
  const isRuntime = (name: string) =>
    path === process.env[`SOTTO_${name.toUpperCase()}`] ||
    path === process.execPath && basename(path) === name;
  if (isRuntime("node")) return [path, `--import=${import.meta.url}`, ...args.slice(1)];
  if (isRuntime("bun")) return [path, `--preload=${SELF}`, ...args.slice(1)];
  const allowed = isRuntime("deno") && first === "run" && args[2] === "-A";
  return allowed ? [path, first, `--preload=${SELF}`, ...args.slice(2)] : args;
}

/** FNV-1a; never 0, which is an empty place. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0 || 1;
}

const folder = process.env[SECRETS_VARIABLE];
if (folder !== undefined && folder !== "") {
  recordSecrets(folder);
  recordChildren(folder);
}
