/**
 * Runs a row on the virtual clock.
 *
 * @module
 */

import { type FaultRow, limitOf, type Outcome } from "./row.ts";
import { VirtualStage } from "./virtual_stage.ts";

/** How long a row that is late is still watched, to see whether it ends at all. */
const PATIENCE = 180_000;
/** How long it must stay as it is: longer than a server waits for a heartbeat. */
const OBSERVED = 45_000;

/**
 * Runs a row.
 *
 * @param row The row.
 * @param seed Chooses the course of events.
 * @returns How it ended.
 */
export function runVirtually(row: FaultRow, seed = 1): Outcome {
  const { meanwhile = [], then = [], hears = "all" } = row;
  const stage = new VirtualStage(row, seed);
  const { sim, watch } = stage;
  const joinedAt = sim.now;
  stage.join(meanwhile);
  let [from, last] = [joinedAt, joinedAt];
  if (then.length > 0) {
    stage.runUntilReady();
    const readyAt = sim.now;
    from = readyAt + then[0].at;
    last = readyAt + then.at(-1)!.at;
    stage.play(then, readyAt);
  }
  sim.run(Math.max(0, last + limitOf(row) - sim.now));
  if (watch.end.startsWith("stuck")) sim.run(PATIENCE);
  const { end, readyAt } = watch;
  const isReady = end === "ready";
  const endedAt = (isReady ? readyAt : watch.closedAt) ?? sim.now;
  sim.run(OBSERVED);
  const op4 = sim.op4.map((at) => at - joinedAt);
  const problems = isReady ? stage.probe(hears) : [];
  if (isReady && watch.readyAt !== readyAt) problems.push("was ready, and then not");
  const faults = sim.faults;
  problems.push(...stage.leftovers());
  const after = Math.max(0, endedAt - from);
  const afterLast = Math.max(0, endedAt - last);
  return { end, after, afterLast, op4, faults, problems };
}
