/**
 * The table of scripted faults on the virtual clock: a test a row.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import test from "node:test";
import { MESSAGE_POINTS, STEP_POINTS } from "../../lib/testing/faults.ts";
import { limitOf } from "./row.ts";
import { FAULT_TABLE, REAL_ROWS } from "./table.ts";
import { complaints } from "./verdict.ts";
import { runVirtually } from "./virtual_run.ts";

for (const row of FAULT_TABLE) {
  test(`${row.name}: ${row.expects}`, () => {
    assertEquals(complaints(row, runVirtually(row), limitOf(row)), []);
  });
}

test("another course of events brings the same ends", () => {
  for (const row of FAULT_TABLE) {
    assertEquals(complaints(row, runVirtually(row, 2), limitOf(row)), [], row.name);
  }
});

test("the table has every close code, every message and every step, and each name once", () => {
  assertGreaterOrEqual(FAULT_TABLE.length, 300);
  assertGreaterOrEqual(REAL_ROWS.length, 40);
  assertEquals(new Set(FAULT_TABLE.map(({ name }) => name)).size, FAULT_TABLE.length);
  const struck = new Set<string>(
    FAULT_TABLE.flatMap(({ faults = [] }) => faults.flatMap(({ on }) => on)),
  );
  assertEquals([...STEP_POINTS, ...MESSAGE_POINTS].filter((point) => !struck.has(point)), []);
});
