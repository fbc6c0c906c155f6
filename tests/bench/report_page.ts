/**
 * The figures as a page that needs nothing else: goals as a table, speeds, memory and imports as
 * bars, of which all runtimes share an axis.
 *
 * @module
 */

import { REPORT_STYLE } from "../../examples/demo/report_style.ts";
import { axisEnd, type Bar, barChart, escapeText, type Mark } from "./bar_chart.ts";
import { isMet, type Outcome, outcomes, RECEIVED, SENT, SENT_BEST } from "./goals.ts";
import {
  type BenchReport,
  fastest,
  type IdleKind,
  type ImportKind,
  isBaseline,
  rateOf,
  type RuntimeReport,
  speedRatio,
} from "./report_data.ts";
import { PAGE_STYLE } from "./report_page_style.ts";
import {
  FIGURE_TITLES,
  goalText,
  nameOf,
  quantity,
  rateText,
  reference,
  titleOf,
} from "./report_table.ts";
import type { Figure, Measured } from "./turns.ts";

/** What is told below the title of a plot. */
const NOTES: Readonly<Record<Figure, string>> = {
  send: "DAVE where it is on, RTP header, nonce and cipher of a 160-byte frame; no socket. " +
    "The ratio is to @discordjs/voice with AES-256-GCM, formed inside each round.",
  receive: "Header, cipher, DAVE where it is on, and whose frame it is. The ratio is to " +
    "@discordjs/voice with AES-256-GCM, formed inside each round.",
  parse: "Header and cipher. The ratio is to @discordjs/voice with AES-256-GCM, formed inside " +
    "each round.",
  seal: "160 bytes behind 12 of additional data. The ratio is to C with the same cipher, formed " +
    "inside each round.",
  open: "160 bytes behind 12 of additional data, packets of one sender. The ratio is to C with " +
    "the same cipher, formed inside each round.",
};

const IDLE_NAMES: Readonly<Record<IdleKind, readonly [string, string]>> = {
  own: ["Sotto, DAVE off", "own"],
  "own-dave": ["Sotto, DAVE on", "own"],
  sockets: ["WebSocket and UDP socket alone", "part"],
  discordjs: ["@discordjs/voice, DAVE off", "peer"],
};

const IMPORT_NAMES: Readonly<Record<ImportKind, readonly [string, string]>> = {
  own: ["Sotto, from TypeScript", "part"],
  "own-bundle": ["Sotto, bundled for a bot that only sends", "own"],
  discordjs: ["@discordjs/voice, as installed", "peer"],
};

/**
 * Makes the page.
 *
 * @param report Of the whole run.
 * @returns HTML.
 */
export function reportPage(report: BenchReport): string {
  const { runtimes, machine, date } = report;
  const facts = [...runtimes.map(titleOf), machine, date];
  const sections = [
    goalSection(report),
    ...(Object.keys(FIGURE_TITLES) as Figure[]).map((figure) => figureSection(runtimes, figure)),
    idleSection(runtimes),
    importSection(report),
  ];
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What a packet costs: Sotto and its peers</title>
<style>${REPORT_STYLE}${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<p class="brand"><span>Sotto</span><span>deno task bench</span></p>
<h1>What a packet costs</h1>
<p class="lead">Frames of 160 bytes, sealed and opened by this library and by its peers, on one
core and without sockets. Everything on one runtime was measured in one process, in
turns; speeds are medians over the rounds.</p>
<ul class="facts">${facts.map((fact) => `<li>${escapeText(fact)}</li>`).join("")}</ul>
<ul class="legend">
<li class="own">Sotto, as its entry points use it</li>
<li class="part">parts of it, or of the runtime</li>
<li class="peer">peers</li>
<li class="limit">C on the same core</li>
<li class="goal">goal</li>
</ul>
</header>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

function section(title: string, note: string, body: string): string {
  return `<section>\n<h2>${escapeText(title)}</h2>\n<p class="note">${escapeText(note)}</p>\n` +
    `${body}\n</section>`;
}

function goalSection({ runtimes, sizes }: BenchReport): string {
  const columns = runtimes.map((runtime) => outcomes(runtime, sizes));
  const head = runtimes.map((runtime) => `<th scope="col">${escapeText(titleOf(runtime))}</th>`);
  const rows = columns[0]!.map(({ name }, i) =>
    `<tr><th scope="row">${escapeText(name)}</th>${
      columns.map((one) => goalCell(one[i]!)).join("")
    }</tr>`
  );
  const note = "The bar ends at what was measured, the line stands at the goal; a bar that is " +
    "cut off is more than twice the goal.";
  const body = `<div class="wide"><table><thead><tr><td></td>${head.join("")}</tr></thead>` +
    `<tbody>${rows.join("")}</tbody></table></div>`;
  return section("Goals", note, body);
}

function goalCell(outcome: Outcome): string {
  const { value, unit, goal, detail = "" } = outcome;
  const met = isMet(outcome);
  const sign = met === undefined ? "" : met ? "met" : "missed";
  const share = value === undefined || goal === undefined || goal === 0 ? undefined : value / goal;
  const bar = share === undefined
    ? ""
    : `<span class="bullet"><i style="width:${Math.min(100, 50 * share).toFixed(1)}%"></i></span>`;
  const asked = goal === undefined ? "no goal" : `goal ${goalText(outcome)}, ${sign || "no value"}`;
  return `<td class="${sign}" title="${escapeText(detail)}"><b>${quantity(value, unit)}</b>` +
    `${bar}<small>${escapeText(asked)}</small></td>`;
}

function figureSection(runtimes: readonly RuntimeReport[], figure: Figure): string {
  const marks = runtimes.map((runtime) => goalMarks(runtime, figure));
  const shown = runtimes.map(({ subjects }) =>
    subjects.filter((one) => one.figure === figure && one.rounds.length > 0)
      .toSorted((a, b) => rateOf(b) - rateOf(a))
  );
  const end = axisEnd([...shown.flat().map(rateOf), ...marks.flat().map(({ value }) => value)]);
  const charts = runtimes.map((runtime, i) => {
    const title = `${FIGURE_TITLES[figure]}, ${titleOf(runtime)}`;
    const bars = shown[i]!.map((subject) => speedBar(runtime, subject));
    const format = (value: number) => value === 0 ? "0" : `${value / 1000} k/s`;
    const chart = barChart({
      title,
      bars,
      marks: marks[i]!,
      end,
      format: end < 2e6 ? format : millions,
    });
    return panel(runtime, chart, failures(runtime, figure));
  });
  return section(FIGURE_TITLES[figure], NOTES[figure], charts.join("\n"));
}

function millions(value: number): string {
  return value === 0 ? "0" : `${Math.round(value / 1e4) / 100} M/s`;
}

function panel(runtime: RuntimeReport, chart: string, note = ""): string {
  return `<h3>${escapeText(titleOf(runtime))}</h3>\n<div class="wide chart">${chart}</div>${note}`;
}

function speedBar(runtime: RuntimeReport, subject: Measured): Bar {
  const other = reference(runtime, subject);
  const ratio = other === undefined ? [] : [quantity(speedRatio(subject, other), "times")];
  const bytes = subject.allocated === undefined ? [] : [`${subject.allocated} B`];
  return {
    name: nameOf(subject).replace("XChaCha20-Poly1305", "XChaCha20")
      .replace("XSalsa20-Poly1305", "XSalsa20"),
    value: rateOf(subject),
    text: [rateText(subject), ...ratio, ...bytes].join(" · "),
    kind: subject.side,
  };
}

function failures({ subjects }: RuntimeReport, figure: Figure): string {
  const failed = subjects.filter((one) => one.figure === figure && one.error !== undefined);
  return failed.map((one) =>
    `<p class="note">${escapeText(nameOf(one))} fails: ${escapeText(one.error!)}</p>`
  ).join("");
}

/** Where a bar of ours has to reach. */
function goalMarks(runtime: RuntimeReport, figure: Figure): Mark[] {
  const goals = outcomes(runtime, { own: 0, discordjs: 0, davey: 0 });
  const mark = (name: string, other: Measured | undefined, text: string): Mark[] => {
    const goal = goals.find((one) => one.name === name)?.goal;
    if (goal === undefined || other === undefined) return [];
    return [{ value: goal * rateOf(other), text: `goal: ${goal} × ${text}` }];
  };
  const baseline = fastest(runtime, figure, isBaseline);
  const peer = fastest(runtime, figure, ({ side, dave }) => side === "peer" && dave !== true);
  if (figure === "send") {
    return [
      ...mark(SENT, baseline, "@discordjs/voice"),
      ...mark(SENT_BEST, peer, "the fastest peer"),
    ];
  }
  return figure === "receive" ? mark(RECEIVED, baseline, "@discordjs/voice") : [];
}

function idleSection(runtimes: readonly RuntimeReport[]): string {
  const kb = (value: number) => `${Math.round(value / 1000)} KB`;
  const end = axisEnd(runtimes.flatMap(({ idle }) => Object.values(idle).map(({ heap }) => heap)));
  const charts = runtimes.map((runtime) => {
    const bars = (Object.keys(IDLE_NAMES) as IdleKind[]).flatMap((kind): Bar[] => {
      const run = runtime.idle[kind];
      if (run === undefined) return [];
      const [name, side] = IDLE_NAMES[kind];
      const text = `${kb(run.heap)}, ${kb(run.rss)} resident`;
      return [{ name, value: run.heap, text, kind: side }];
    });
    const title = `Memory of an idle connection, ${titleOf(runtime)}`;
    return panel(runtime, barChart({ title, bars, marks: [], end, format: kb }));
  });
  const note = "Growth of the JavaScript heap for each of 300 connections that nobody speaks " +
    "over, after a garbage collection, and of the process's resident memory. What is ours is the " +
    "difference to the sockets alone.";
  return section("Memory of an idle connection", note, charts.join("\n"));
}

function importSection({ runtimes, sizes }: BenchReport): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
  const end = axisEnd(runtimes.flatMap(({ imports }) => Object.values(imports)));
  const charts = runtimes.map((runtime) => {
    const bars = (Object.keys(IMPORT_NAMES) as ImportKind[]).flatMap((kind): Bar[] => {
      const time = runtime.imports[kind];
      const [name, side] = IMPORT_NAMES[kind];
      return time === undefined ? [] : [{ name, value: time, text: ms(time), kind: side }];
    });
    const title = `Import, ${titleOf(runtime)}`;
    return panel(runtime, barChart({ title, bars, marks: [], end, format: ms }));
  });
  const kb = (size: number) => `${Math.round(size / 1000)} KB`;
  const note = "Milliseconds until the import is done, in a process that has done nothing else; " +
    `median of nine. Minified, Sotto is ${kb(sizes.own)} for a bot that only sends, and ` +
    `@discordjs/voice ${kb(sizes.discordjs)} and ${kb(sizes.davey)} of native code for DAVE.`;
  return section("Import", note, charts.join("\n"));
}
