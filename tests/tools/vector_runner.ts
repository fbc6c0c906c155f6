/**
 * Runs a file of test vectors through the core:
 *
 *     deno task vectors FILE
 *
 * FILE is JSON of one of the shapes in `tests/vectors`, with any keys and values. Each case
 * is one line of output, `{"id": ..., "ok": true|false, "why"?: ...}`: why a case failed, or what
 * was found, such as the reason of a rejection. An id is the case's `id`, `name`, `tcId` or `code`;
 * equal ones, and cases without any, are told apart by where they stand.
 *
 * Ends with 0 where all cases are ok, with 1 where some are not, and with 2 where FILE cannot be
 * read or has another shape.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";

import type { VectorCase } from "./vector_runner/case.ts";
import { casesOf } from "./vector_runner/shapes.ts";

const USAGE = "Usage: vectors FILE";

/** What came of a case. */
export interface Outcome {
  /** What the case is called; no two of a file are alike. */
  readonly id: string | number;
  /** Whether the core does what the case says. */
  readonly ok: boolean;
  /** Why not, or what was found. */
  readonly why?: string;
}

/** Runs each case; none throws. */
export function runCases(cases: readonly VectorCase[]): Outcome[] {
  const ids = idsOf(cases);
  return cases.map(({ check }, index) => {
    const id = ids[index];
    try {
      const why = check();
      return typeof why === "string" ? { id, ok: true, why } : { id, ok: true };
    } catch (error) {
      return { id, ok: false, why: error instanceof Error ? error.message : String(error) };
    }
  });
}

/** The ids of the cases: as they are where no two are alike, else with what tells them apart. */
function idsOf(cases: readonly VectorCase[]): (string | number)[] {
  const plain = cases.map(({ id, section }) => id ?? section);
  const counts = countOf(plain);
  const long = cases.map(({ id, section }, index) =>
    counts.get(String(plain[index]))! > 1 && id !== undefined ? `${section}/${id}` : plain[index]
  );
  const seen = new Map<string, number>();
  const total = countOf(long);
  return long.map((id) => {
    if (total.get(String(id)) === 1) return id;
    const n = (seen.get(String(id)) ?? 0) + 1;
    seen.set(String(id), n);
    return `${id}#${n}`;
  });
}

function countOf(ids: readonly (string | number)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(String(id), (counts.get(String(id)) ?? 0) + 1);
  return counts;
}

function main(args: readonly string[]): number {
  const [path] = args;
  if (args.length !== 1 || path.startsWith("--")) {
    console.error(USAGE);
    return 2;
  }
  let cases: VectorCase[];
  try {
    cases = casesOf(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    console.error(`Cannot run the vectors of ${path}: ${(error as Error).message}`);
    return 2;
  }
  const outcomes = runCases(cases);
  for (const outcome of outcomes) console.log(JSON.stringify(outcome));
  return outcomes.every(({ ok }) => ok) ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
