// Invariant: every function of the library that reads received bytes, text or values is in the
// table of the fuzz tests, and every file of the corpus belongs to an entry of it.

import { assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import test from "node:test";
import { corpusFile } from "./harness.ts";
import { PARSERS } from "./parsers.ts";

const LIBRARY = new URL("../../lib/", import.meta.url);

/** How functions are called that read what was received. */
const PARSER_NAME =
  /^(?:parse|read|decode|classify|choose|open|is|looksLike)[A-Z]|(?:Of|Form|Url)$/;

/** Those that are called so and read nothing that was received. */
const NOT_PARSERS: Readonly<Record<string, string>> = {
  readU32: "its callers have checked the size",
  readFields: "the readers of payloads are made of it",
  isRecord: "the readers of payloads are made of it",
  isInteger: "the readers of payloads are made of it",
  keyContextOf: "reads nothing: it hashes",
  isSnowflake: "a regular expression and a comparison; ids are texts that a reader has checked",
};

test("every parser of the library is fuzzed", () => {
  const covered = new Set(PARSERS.flatMap(({ covers }) => covers));
  const missing = exportedFunctions().filter((name) =>
    PARSER_NAME.test(name) && !covered.has(name) && !Object.hasOwn(NOT_PARSERS, name)
  );
  assertEquals(missing, []);
});

test("the table names functions that there are", () => {
  const functions = new Set(exportedFunctions());
  const unknown = PARSERS.flatMap(({ covers }) => covers).filter((name) => !functions.has(name));
  assertEquals(unknown, []);
  assertEquals(Object.keys(NOT_PARSERS).filter((name) => !functions.has(name)), []);
});

test("every parser has a name and a corpus of its own", () => {
  const files = PARSERS.map(({ name }) => corpusFile(name).pathname.split("/").at(-1)!);
  assertEquals([...new Set(files)].sort(), readdirSync(new URL("corpus/", import.meta.url)).sort());
  assertEquals(new Set(files).size, PARSERS.length);
});

/** Names of all functions and classes that files of the library export. */
function exportedFunctions(folder: URL = LIBRARY): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return exportedFunctions(new URL(`${entry.name}/`, folder));
    const source = readFileSync(new URL(entry.name, folder), "utf8");
    const found = source.matchAll(/^export (?:abstract )?(?:function|class) (\w+)/gm);
    return Array.from(found, ([, name]) => name);
  });
}
