/**
 * Subjects that take turns: in each round each of them does a batch of packets, so that what else
 * the machine does falls on all of them, and two of them can be compared within a round. Before
 * a batch the garbage of the others is collected: each pays for its own only.
 *
 * @module
 */

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
  /** Collects garbage. */
  readonly collect: () => void;
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
export function takeTurns(subjects: readonly Subject[], options: TurnOptions): Measured[] {
  const entries = subjects.map((subject): Entry => ({ subject, rounds: [], count: FIRST_COUNT }));
  for (const entry of entries) attempt(entry, () => calibrate(entry, options.batch));
  for (let round = 0; round < options.rounds; round++) {
    options.progress?.(`round ${round + 1} of ${options.rounds}`);
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[(i + round * STRIDE) % entries.length]!;
      if (entry.error !== undefined) continue;
      entry.subject.prepare?.(entry.count);
      options.collect();
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
    entry.count = Math.max(FIRST_COUNT, Math.min(20_000, Math.ceil(limit * 1e6 / batch(entry))));
  }
  entry.count = Math.max(FIRST_COUNT, Math.ceil(entry.count / 2));
}

/** Nanoseconds per packet. */
function batch({ subject, count }: Entry): number {
  const start = performance.now();
  const told = subject.run(count);
  return (told ?? 1e6 * (performance.now() - start)) / count;
}

function attempt(entry: Entry, run: () => void): void {
  try {
    run();
  } catch (error) {
    entry.error = (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
  }
}
