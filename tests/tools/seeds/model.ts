/**
 * What the page about the seeds is made of. A seed is a document that came before this library:
 * its names are facts, kept apart from the rows that say where each name is here.
 *
 * Names and targets are written in one short notation: `A.{b, c}` is `A.b` and `A.c`, and a
 * name `m(x)` is `m` and its parameter `x of m`.
 *
 * @module
 */

/** What a name is in its document; the word that the page prints. */
export type Kind =
  | "class"
  | "close code"
  | "constant"
  | "enum"
  | "error"
  | "event"
  | "example"
  | "field"
  | "file"
  | "flag"
  | "function"
  | "message"
  | "method"
  | "mode"
  | "opcode"
  | "package"
  | "parameter"
  | "part"
  | "property"
  | "step"
  | "type"
  | "version";

/** The names of a document in the notation above, by kind. */
export type SeedNames = { readonly [K in Kind]?: readonly string[] };

/** Says of some names where they are here, or why they are not. */
export interface Row {
  /** Names in the notation. One that ends in a star is all files there that no row names. */
  readonly names: readonly string[];
  /** What is said of them: `here` has targets, `absent` a reason. */
  readonly status: "here" | "absent";
  /** Targets in the notation of `targets.ts`. */
  readonly targets: readonly string[];
  /** A remark, or the reason. */
  readonly note: string;
}

/** A document, its names, and where they are here. */
export interface Seed {
  /** Its number. */
  readonly id: string;
  /** What it is. */
  readonly title: string;
  /** What its reader should know first. */
  readonly intro: string;
  /** Its names. */
  readonly names: SeedNames;
  /** The rows, in the order of the document. */
  readonly rows: readonly Row[];
}

/**
 * A row of names that are here.
 *
 * @param names The names.
 * @param targets Where they are.
 * @param note What is different.
 */
export function here(
  names: string | readonly string[],
  targets: string | readonly string[],
  note = "",
): Row {
  return { names: [names].flat(), status: "here", targets: [targets].flat(), note };
}

/**
 * A row of names that are left out on purpose.
 *
 * @param names The names.
 * @param note The reason.
 */
export function absent(names: string | readonly string[], note: string): Row {
  return { names: [names].flat(), status: "absent", targets: [], note };
}

/**
 * Writes braces out: `A.{b, c}` is `A.b` and `A.c`.
 *
 * @param text A name or a target.
 * @returns All that it stands for.
 */
export function expand(text: string): string[] {
  const [, before, inner, after] = /^(.*?)\{([^}]*)\}(.*)$/.exec(text) ?? [];
  if (inner === undefined) return [text];
  return inner.split(", ").flatMap((part) => expand(before + part + after));
}

/**
 * Writes names out, their parameters too: `m(x)` is `m` and `x of m`.
 *
 * @param text Names in the notation.
 * @returns All that it stands for.
 */
export function expandName(text: string): string[] {
  return expand(text).flatMap(withParameters);
}

function withParameters(name: string): [name: string, ...parameters: string[]] {
  const [, owner, parameters] = /^(.+)\(([^()]+)\)$/.exec(name) ?? [];
  if (owner === undefined || parameters === undefined) return [name];
  return [owner, ...parameters.split(", ").map((parameter) => `${parameter} of ${owner}`)];
}

/**
 * The kind of each name of a document.
 *
 * @param names The names by kind.
 * @throws {Error} A name is there twice.
 */
export function kindsOf(names: SeedNames): Map<string, Kind> {
  const kinds = new Map<string, Kind>();
  const add = (name: string, kind: Kind) => {
    if (kinds.has(name)) throw new Error(`Cannot read the names: "${name}" is there twice`);
    kinds.set(name, kind);
  };
  for (const [kind, texts] of Object.entries(names) as [Kind, readonly string[]][]) {
    for (const [name, ...parameters] of texts.flatMap(expand).map(withParameters)) {
      add(name, kind);
      for (const parameter of parameters) add(parameter, "parameter");
    }
  }
  return kinds;
}
