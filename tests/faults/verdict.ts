/**
 * Whether a row has ended as it has to.
 *
 * @module
 */

import type { FaultRow, Outcome } from "./row.ts";

/** Most op 4 in a window, and its length: budget of issue 4. */
const OP4_LIMIT = { count: 5, window: 60_000 };

/**
 * Compares an outcome with its row.
 *
 * @param row The row.
 * @param outcome How it did end.
 * @param limit Milliseconds that it may take.
 * @returns What is wrong; nothing where it is as it should be.
 */
export function complaints(row: FaultRow, outcome: Outcome, limit: number): string[] {
  const { end, afterLast, op4, problems } = outcome;
  const [least, most] = row.op4;
  const wrong = [...problems];
  if (end !== row.expects) wrong.push(`ends as "${end}", not as "${row.expects}"`);
  if (afterLast > limit) wrong.push(`takes ${Math.round(afterLast)} ms, not ${limit}`);
  if (op4.length < least || op4.length > most) {
    wrong.push(`sends ${op4.length} op 4, not ${least} to ${most}`);
  }
  const burst = op4.findIndex((at, index) =>
    op4[index + OP4_LIMIT.count] - at < OP4_LIMIT.window - 50
  );
  if (burst >= 0) wrong.push(`sends more than 5 op 4 in 60 s, from ${op4[burst]} ms on`);
  return [...wrong, ...uncommitted(row, outcome)];
}

/** Rules of which no fault came: then the row has shown nothing. */
function uncommitted({ faults = [], meanwhile = [], then = [] }: FaultRow, outcome: Outcome) {
  const later = [...meanwhile, ...then].flatMap((step) =>
    step.do === "setFaults" ? step.faults : []
  );
  return [...faults, ...later].flatMap((rule) => {
    const name = typeof rule.fault === "string" ? rule.fault : Object.keys(rule.fault)[0];
    const places = typeof rule.on === "string" ? [rule.on] : rule.on;
    const count = outcome.faults.filter((fault) =>
      places.some((place) => fault === `${place} ${name}`)
    ).length;
    return count >= (rule.times ?? 1) ? [] : [`${places} ${name}: committed ${count} times`];
  });
}
