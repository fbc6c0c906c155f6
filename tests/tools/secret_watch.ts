/**
 * Watches that no token and no key is printed: a test file runs with `secret_recorder.ts`,
 * and all it and its children have printed is then searched for the secrets they used.
 *
 * @module
 */

import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describeFinding, mask, SecretSearch, type SecretValue } from "./secret_search.ts";

/** What a test process loads first. */
export const SECRET_RECORDER: string = fileURLToPath(
  new URL("secret_recorder.ts", import.meta.url),
);

/** Findings of one file that are told. */
const TOLD_LIMIT = 10;

/** What the search in one file's output has found. */
export interface SecretReport {
  /** Where secrets stand; empty where all is well. */
  readonly leaks: readonly string[];
  /** The output, with `[secret]` in the place of each. */
  readonly output: string;
}

/** A test file that runs. */
export interface WatchedFile {
  /** The environment for its process. */
  readonly env: Record<string, string>;
  /**
   * The file has ended.
   *
   * @param output What its process has printed.
   * @param report What it has written for the runner.
   */
  end(output: string, report: string): SecretReport;
}

/** Searches the output of test files. */
export class SecretWatch {
  readonly #folder: string;
  #files = 0;
  #tokens = 0;
  #keys = 0;
  #size = 0;

  /** @param folder An empty folder. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** How many secrets were used, summed over the files. */
  get secrets(): number {
    return this.#tokens + this.#keys;
  }

  /** What was used and searched, in a line. */
  get summary(): string {
    const used = `${this.#tokens} tokens and ${this.#keys} keys used`;
    return `${used}, searched for in ${this.#size} characters of output`;
  }

  /** A file begins; several may run at a time. */
  begin(): WatchedFile {
    const folder = join(this.#folder, String(++this.#files));
    mkdirSync(folder, { recursive: true });
    return {
      env: { SOTTO_SECRETS: folder },
      end: (output, report) => this.#end(folder, output, report),
    };
  }

  #end(folder: string, output: string, report: string): SecretReport {
    const search = new SecretSearch(recorded(folder));
    this.#tokens += search.tokens;
    this.#keys += search.keys;
    const leaks: string[] = [];
    const searchIn = (name: string, text: string): string => {
      this.#size += text.length;
      const findings = search.find(text);
      leaks.push(...findings.map((finding) => `${name}: ${describeFinding(text, finding)}`));
      return mask(text, findings);
    };
    const masked = searchIn("output", output);
    searchIn("JUnit report", report);
    for (const text of read(folder, ".output")) searchIn("output of a child process", text);
    const told = leaks.slice(0, TOLD_LIMIT);
    if (leaks.length > TOLD_LIMIT) told.push(`and ${leaks.length - TOLD_LIMIT} more`);
    return { leaks: told, output: masked };
  }
}

function* recorded(folder: string): Generator<SecretValue> {
  for (const text of read(folder, ".secrets")) {
    // What follows the last line break is a line that its process did not live to end.
    for (const line of text.split("\n").slice(0, -1)) {
      const value = JSON.parse(line) as string | number[];
      yield typeof value === "string" ? value : Uint8Array.from(value);
    }
  }
}

function* read(folder: string, ending: string): Generator<string> {
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith(ending)) yield readFileSync(join(folder, name), "utf8");
  }
}
