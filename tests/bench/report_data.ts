/**
 * What `deno task bench` has measured, and what follows from it: medians, and ratios, which are
 * formed inside a round and of which the median counts.
 *
 * @module
 */

import type { IdleRun } from "./idle_run.ts";
import { median } from "./rounds.ts";
import type { Figure, Measured } from "./turns.ts";

/** A runtime that can be measured. `node26` is fetched for it. */
export type BenchRuntime = "deno" | "bun" | "node" | "node26";

/** Which memory of an idle connection was measured. */
export type IdleKind = "own" | "own-dave" | "sockets" | "discordjs";

/** What was imported: the source, its bundle, the peer. */
export type ImportKind = "own" | "own-bundle" | "discordjs";

/** All that was measured on one runtime. */
export interface RuntimeReport {
  /** Which. */
  readonly runtime: BenchRuntime;
  /** Its version. */
  readonly version: string;
  /** What deals with packets. */
  readonly subjects: readonly Measured[];
  /** Bytes per idle connection; without an entry it could not be measured. */
  readonly idle: Readonly<Partial<Record<IdleKind, IdleRun>>>;
  /** Milliseconds that an import takes. */
  readonly imports: Readonly<Partial<Record<ImportKind, number>>>;
}

/** One run of the benchmark. */
export interface BenchReport {
  /** Day, year first. */
  readonly date: string;
  /** Processor and system. */
  readonly machine: string;
  /** Each runtime that was asked for. */
  readonly runtimes: readonly RuntimeReport[];
  /** Bytes of code, minified, for a bot that only sends. */
  readonly sizes: {
    /** `joinVoice` and `oggOpus` of `./deno`. */
    readonly own: number;
    /** What a bot uses of @discordjs/voice, without davey. */
    readonly discordjs: number;
    /** The native part of davey. */
    readonly davey: number;
  };
}

/** What a runtime is called. */
export const RUNTIME_NAMES: Readonly<Record<BenchRuntime, string>> = {
  node: "Node",
  node26: "Node",
  deno: "Deno",
  bun: "Bun",
};

/** Packets per second, from the median. */
export function rateOf({ rounds }: Measured): number {
  return 1e9 / median(rounds);
}

/**
 * How many times faster one is than another.
 *
 * @param fast Whose speed is told.
 * @param slow Measured in the same rounds.
 * @returns The median of the rounds' ratios.
 */
export function speedRatio(fast: Measured, slow: Measured): number {
  return median(fast.rounds.map((time, i) => slow.rounds[i]! / time));
}

/**
 * Finds the fastest.
 *
 * @param report Of one runtime.
 * @param figure What it does.
 * @param wanted Which are looked at.
 * @returns It, or `undefined` where all have failed.
 */
export function fastest(
  { subjects }: RuntimeReport,
  figure: Figure,
  wanted: (subject: Measured) => boolean,
): Measured | undefined {
  return subjects
    .filter((subject) => subject.figure === figure && subject.rounds.length > 0 && wanted(subject))
    .toSorted((a, b) => rateOf(b) - rateOf(a))[0];
}

/** The peer that is compared with: in the mode that works everywhere, without DAVE. */
export function isBaseline({ name, dave }: Measured): boolean {
  return name === "@discordjs/voice AES-256-GCM" && dave !== true;
}
