/**
 * A program as a child process: what it prints, its exit code, and signals to it.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** How a program ended. */
export interface Ending {
  /** Exit code; `null` where a signal ended it. */
  readonly code: number | null;
  /** What it wrote to standard output. */
  readonly stdout: string;
  /** What it wrote to standard error. */
  readonly stderr: string;
}

/** A running program. It is killed where it is not awaited. */
export interface Child extends Disposable {
  /** Resolves when it has ended. */
  readonly ended: Promise<Ending>;
  /** Interrupts it, as Ctrl+C does. */
  interrupt(): void;
}

/**
 * Starts a program in the root of the checkout.
 *
 * @param path The executable.
 * @param args Its arguments.
 */
export function startChild(path: string, args: readonly string[]): Child {
  const child = spawn(path, args, {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => output[name] += text);
  }
  const ended = new Promise<Ending>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, ...output }));
  });
  ended.catch(() => {});
  return {
    ended,
    // After `child.kill` Deno reports the signal in place of the exit code.
    interrupt: () => void process.kill(child.pid!, "SIGINT"),
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
