/**
 * The goals that this library has set itself, beside what was measured.
 *
 * @module
 */

import {
  type BenchReport,
  type BenchRuntime,
  fastest,
  isBaseline,
  rateOf,
  type RuntimeReport,
  speedRatio,
} from "./report_data.ts";
import type { Measured } from "./turns.ts";

/** Something that was measured, and what it should be. */
export interface Outcome {
  /** What it is. */
  readonly name: string;
  /** In which unit. */
  readonly unit: "times" | "bytes" | "KB" | "ms";
  /** What was measured. */
  readonly value?: number;
  /** The goal on this runtime. */
  readonly goal?: number;
  /** Whether more is better. */
  readonly more: boolean;
  /** Of what it is. */
  readonly detail?: string;
}

type Limits = Readonly<Record<BenchRuntime, number>>;

const SEND: Limits = { node: 30, node26: 10, deno: 15, bun: 1.5 };
const SEND_BEST: Limits = { node: 2, node26: 2, deno: 4, bun: 1.2 };
const LIBSODIUM: Limits = { node: 1.4, node26: 1.4, deno: 1.4, bun: 0.8 };
const RECEIVE: Limits = { node: 20, node26: 4.5, deno: 6, bun: 1.4 };
const IDLE_KB = 30;

/**
 * Compares with the goals.
 *
 * @param report Of one runtime.
 * @param sizes Of the whole run.
 */
export function outcomes(report: RuntimeReport, sizes: BenchReport["sizes"]): Outcome[] {
  const { runtime } = report;
  const send = fastest(report, "send", isOwn);
  const receive = fastest(report, "receive", isOwn);
  return [
    against(SENT, send, fastest(report, "send", isBaseline), SEND[runtime]),
    against(SENT_BEST, send, fastest(report, "send", isPeer), SEND_BEST[runtime]),
    against(
      "send with DAVE, best mode, against @discordjs/voice with davey",
      fastest(report, "send", ({ side, dave }) => side === "own" && dave === true),
      fastest(report, "send", ({ side, dave }) => side === "peer" && dave === true),
    ),
    against(
      "XChaCha20-Poly1305, seal, against libsodium in C",
      fastest(report, "seal", ({ side, cipher }) => side === "own" && cipher === "xchacha"),
      fastest(report, "seal", ({ side, cipher }) => side === "limit" && cipher === "xchacha"),
      LIBSODIUM[runtime],
    ),
    against(RECEIVED, receive, fastest(report, "receive", isBaseline), RECEIVE[runtime]),
    against(
      "receive with DAVE, best mode, against @discordjs/voice with davey",
      fastest(report, "receive", ({ side, dave }) => side === "own" && dave === true),
      fastest(report, "receive", ({ side, dave }) => side === "peer" && dave === true),
    ),
    allocated("bytes allocated per packet, send", send),
    allocated("bytes allocated per packet, receive", receive),
    ...idleOutcomes(report),
    ...importOutcomes(report, sizes),
  ];
}

/** Names of the goals that have a mark in a plot. */
export const SENT = "send, best mode, against @discordjs/voice AES-256-GCM";
export const SENT_BEST = "send, best mode, against the fastest peer";
export const RECEIVED = "receive, best mode, against @discordjs/voice AES-256-GCM";

/**
 * Whether a goal is met.
 *
 * @returns `undefined` where there is no goal, or nothing was measured.
 */
export function isMet({ value, goal, more }: Outcome): boolean | undefined {
  if (value === undefined || goal === undefined) return undefined;
  return more ? value >= goal : value <= goal;
}

function isOwn({ side, dave }: Measured): boolean {
  return side === "own" && dave !== true;
}

function isPeer({ side, dave }: Measured): boolean {
  return side === "peer" && dave !== true;
}

function against(
  name: string,
  own: Measured | undefined,
  other: Measured | undefined,
  goal?: number,
): Outcome {
  const common = { name, unit: "times", goal, more: true } as const;
  if (own === undefined || other === undefined) return common;
  const detail = `${own.name} ${rate(own)}, ${other.name} ${rate(other)}`;
  return { ...common, value: speedRatio(own, other), detail };
}

function rate(subject: Measured): string {
  return `${Math.round(rateOf(subject) / 1000)} k/s`;
}

function allocated(name: string, own: Measured | undefined): Outcome {
  return { name, unit: "bytes", value: own?.allocated, goal: 0, more: false, detail: own?.name };
}

function idleOutcomes({ idle }: RuntimeReport): Outcome[] {
  const { sockets, discordjs } = idle;
  return (["own", "own-dave"] as const).map((kind): Outcome => {
    const own = idle[kind];
    const name = `heap per idle connection, ${kind === "own" ? "DAVE off" : "DAVE on"}, of ours`;
    const common = { name, unit: "KB", goal: IDLE_KB, more: false } as const;
    if (own === undefined || sockets === undefined) return common;
    const peer = discordjs === undefined ? "" : `; @discordjs/voice ${kb(discordjs)}`;
    const detail = `with sockets ${kb(own)}, sockets alone ${kb(sockets)}${peer}`;
    return { ...common, value: (own.heap - sockets.heap) / 1000, detail };
  });
}

function kb({ heap, rss }: { readonly heap: number; readonly rss: number }): string {
  return `${Math.round(heap / 1000)} KB heap, ${Math.round(rss / 1000)} KB resident`;
}

function importOutcomes({ imports }: RuntimeReport, sizes: BenchReport["sizes"]): Outcome[] {
  const { own, discordjs } = imports;
  const source = own === undefined ? "" : `${own.toFixed(0)} ms from TypeScript; `;
  return [
    {
      name: "import for a bot that only sends, bundled",
      unit: "ms",
      value: imports["own-bundle"],
      goal: discordjs,
      more: false,
      detail: `${source}the goal is what @discordjs/voice takes, in many files`,
    },
    {
      name: "code for a bot that only sends, minified",
      unit: "KB",
      value: sizes.own / 1000,
      goal: (sizes.discordjs + sizes.davey) / 1000,
      more: false,
      detail: `@discordjs/voice ${Math.round(sizes.discordjs / 1000)} KB and ` +
        `davey's native part ${Math.round(sizes.davey / 1000)} KB`,
    },
  ];
}
