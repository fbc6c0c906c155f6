/**
 * What `streams.ts` has measured, and how it is printed.
 *
 * @module
 */

import type { SubjectName } from "./streams_fleet.ts";

/** Share of the packets that must come. */
export const HELD = 0.97;

/** A rate above it catches up with what was late before. */
const CATCHING_UP = 1.03;

/** One window in which so many streams were to be sent. */
export interface StreamPoint {
  /** Streams, of 50 packets a second each. */
  readonly streams: number;
  /** Packets that came, as a share of those that should. */
  readonly rate: number;
  /** Packets that came. */
  readonly packetsPerSecond: number;
  /** CPU time of the process as a share of the time that passed; all its threads count. */
  readonly cpuPercent: number;
  /** Microseconds of CPU time. */
  readonly cpuPerPacket: number;
  /** Milliseconds behind the earliest packet of the stream in the window, by RTP timestamps. */
  readonly latenessP50: number;
  /** The same, of 99 in 100 packets. */
  readonly latenessP99: number;
  /** Resident memory of the process, in megabytes. */
  readonly rss: number;
  /** Bytes of a datagram, on average. */
  readonly packetSize: number;
  /** Packets that the runtime could not send. */
  readonly unsent: number;
  /** What the whole machine had left of all its processors. */
  readonly idlePercent: number;
  /** Packets that came, but found the sink too slow; where there are any, nothing can be said. */
  readonly lostBySink: number;
}

/** How many streams one process holds: at least 97 of 100 packets come. */
export interface StreamRow {
  /** Whose bots. */
  readonly subject: SubjectName;
  /** Whether calls are encrypted end to end. */
  readonly dave: boolean;
  /** The encryption mode. */
  readonly mode: string;
  /** Most streams that were held, of each repeat; 0 where not even the fewest were. */
  readonly holds: readonly number[];
  /** All that was measured. */
  readonly points: readonly StreamPoint[];
}

/** One packet after another with one connection, without pacing. */
export interface FloodRow {
  /** Whose bot; C only sends, it encrypts nothing. */
  readonly subject: SubjectName | "C";
  /** Microseconds of CPU time, of each round. */
  readonly cpuPerPacket: readonly number[];
}

/** Ours while the main thread stands still for 60 ms of each second. */
export interface StalledRow {
  /** Whether a worker sends. */
  readonly worker: boolean;
  /** At numbers of streams that are the same everywhere. */
  readonly points: readonly StreamPoint[];
}

/** What was measured on one runtime. */
export interface RuntimeStreams {
  /** `deno`, `deno --unstable-net`, `bun` or `node`. */
  readonly name: string;
  /** The runtime's version. */
  readonly version: string;
  /** How many streams it holds. */
  readonly rows: readonly StreamRow[];
  /** Without pacing. */
  readonly flood: readonly FloodRow[];
  /** Ours at numbers of streams that are the same everywhere, DAVE off. */
  readonly fixed: readonly StreamPoint[];
  /** The same without a socket; lateness is not known then. */
  readonly fixedWithoutSocket: readonly StreamPoint[];
  /** While the main thread stands still now and then, without and with a worker. */
  readonly stalled: readonly StalledRow[];
}

/** What `streams.ts --json` prints. */
export interface StreamsReport {
  /** Processors of the machine. */
  readonly cpus: number;
  /** Whether it was a short run, of one repeat in large steps. */
  readonly quick: boolean;
  /** By runtime. */
  readonly runtimes: readonly RuntimeStreams[];
}

/** Whether all packets came, and none that was late from before. */
export function isHeld({ rate }: StreamPoint): boolean {
  return rate >= HELD && rate <= CATCHING_UP;
}

/** Whether others had the processors that the process could have used. */
export function isStarved({ cpuPercent, idlePercent }: StreamPoint): boolean {
  return cpuPercent < 90 && idlePercent < 5;
}

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/**
 * What the peer's figure is to ours of the same run.
 *
 * @param peer The runtime on which the peer was measured.
 * @returns How many times as many streams ours holds; `undefined` where one is not known.
 */
export function holdsRatio(
  own: RuntimeStreams,
  peer: RuntimeStreams,
  dave: boolean,
): number | undefined {
  const [ours, theirs] = [rowOf(own, "sotto", dave), rowOf(peer, "@discordjs/voice", dave)];
  if (ours === undefined || theirs === undefined) return undefined;
  const least = median(theirs.holds);
  return least === 0 ? undefined : median(ours.holds) / least;
}

/**
 * How many times as much CPU time the peer needs for a packet, at the most streams that both hold.
 * What else the machine does changes this less than how many streams there are.
 *
 * @param peer The runtime on which the peer was measured.
 */
export function costRatio(
  own: RuntimeStreams,
  peer: RuntimeStreams,
  dave: boolean,
): number | undefined {
  const ours = rowOf(own, "sotto", dave);
  const theirs = rowOf(peer, "@discordjs/voice", dave);
  const held = (row: StreamRow | undefined) =>
    (row?.points ?? []).filter(isHeld).map(({ streams }) => streams);
  const most = Math.max(...held(ours).filter((streams) => held(theirs).includes(streams)));
  if (most === -Infinity) return undefined;
  return costAt(theirs!, most) / costAt(ours!, most);
}

function costAt({ points }: StreamRow, streams: number): number {
  return median(
    points.filter((point) => point.streams === streams && isHeld(point)).map(({ cpuPerPacket }) =>
      cpuPerPacket
    ),
  );
}

/** How many times the CPU time of C ours needs for a packet, without pacing. */
export function floodRatio({ flood }: RuntimeStreams): number | undefined {
  const ours = flood.find(({ subject }) => subject === "sotto")?.cpuPerPacket;
  const c = flood.find(({ subject }) => subject === "C")?.cpuPerPacket;
  if (ours === undefined || c === undefined) return undefined;
  return median(ours.map((each, round) => each / c[round]!));
}

/**
 * How many times the CPU time of a packet at the fewest streams it is at the most of `points`.
 *
 * @returns `undefined` where there are no two points.
 */
export function growth(points: readonly StreamPoint[]): number | undefined {
  if (points.length < 2) return undefined;
  return points.at(-1)!.cpuPerPacket / points[0]!.cpuPerPacket;
}

/** Tables for people. */
export function textOf({ runtimes, quick, cpus }: StreamsReport): string {
  const lines = [`${cpus} processors${quick ? ", short run" : ""}`, ""];
  for (const runtime of runtimes) {
    // The flag of Deno changes nothing for the peer, which was measured without it.
    const peer = runtimes.find(({ name }) => name === runtime.name.split(" ")[0])!;
    lines.push(...linesOf(runtime, peer), "");
  }
  return lines.join("\n");
}

function linesOf(runtime: RuntimeStreams, peer: RuntimeStreams): string[] {
  const { name, version, rows, flood, fixed, fixedWithoutSocket, stalled } = runtime;
  const head = ["streams", "CPU %", "us/packet", "p50 ms", "p99 ms", "RSS MB", "repeats"];
  return [
    line(`${name} ${version}`, head),
    ...rows.map(rowLine),
    ...[false, true].map((dave) =>
      line(`  times the peer's, DAVE ${dave ? "on" : "off"}`, [
        times(holdsRatio(runtime, peer, dave)),
        "",
        times(costRatio(runtime, peer, dave)),
      ])
    ),
    ...fixed.map((point) => line("  fixed", cellsOf(point))),
    line("  us/packet, most to fewest", ["", "", times(growth(fixed))]),
    ...fixedWithoutSocket.map((point) => line("  fixed, no socket", cellsOf(point))),
    line("  us/packet, most to fewest", ["", "", times(growth(fixedWithoutSocket))]),
    ...stalled.flatMap(({ worker, points }) =>
      points.map((point) => line(`  stalled, worker ${worker ? "on" : "off"}`, cellsOf(point)))
    ),
    ...flood.map(({ subject, cpuPerPacket }) =>
      line(`  no pacing, ${subject}`, ["", "", decimals(median(cpuPerPacket))])
    ),
    line("  ours to C", ["", "", times(floodRatio(runtime))]),
  ];
}

function rowLine({ subject, dave, mode, holds, points }: StreamRow): string {
  const most = median(holds);
  const cells = points.filter((point) => point.streams === most && point.rate >= HELD).at(-1);
  const name = `  ${subject}, ${dave ? "DAVE, " : ""}${mode.replace(/^aead_|_rtpsize$/g, "")}`;
  return line(name, [...(cells ? cellsOf(cells) : [String(most)]), holds.join(" ")]);
}

function cellsOf(point: StreamPoint): string[] {
  const { streams, cpuPercent, cpuPerPacket, latenessP50, latenessP99, rss, rate } = point;
  const short = rate < HELD ? ` (${rate.toFixed(2)})` : "";
  return [
    `${streams}${short}`,
    cpuPercent.toFixed(0),
    ...[cpuPerPacket, latenessP50, latenessP99].map(decimals),
    rss.toFixed(0),
  ];
}

function decimals(value: number): string {
  return value.toFixed(2);
}

function times(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toFixed(2)} x`;
}

function line(name: string, cells: readonly string[]): string {
  return name.padEnd(46) + cells.map((cell) => ` ${cell}`.padStart(12)).join("");
}

function rowOf({ rows }: RuntimeStreams, subject: SubjectName, dave: boolean) {
  return rows.find((row) => row.subject === subject && row.dave === dave);
}
