/**
 * What has to happen, said a second time and without a look at `lib/`: the recommendations of
 * the protocol's facts sheet (section 2.8 of `protocol.md`: R, I, W, X) and the deadlines and
 * budgets of `docs/states.md`.
 *
 * @module
 */

import type { End, Expectation } from "./row.ts";

/** R, I, W, X. */
export type Answer = "resume" | "rejoin" | "wait" | "end";

/** How far a connection was when something happened to it. */
export type Stage =
  /** Identify was not sent: the same can be tried again. */
  | "unsent"
  /** No key yet. */
  | "handshake"
  /** There was a key: the session can be resumed. */
  | "established"
  /** A resume, the first attempt of which is under way. */
  | "resuming";

/** Whether something happens once or whenever it can. */
export type Often = "once" | "always";

const RESUMABLE = [4000, 4013, 4015, 4800, 4900];
const STALE = [4005, 4006, 4009, 4011];
const GONE = [4014, 4022];
const FINAL = [1000, 4001, 4002, 4003, 4004, 4008, 4012, 4016, 4017, 4020, 4021];

/** Close codes of which the sheet says what to do. */
export const DOCUMENTED: readonly number[] = [...RESUMABLE, ...STALE, ...GONE, ...FINAL];

/** Milliseconds for a handshake, a resume, or leaving. */
const ROUND = 600;
/** Milliseconds of a phase of the handshake. */
const PHASE = 10_000;
const RESUMES = [0, 1000, 2000, 4000];
const REJOINS = [1000, 2000];
/** In which no more than five op 4 are sent. */
const MINUTE = 60_000;

/** First what the sheet says of a close code, then what follows for the rest of the story. */
export function answerTo(code: number, stage: Stage): Answer {
  if (FINAL.includes(code)) return "end";
  if (GONE.includes(code)) return "wait";
  if (RESUMABLE.includes(code)) return "resume";
  if (code < 4000) return stage === "handshake" ? "rejoin" : "resume";
  return "rejoin";
}

/** How a connection that is closed with a code ends. */
export function closedAt(code: number, stage: Stage, often: Often): Expectation {
  return recovered(answerTo(code, stage), stage, often, "closed");
}

/** How a connection ends whose server is silent for a phase. */
export function silentAt(stage: Stage, often: Often): Expectation {
  const answer = stage === "handshake" ? "rejoin" : "resume";
  return recovered(answer, stage, often, "timeout", PHASE);
}

function recovered(
  answer: Answer,
  stage: Stage,
  often: Often,
  error: End,
  deadline = 0,
): Expectation {
  if (answer === "end") return ends(error, 2, 0, ROUND);
  if (answer === "wait") return ends("disconnected", 2, 5000, ROUND);
  if (stage === "resuming") return whileResuming(answer, often, deadline);
  if (often === "once") {
    return answer === "resume"
      ? ends("ready", 1, deadline, 2 * ROUND)
      : ends("ready", 3, deadline, REJOINS[0] + 2 * ROUND);
  }
  const attempts = answer === "resume" ? 1 + RESUMES.length : 1;
  const resumes = answer === "resume" ? sum(RESUMES) : 0;
  const round = attempts * ROUND + resumes;
  // The second rejoin and leaving at the end are more op 4 than a minute allows: who never got in
  // gives up, who was ready waits.
  if (stage !== "established") {
    return ends(error, 4, 2 * attempts * deadline, 2 * round + REJOINS[0]);
  }
  return ends(error, [5, 6], 3 * attempts * deadline, 3 * round + MINUTE + sum(REJOINS));
}

/** The first resume is what is struck; a rejoin needs none and gets through. */
function whileResuming(answer: Answer, often: Often, deadline: number): Expectation {
  if (answer === "rejoin") return ends("ready", 3, deadline, REJOINS[0] + 3 * ROUND);
  if (often === "once") return ends("ready", 1, deadline, RESUMES[1] + 3 * ROUND);
  const rounds = RESUMES.length;
  const backoff = sum(RESUMES) + REJOINS[0] + (rounds + 1) * ROUND;
  return ends("ready", 3, rounds * deadline, backoff);
}

/**
 * Writes an expectation down.
 *
 * @param expects The end.
 * @param op4 How many op 4, or the least and the most.
 * @param deadlines Milliseconds of deadlines.
 * @param backoff Milliseconds of backoff and of round trips.
 */
export function ends(
  expects: End,
  op4: number | readonly [number, number],
  deadlines = 0,
  backoff: number = ROUND,
): Expectation {
  return {
    expects,
    op4: typeof op4 === "number" ? [op4, op4] : op4,
    within: { deadlines, backoff },
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
