/**
 * Rows of the table of scripted faults on real sockets, with scaled deadlines. The first test
 * runs them all, as many at a time as a small machine can bear.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import type { Outcome } from "./row.ts";
import { realLimitOf, runAll, runReally } from "./real_run.ts";
import { REAL_ROWS } from "./table.ts";
import { complaints } from "./verdict.ts";

const WIDTH = 24;

let outcomes: Map<string, Outcome>;

test("every row comes to an end on real sockets", { timeout: 120_000 }, async () => {
  const longest = (row: typeof REAL_ROWS[number]) => realLimitOf(row);
  const rows = REAL_ROWS.toSorted((a, b) => longest(b) - longest(a));
  outcomes = await runAll(rows, WIDTH, runReally);
  assertEquals(outcomes.size, REAL_ROWS.length);
});

for (const row of REAL_ROWS) {
  test(`on real sockets, ${row.name}: ${row.expects}`, () => {
    assertEquals(complaints(row, outcomes.get(row.name)!, realLimitOf(row)), []);
  });
}
