/**
 * Feeds a parser with all that it must bear: its seeds cut short, random and mutated inputs,
 * inputs as large as they come, and the corpus.
 *
 * Random inputs come in rows. A row begins with a seed or with noise and a list of numbers,
 * each of which changes the input before it once more; the parser takes every input of the
 * row. fast-check draws the rows and shrinks one that fails: numbers go to 0, which changes
 * nothing, and the seed goes to the first.
 *
 * Each parser takes 100,000 inputs, a third of them on each runtime. `SOTTO_FUZZ_RUNS` is their
 * number on the present one, `SOTTO_FUZZ_SEED` what they are drawn from (1 to 3 by default). A failure names its seed and the
 * input. There is no limit on time here: what hangs is ended by `tests/run.ts`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import process from "node:process";
import test from "node:test";
import { currentRuntime, RUNTIMES } from "../../examples/demo/runtimes.ts";
import type { Json } from "./mutate.ts";
import type { Parser, Run } from "./parser.ts";

/** Inputs of a parser on this runtime: each has its share, and they are other ones. */
export const RUNS: number = numberOf("SOTTO_FUZZ_RUNS", Math.ceil(100_000 / RUNTIMES.length));

/** What they are drawn from. */
export const SEED: number = numberOf("SOTTO_FUZZ_SEED", 1 + RUNTIMES.indexOf(currentRuntime()));
const ROW = 8;

/** An input that is worth keeping, and what came of it. */
export interface CorpusEntry {
  /** What the parser made of it. */
  readonly outcome: string;
  /** The input; see `Domain.toJson`. */
  readonly input: Json;
  /** What a machine was fed before in the same row. */
  readonly before?: readonly Json[];
  /** Why it is kept, where that is not its outcome. */
  readonly note?: string;
}

/** Where the random inputs come from. */
export interface FuzzOptions {
  /** How many. */
  readonly runs: number;
  /** What they are drawn from. */
  readonly seed: number;
}

/**
 * Defines the tests of a parser.
 *
 * @param parser What to test.
 */
export function fuzz<I>(parser: Parser<I>): void {
  test(`${parser.name}: every truncation of ${parser.seeds.length} valid inputs`, () => {
    fuzzTruncations(parser);
  });
  const runs = Math.ceil(RUNS * (parser.share ?? 1));
  test(`${parser.name}: ${runs} random and mutated inputs, seed ${SEED}`, () => {
    fuzzRandom(parser, { runs, seed: SEED });
  });
  for (const [name, [outcome, make]] of Object.entries(parser.large ?? {})) {
    test(`${parser.name}: ${name}`, () => {
      assertEquals(take(parser, parser.start(), make()), outcome);
    });
  }
  test(`${parser.name}: the corpus gives what it gave, and every outcome there is`, () => {
    replay(parser, readCorpus(parser.name));
  });
}

/**
 * Feeds each seed and every truncation of it.
 *
 * @param parser What to test.
 */
export function fuzzTruncations<I>(parser: Parser<I>): void {
  for (const seed of parser.seeds) {
    take(parser, parser.start(), seed);
    for (const input of parser.domain.truncations(seed)) take(parser, parser.start(), input);
  }
}

/**
 * Feeds random and mutated inputs.
 *
 * @param parser What to test.
 * @param options How many inputs, and which.
 * @param found Called for each outcome, with the row up to the input that it is of.
 * @returns How many inputs the parser took.
 */
export function fuzzRandom<I>(
  parser: Parser<I>,
  options: FuzzOptions,
  found?: (outcome: string, inputs: readonly I[]) => void,
): number {
  const { domain, seeds, row = ROW } = parser;
  let count = 0;
  const run = ([base, words]: [I, number[]]) => {
    const parse = parser.start();
    const inputs: I[] = [];
    let input = base;
    for (const word of words) {
      inputs.push(input = domain.mutate(input, word, seeds));
      const outcome = take(parser, parse, input);
      count++;
      found?.(outcome, inputs);
    }
  };
  const numRuns = Math.ceil(options.runs / row);
  // Most inputs are rejected by a throw, half of whose time would go into a stack that nobody
  // reads. Where a failure has none: feed the input that it names.
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  Error.stackTraceLimit = 0;
  try {
    fc.assert(fc.property(rows(parser, row), run), { numRuns, seed: options.seed });
  } finally {
    Error.stackTraceLimit = stackTraceLimit ?? 10;
  }
  return count;
}

/** A base, mostly a seed, and the changes to it. */
function rows<I>({ seeds, domain }: Parser<I>, row: number): fc.Arbitrary<[I, number[]]> {
  const word = fc.noBias(fc.nat(0x7fffffff));
  return fc.tuple(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...seeds) },
      { weight: 1, arbitrary: domain.random },
    ),
    fc.array(word, { minLength: row, maxLength: row }),
  );
}

/**
 * Replays a corpus.
 *
 * @param parser What to test.
 * @param corpus Its entries.
 */
export function replay<I>(parser: Parser<I>, corpus: readonly CorpusEntry[]): void {
  const reached = new Set<string>();
  for (const { outcome, input, before = [] } of corpus) {
    const actual = takeRow(parser, [...before, input].map(parser.domain.fromJson));
    assertEquals(actual, outcome, `outcome of ${JSON.stringify(input)}`);
    reached.add(outcome);
  }
  for (const [outcome] of Object.values(parser.large ?? {})) reached.add(outcome);
  assertEquals([...reached].sort(), [...new Set(parser.outcomes)].sort(), "outcomes reached");
}

/**
 * Reads the corpus of a parser.
 *
 * @param name The parser's name.
 * @returns Its entries, none where there is no file.
 */
export function readCorpus(name: string): CorpusEntry[] {
  try {
    return JSON.parse(readFileSync(corpusFile(name), "utf8")) as CorpusEntry[];
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * Where the corpus of a parser is.
 *
 * @param name The parser's name.
 */
export function corpusFile(name: string): URL {
  return new URL(`corpus/${name.replaceAll(/\W+/g, "_")}.json`, import.meta.url);
}

/**
 * Feeds a row of inputs.
 *
 * @param parser What to feed.
 * @param inputs The inputs in their order.
 * @returns The last one's outcome.
 */
export function takeRow<I>(parser: Parser<I>, inputs: readonly I[]): string | undefined {
  const parse = parser.start();
  return inputs.map((input) => take(parser, parse, input)).at(-1);
}

/** Feeds one input, and holds the parser to what every parser must do. */
function take<I>(parser: Parser<I>, parse: Run<I>, input: I): string {
  const unchanged = parser.domain.remember(input);
  try {
    const outcome = parse(input);
    if (!unchanged()) throw new Error("The input was changed");
    if (!parser.outcomes.includes(outcome)) throw new Error(`An unknown outcome: ${outcome}`);
    return outcome;
  } catch (error) {
    const shown = JSON.stringify(parser.domain.toJson(input)).slice(0, 10_000);
    throw new Error(`${parser.name} fails on ${shown}: ${error}`, { cause: error });
  }
}

function numberOf(variable: string, fallback: number): number {
  const value = Number(process.env[variable] ?? fallback);
  if (Number.isInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot fuzz with ${variable}=${process.env[variable]}: want an integer`);
}
