/**
 * Bytes of the JavaScript heap that a packet costs. The heap's size is read before and after small
 * batches, none of which is large enough for a collection; the median of many counts.
 *
 * @module
 */

import process from "node:process";
import { median } from "./rounds.ts";
import type { Subject } from "./turns.ts";

const BATCH = 100;
const BATCHES = 61;

/**
 * Measures a subject.
 *
 * @param subject It is warm already.
 * @param collect Collects garbage.
 * @returns Bytes per packet.
 */
export function allocatedBy(subject: Subject, collect: () => void): number {
  return Math.max(0, Math.round((measure(subject, collect) - measure(NOTHING, collect)) / BATCH));
}

const NOTHING: Pick<Subject, "prepare" | "run"> = { run: () => {} };

function measure(subject: Pick<Subject, "prepare" | "run">, collect: () => void): number {
  const differences: number[] = [];
  for (let i = 0; i < BATCHES; i++) {
    subject.prepare?.(BATCH);
    if (i % 10 === 0) collect();
    const before = process.memoryUsage().heapUsed;
    subject.run(BATCH);
    differences.push(process.memoryUsage().heapUsed - before);
  }
  return median(differences);
}
