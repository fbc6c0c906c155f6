import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { assertMatch, assertNotMatch, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { ENCRYPTION_MODES, SILENCE_COUNT } from "@sotto/voice";
import { OPUS_SILENCE, parseWav, readOggOpus, writeOggOpus } from "@sotto/voice/audio";
import { parseDemoArguments } from "../../examples/demo/arguments.ts";
import { compare, type ComparedFrame } from "../../examples/demo/compare.ts";
import { formatMs, ticks } from "../../examples/demo/html.ts";
import { progressLine, showProgress, type Snapshot } from "../../examples/demo/progress.ts";
import { renderReport, type ReportData } from "../../examples/demo/report.ts";
import { currentRuntime, runArguments } from "../../examples/demo/runtimes.ts";
import { drawSequence } from "../../examples/demo/sequence_diagram.ts";
import { measureTiming, spread } from "../../examples/demo/timing.ts";
import { WaveformMeter } from "../../examples/demo/waveform.ts";

const HOSTILE = `<script>alert("1")</script>&'.ogg`;
const SILENCE = Uint8Array.from(OPUS_SILENCE);

/** Packets that differ from each other, and the frames that come of them. */
function talk(count: number, first = 65530): { packets: Uint8Array[]; frames: ComparedFrame[] } {
  const packets = Array.from({ length: count }, (_, i) => Uint8Array.of(0xfc, i >> 8, i));
  const silence = new Array<Uint8Array>(SILENCE_COUNT).fill(SILENCE);
  const frames = [...packets, ...silence].map((opus, i) => ({
    sequence: (first + i) & 0xffff,
    opus: opus.slice(),
  }));
  return { packets, frames };
}

function waveformOf(...samples: number[]): ReportData["waveforms"]["sent"] {
  const meter = new WaveformMeter(samples.length / 2, 2);
  meter.push(Int16Array.from(samples));
  return meter.waveforms;
}

function reportOf(changes: Partial<ReportData> = {}): ReportData {
  const at = [1000, 1021, undefined, 1062.5].map((at) => at === undefined ? undefined : { at });
  return {
    file: "sample.ogg",
    date: "2026-01-02 03:04 UTC",
    runtime: "Node 24.0.0",
    mode: "aead_aes256_gcm_rtpsize",
    dave: false,
    seconds: 0.08,
    bitExact: false,
    packets: { sent: 4, received: 3, lost: 1, different: 0, late: 0, dropped: { "bad-tag": 1 } },
    silence: { sent: 5, received: 5 },
    roundTrip: { websocket: [3, 1, 2], udp: [] },
    pacing: { count: 9, p50: 0.25, p99: 1.75 },
    timing: measureTiming([960, 960, 960, 960], [1000, 1020, 1040, 1060], at),
    lost: [{ from: 0.04, to: 0.06 }],
    waveforms: { sent: waveformOf(1, 2, -3, -4), received: waveformOf(1, 2, -3, -4) },
    sampleDifference: 77,
    messages: [
      { at: 1.5, bot: "A", direction: "sent", channel: "websocket", name: "Identify" },
      { at: 2.5, bot: "B", direction: "received", channel: "udp", name: "IP Discovery" },
    ],
    audio: { name: "received.wav", href: "received.wav", base64: "UklGRg==" },
    ...changes,
  };
}

test("renderReport() shows the figures", () => {
  const html = renderReport(reportOf());
  const text = html.replace(/<(style|script)>.*?<\/\1>/gs, "").replace(/<[^>]*>/g, " ");
  for (
    const figure of [
      "Not bit-exact",
      "aead_aes256_gcm_rtpsize",
      "Node 24.0.0",
      "3 of 4 Opus packets",
      "0.08 s",
      "2.00 ms",
      "not measured",
      "0.25 ms",
      "1.75 ms",
      "1 bad-tag",
      "is 77",
      "Identify",
      "IP Discovery",
    ]
  ) assertStringIncludes(text.replace(/\s+/g, " "), figure);
  assertMatch(renderReport(reportOf({ bitExact: true })), /<h1>.*✓.*Bit-exact<\/h1>/);
});

test("renderReport() needs nothing but itself", () => {
  const html = renderReport(reportOf());
  assertNotMatch(html, /https?:|\/\/[a-z]|<link|@import|url\(/i);
  const sources = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, source]) => source);
  assertEquals(sources, ["data:audio/wav;base64,UklGRg==", "received.wav"]);
});

test("renderReport() links a recording that is not embedded", () => {
  const html = renderReport(reportOf({ audio: { name: "a b.wav", href: "a%20b.wav" } }));
  assertStringIncludes(html, `<a href="a%20b.wav">a b.wav</a>`);
  assertNotMatch(html, /<audio/);
});

test("renderReport() escapes what comes from outside", () => {
  const html = renderReport(reportOf({
    file: HOSTILE,
    mode: HOSTILE,
    runtime: HOSTILE,
    date: HOSTILE,
    packets: { sent: 1, received: 1, lost: 0, different: 0, late: 0, dropped: { [HOSTILE]: 1 } },
    messages: [{ at: 1, bot: "A", direction: "sent", channel: "udp", name: HOSTILE }],
    audio: { name: HOSTILE, href: `"><script>`, base64: `"><script>` },
  }));
  assertEquals(html.match(/<script/g)?.length, 1); // its own
  assertNotMatch(html, /alert\("/);
  assertStringIncludes(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;.ogg");
});

test("drawSequence() draws heartbeats once, at most 150 messages, and says what is left out", () => {
  const beat = { bot: "A", direction: "sent", channel: "websocket", name: "Heartbeat" } as const;
  const html = drawSequence([{ ...beat, at: 5 }, { ...beat, at: 6 }, { ...beat, bot: "B", at: 7 }]);
  assertEquals(html.match(/<li/g)?.length, 2);
  assertStringIncludes(html, "Not drawn: 1 later heartbeats and keepalives.");
  const many = Array.from({ length: 152 }, (_, at) => ({ ...beat, name: "Speaking", at }));
  assertEquals(drawSequence(many).match(/<li/g)?.length, 150);
  assertStringIncludes(drawSequence(many), "the last 2 messages");
});

test("ticks() are round and within the axis", () => {
  assertEquals(ticks(0, 5.02, 6), [0, 1, 2, 3, 4, 5]);
  assertEquals(ticks(-0.9, 1.05, 6), [-0.5, 0, 0.5, 1]);
  assertEquals(ticks(0, 0, 6), [0]);
});

test("formatMs() keeps three or four digits", () => {
  assertEquals([0.004, 12.3, 123.4, 4321, undefined].map(formatMs), [
    "0.00 ms",
    "12.30 ms",
    "123 ms",
    "4.32 s",
    "–",
  ]);
});

test("compare() finds every packet across the wrap of sequence numbers", () => {
  const { packets, frames } = talk(20);
  const { bitExact, lost, receivedCount, silenceReceived } = compare(packets, 5, frames);
  assertEquals([bitExact, lost, receivedCount, silenceReceived], [true, 0, 20, 5]);
});

test("compare() finds lost packets at the beginning, in between and at the end", () => {
  const { packets, frames } = talk(20);
  const kept = frames.filter((_, i) => i > 1 && i !== 7 && i < 18);
  const { received, bitExact, lost, different, silenceReceived } = compare(packets, 5, kept);
  assertEquals([bitExact, lost, different, silenceReceived], [false, 5, 0, 0]);
  const missing = received.flatMap((frame, i) => frame === undefined ? [i] : []);
  assertEquals(missing, [0, 1, 7, 18, 19]);
});

test("compare() with silence lost alone is bit-exact", () => {
  const { packets, frames } = talk(20);
  const { bitExact, silenceReceived } = compare(packets, 5, frames.slice(0, 22));
  assertEquals([bitExact, silenceReceived], [true, 2]);
});

test("compare() finds a changed bit", () => {
  const { packets, frames } = talk(20);
  frames[3].opus[2] ^= 1;
  const { bitExact, lost, different } = compare(packets, 5, frames);
  assertEquals([bitExact, lost, different], [false, 0, 1]);
});

test("compare() finds packets out of order and packets that came twice", () => {
  const { packets, frames } = talk(20);
  const swapped = frames.with(3, frames[4]).with(4, frames[3]);
  assertEquals(compare(packets, 5, swapped).inOrder, false);
  assertEquals(compare(packets, 5, swapped).bitExact, false);
  assertEquals(compare(packets, 5, [...frames.slice(0, 4), ...frames.slice(3)]).bitExact, false);
});

test("compare() with nothing received finds all lost", () => {
  const { packets } = talk(3);
  const { bitExact, lost, inOrder } = compare(packets, 5, []);
  assertEquals([bitExact, lost, inOrder], [false, 3, true]);
});

test("measureTiming() takes the schedule from the packets' durations", () => {
  const received = [{ at: 102 }, undefined, { at: 183.5 }];
  const { arrivals, late, transit } = measureTiming(
    [2880, 960, 960],
    [101, 161, 181],
    received,
  );
  assertEquals(arrivals, [{ time: 0, late: 1 }, { time: 0.08, late: 2.5 }]);
  assertEquals(late, { min: 1, p50: 1, p99: 2.5, max: 2.5 });
  assertEquals(transit, { min: 1, p50: 1, p99: 2.5, max: 2.5 });
});

test("spread() takes percentiles by nearest rank", () => {
  const values = Array.from({ length: 200 }, (_, i) => 200 - i);
  assertEquals(spread(values), { min: 1, p50: 100, p99: 198, max: 200 });
  assertEquals(spread([]), undefined);
});

test("WaveformMeter keeps the least and the greatest sample of each column", () => {
  const meter = new WaveformMeter(1200, 2);
  for (let i = 0; i < 3; i++) meter.push(new Int16Array(800).fill(0).fill(-16384, 0, 1));
  const [left, right] = meter.waveforms;
  assertEquals([left.min[0], left.min[1], left.min[200], left.max[0]], [-0.5, 0, -0.5, 0]);
  assert(right.min.every((value) => value === 0));
});

const snapshot: Snapshot = {
  seconds: 2.5,
  sent: 125,
  received: 124,
  lost: 1,
  roundTrip: { websocket: 1.26, udp: undefined },
  pacing: { p50: 0.34, p99: 2 },
};

test("progressLine() shows all figures and keeps to the width", () => {
  assertEquals(
    progressLine(snapshot, 5),
    "██████████░░░░░░░░░░ 2.5/5.0 s  sent 125  received 124  lost 1  " +
      "rtt ws 1.3 udp –  pacing p50 0.3 p99 2.0 ms",
  );
  assertEquals(progressLine(snapshot, 5, 40).length, 39);
});

test("showProgress() writes over one line on a terminal, and lines elsewhere", () => {
  for (const isTTY of [true, false]) {
    const written: string[] = [];
    const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
    showProgress({ write, isTTY, columns: 120 }, 5, () => snapshot)();
    const line = progressLine(snapshot, 5);
    assertEquals(written, isTTY ? [`\r\x1b[2K${line}`, "\n"] : [`${line}\n`]);
  }
});

test("parseDemoArguments() takes modes by full and short names", () => {
  for (const name of [ENCRYPTION_MODES[1], "xchacha20", "xchacha20_poly1305"]) {
    assertEquals(parseDemoArguments(["--mode", name]).mode, ENCRYPTION_MODES[1]);
  }
  assertEquals(parseDemoArguments(["--", "--json", "--mode=aes256_gcm"]).mode, ENCRYPTION_MODES[0]);
  assertEquals(parseDemoArguments([]).mode, undefined);
});

test("parseDemoArguments() refuses what it does not understand", () => {
  const refused: readonly (readonly string[])[] = [
    ["--speed", "2"],
    ["--mode", "plain"],
    ["--mode"],
    ["--runtime", "browser"],
    ["a.ogg", "b.ogg"],
    ["--out", "same", "--report", "same"],
    ["same", "--out", "same"],
  ];
  for (const args of refused) assertThrows(() => parseDemoArguments(args), Error);
});

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function runDemo(...args: string[]): Promise<Run> {
  const file = fileURLToPath(new URL("../../examples/demo/main.ts", import.meta.url));
  const child = spawn(process.execPath, runArguments(currentRuntime(), file, args));
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "sotto-demo-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The beginning of an audio file of this tree. */
async function excerpt(name: string, count: number): Promise<Uint8Array> {
  const { packets } = readOggOpus(await readFile(new URL(`../../${name}`, import.meta.url)));
  return writeOggOpus(packets.slice(0, count).map(({ packet }) => packet));
}

for (const mode of ENCRYPTION_MODES) {
  test(`the demo carries a file bit for bit, ${mode}`, async () => {
    await inFolder(async (folder) => {
      const [file, out, report] = ["a & 'b'.ogg", "out.wav", "out.html"].map((n) =>
        join(folder, n)
      );
      await writeFile(file, await excerpt("examples/demo/sample.ogg", 30));
      const args = [file, "--out", out, "--report", report, "--mode", mode, "--json"];
      const { code, stdout, stderr } = await runDemo(...args);
      assertEquals([code, stderr], [0, ""]);
      const result = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
      assertEquals([result.packetsSent, result.packetsReceived, result.lost], [30, 30, 0]);
      assertEquals([result.bitExact, result.mode, result.dave], [true, mode, true]);
      assertEquals([result.runtime, result.durationSeconds], [currentRuntime(), 0.6]);
      const { sampleRate, channels, samples } = parseWav(await readFile(out));
      assertEquals([sampleRate, channels, samples.length], [48000, 2, 0.6 * 48000 * 2]);
      assert(samples.some((sample) => Math.abs(sample) > 1000));
      const html = await readFile(report, "utf8");
      assertStringIncludes(html, "a &amp; &#39;b&#39;.ogg");
      assertNotMatch(html, /https?:/);
    });
  });
}

test("the demo plays a chain of streams with packets of 20 ms and 60 ms, and shows progress", async () => {
  await inFolder(async (folder) => {
    const [file, out, report] = ["in.ogg", "a/out.wav", "b/out.html"].map((n) => join(folder, n));
    const short = await excerpt("tests/audio/talk.ogg", 10);
    const long = await excerpt("tests/audio/talk-60ms.ogg", 10);
    await writeFile(file, [short, long]);
    const { code, stdout, stderr } = await runDemo(file, "--out", out, "--report", report);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /0\.8\/0\.8 s {2}sent 20 {2}received 20 {2}lost 0/);
    assertStringIncludes(stdout, "Bit-exact: 20 packets sent, 20 received, 0 lost");
    for (const path of [out, report]) assertStringIncludes(stdout, path);
    const { samples, sampleRate } = parseWav(await readFile(out));
    assertAlmostEquals(samples.length / 2 / sampleRate, 0.8, 1e-9);
  });
});

test("the demo says what is wrong with its files, with exit code 1", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "not.ogg");
    await writeFile(file, "This is text.");
    const [missing, foreign, unwritable] = await Promise.all([
      runDemo(join(folder, "none.ogg")),
      runDemo(file),
      runDemo("--out", folder, "--report", join(folder, "report.html")),
    ]);
    assertEquals([missing.code, foreign.code, unwritable.code], [1, 1, 1]);
    assertMatch(missing.stderr, /Cannot play .*none\.ogg: /);
    assertMatch(foreign.stderr, /Cannot play .*not\.ogg: .*Ogg/);
    assertStringIncludes(unwritable.stderr, `Cannot write ${folder}: `);
    assertEquals([missing.stdout, foreign.stdout, unwritable.stdout], ["", "", ""]);
  });
});

test("the demo prints its usage: with exit code 2 for a wrong option, 0 on demand", async () => {
  const [wrong, asked] = await Promise.all([runDemo("--speed", "2"), runDemo("--help")]);
  assertEquals([wrong.code, asked.code], [2, 0]);
  assertMatch(wrong.stderr, /--speed[^]*Usage: deno task demo/);
  assertMatch(asked.stdout, /^Usage: deno task demo/);
});

test("measureTiming() takes a late first packet for late, not the others for early", () => {
  const received = [{ at: 106 }, { at: 122 }, { at: 142 }];
  const { arrivals } = measureTiming([960, 960, 960], [105, 121, 141], received);
  assertEquals(arrivals.map(({ late }) => late), [5, 1, 1]);
});
