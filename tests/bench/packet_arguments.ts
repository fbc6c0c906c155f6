/**
 * The command line of `deno task bench`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { type BenchRuntime, RUNTIME_NAMES } from "./report_data.ts";

/** What is asked for. */
export interface BenchArguments {
  /** Where to measure. */
  readonly runtimes: readonly BenchRuntime[];
  /** Whether to print JSON in place of tables. */
  readonly json: boolean;
  /** Whether to write the report, the page and the table in the docs. */
  readonly write: boolean;
  /** A file of an earlier `--json`, in place of measuring. */
  readonly from?: string;
}

/** Those that are measured by default; `node26` is a download of its own. */
const DEFAULT_RUNTIMES: readonly BenchRuntime[] = ["deno", "bun", "node"];

/**
 * Reads it.
 *
 * @param args What follows the program's name.
 * @throws {Error} It makes no sense; the message says what would.
 */
export function parseBenchArguments(args: readonly string[]): BenchArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runtime: { type: "string", multiple: true, default: [] },
      json: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      from: { type: "string" },
    },
  });
  const known = Object.keys(RUNTIME_NAMES);
  const unknown = values.runtime.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`Cannot measure on ${unknown}: use ${known.join(", ")}`);
  }
  const runtimes = values.runtime as BenchRuntime[];
  return {
    runtimes: runtimes.length === 0 ? DEFAULT_RUNTIMES : runtimes,
    json: values.json,
    write: values.write,
    from: values.from,
  };
}
