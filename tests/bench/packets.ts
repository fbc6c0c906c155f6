/**
 * What a packet costs here and with the peers, on each runtime, each in a process of its own:
 *
 *     deno task bench [--runtime deno|bun|node|node26]... [--json] [--write] [--from FILE]
 *
 * Prints tables, or with `--json` all that was measured. `--write` also writes `report.json` and
 * `report.html` beside this file and the table in `docs/performance.md`; `--from` takes the
 * figures of an earlier `--json` and measures nothing. Progress is told on standard error.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { measureAll } from "./measure.ts";
import { parseBenchArguments } from "./packet_arguments.ts";
import type { BenchReport } from "./report_data.ts";
import { writeDocs } from "./report_docs.ts";
import { reportPage } from "./report_page.ts";
import { markdown, terminalTable } from "./report_table.ts";

const { runtimes, json, write, from } = parseBenchArguments(process.argv.slice(2));
const report: BenchReport = from === undefined
  ? await measureAll(runtimes)
  : JSON.parse(readFileSync(from, "utf8"));
if (json) console.log(JSON.stringify(report));
else for (const one of report.runtimes) console.log(terminalTable(one, report.sizes));
if (write) {
  writeFileSync(new URL("report.json", import.meta.url), `${JSON.stringify(report)}\n`);
  writeFileSync(new URL("report.html", import.meta.url), reportPage(report));
  const docs = new URL("../../docs/performance.md", import.meta.url);
  writeFileSync(docs, writeDocs(readFileSync(docs, "utf8"), "bench", markdown(report)));
}
