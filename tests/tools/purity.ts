/**
 * Checks the laws of the source tree that a type checker cannot see: which way
 * imports run, what the core may name, and what no file may contain. It takes a
 * map of path to source, so that a test can also show it sources broken on purpose.
 *
 * @module
 */

/** One broken law. */
export interface Fault {
  /** The file. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason: string;
}

/** Paths relative to the root, with `/`, and their text. */
export type Sources = ReadonlyMap<string, string>;

/** A source without comments, strings and regular expressions. */
export interface Code {
  /** The code; every string literal is `"i"`, i its index in `strings`. */
  readonly text: string;
  /** The text of every string literal without an expression inside. */
  readonly strings: readonly string[];
  /** The text of every comment. */
  readonly comments: readonly string[];
}

/**
 * Checks TypeScript sources: imports run `tests, examples -> mod.ts, adapters -> lib`
 * and lead to files that exist; the library has no import cycle; the core is
 * pure; no adapter knows an opcode, except those whose users speak the protocol themselves.
 *
 * @param sources Every `.ts` file of the project.
 * @returns The faults, none if all is well.
 */
export function checkSources(sources: Sources): Fault[] {
  const faults: Fault[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const code = parseCode(source);
    const report = (reason: string) => faults.push({ path, reason });
    const targets: string[] = [];
    for (const specifier of importsOf(code)) {
      const target = specifier === undefined ? undefined : resolve(path, specifier);
      if (specifier === undefined) report("imports a computed path");
      else if (target === undefined) checkPackage(path, specifier, report);
      else if (checkTarget(path, specifier, target, sources, report)) targets.push(target);
    }
    graph.set(path, targets);
    if (layerOf(path) === "lib") checkCore(code, report);
  }
  for (const cycle of cyclesIn(graph)) {
    faults.push({ path: cycle[0]!, reason: `import cycle: ${cycle.join(" -> ")}` });
  }
  return faults;
}

/**
 * Checks that no file names a path of one machine.
 *
 * @param sources Every text file of the project.
 * @returns The faults, none if all is well.
 */
export function checkMachinePaths(sources: Sources): Fault[] {
  const faults: Fault[] = [];
  for (const [path, source] of sources) {
    for (const [index, line] of source.split("\n").entries()) {
      const match = MACHINE_PATH.exec(line);
      if (match !== null) faults.push({ path, reason: `line ${index + 1} names ${match[0]}` });
    }
  }
  return faults;
}

const MACHINE_PATH =
  /\.\.\/shared(?![\w-])|(?<![\w.:/@$}*-])\/(?:home|root|work|Users)\/[\w.-]+|\b[A-Z]:\\+Users\b/;

/**
 * Returns the imports and exports-from of a source; undefined for a computed one.
 *
 * @param code The parsed source.
 * @returns The specifiers in order.
 */
export function importsOf(code: Code): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  const pattern =
    /(?<![.\w$#])(?:from\s*"(\d+)"|import\s*"(\d+)"|(?:import|require)\s*\(\s*("\d+")?)/g;
  for (const [, from, bare, dynamic] of code.text.matchAll(pattern)) {
    const index = from ?? bare ?? dynamic?.slice(1, -1);
    found.push(index === undefined ? undefined : code.strings[Number(index)]);
  }
  return found;
}

type Layer = "lib" | "adapters" | "mod.ts" | "examples" | "tests";

const REACHES: Readonly<Record<Layer, readonly Layer[]>> = {
  lib: ["lib"],
  adapters: ["adapters", "lib"],
  "mod.ts": ["adapters", "lib"],
  examples: ["examples", "mod.ts", "adapters", "lib"],
  tests: ["tests", "examples", "mod.ts", "adapters", "lib"],
};

/** The adapters that may know opcodes. */
const SPEAK_THE_PROTOCOL = /^adapters\/(testing|networking)\//;

function layerOf(path: string): Layer | undefined {
  const top = path.split("/")[0]!;
  return Object.hasOwn(REACHES, top) ? top as Layer : undefined;
}

function checkPackage(path: string, specifier: string, report: (reason: string) => void): void {
  const layer = layerOf(path);
  if (layer === "lib" && !specifier.startsWith("@noble/")) {
    report(`imports ${specifier}: the core imports only lib and @noble/*`);
  }
  const testOnly = specifier === "node:test" || specifier.startsWith("@std/assert");
  if (testOnly && layer !== "tests") report(`imports ${specifier}: only tests may`);
  if (layer !== "tests" && layer !== "examples" && specifier.startsWith("@sotto/voice")) {
    report(`imports ${specifier}: the library imports its own files by path`);
  }
}

function checkTarget(
  path: string,
  specifier: string,
  target: string,
  sources: Sources,
  report: (reason: string) => void,
): boolean {
  const from = layerOf(path);
  const to = layerOf(target);
  if (to === undefined || (from !== undefined && !REACHES[from].includes(to))) {
    report(`imports ${specifier}: ${from} must not reach ${to ?? target}`);
    return false;
  }
  if (!sources.has(target)) {
    // Tests may load data and peers' files.
    if (from !== "tests") report(`imports ${specifier}: no such file`);
    return false;
  }
  if (from === "adapters" && !SPEAK_THE_PROTOCOL.test(path)) {
    if (/(^|\/)opcodes\.ts$/.test(target)) report(`imports ${specifier}: adapters know no opcode`);
  }
  return true;
}

/** Returns the path from the root that a relative specifier leads to; undefined for a package. */
function resolve(path: string, specifier: string): string | undefined {
  if (!/^(\.|\/|file:)/.test(specifier)) return undefined;
  if (!specifier.startsWith(".")) return specifier;
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return specifier;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Names that no core file may use, whatever a declaration of its own makes of them. */
const FORBIDDEN: readonly RegExp[] = [
  // Flagged wherever they stand as a name, except as a property or a parameter's key.
  /(?<![.\w$#])(?:Deno|Bun|Buffer|Date|TextDecoder|TextEncoder|WebSocket|WebAssembly|globalThis)(?![\w$])(?!\s*\??:)/g,
  /(?<![.\w$#])(?:(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask|eval)(?![\w$])/g,
  /(?<![.\w$#])fetch\s*\((?![^()]*\)\s*[:{])/g,
  /(?<![.\w$#])(?:process|console|performance)(?![\w$])(?!\s*(?:\??:|\())/g,
  /(?<![.\w$#])crypto\s*(?:\?\.|\.|\[)/g,
  /\bMath\s*\.\s*random\b/g,
  /\bMath\s*(?:\[|(?=[,;)}]))/g,
  /\bimport\s*\.\s*meta\b/g,
  /\bdeclare\s+(?:global|const|let|var|function|class|namespace|module)\b/g,
];

/** Comments that switch the type checker off, or give it more than ECMAScript. */
const FORBIDDEN_COMMENT = /@ts-(?:ignore|nocheck|expect-error)|<reference\s/;

function checkCore(code: Code, report: (reason: string) => void): void {
  for (const pattern of FORBIDDEN) {
    for (const [name] of code.text.matchAll(pattern)) {
      report(`names ${name.trim()}: the core touches nothing`);
    }
  }
  for (const comment of code.comments) {
    const match = FORBIDDEN_COMMENT.exec(comment);
    if (match !== null) report(`has ${match[0].trim()}: the core's types are not overruled`);
  }
}

function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    const index = trail.indexOf(path);
    if (index >= 0) cycles.push([...trail.slice(index), path]);
    if (index >= 0 || done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}

/** A string, a template's start or end is handled apart; a slash is a regular expression after these. */
const BEFORE_EXPRESSION =
  /(?:^|[=(,;:!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|delete))\s*$/;

/**
 * Separates a TypeScript source into code, strings and comments.
 *
 * @param source The source.
 * @returns Its parts.
 */
export function parseCode(source: string): Code {
  const strings: string[] = [];
  const comments: string[] = [];
  let text = "";
  let at = 0;
  /** For every open template expression, the braces open inside it. */
  const templates: number[] = [];

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(source)?.[0];
    if (match !== undefined) at += match.length;
    return match;
  };
  const literal = (value: string) => {
    text += `"${strings.length}"`;
    strings.push(value);
  };
  const template = () => {
    const chunk = take(TEMPLATE_CHUNK) ?? source.slice(at++);
    if (chunk.endsWith("${")) {
      text += "(";
      templates.push(0);
    } else {
      text += '""';
    }
  };

  while (at < source.length) {
    const comment = take(COMMENT);
    if (comment !== undefined) {
      comments.push(comment);
      text += " ";
      continue;
    }
    const string = take(STRING);
    if (string !== undefined) {
      literal(string.slice(1, -1));
      continue;
    }
    const plain = take(PLAIN_TEMPLATE);
    if (plain !== undefined) {
      literal(plain.slice(1, -1));
      continue;
    }
    const character = source[at]!;
    if (
      character === "/" && BEFORE_EXPRESSION.test(text.slice(-32)) && take(REGEXP) !== undefined
    ) {
      text += '""';
      continue;
    }
    at++;
    if (character === "`") {
      template();
    } else if (character === "}" && templates.at(-1) === 0) {
      templates.pop();
      text += ")";
      template();
    } else {
      if (templates.length > 0) {
        if (character === "{") templates[templates.length - 1]!++;
        else if (character === "}") templates[templates.length - 1]!--;
      }
      text += character;
    }
  }
  return { text, strings, comments };
}

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const PLAIN_TEMPLATE = /`(?:[^`\\$]|\\[\s\S]|\$(?!\{))*`/y;
const TEMPLATE_CHUNK = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;
const REGEXP = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
