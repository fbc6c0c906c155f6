/**
 * Figures as tables: for a terminal, and as Markdown for the docs.
 *
 * @module
 */

import { isMet, type Outcome, outcomes } from "./goals.ts";
import {
  type BenchReport,
  isBaseline,
  rateOf,
  RUNTIME_NAMES,
  type RuntimeReport,
  speedRatio,
} from "./report_data.ts";
import type { Figure, Measured } from "./turns.ts";

/** What the figures are called. */
export const FIGURE_TITLES: Readonly<Record<Figure, string>> = {
  send: "Send: from a frame to what is given to the socket",
  receive: "Receive: from a datagram to the frame of its user",
  parse: "Receive: from a datagram to its payload",
  seal: "Seal: the cipher alone",
  open: "Open: the cipher alone",
};

/** Runtime and version. */
export function titleOf({ runtime, version }: RuntimeReport): string {
  return `${RUNTIME_NAMES[runtime]} ${version}`;
}

/** A number and its unit; a dash where nothing was measured. */
export function quantity(value: number | undefined, unit: Outcome["unit"]): string {
  if (value === undefined) return "–";
  if (unit === "times") return `${value.toFixed(value < 9.95 ? 2 : 1)} ×`;
  if (unit === "bytes") return `${Math.round(value)} B`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** Packets per second. */
export function rateText(subject: Measured): string {
  const rate = rateOf(subject);
  return rate >= 999_500 ? `${(rate / 1e6).toFixed(2)} M/s` : `${Math.round(rate / 1000)} k/s`;
}

/** What a goal asks for. */
export function goalText({ goal, unit, more }: Outcome): string {
  if (goal === 0) return quantity(0, unit);
  return goal === undefined ? "" : `${more ? "≥" : "≤"} ${quantity(goal, unit)}`;
}

/** Name, and what else is encrypted. */
export function nameOf({ name, dave }: Measured): string {
  return dave === true ? `${name} + DAVE` : name;
}

/** What a row is compared with: in paths the baseline, for a cipher C. */
export function reference(report: RuntimeReport, subject: Measured): Measured | undefined {
  return report.subjects.find((other) =>
    other.figure === subject.figure && other.rounds.length > 0 &&
    (isBaseline(other) || other.side === "limit" && other.cipher === subject.cipher)
  );
}

/**
 * One runtime's figures for a terminal.
 *
 * @param report Of one runtime.
 * @param sizes Of the whole run.
 */
export function terminalTable(report: RuntimeReport, sizes: BenchReport["sizes"]): string {
  const lines = [titleOf(report), "=".repeat(titleOf(report).length)];
  for (const outcome of outcomes(report, sizes)) {
    const { name, value, unit } = outcome;
    const met = isMet(outcome);
    const verdict = met === undefined ? "" : met ? "met" : "missed";
    lines.push(cells([[name, -68], [quantity(value, unit), 12], [goalText(outcome), 14], [
      verdict,
      8,
    ]]));
  }
  for (const figure of Object.keys(FIGURE_TITLES) as Figure[]) {
    lines.push("", FIGURE_TITLES[figure]);
    for (const subject of report.subjects) {
      if (subject.figure === figure) lines.push(subjectLine(report, subject));
    }
  }
  return [...lines, ""].join("\n");
}

function subjectLine(report: RuntimeReport, subject: Measured): string {
  const name: Cell = [`  ${nameOf(subject)}`, -68];
  if (subject.rounds.length === 0) return cells([name, [`  fails: ${subject.error}`, -40]]);
  const other = reference(report, subject);
  const ratio = other === undefined ? "" : quantity(speedRatio(subject, other), "times");
  const bytes = subject.allocated === undefined ? "" : `${subject.allocated} B`;
  return cells([name, [rateText(subject), 12], [ratio, 14], [bytes, 10]]);
}

/** A text and its width, negative where it stands to the left. */
type Cell = readonly [string, number];

function cells(row: readonly Cell[]): string {
  return row.map(([text, width]) => width < 0 ? text.padEnd(-width) : text.padStart(width))
    .join("").trimEnd();
}

/**
 * All figures as Markdown.
 *
 * @param report Of the whole run.
 */
export function markdown(report: BenchReport): string {
  const { runtimes, machine, date } = report;
  const parts = [`Measured on ${date}: ${machine}.`, goalTable(report)];
  for (const figure of Object.keys(FIGURE_TITLES) as Figure[]) {
    parts.push(`### ${FIGURE_TITLES[figure]}`, figureTable(runtimes, figure));
  }
  return parts.join("\n\n");
}

function goalTable({ runtimes, sizes }: BenchReport): string {
  const columns = runtimes.map((runtime) => outcomes(runtime, sizes));
  const rows = columns[0]!.map(({ name }, i) => [name, ...columns.map((one) => verdict(one[i]!))]);
  return table(["", ...runtimes.map(titleOf)], rows);
}

function verdict(outcome: Outcome): string {
  const text = quantity(outcome.value, outcome.unit);
  const met = isMet(outcome);
  const goal = goalText(outcome);
  if (goal === "") return text;
  return met === true ? `**${text}** (goal ${goal})` : `${text} (goal ${goal})`;
}

function figureTable(runtimes: readonly RuntimeReport[], figure: Figure): string {
  const names = new Set(
    runtimes.flatMap(({ subjects }) =>
      subjects.filter((subject) => subject.figure === figure).map(nameOf)
    ),
  );
  const rows = Array.from(names, (name) => [
    name,
    ...runtimes.map((report) => {
      const subject = report.subjects.find((one) => one.figure === figure && nameOf(one) === name);
      return subject === undefined ? "–" : subjectCell(subject);
    }),
  ]);
  return table(["", ...runtimes.map(titleOf)], rows);
}

function subjectCell(subject: Measured): string {
  if (subject.rounds.length === 0) return "fails";
  const bytes = subject.allocated === undefined ? "" : `, ${subject.allocated} B`;
  return `${rateText(subject)}${bytes}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((text, i) =>
    Math.max(3, text.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
