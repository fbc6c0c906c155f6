/**
 * What is made of figures: ratios, goals, tables, the page.
 *
 * @module
 */

import {
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import test from "node:test";
import { axisEnd, barChart } from "./bar_chart.ts";
import { FIXED_REPORT } from "./fixed_report.ts";
import { isMet, type Outcome, outcomes } from "./goals.ts";
import { fastest, speedRatio } from "./report_data.ts";
import { writeDocs } from "./report_docs.ts";
import { reportPage } from "./report_page.ts";
import { goalText, markdown, quantity, terminalTable } from "./report_table.ts";
import type { Measured } from "./turns.ts";

const [node, bun] = FIXED_REPORT.runtimes;
const all = outcomes(node, FIXED_REPORT.sizes);
const outcome = (part: string): Outcome => all.find(({ name }) => name.includes(part))!;

test("speedRatio: is the median of the rounds' ratios, not the ratio of the medians", () => {
  const at = (rounds: number[]) => ({ rounds }) as unknown as Measured;
  assertEquals(speedRatio(at([1, 10, 100]), at([2, 40, 100])), 2);
  assertEquals(speedRatio(at([1, 10]), at([2, 40])), 3);
});

test("fastest: leaves out who has failed", () => {
  assertEquals(fastest(node, "seal", ({ side }) => side === "limit"), undefined);
  assertEquals(fastest(node, "send", () => true)!.name, "Sotto XChaCha20-Poly1305");
});

test("outcomes: compare the best mode with the baseline and the fastest peer", () => {
  const sent = outcome("send, best mode, against @discordjs");
  assertEquals([sent.value, sent.goal, isMet(sent)], [40, 30, true]);
  assertAlmostEquals(outcome("the fastest peer").value!, 2.5);
  assertEquals(outcome("send with DAVE").value, 2);
  assertEquals(isMet(outcome("send with DAVE")), undefined);
  assertEquals(outcome("receive, best mode").value, 21);
});

test("outcomes: tell missed goals, and nothing of what was not measured", () => {
  assertEquals(isMet(outcome("packet, send")), true);
  assertEquals(isMet(outcome("packet, receive")), false);
  assertEquals(outcome("libsodium in C").value, undefined);
  assertEquals(isMet(outcome("libsodium in C")), undefined);
  assertEquals([isMet(outcome("DAVE off")), isMet(outcome("DAVE on"))], [true, false]);
  for (const one of outcomes(bun, FIXED_REPORT.sizes)) {
    if (!one.name.startsWith("code")) assertEquals(isMet(one), undefined);
  }
});

test("quantity, goalText: write units and no more digits than there are", () => {
  assertEquals(quantity(2.345, "times"), "2.35 ×");
  assertEquals(quantity(12.345, "times"), "12.3 ×");
  assertEquals(quantity(undefined, "ms"), "–");
  assertEquals(goalText(outcome("send, best mode, against @discordjs")), "≥ 30.0 ×");
  assertEquals(goalText(outcome("packet, send")), "0 B");
});

test("terminalTable: has each subject, its ratio to the baseline, and failures", () => {
  const text = terminalTable(node, FIXED_REPORT.sizes);
  assertMatch(text, /Sotto XChaCha20-Poly1305 +2\.50 M\/s +40\.0 × +0 B/);
  assertMatch(text, /<peer> +fails: encrypt is not a function/);
  assertMatch(text, /packet, receive +240 B +0 B +missed/);
});

test("markdown: every row has as many cells as there are runtimes", () => {
  const rows = markdown(FIXED_REPORT).split("\n").filter((line) => line.startsWith("|"));
  for (const row of rows) assertEquals(row.split("|").length, 3 + FIXED_REPORT.runtimes.length);
  assertEquals(rows.some((row) => row.includes("**40.0 ×** (goal ≥ 30.0 ×)")), true);
});

test("writeDocs: replaces what is between the markers, again and again", () => {
  const page = "before\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nafter\n";
  const figures = markdown(FIXED_REPORT);
  const once = writeDocs(page, "bench", figures);
  assertEquals(writeDocs(once, "bench", figures), once);
  assertMatch(once, /^before\n[^]*40\.0 ×[^]*\nafter\n$/);
  assertNotMatch(once, /old/);
});

test("writeDocs: refuses a page without markers", () => {
  const page = "<!-- bench: end --> <!-- bench: begin --> <!-- other: end -->";
  for (const name of ["bench", "other"]) assertThrows(() => writeDocs(page, name, ""), Error, name);
});

test("axisEnd: leaves room for all values, and barChart writes text that is no markup", () => {
  for (const most of [0, 1, 9.9, 10, 4_170_000]) {
    assertEquals(axisEnd([most, 0]) > most, true);
  }
  const bars = [{ name: "<a>&", value: 5, text: '"', kind: "own" }];
  const chart = barChart({ title: "<", bars, marks: [], end: 10, format: String });
  assertStringIncludes(chart, "&lt;a&gt;&amp;");
  assertNotMatch(chart, /<a>/);
});

test("reportPage: needs nothing from elsewhere and runs nothing", () => {
  const page = reportPage(FIXED_REPORT);
  assertNotMatch(page, /<script|<link|<img|url\(|https?:|NaN|Infinity|undefined/);
  assertEquals(page.match(/<svg /g)!.length, page.match(/<\/svg>/g)!.length);
  assertStringIncludes(page, "goal: 30 × @discordjs/voice");
  assertStringIncludes(page, "&lt;peer&gt; fails: encrypt is not a function");
});
