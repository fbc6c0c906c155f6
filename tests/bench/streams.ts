/**
 * How many streams of 50 packets a second one process holds, with real UDP on loopback, beside
 * @discordjs/voice:
 *
 *     deno task bench:streams [--runtime deno|bun|node]... [--quick] [--json] [--write]
 *
 * A row is a process of bots that have joined over TLS, two in each call, and play Opus packets of
 * 160 bytes. What they send goes to a UDP port that counts and drops it; their voice servers are
 * another process. Ours and the peer's run in turn, first in large steps until packets are missing,
 * then three times in small steps. Deno is measured with and without `--unstable-net`. Then without
 * pacing: one connection that sends as fast as it goes, and a C program that only sends.
 * `SOTTO_NODE` names another Node. `--write` writes the figures to `docs/performance.md`. See `StreamsReport` for the JSON.
 *
 * @module
 */

import { availableParallelism } from "node:os";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type RuntimeName, RUNTIMES } from "../../examples/demo/runtimes.ts";
import type { SubjectName } from "./streams_fleet.ts";
import {
  type FloodRow,
  HELD,
  isStarved,
  type RuntimeStreams,
  type StalledRow,
  type StreamPoint,
  type StreamRow,
  type StreamsReport,
  textOf,
} from "./streams_report.ts";
import { writeDocs } from "./report_docs.ts";
import { Sink, Stage, type Variant, type Windows } from "./streams_stage.ts";
import { type Steps, Sweep } from "./streams_sweep.ts";

/** How much is measured. */
interface Plan {
  readonly steps: Steps;
  readonly windows: Windows;
  /** Whether calls are encrypted end to end. */
  readonly dave: readonly boolean[];
  /** Numbers of streams at which ours is measured in any case. */
  readonly fixed: readonly number[];
  readonly floodRounds: number;
}

const FULL: Plan = {
  steps: { first: 300, limit: 5000, coarse: 1.5, fine: 1.1, repeats: 3 },
  windows: { settle: 600, measure: 1200 },
  dave: [false, true],
  fixed: [10, 1000, 2000],
  floodRounds: 3,
};

const QUICK: Plan = {
  steps: { first: 500, limit: 5000, coarse: 1.5, fine: 1, repeats: 0 },
  windows: { settle: 400, measure: 600 },
  dave: [false],
  fixed: [10, 1000],
  floodRounds: 1,
};

const DOCS = fileURLToPath(new URL("../../docs/performance.md", import.meta.url));
const FLOOD_TIME = 700;

/** Milliseconds of each second for which the main thread stands still, and with how many streams. */
const STALL = 60;
const STALLED_STREAMS = [100, 1000];

/** Bytes of a datagram without end-to-end encryption: header, packet, tag and nonce. */
const PLAIN_SIZE = 192;
/** The least that end-to-end encryption adds to it. */
const DAVE_OVERHEAD = 11;

const { values } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

class Bench {
  readonly #plan: Plan;
  readonly #sink: Sink;

  constructor(plan: Plan, sink: Sink) {
    this.#plan = plan;
    this.#sink = sink;
  }

  async run(variant: Variant): Promise<RuntimeStreams> {
    const pairs = [];
    for (const dave of this.#plan.dave) pairs.push(await this.#pair(variant, dave));
    const [{ version, flood, fixed }] = pairs;
    const rows = pairs.flatMap(({ rows }) => rows);
    const fixedWithoutSocket = await this.#withoutSocket(variant);
    const stalled = [];
    for (const worker of [false, true]) stalled.push(await this.#stalled(variant, worker));
    return { name: nameOf(variant), version, rows, flood, fixed, fixedWithoutSocket, stalled };
  }

  /** Ours, and the peer where the flag does not make it the same again. */
  async #pair(variant: Variant, dave: boolean) {
    const subjects: SubjectName[] = variant.unstableNet ? ["sotto"] : ["sotto", "@discordjs/voice"];
    await using stages = new AsyncDisposableStack();
    const entries = [];
    for (const subject of subjects) {
      const stage = stages.use(await this.#open(variant, { subject, dave, noSocket: false }));
      const label = `${nameOf(variant)}, ${subject}, DAVE ${dave ? "on" : "off"}`;
      const progress = (point: StreamPoint) => say(label, point);
      const sweep = new Sweep(stage, this.#plan.steps, this.#plan.windows, progress);
      entries.push({ subject, stage, label, sweep });
    }
    const own = entries[0]!;
    const flood = dave ? [] : await this.#flood(entries);
    const [fewest, ...others] = this.#plan.fixed;
    const fixed = dave ? [] : [await this.#fixed(own.stage, own.label, fewest!)];
    for (const { sweep } of entries) await sweep.coarse();
    for (let repeat = 0; repeat < this.#plan.steps.repeats; repeat++) {
      for (const { sweep } of entries) await sweep.fine();
    }
    for (const count of dave ? [] : others) {
      fixed.push(await this.#fixed(own.stage, own.label, count));
    }
    const rows = entries.map(({ subject, stage, sweep }): StreamRow => {
      const { holds, points } = sweep;
      if (dave) demandEncrypted(points);
      return { subject, dave, mode: stage.mode!, holds, points };
    });
    return { version: own.stage.version, rows, flood, fixed };
  }

  async #open(variant: Variant, fleet: Parameters<typeof Stage.open>[3]): Promise<Stage> {
    return await Stage.open(this.#sink, variant, this.#plan.steps.limit, fleet);
  }

  async #flood(entries: readonly { subject: SubjectName; stage: Stage }[]): Promise<FloodRow[]> {
    const rounds = new Map<FloodRow["subject"], number[]>();
    const note = (subject: FloodRow["subject"], cpuPerPacket: number | undefined) => {
      if (cpuPerPacket === undefined) return;
      rounds.set(subject, [...rounds.get(subject) ?? [], cpuPerPacket]);
    };
    for (const { stage } of entries) await stage.flood(FLOOD_TIME); // to warm up
    for (let round = 0; round < this.#plan.floodRounds; round++) {
      note("C", this.#sink.sendInC(FLOOD_TIME));
      for (const { subject, stage } of entries) {
        note(subject, (await stage.flood(FLOOD_TIME)).cpuPerPacket);
      }
    }
    return [...rounds].map(([subject, cpuPerPacket]) => ({ subject, cpuPerPacket }));
  }

  async #fixed(stage: Stage, label: string, count: number): Promise<StreamPoint> {
    await stage.quiet(this.#plan.windows.settle);
    const point = await stage.measure(count, this.#plan.windows);
    say(label, point);
    await stage.quiet(this.#plan.windows.settle);
    return point;
  }

  async #withoutSocket(variant: Variant): Promise<StreamPoint[]> {
    const fleet = { subject: "sotto", dave: false, noSocket: true } as const;
    await using stage = await this.#open(variant, fleet);
    const points: StreamPoint[] = [];
    await stage.flood(FLOOD_TIME);
    for (const count of this.#plan.fixed) {
      points.push(await this.#fixed(stage, `${nameOf(variant)}, no socket`, count));
    }
    return points;
  }

  /** While the main thread stands still for a moment each second. */
  async #stalled(variant: Variant, worker: boolean): Promise<StalledRow> {
    const fleet = { subject: "sotto", dave: false, noSocket: false, worker, stall: STALL } as const;
    await using stage = await this.#open(variant, fleet);
    const label = `${nameOf(variant)}, stalled, worker ${worker ? "on" : "off"}`;
    const points: StreamPoint[] = [];
    for (const count of STALLED_STREAMS) points.push(await this.#fixed(stage, label, count));
    return { worker, points };
  }
}

function nameOf({ runtime, unstableNet }: Variant): string {
  return unstableNet ? `${runtime} --unstable-net` : runtime;
}

function demandEncrypted(points: readonly StreamPoint[]): void {
  for (const { packetSize, rate } of points) {
    if (rate < HELD || packetSize >= PLAIN_SIZE + DAVE_OVERHEAD) continue;
    throw new Error(
      `Cannot measure with DAVE: datagrams have ${packetSize} bytes, ` +
        `want ${PLAIN_SIZE + DAVE_OVERHEAD} or more`,
    );
  }
}

function say(label: string, point: StreamPoint): void {
  const { streams, rate, cpuPercent, cpuPerPacket, latenessP99 } = point;
  const figures = [
    `rate ${rate.toFixed(3)}`,
    `CPU ${cpuPercent.toFixed(0)} %`,
    `${cpuPerPacket.toFixed(1)} us/packet`,
    `p99 ${latenessP99.toFixed(1)} ms`,
    ...isStarved(point) ? ["others had the processors"] : [],
  ];
  console.error(`${label}, ${streams} streams: ${figures.join(", ")}`);
}

function variantsOf(names: readonly string[]): Variant[] {
  return names.flatMap((name) => {
    const runtime = RUNTIMES.find((known): known is RuntimeName => known === name);
    if (runtime === undefined) {
      throw new Error(`Unknown runtime ${name}: use ${RUNTIMES.join(", ")}`);
    }
    const variant = { runtime, unstableNet: false };
    return runtime === "deno" ? [variant, { runtime, unstableNet: true }] : [variant];
  });
}

await using sink = await Sink.open();
const bench = new Bench(values.quick ? QUICK : FULL, sink);
const runtimes: RuntimeStreams[] = [];
for (const variant of variantsOf(values.runtime)) runtimes.push(await bench.run(variant));
const report: StreamsReport = { cpus: availableParallelism(), quick: values.quick, runtimes };
if (values.write) {
  const page = readFileSync(DOCS, "utf8");
  writeFileSync(DOCS, writeDocs(page, "streams", `\`\`\`text\n${textOf(report).trim()}\n\`\`\``));
}
process.stdout.write(`${values.json ? JSON.stringify(report) : textOf(report)}\n`);
