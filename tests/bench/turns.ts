/**
 * Subjects that take turns: in each round each of them does a batch of packets, so that what else
 * the machine does falls on all of them, and two of them can be compared within a round.
 *
 * Of a batch counts what is less: the time that has passed, in which other processes may have had
 * the core, or the CPU time of the process, in which threads of the garbage collection wait for one
 * another. Where the machine is busy, that is kind to whoever makes garbage.
 *
 * @module
 */

import process from "node:process";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Something that deals with packets of 160 bytes. */
export interface Subject {
  /** What is measured. */
  readonly figure: Figure;
  /** Whose it is, with which cipher, by which implementation. */
  readonly name: string;
  /** `own`: this library as its entry point uses it. `part`: another part of it. */
  readonly side: "own" | "part" | "peer" | "limit";
  /** Cipher of the transport. */
  readonly cipher: "gcm" | "xchacha" | "xsalsa";
  /** Whether frames are end-to-end encrypted, too. */
  readonly dave?: boolean;
  /** Makes what the next batch needs; not measured. */
  prepare?(count: number): void;
  /** Deals with so many packets. What it returns, if anything, is the time in nanoseconds. */
  run(count: number): number | void;
}

/** `seal` and `open` are the cipher alone, `parse` is a received packet up to its payload. */
export type Figure = "send" | "receive" | "parse" | "seal" | "open";

/** What was measured of a subject. */
export interface Measured extends Pick<Subject, "figure" | "name" | "side" | "cipher" | "dave"> {
  /** Nanoseconds per packet, by round; none where it failed. */
  readonly rounds: readonly number[];
  /** Why it failed. */
  readonly error?: string;
  /** Bytes of the JavaScript heap per packet, where the runtime can count them. */
  readonly allocated?: number;
}

/** How long subjects are measured. */
export interface TurnOptions {
  /** Rounds that count. */
  readonly rounds: number;
  /** Milliseconds of a batch. */
  readonly batch: number;
  /** Is told what happens. */
  readonly progress?: (text: string) => void;
}

interface Entry {
  readonly subject: Subject;
  readonly rounds: number[];
  count: number;
  error?: string;
}

/** Each round begins with another subject. */
const STRIDE = 5;
const FIRST_COUNT = 50;
const WARM_UP_BATCHES = 6;

/**
 * Measures subjects.
 *
 * @param subjects Who takes turns. One that throws is left out from then on.
 * @param options How long.
 */
export async function takeTurns(
  subjects: readonly Subject[],
  options: TurnOptions,
): Promise<Measured[]> {
  const entries = subjects.map((subject): Entry => ({ subject, rounds: [], count: FIRST_COUNT }));
  for (const entry of entries) {
    attempt(entry, () => calibrate(entry, options.batch));
    await nextTurn();
  }
  for (let round = 0; round < options.rounds; round++) {
    options.progress?.(`round ${round + 1} of ${options.rounds}`);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(i + round * STRIDE) % entries.length]!;
      if (entry.error !== undefined) continue;
      entry.subject.prepare?.(entry.count);
      // What the others have left to the event loop is theirs.
      await nextTurn();
      attempt(entry, () => entry.rounds.push(batch(entry)));
    }
  }
  return entries.map(({ subject: { figure, name, side, cipher, dave }, rounds, error }) => ({
    ...{ figure, name, side, cipher, dave },
    rounds: error === undefined ? rounds.map((ns) => Math.round(10 * ns) / 10) : [],
    error,
  }));
}

/** Warms a subject up and finds how many packets fill a batch. */
function calibrate(entry: Entry, milliseconds: number): void {
  for (let i = 0; i < WARM_UP_BATCHES; i++) {
    entry.subject.prepare?.(entry.count);
    const limit = i < WARM_UP_BATCHES / 2 ? milliseconds : 2 * milliseconds;
    entry.count = Math.max(
      FIRST_COUNT,
      Math.min(20_000, Math.ceil(limit * 1e6 / Math.max(10, batch(entry)))),
    );
  }
  entry.count = Math.max(FIRST_COUNT, Math.ceil(entry.count / 2));
}

/** Nanoseconds per packet. */
function batch({ subject, count }: Entry): number {
  const [start, cpuStart] = [performance.now(), cpuTime()];
  const told = subject.run(count);
  const [passed, used] = [1e6 * (performance.now() - start), cpuTime() - cpuStart];
  return (told ?? Math.min(passed, used)) / count;
}

function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return 1000 * (user + system);
}

function attempt(entry: Entry, run: () => void): void {
  try {
    run();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    entry.error = message.replace(/\n.*|\. \(In .*/s, "");
  }
}
