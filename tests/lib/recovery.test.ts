import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { RECOVERY_ATTEMPTS, RecoveryBudget } from "../../lib/recovery.ts";

const RESUME_BUDGET = RECOVERY_ATTEMPTS.resume.length;
const REJOIN_BUDGET = RECOVERY_ATTEMPTS.rejoin.length;
const WAIT_BUDGET = RECOVERY_ATTEMPTS.wait.length;

function attempts(spend: () => number | undefined, count: number): (number | undefined)[] {
  return Array.from({ length: count }, spend);
}

test("RecoveryBudget grants four resumes, the first at once, the wait doubling", () => {
  const budget = new RecoveryBudget(() => 0.5);
  const delays = attempts(() => budget.spend("resume"), RESUME_BUDGET + 2);
  assertEquals(delays, [0, 500, 1000, 2000, undefined, undefined]);
});

test("RecoveryBudget grants two rejoins, none of them at once", () => {
  const budget = new RecoveryBudget(() => 0.5);
  const delays = attempts(() => budget.spend("rejoin"), REJOIN_BUDGET + 2);
  assertEquals(delays, [500, 1000, undefined, undefined]);
});

test("RecoveryBudget fills resumes up with each rejoin, and never rejoins", () => {
  const budget = new RecoveryBudget(() => 0);
  let resumes = 0;
  for (let rejoins = 0;; rejoins++) {
    while (budget.spend("resume") !== undefined) resumes++;
    if (budget.spend("rejoin") === undefined) {
      assertEquals([resumes, rejoins], [RESUME_BUDGET * (REJOIN_BUDGET + 1), REJOIN_BUDGET]);
      break;
    }
  }
  assertEquals(budget.spend("rejoin"), undefined);
});

test("RecoveryBudget does not fill up where a rejoin is refused", () => {
  const budget = new RecoveryBudget(() => 0);
  attempts(() => budget.spend("rejoin"), REJOIN_BUDGET);
  attempts(() => budget.spend("resume"), RESUME_BUDGET);
  assertEquals(budget.spend("rejoin"), undefined);
  assertEquals(budget.spend("resume"), undefined);
});

test("RecoveryBudget grants twenty waits, each at once", () => {
  const budget = new RecoveryBudget(() => 0.5);
  assertEquals(WAIT_BUDGET, 20);
  assertEquals(attempts(() => budget.spend("wait"), 22), [
    ...Array(20).fill(0),
    undefined,
    undefined,
  ]);
});

test("RecoveryBudget fills waits up with no other attempt, and others with no wait", () => {
  const budget = new RecoveryBudget(() => 0);
  attempts(() => budget.spend("wait"), WAIT_BUDGET);
  assertEquals([budget.spend("resume"), budget.spend("rejoin")], [0, 0]);
  assertEquals(budget.spend("wait"), undefined);
  attempts(() => budget.spend("rejoin"), REJOIN_BUDGET);
  budget.reset();
  attempts(() => budget.spend("resume"), RESUME_BUDGET);
  attempts(() => budget.spend("rejoin"), REJOIN_BUDGET);
  attempts(() => budget.spend("resume"), RESUME_BUDGET);
  assertEquals(budget.spend("wait"), 0);
  assertEquals([budget.spend("resume"), budget.spend("rejoin")], [undefined, undefined]);
});

test("RecoveryBudget.forgetWaits() fills waits up, and nothing else", () => {
  const budget = new RecoveryBudget(() => 0);
  for (let i = 0; i < 2; i++) {
    attempts(() => budget.spend("wait"), WAIT_BUDGET);
    assertEquals(budget.spend("wait"), undefined);
    budget.forgetWaits();
    assertEquals(attempts(() => budget.spend("wait"), WAIT_BUDGET), Array(WAIT_BUDGET).fill(0));
    assertEquals(budget.spend("wait"), undefined);
    budget.forgetWaits();
  }
  attempts(() => budget.spend("rejoin"), REJOIN_BUDGET);
  attempts(() => budget.spend("resume"), RESUME_BUDGET);
  budget.forgetWaits();
  assertEquals([budget.spend("resume"), budget.spend("rejoin")], [undefined, undefined]);
});

test("RecoveryBudget.reset() fills all up, twice", () => {
  const budget = new RecoveryBudget(() => 0.5);
  for (let i = 0; i < 2; i++) {
    attempts(() => budget.spend("resume"), RESUME_BUDGET + 1);
    attempts(() => budget.spend("rejoin"), REJOIN_BUDGET + 1);
    attempts(() => budget.spend("wait"), WAIT_BUDGET + 1);
    budget.reset();
    assertEquals([budget.spend("resume"), budget.spend("rejoin")], [0, 500]);
    assertEquals(attempts(() => budget.spend("wait"), WAIT_BUDGET), Array(WAIT_BUDGET).fill(0));
    budget.reset();
  }
});

test("RecoveryBudget jitters over all of the wait", () => {
  for (const fraction of [0, 0.25, 0.999]) {
    const budget = new RecoveryBudget(() => fraction);
    const delays = attempts(() => budget.spend("resume"), RESUME_BUDGET);
    assertEquals(delays, [0, 1000 * fraction, 2000 * fraction, 4000 * fraction]);
    assert(delays.every((delay) => delay! < 10_000));
  }
});
