/**
 * Counts the tests in a JUnit report as Deno, Bun and Node write it.
 *
 * @module
 */

/** How many tests ended how. */
export interface Counts {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed, or were cancelled. */
  readonly failed: number;
  /** Tests that were skipped or marked as to do. */
  readonly skipped: number;
}

/**
 * Counts the tests in a report.
 *
 * @param xml The report.
 * @param file The test file's path. Node reports a file without tests as one
 * test that has the file's name; it counts only when it failed.
 * @returns The counts.
 */
export function countTests(xml: string, file: string): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [, attributes, body] of xml.matchAll(TEST_CASE)) {
    const result = body ?? "";
    if (/<(failure|error)\b/.test(result)) counts.failed++;
    else if (/<skipped\b/.test(result)) counts.skipped++;
    else if (/\bname="([^"]*)"/.exec(attributes!)?.[1]?.endsWith(file) !== true) counts.passed++;
  }
  return counts;
}

/** One element; attribute values may contain ">". */
const TEST_CASE = /<testcase\b((?:[^">]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g;
