/**
 * From a call to what its report shows.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { basename, dirname, relative } from "node:path";
import process from "node:process";
import type { ReceivedFrame } from "@sotto/voice";
import { type OggOpusPacket, SAMPLE_RATE } from "@sotto/voice/audio";
import type { DemoArguments } from "./arguments.ts";
import type { CallRecord } from "./call.ts";
import type { Comparison } from "./compare.ts";
import type { Recording } from "./recording.ts";
import type { PacketCounts, ReportAudio, ReportData } from "./report.ts";
import { currentRuntime } from "./runtimes.ts";
import { measureTiming } from "./timing.ts";

/** Bytes of a recording that is put into the report, as less than 3 MB of base64. */
const EMBEDDED_SIZE_LIMIT = 2_200_000;

const RUNTIME_TITLES = { deno: "Deno", bun: "Bun", node: "Node" } as const;

/** A call with everything that was found out about it. */
export interface Outcome {
  /** What was played. */
  readonly packets: readonly OggOpusPacket[];
  /** What happened. */
  readonly call: CallRecord;
  /** What became of the packets. */
  readonly comparison: Comparison<ReceivedFrame>;
  /** Both sides, decoded. */
  readonly recording: Recording;
}

/**
 * Gathers what the report shows.
 *
 * @param paths Where the files are; the recording is written already.
 * @param outcome The call.
 * @returns The data of the report.
 */
export async function reportData(
  paths: Pick<DemoArguments, "file" | "out" | "report">,
  { packets, call, comparison, recording }: Outcome,
): Promise<ReportData> {
  const durations = packets.map(({ duration }) => duration);
  return {
    file: basename(paths.file),
    date: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
    runtime: `${RUNTIME_TITLES[currentRuntime()]} ${process.versions[currentRuntime()]}`,
    mode: call.mode,
    dave: call.dave,
    seconds: durations.reduce((sum, duration) => sum + duration, 0) / SAMPLE_RATE,
    bitExact: comparison.bitExact,
    packets: packetCounts(call, comparison),
    silence: { sent: call.silenceSent, received: comparison.silenceReceived },
    roundTrip: call.roundTrip,
    pacing: call.pacing,
    timing: measureTiming(durations, call.sentAt, comparison.received),
    lost: lostSpans(durations, comparison.received),
    waveforms: { sent: recording.sent, received: recording.received },
    sampleDifference: recording.difference,
    messages: call.messages,
    audio: await reportAudio(paths),
  };
}

function packetCounts(call: CallRecord, comparison: Comparison<ReceivedFrame>): PacketCounts {
  return {
    sent: call.sentAt.length,
    received: comparison.receivedCount,
    lost: comparison.lost,
    different: comparison.different,
    late: call.counters.streams.reduce((sum, { late }) => sum + late, 0),
    dropped: call.counters.dropped,
  };
}

function lostSpans(
  durations: readonly number[],
  received: readonly unknown[],
): ReportData["lost"] {
  const spans: { from: number; to: number }[] = [];
  let position = 0;
  for (const [i, duration] of durations.entries()) {
    const from = position / SAMPLE_RATE;
    position += duration;
    if (received[i] === undefined) spans.push({ from, to: position / SAMPLE_RATE });
  }
  return spans;
}

async function reportAudio(
  { out, report }: Pick<DemoArguments, "out" | "report">,
): Promise<ReportAudio> {
  const path = relative(dirname(report), out).replaceAll("\\", "/");
  const audio = { name: basename(out), href: path.split("/").map(encodeURIComponent).join("/") };
  const file = await readFile(out);
  return file.length > EMBEDDED_SIZE_LIMIT ? audio : { ...audio, base64: file.toString("base64") };
}
