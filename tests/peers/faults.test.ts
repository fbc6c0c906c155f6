/**
 * The table of faults beside @discordjs/voice: what the page says of it is true where it matters
 * most, and the page has exactly the rows of the table.
 *
 * @module
 */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import type { FaultRow } from "../faults/row.ts";
import { realLimitOf, runAll, runReally } from "../faults/real_run.ts";
import { FAULT_TABLE, REAL_ROWS } from "../faults/table.ts";
import { complaints } from "../faults/verdict.ts";
import { pageRows } from "../tools/fault_table/document.ts";
import { runPeer } from "./faults_peer.ts";

/** Milliseconds that @discordjs/voice gets. */
const LIMIT = 4000;
/** Rows at a time. */
const WIDTH = 3;
const OPTIONS = { timeout: 120_000 };

/** What @discordjs/voice does, where it is sure to do it. */
const FACTS: readonly (readonly [name: string, end: RegExp])[] = [
  ["cut off", /^ready$/],
  ["4006 at identify, once", /^signalling$/],
  ["IpDiscovery lost, once", /^connecting$/],
  ["VOICE_SERVER_UPDATE lost, once", /^signalling$/],
  ["kicked", /^disconnected 4014$/],
  ["the shard is closed", /^destroyed$/],
];

function rowsOf(names: readonly string[]): FaultRow[] {
  return REAL_ROWS.filter(({ name }) => names.includes(name));
}

async function assertOursEnds(rows: readonly FaultRow[]): Promise<void> {
  const ours = await runAll(rows, WIDTH, runReally);
  for (const row of rows) {
    assertEquals(complaints(row, ours.get(row.name)!, realLimitOf(row)), [], row.name);
  }
}

test(
  "@discordjs/voice meets faults as the page says; ours comes to an end in each",
  OPTIONS,
  async () => {
    const rows = rowsOf(FACTS.map(([name]) => name));
    assertEquals(rows.length, FACTS.length);
    const theirs = await runAll(rows, WIDTH, (row) => runPeer(row, LIMIT));
    for (const [name, end] of FACTS) assertMatch(theirs.get(name)!.end, end, name);
    await assertOursEnds(rows);
  },
);

test(
  "@discordjs/voice sends op 4 again and again where 4006 follows 4006; ours ends",
  OPTIONS,
  async () => {
    const rows = rowsOf(["4006 at identify, always"]);
    const [theirs] = await Promise.all(rows.map((row) => runPeer(row, LIMIT, "generous")));
    assertGreater(theirs.op4, 20);
    await assertOursEnds(rows);
  },
);

const page = readFileSync(new URL("../../docs/faults.md", import.meta.url), "utf8");

test("docs/faults.md has the rows of the table, in order, with the ends that they have to have", () => {
  const wanted = (table: typeof FAULT_TABLE) =>
    table.map(({ name, expects: end }) => ({ name, end }));
  assertEquals(pageRows(page, "Side by side on real sockets"), wanted(REAL_ROWS));
  assertEquals(pageRows(page, "All faults on the virtual clock"), wanted(FAULT_TABLE));
});

test("docs/faults.md names the version that is pinned", () => {
  const { dependencies } = JSON.parse(
    readFileSync(new URL("./discordjs/package.json", import.meta.url), "utf8"),
  );
  assertMatch(page, new RegExp(`@discordjs/voice ${dependencies["@discordjs/voice"]} `));
});
