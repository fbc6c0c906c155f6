/**
 * What stands around a process that `streams.ts` measures: the UDP port that takes its packets, the
 * voice servers that it joins, and itself, each a process of its own.
 *
 * @module
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runArguments, type RuntimeName, runtimePath } from "../../examples/demo/runtimes.ts";
import { LineChild } from "./streams_child.ts";
import {
  BOTS_PER_SERVER,
  type FleetCommand,
  type FleetOptions,
  type FleetUsage,
} from "./streams_fleet.ts";
import type { StreamPoint } from "./streams_report.ts";
import type { SinkReport } from "./streams_sink.ts";

/** A runtime with or without Deno's flag. */
export interface Variant {
  /** The runtime. */
  readonly runtime: RuntimeName;
  /** Whether Deno has `Deno.listenDatagram`. */
  readonly unstableNet: boolean;
}

/** Share of a processor below which a process has nothing left to do. */
const QUIET_CPU = 0.2;
const QUIET_ATTEMPTS = 5;

/** How long is waited and measured, in milliseconds. */
export interface Windows {
  /** Between the start of streams and the window. */
  readonly settle: number;
  /** The window. */
  readonly measure: number;
}

const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The UDP port, and the C program that only sends. */
export class Sink implements AsyncDisposable {
  /** The port on 127.0.0.1. */
  readonly port: number;
  readonly #child: LineChild;
  readonly #program: string | undefined;
  readonly #folder: string;

  private constructor(child: LineChild, port: number, program: string | undefined, folder: string) {
    this.#child = child;
    this.port = port;
    this.#program = program;
    this.#folder = folder;
  }

  /** Starts what is written in C, or where it cannot be compiled, what is not. */
  static async open(): Promise<Sink> {
    const folder = mkdtempSync(join(tmpdir(), "streams-"));
    const program = compile(join(folder, "streams"));
    const command = program === undefined
      ? [await runtimePath("node"), file("./streams_sink.ts")]
      : [program, "sink"];
    const child = LineChild.start("the sink", command);
    const { port } = await child.next<{ readonly port: number }>();
    return new Sink(child, port, program, folder);
  }

  /** Begins a window. */
  start(): void {
    this.#child.tell("start");
  }

  /** Ends a window. */
  async stop(): Promise<SinkReport> {
    return await this.#child.ask("stop");
  }

  /** Microseconds of CPU with which C sends a packet; `undefined` where there is no C. */
  sendInC(ms: number): number | undefined {
    if (this.#program === undefined) return undefined;
    const args = ["send", String(this.port), String(ms)];
    const { packets, cpu } = JSON.parse(execFileSync(this.#program, args, { encoding: "utf8" }));
    return 1e6 * cpu / packets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** A process of bots, and its voice servers. */
export class Stage implements AsyncDisposable {
  readonly #sink: Sink;
  readonly #options: FleetOptions;
  readonly #servers: LineChild;
  readonly #bots: LineChild;
  /** The runtime's version. */
  readonly version: string;
  /** The encryption mode of its bots, once they have joined. */
  mode: string | undefined;

  private constructor(
    sink: Sink,
    options: FleetOptions,
    servers: LineChild,
    bots: LineChild,
    version: string,
  ) {
    this.#sink = sink;
    this.#options = options;
    this.#servers = servers;
    this.#bots = bots;
    this.version = version;
  }

  /**
   * Starts it.
   *
   * @param limit Most streams.
   */
  static async open(
    sink: Sink,
    { runtime, unstableNet }: Variant,
    limit: number,
    fleet: Omit<FleetOptions, "endpoints">,
  ): Promise<Stage> {
    const args = [sink.port, Math.ceil(limit / BOTS_PER_SERVER), fleet.dave ? "required" : "off"];
    const servers = LineChild.start("the voice server", [
      await runtimePath("node"),
      file("./streams_server.ts"),
      ...args.map(String),
    ]);
    const options = { ...fleet, endpoints: await servers.next<string[]>() };
    const bots = LineChild.start(
      `the process of bots on ${runtime}`,
      [
        await runtimePath(runtime),
        ...runArguments(runtime, file("./streams_bots.ts"), [JSON.stringify(options)])
          .flatMap((argument) =>
            argument === "run" ? ["run", ...denoFlags(unstableNet)] : argument
          ),
      ],
      { NODE_TLS_REJECT_UNAUTHORIZED: "0", NODE_NO_WARNINGS: "1" },
    );
    return new Stage(sink, options, servers, bots, await bots.next());
  }

  /** Has so many bots join, where they have not yet, and measures while so many play. */
  async measure(streams: number, { settle, measure }: Windows): Promise<StreamPoint> {
    await this.#join(streams);
    await this.#tell({ do: "play", count: streams });
    await sleep(settle);
    const point = await this.#window(() => sleep(measure));
    return { streams, rate: point.packetsPerSecond / (50 * streams), ...point };
  }

  /** Measures one bot that sends as fast as it goes. */
  async flood(ms: number): Promise<StreamPoint> {
    await this.#join(1);
    const point = await this.#window(() => this.#tell({ do: "flood", ms }));
    return { streams: 1, rate: point.packetsPerSecond / 50, ...point };
  }

  /**
   * Nobody plays any more, and the process has done what it was late with.
   *
   * @param settle Milliseconds that are waited at least.
   */
  async quiet(settle: number): Promise<void> {
    await this.#tell({ do: "play", count: 0 });
    for (let attempt = 0; attempt < QUIET_ATTEMPTS; attempt++) {
      const before = await this.#usage();
      await sleep(settle);
      const after = await this.#usage();
      if ((after.cpu - before.cpu) / (after.at - before.at) / 1000 < QUIET_CPU) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bots[Symbol.asyncDispose]();
    await this.#servers[Symbol.asyncDispose]();
  }

  async #join(count: number): Promise<void> {
    const { mode } = await this.#tell<{ readonly mode: string }>({ do: "join", count });
    this.mode = mode;
  }

  async #window(run: () => Promise<unknown>): Promise<Omit<StreamPoint, "streams" | "rate">> {
    const before = await this.#usage();
    const machine = processorTimes();
    this.#sink.start();
    await run();
    const idlePercent = idleSince(machine);
    const came = await this.#sink.stop();
    const after = await this.#usage();
    const seconds = (after.at - before.at) / 1000;
    const packetsPerSecond = this.#options.noSocket
      ? (after.sent - before.sent) / seconds
      : came.packets / came.seconds;
    const cpu = (after.cpu - before.cpu) / 1e6 / seconds;
    return {
      packetsPerSecond,
      cpuPercent: 100 * cpu,
      cpuPerPacket: 1e6 * cpu / packetsPerSecond,
      latenessP50: came.p50,
      latenessP99: came.p99,
      rss: after.rss / 1e6,
      packetSize: came.packets === 0 ? 0 : came.bytes / came.packets,
      idlePercent,
      unsent: after.unsent - before.unsent,
      lostBySink: came.dropped,
    };
  }

  async #usage(): Promise<FleetUsage> {
    return await this.#tell({ do: "usage" });
  }

  async #tell<T>(command: FleetCommand): Promise<T> {
    return await this.#bots.ask<T>(JSON.stringify(command));
  }
}

/** Time of all processors, and what of it was idle. */
function processorTimes(): { readonly all: number; readonly idle: number } {
  const times = cpus().map(({ times }) => times);
  const sum = (of: (one: (typeof times)[number]) => number) =>
    times.reduce((total, one) => total + of(one), 0);
  return {
    all: sum((one) => Object.values(one).reduce((a, b) => a + b)),
    idle: sum((one) => one.idle),
  };
}

function idleSince(before: ReturnType<typeof processorTimes>): number {
  const { all, idle } = processorTimes();
  return 100 * (idle - before.idle) / (all - before.all);
}

/** Its WebSocket looks at nothing else. */
function denoFlags(unstableNet: boolean): string[] {
  const flags = ["--quiet", "--unsafely-ignore-certificate-errors=127.0.0.1"];
  return unstableNet ? [...flags, "--unstable-net"] : flags;
}

function compile(program: string): string | undefined {
  try {
    execFileSync("cc", ["-O2", "-o", program, file("./streams.c")], { stdio: "ignore" });
    return program;
  } catch {
    console.error("No C compiler for Linux: packets are counted in JavaScript, C is not measured");
    return undefined;
  }
}
