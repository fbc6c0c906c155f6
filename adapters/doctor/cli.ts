/**
 * The doctor as a program:
 *
 *     deno task doctor [--url wss://HOST:PORT | --url ws://127.0.0.1:PORT] [--timeout MS] [--json]
 *
 * It prints one line a check and a summary; with `--json` one JSON line, a `Diagnosis`. It ends
 * with 0 where nothing has failed, with 1 where something has, with 2 for bad arguments.
 *
 * @module
 */

import process from "node:process";
import { parseArgs } from "node:util";

import { type Check, type CheckStatus, diagnose, type Diagnosis } from "./mod.ts";
import { parseTarget } from "./target.ts";

const USAGE = `Usage: doctor [--url URL] [--timeout MS] [--json]

Finds out what stands between a bot and a voice server, and says what to do about it.

  --url URL      wss://HOST:PORT, as VOICE_SERVER_UPDATE names it, or ws://127.0.0.1:PORT;
                 without it a server is started on loopback and this machine is examined
  --timeout MS   milliseconds that each check may take, 100 to 60000; 5000 by default
  --json         prints one JSON line
  --help         prints this

Exit code: 0 nothing has failed, 1 something has failed, 2 bad arguments`;

const MARKS: { readonly [S in CheckStatus]: string } = {
  ok: "ok     ",
  warning: "warning",
  failed: "FAILED ",
  skipped: "skipped",
};

const NAME_WIDTH = 15;

interface Arguments {
  readonly url: string | undefined;
  readonly timeout: number;
  readonly json: boolean;
  readonly help: boolean;
}

async function main(): Promise<number> {
  let options: Arguments;
  try {
    options = readArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { url, timeout, json, help } = options;
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const onCheck = json ? undefined : (check: Check) => console.log(lineOf(check));
  const diagnosis = await diagnose({ url, timeout, onCheck });
  console.log(json ? JSON.stringify(diagnosis) : summaryOf(diagnosis));
  return diagnosis.ok ? 0 : 1;
}

function readArguments(args: string[]): Arguments {
  const { values, positionals } = parse(args);
  if (positionals.length > 0) {
    throw new TypeError("Cannot use the arguments: there is one that is no option");
  }
  if (values.url !== undefined) parseTarget(values.url);
  const { url, timeout = "5000", json = false, help = false } = values;
  if (!/^\d{3,5}$/.test(timeout) || Number(timeout) < 100 || Number(timeout) > 60_000) {
    throw new RangeError("Cannot use --timeout: it must be an integer of 100 to 60000");
  }
  return { url, timeout: Number(timeout), json, help };
}

/** An argument is never shown: a token could have been pasted. */
function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        url: { type: "string" },
        timeout: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
  } catch {
    throw new TypeError("Cannot use the arguments: an option is unknown or lacks its value");
  }
}

function lineOf({ name, status, detail, advice }: Check): string {
  const line = `${MARKS[status]}  ${name.padEnd(NAME_WIDTH)}  ${detail}`;
  return advice === undefined ? line : `${line}\n${" ".repeat(MARKS.ok.length + 2)}-> ${advice}`;
}

function summaryOf({ runtime, checks }: Diagnosis): string {
  const counts = (Object.keys(MARKS) as CheckStatus[]).map((status) =>
    `${checks.filter((check) => check.status === status).length} ${status}`
  );
  return `${counts.join(", ")} on ${runtime}`;
}

// A connection that the runtime cannot cut must not keep the program waiting.
if (import.meta.main) process.exit(await main());
