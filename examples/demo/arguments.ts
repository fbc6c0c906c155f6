/**
 * The demo's command line.
 *
 * @module
 */

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ENCRYPTION_MODES, type EncryptionMode } from "@sotto/voice";
import { type RuntimeName, RUNTIMES } from "./runtimes.ts";

/** For people who have mistyped, or asked. */
export const USAGE: string = `Usage: deno task demo [FILE.ogg] [options]

Two bots talk through a voice server on loopback: one plays an Ogg Opus file, the
other records it. The recording is then compared with the file.

  FILE.ogg          what to play; a sample of 5 seconds by default
  --out FILE        where the recording goes; received.wav by default
  --report FILE     where the report goes; report.html by default
  --mode MODE       encryption mode: ${ENCRYPTION_MODES.join("\n                    or ")}
  --runtime NAME    ${RUNTIMES.join(", ")}: run there; fetched by npx where it is missing
  --json            print one JSON line and nothing else
  --help            print this

Exits with 0 where every packet came, unchanged and in order; else with 1; with 2
where the command line is wrong.`;

/** What a command line says. */
export interface DemoArguments {
  /** Path of the file to play. */
  readonly file: string;
  /** Path of the recording. */
  readonly out: string;
  /** Path of the report. */
  readonly report: string;
  /** Encryption mode, where one is named. */
  readonly mode?: EncryptionMode;
  /** Runtime, where one is named. */
  readonly runtime?: RuntimeName;
  /** Whether to print one JSON line only. */
  readonly json: boolean;
  /** Whether only the usage is wanted. */
  readonly help: boolean;
}

const OPTIONS = {
  out: { type: "string", default: "received.wav" },
  report: { type: "string", default: "report.html" },
  mode: { type: "string" },
  runtime: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/**
 * Reads a command line.
 *
 * @param args The arguments.
 * @returns What they say; paths are absolute.
 * @throws {Error} They are wrong.
 */
export function parseDemoArguments(args: readonly string[]): DemoArguments {
  const given = args[0] === "--" ? args.slice(1) : args; // npm users write `task demo -- --json`
  const { values, positionals } = parseArgs({
    args: [...given],
    options: OPTIONS,
    allowPositionals: true,
  });
  if (positionals.length > 1) {
    throw new Error(`Cannot start: ${positionals.length} files are given, at most 1 is wanted`);
  }
  const [file = fileURLToPath(new URL("sample.ogg", import.meta.url))] = positionals;
  const paths = {
    file: resolve(file),
    out: resolve(values.out),
    report: resolve(values.report),
  };
  if (new Set(Object.values(paths)).size < 3) {
    throw new Error("Cannot start: the file, --out and --report must be three different files");
  }
  return {
    ...paths,
    mode: values.mode === undefined ? undefined : parseMode(values.mode),
    runtime: values.runtime === undefined ? undefined : parseRuntime(values.runtime),
    json: values.json,
    help: values.help,
  };
}

/** A mode by its name, or by a beginning of it such as `aes256_gcm`. */
function parseMode(name: string): EncryptionMode {
  const mode = ENCRYPTION_MODES.find((mode) => mode === name || mode.startsWith(`aead_${name}_`));
  if (mode !== undefined) return mode;
  throw new Error(
    `Cannot start: the mode is "${name}", want one of ${ENCRYPTION_MODES.join(", ")}`,
  );
}

function parseRuntime(name: string): RuntimeName {
  const runtime = RUNTIMES.find((runtime) => runtime === name);
  if (runtime !== undefined) return runtime;
  throw new Error(`Cannot start: the runtime is "${name}", want one of ${RUNTIMES.join(", ")}`);
}
