/**
 * Extends the corpus by the smallest input found for each outcome, and tells which outcomes
 * the table does not list or no input reached:
 *
 *     deno run -A tests/fuzz/extend_corpus.ts [part of a parser's name]
 *
 * `SOTTO_FUZZ_RUNS` and `SOTTO_FUZZ_SEED` are as in the tests; three seeds are tried. Entries
 * with a note stay. Where an outcome of an entry is another one now, the entry is replaced.
 *
 * @module
 */

import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type CorpusEntry, corpusFile, fuzzRandom, readCorpus, takeRow } from "./harness.ts";
import type { AnyParser } from "./parser.ts";
import { PARSERS } from "./parsers.ts";

const ANY_OUTCOME: readonly string[] = Object.assign([], { includes: () => true });

function extend(parser: AnyParser): void {
  const open = { ...parser, outcomes: ANY_OUTCOME };
  const smallest = new Map<string, CorpusEntry>();
  const keep = (outcome: string, row: readonly unknown[]) => {
    const known = smallest.get(outcome);
    const input = parser.domain.toJson(row.at(-1));
    if (known !== undefined && sizeOf({ outcome, input }) >= sizeOf(known)) return;
    const before = shortestBefore(open, outcome, row);
    if (before === undefined) return;
    const entry = before.length === 0
      ? { outcome, input }
      : { outcome, input, before: before.map(parser.domain.toJson) };
    if (known === undefined || sizeOf(entry) < sizeOf(known)) smallest.set(outcome, entry);
  };
  const old = readCorpus(parser.name);
  const noted = old.filter(({ note }) => note !== undefined);
  const rows = old.map(({ input, before = [] }) => [...before, input].map(parser.domain.fromJson));
  for (const row of [...rows, ...parser.seeds.map((seed) => [seed])]) {
    keep(takeRow(open, row)!, row);
  }
  const runs = Number(process.env.SOTTO_FUZZ_RUNS ?? 100_000) * (parser.share ?? 1);
  const first = Number(process.env.SOTTO_FUZZ_SEED ?? 1);
  for (let seed = first; seed < first + 3; seed++) fuzzRandom(open, { runs, seed }, keep);
  const entries = [...smallest.values()].filter((entry) =>
    !noted.some((kept) => isSame(kept, entry))
  );
  entries.sort((a, b) => a.outcome < b.outcome ? -1 : 1);
  writeFileSync(corpusFile(parser.name), JSON.stringify([...entries, ...noted], null, 2) + "\n");
  report(parser, [...smallest.keys()]);
}

/** The least that must be fed before the last input of a row to get the same outcome again. */
function shortestBefore(
  parser: AnyParser,
  outcome: string,
  row: readonly unknown[],
): readonly unknown[] | undefined {
  const last = row.at(-1);
  const candidates = [[], [last], ...row.slice(0, -1).map((input) => [input]), row.slice(0, -1)];
  return candidates.find((before) => takeRow(parser, [...before, last]) === outcome);
}

function report({ name, outcomes, large = {} }: AnyParser, found: readonly string[]): void {
  const reached = [...found, ...Object.values(large).map(([outcome]) => outcome)];
  console.log(`${name}: ${found.length} outcomes`);
  for (const outcome of reached) {
    if (!outcomes.includes(outcome)) console.log(`  not listed: ${JSON.stringify(outcome)}`);
  }
  for (const outcome of outcomes) {
    if (!reached.includes(outcome)) console.log(`  not reached: ${JSON.stringify(outcome)}`);
  }
}

function sizeOf({ input, before = [] }: CorpusEntry): number {
  return JSON.stringify([...before, input]).length;
}

function isSame(a: CorpusEntry, b: CorpusEntry): boolean {
  return a.outcome === b.outcome && JSON.stringify(a.input) === JSON.stringify(b.input);
}

mkdirSync(new URL("corpus/", import.meta.url), { recursive: true });
const wanted = process.argv[2] ?? "";
for (const parser of PARSERS.filter(({ name }) => name.includes(wanted))) extend(parser);
