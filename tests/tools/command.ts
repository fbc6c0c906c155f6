/**
 * Runs a command to its end with a time limit, and stops everything it started
 * when it does not end.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** How a command is run. */
export interface CommandOptions {
  /** Working directory. */
  readonly cwd?: string;
  /** Milliseconds until the command is stopped. */
  readonly timeLimit: number;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface CommandResult {
  /** Whether it ended by itself with exit code 0. */
  readonly ok: boolean;
  /** "code 1", "signal SIGSEGV", "stopped after 600 s", or why it did not start. */
  readonly ending: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

const running = new Set<ChildProcess>();
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs a command without standard input and collects what it prints.
 *
 * @param path The executable.
 * @param args Its arguments.
 * @param options Working directory, time limit, environment.
 * @returns How it ended; never rejects.
 */
export function runCommand(
  path: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(path, args, {
      cwd: options.cwd,
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
    });
    if (running.size === 0) { for (const name of SIGNALS) process.on(name, stopAll); }
    running.add(child);

    let output = "";
    let ended: string | undefined;
    let stopped: string | undefined;
    const collect = (chunk: string) => output += chunk;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", collect);
    }

    const finish = (ending: string) => {
      if (!running.delete(child)) return;
      clearTimeout(limit);
      clearTimeout(drain);
      if (running.size === 0) { for (const name of SIGNALS) process.off(name, stopAll); }
      stop(child);
      resolve({ ok: ending === "code 0", ending, output });
    };
    const limit = setTimeout(() => {
      stopped = `stopped after ${options.timeLimit / 1000} s`;
      stop(child);
    }, options.timeLimit);
    let drain: ReturnType<typeof setTimeout> | undefined;
    child.on("error", (error) => finish(error.message));
    child.on("exit", (code, signal) => {
      ended = stopped ?? (signal === null ? `code ${code}` : `signal ${signal}`);
      // A grandchild that lives on holds the pipes: "close" would wait for it.
      drain = setTimeout(finish, 1000, ended);
    });
    child.on("close", () => finish(ended ?? "no exit code"));
  });
}

/** Kills the command's whole process group. */
function stop(child: ChildProcess): void {
  try {
    if (process.platform !== "win32" && child.pid !== undefined) {
      process.kill(-child.pid, "SIGKILL");
    } else child.kill("SIGKILL");
  } catch {
    // Already gone.
  }
}

function stopAll(): void {
  for (const child of running) stop(child);
  process.exit(130);
}
