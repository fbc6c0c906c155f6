/**
 * Makes the page `docs/seeds.md`, and the type references that hold its targets.
 *
 * @module
 */

import { ENTRIES } from "./entries.ts";
import { expand, expandName, type Kind, kindsOf, type Row, type Seed } from "./model.ts";
import { SEEDS } from "./seeds.ts";
import { parseTarget, reference, type Target } from "./targets.ts";

/**
 * The names that each row is about.
 *
 * @param seed The document.
 * @returns The names by row, in the order of the rows.
 */
export function namesByRow(seed: Seed): Map<Row, string[]> {
  const all = [...kindsOf(seed.names).keys()];
  const own = new Set(seed.rows.flatMap((row) => row.names.flatMap(expandName)));
  const inFolder = (folder: string) =>
    all.filter((name) =>
      name.startsWith(folder) && !name.slice(folder.length).includes("/") && !own.has(name)
    );
  return new Map(seed.rows.map((row) => [
    row,
    row.names.flatMap(expandName).flatMap((name) =>
      name.endsWith("/*") ? inFolder(name.slice(0, -1)) : [name]
    ),
  ]));
}

/** All targets of all rows, each once. */
export function targetsOf(seeds: readonly Seed[]): Target[] {
  const rows = seeds.flatMap((seed) => seed.rows);
  return [...new Set(rows.flatMap((row) => row.targets.flatMap(expand)))].map(parseTarget);
}

/** The page. */
export function seedsDocument(): string {
  return `# Where the names of five documents are here

Five documents came before this library. Who knows one of them finds here what each of its names is called now, or why
there is no such thing. A name without "of" is in \`@sotto/voice\`, what is of \`./core\` is in \`@sotto/voice/core\`, and so
on. \`A.{b, c}\` stands for \`A.b\` and \`A.c\`; \`SendPayloads[0]\` is what a client sends with opcode 0,
\`ReceivePayloads[2]\` what it receives with opcode 2. "Absent" is left out on purpose.

Made from \`tests/tools/seeds/\`; a test holds it equal, and every name on the right exists.

${table(["document", "names", "here", "absent"], SEEDS.map(summary))}

${SEEDS.map(section).join("\n\n")}
`;
}

/** A module that compiles only where every target exists. */
export function typesDocument(): string {
  const targets = targetsOf(SEEDS);
  const aliases = new Set(targets.map(({ entry }) => entry));
  const imports = [...ENTRIES].filter(([name]) => aliases.has(name)).map(([, { alias, path }]) =>
    `import type * as ${alias} from "../../../${path}";`
  );
  const types = new Set(targets.flatMap((target) => reference(target) ?? []));
  return `/**
 * What docs/seeds.md leads to, for the type checker. Made by \`main.ts\`, not by hand.
 *
 * @module
 */

${imports.join("\n")}

/** All of them exist. */
export type Targets = [
${[...types].map((type) => `  ${type},`).join("\n")}
];
`;
}

function summary(seed: Seed): string[] {
  const rows = [...namesByRow(seed)];
  const count = (status: Row["status"]) =>
    rows.reduce((sum, [row, names]) => sum + (row.status === status ? names.length : 0), 0);
  const counts = [count("here"), count("absent")];
  const total = counts.reduce((sum, number) => sum + number);
  return [`[${seed.title}](#${anchor(seed.title)})`, ...[total, ...counts].map(String)];
}

function section(seed: Seed): string {
  const kinds = kindsOf(seed.names);
  const rows = [...namesByRow(seed)].map(([row, names]) => [
    row.names.map(code).join(", ") + fileCount(row, names),
    kindsIn(names, kinds).join(", "),
    whereabouts(row),
  ]);
  return `## ${seed.title}\n\n${seed.intro}\n\n${table(["name", "kind", "where"], rows)}`;
}

function fileCount(row: Row, names: readonly string[]): string {
  return row.names.some((name) => name.endsWith("/*")) ? ` (${names.length} files)` : "";
}

/** A method's parameters stand behind it; they need no word of their own. */
function kindsIn(names: readonly string[], kinds: ReadonlyMap<string, Kind>): Kind[] {
  const found = [...new Set(names.map((name) => kinds.get(name)!))];
  return found.length === 1 ? found : found.filter((kind) => kind !== "parameter");
}

function whereabouts({ names, status, targets, note }: Row): string {
  if (status !== "here") return `${status}: ${note}`;
  const [name, target] = [names.join().replace(/\(.*\)$/, ""), targets.join()];
  const places = target.startsWith(`${name} of `)
    ? `the same of ${code(target.slice(name.length + 4))}`
    : targets.map(place).join(", ");
  return note === "" ? places : `${places}: ${note}`;
}

function place(target: string): string {
  const [, item, list] = /^(\S+) in (.*)$/.exec(target) ?? [];
  if (list !== undefined) return `${code(item!)} in ${place(list)}`;
  const [subject = "", entry] = target.split(" of ");
  return entry === undefined ? code(subject) : `${code(subject)} of ${code(entry)}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

function anchor(title: string): string {
  return title.toLowerCase().replace(/[^\w\s-]/g, "").replace(/\s/g, "-");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
