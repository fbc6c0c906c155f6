/**
 * Writes the table of faults down as a page.
 *
 * @module
 */

import type { FaultRow, Outcome } from "../../faults/row.ts";
import { FAULT_TABLE, REAL_ROWS } from "../../faults/table.ts";
import type { PeerOutcome } from "../../peers/faults_peer.ts";

/** What was measured. */
export interface Measurements {
  /** Ours on the virtual clock, by the row's name. */
  readonly virtual: ReadonlyMap<string, Outcome>;
  /** Ours on real sockets. */
  readonly real: ReadonlyMap<string, Outcome>;
  /** @discordjs/voice on real sockets, on a strict main gateway. */
  readonly peer: ReadonlyMap<string, PeerOutcome>;
  /** The same on a generous one, for those rows where that makes a difference. */
  readonly generous: ReadonlyMap<string, PeerOutcome>;
  /** Milliseconds that @discordjs/voice got. */
  readonly peerLimit: number;
  /** Version of @discordjs/voice. */
  readonly peerVersion: string;
}

/** More op 4 than a person could want. */
const LOOP = 10;

/**
 * The page.
 *
 * @param measurements What was measured.
 */
export function faultDocument(measurements: Measurements): string {
  const { peerLimit, peerVersion } = measurements;
  return `# Faults, and what becomes of a connection

A voice connection is lost in many ways: the server closes it, a message never comes, a cable is cut, somebody moves the
bot. This page lists ${FAULT_TABLE.length} faults that the embedded server commits on purpose, and how a connection ends: **ready**, which
is to say that both directions carry audio again, bit for bit, or with a **typed error**, whose code is in the table (see
\`VoiceConnectError\`). There is no third way: no row hangs, and no row sends more than five op 4 in 60 s.

${summary(measurements)}

*After* is the time from the join, or from the first thing that happened to a ready connection, until it was ready for
the last time or had ended. *op 4* counts requests to the main gateway, the first one and the one that leaves included:
Discord closes bots that send too many. *Once* is a fault that happens one time, *always* one that never stops.

## How it was measured

- Virtual clock: session, voice server and main gateway in one process, without sockets, 20 ms each way. All faults run
  so, on Deno, Bun and Node, with the deadlines of [states.md](states.md).
- Real sockets: ${REAL_ROWS.length} of them, on loopback, with deadlines, delays and moments of a fifth (\`timeouts\` of
  \`joinVoice\`) and heartbeats every second. Backoff is not scaled.
- @discordjs/voice ${peerVersion} ran the same ${REAL_ROWS.length} scripts on Node, behind TLS, which it insists on, each in
  a process of its own. It has no deadlines to scale; it got ${
    peerLimit / 1000
  } s to become ready, as the example of its
  guide has it (\`entersState\`). *Stuck* and *loops* say what it did at the end of that time; *disconnected* is left to
  the caller, who may call \`rejoin\`.
- Op 4 for a channel in which the bot already is often brings no voice server from Discord. The stand-in for the main
  gateway does the same, and @discordjs/voice, which does not leave first, then waits for ever. So the scripts in which
  it sends a second op 4 ran once more on a *generous* gateway, which always names one: the last two columns.

\`deno run -A tests/tools/fault_table/main.ts\` measures anew and writes this page; with \`--virtual\` it renews only what
needs no real sockets.

## Side by side on real sockets

${groups(REAL_ROWS).map(([group, rows]) => sideBySide(group, rows, measurements)).join("\n\n")}

${virtualSection(measurements.virtual)}`;
}

const VIRTUAL_HEADING = "All faults on the virtual clock";

function virtualSection(virtual: Measurements["virtual"]): string {
  const parts = groups(FAULT_TABLE).map(([group, rows]) => alone(group, rows, virtual));
  return `## ${VIRTUAL_HEADING}\n\n${parts.join("\n\n")}\n`;
}

/**
 * The page with new figures of the virtual clock; the rest stays.
 *
 * @param page The page as it is.
 * @param virtual Ours on the virtual clock, by the row's name.
 */
export function renewVirtual(page: string, virtual: Measurements["virtual"]): string {
  const line = `| ${["ours, virtual clock", ...ownFigures(virtual)].join(" | ")} |`;
  const before = page.slice(0, page.indexOf(`## ${VIRTUAL_HEADING}\n`))
    .replace(/^\| ours, virtual clock.*$/m, line)
    .replace(/lists \d+ faults/, `lists ${virtual.size} faults`);
  return before + virtualSection(virtual);
}

function ownFigures(outcomes: ReadonlyMap<string, Outcome>): number[] {
  const ends = [...outcomes.values()].map(({ end }) => end);
  const stuck = ends.filter((end) => end.startsWith("stuck")).length;
  const ready = ends.filter((end) => end === "ready").length;
  const op4 = Math.max(...[...outcomes.values()].map(({ op4 }) => op4.length));
  return [ends.length, ready, ends.length - ready - stuck, 0, stuck, 0, op4];
}

function summary({ virtual, real, peer, generous }: Measurements): string {
  const theirs = (outcomes: readonly PeerOutcome[]) => {
    const kinds = outcomes.map(kindOf);
    const count = (kind: Kind) => kinds.filter((other) => other === kind).length;
    const op4 = Math.max(...outcomes.map(({ op4 }) => op4));
    return [
      outcomes.length,
      count("ready"),
      0,
      count("left"),
      count("stuck"),
      count("loops"),
      op4,
    ];
  };
  const kinder = [...peer.values()].map((outcome) => generous.get(outcome.name) ?? outcome);
  const heads = ["ready again", "typed error", "left to the caller", "stuck", "loops", "most op 4"];
  return table(["", "faults", ...heads], [
    ["ours, virtual clock", ...ownFigures(virtual)],
    ["ours, real sockets", ...ownFigures(real)],
    ["@discordjs/voice, real sockets", ...theirs([...peer.values()])],
    ["@discordjs/voice, real sockets, generous gateway", ...theirs(kinder)],
  ]);
}

type Kind = "ready" | "left" | "stuck" | "loops";

function kindOf({ end, op4 }: PeerOutcome): Kind {
  if (end === "ready") return "ready";
  if (op4 > LOOP) return "loops";
  return end.startsWith("disconnected") || end === "destroyed" ? "left" : "stuck";
}

/** What became of @discordjs/voice, in words. */
function peerEnd(outcome: PeerOutcome): string {
  const { end, after, errors } = outcome;
  if (end === "crash") return `throws outside of any call: ${errors.at(-1)?.slice(0, 80)}`;
  const kind = kindOf(outcome);
  if (kind === "loops") return "loops";
  if (kind !== "stuck") return `${end}, ${seconds(after)}`;
  return errors.length > 0 ? `stuck in ${end}, error event` : `stuck in ${end}`;
}

function sideBySide(group: string, rows: readonly FaultRow[], measured: Measurements): string {
  const lines = rows.map(({ name }) => {
    const { end, after, op4 } = measured.real.get(name)!;
    const theirs = [measured.peer.get(name)!, measured.generous.get(name)];
    return [
      name,
      end,
      seconds(after),
      op4.length,
      ...theirs.flatMap((one) => one === undefined ? ["", ""] : [peerEnd(one), one.op4]),
    ];
  });
  const heads = ["fault", "ours", "after", "op 4", "@discordjs/voice", "op 4", "generous", "op 4"];
  return `### ${group}\n\n${table(heads, lines)}`;
}

function alone(
  group: string,
  rows: readonly FaultRow[],
  virtual: Measurements["virtual"],
): string {
  const lines = rows.map(({ name }) => {
    const { end, after, op4 } = virtual.get(name)!;
    return [name, end, seconds(after), op4.length];
  });
  return `### ${group}, virtual\n\n${table(["fault", "end", "after", "op 4"], lines)}`;
}

function groups(rows: readonly FaultRow[]): [string, FaultRow[]][] {
  return [...Map.groupBy(rows, ({ group }) => group)];
}

function seconds(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

function table(heads: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  return [heads, heads.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.map((cell) => String(cell).replaceAll("|", "/")).join(" | ")} |`)
    .join("\n");
}

/** One line of the page's tables. */
export interface PageRow {
  /** Name of the row. */
  readonly name: string;
  /** How ours ended. */
  readonly end: string;
}

/**
 * Reads a part of the page.
 *
 * @param page The page.
 * @param heading The part's heading.
 * @returns Its rows, in order.
 */
export function pageRows(page: string, heading: string): PageRow[] {
  const start = page.indexOf(`\n## ${heading}\n`);
  const next = page.indexOf("\n## ", start + 1);
  const part = page.slice(start, next < 0 ? undefined : next);
  return part.split("\n").filter((line) => line.startsWith("| ")).flatMap((line) => {
    const [, name, end] = line.split("|").map((cell) => cell.trim());
    return name === "fault" || /^-+$/.test(name) ? [] : [{ name, end }];
  });
}
