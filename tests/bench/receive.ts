/**
 * How much of what is sent is heard, on simulated networks and in real speech. Writes the tables
 * of `docs/receive.md`, which are the same each time:
 *
 *     deno run -A tests/bench/receive.ts && deno fmt docs/receive.md
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import type { VoiceNetworkOptions } from "../tools/voice_network.ts";
import { measureNetwork } from "./receive_network.ts";
import { loadSpeech, measureSpeech, type Remedy, type SpeechFigures } from "./receive_speech.ts";

const DOCUMENT = new URL("../../docs/receive.md", import.meta.url);
const MARK = "<!-- figures -->\n";
const COUNT = 30_000;
const BURST = 3;
const REORDER = 0.05;
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const REMEDIES: readonly Remedy[] = ["silence", "concealment", "fec"];

type Network = Omit<VoiceNetworkOptions, "count">;

const LOSSES: readonly (readonly [name: string, network: Network])[] = [
  ["0 %", {}],
  ...[0.05, 0.1, 0.2, 0.3].flatMap((loss) =>
    [
      [`${100 * loss} %`, { loss }],
      [`${100 * loss} % in bursts`, { loss, burst: BURST }],
    ] as const
  ),
];

const SPECIAL: readonly (readonly [name: string, network: Network])[] = [
  ["10 % come twice", { jitter: 5, duplicates: 0.1 }],
  ["clock 200 ppm fast", { jitter: 5, drift: 200 }],
  ["clock 200 ppm slow", { jitter: 5, drift: -200 }],
  ["pauses", { jitter: 5, talkspurt: 150 }],
  ["pauses, timestamp stands", { jitter: 5, talkspurt: 150, frozen: true }],
  ["all of it, 10 % lost", {
    ...{ loss: 0.1, burst: BURST, jitter: 20, reorder: REORDER, duplicates: 0.05 },
    ...{ drift: 200, talkspurt: 150 },
  }],
];

async function main(): Promise<void> {
  const sections = [networkSection(), await speechSection()];
  const [head] = readFileSync(DOCUMENT, "utf8").split(MARK);
  writeFileSync(DOCUMENT, `${head}${MARK}\n${sections.join("\n\n")}\n`);
}

function networkSection(): string {
  const rows: string[][] = [];
  for (const jitter of [5, 40]) {
    for (const reorder of [0, REORDER]) {
      for (const [name, network] of LOSSES) {
        const held = reorder > 0 ? "5 %" : "0 %";
        rows.push(networkRow([name, `${jitter} ms`, held], { ...network, jitter, reorder }));
      }
    }
  }
  for (const [name, network] of SPECIAL) {
    const held = (network.reorder ?? 0) > 0 ? "5 %" : "0 %";
    rows.push(networkRow([name, `${network.jitter} ms`, held], network));
  }
  return [
    "### Networks",
    `${COUNT} packets of 20 ms in each row. Bursts are ${BURST} packets on average (Gilbert-Elliott). Jitter is the mean wait of`,
    "a packet in queues that keep their order; packets that are held up are so alone, by up to 200 ms, and overtaken. The",
    "delay is the mean one, the least transit left out. Late packets came too late, made-up frames stand where one was",
    "missing; both are shares of what was sent. Beside each stands what a buffer would do that knows the least transit",
    "beforehand and waits for the mean delay of ours, fixed: all that is lost or late is made up, nothing else. Ours makes",
    "up more where it waits for late packets instead of dropping them, and less where bursts are so long that it pauses.",
    "Wrong are packets played twice, out of order, or with a timestamp that is not theirs.",
    "",
    ...table(
      ["Lost", "Jitter", "Held up", "Delay", "Late", "ideal", "Made up", "ideal", "Wrong"],
      rows,
    ),
  ].join("\n");
}

function networkRow(name: readonly string[], network: Network): string[] {
  const figures = measureNetwork({ ...network, count: COUNT, seed: 1 });
  const { sent, lost, late, idealLate, concealed, wrong, delay } = figures;
  const shares = [late, idealLate, concealed, lost + idealLate].map((part) =>
    `${(100 * part / sent).toFixed(2)} %`
  );
  return [...name, `${delay.toFixed(0)} ms`, ...shares, `${wrong}`];
}

async function speechSection(): Promise<string> {
  const speech = await loadSpeech();
  const rows: string[][] = [];
  for (const [name, network] of LOSSES.slice(1)) {
    const figures: SpeechFigures[] = [];
    for (const remedy of REMEDIES) figures.push(await meanSpeech(speech, network, remedy));
    rows.push([
      name,
      ...figures.map(({ snr }) => snr.toFixed(1)),
      ...figures.map(({ segmental }) => segmental.toFixed(1)),
      ...figures.map(({ spectral }) => spectral.toFixed(1)),
    ]);
  }
  return [
    "### Speech",
    "Ten seconds of a synthetic voice, encoded by libopus for speech (`voip`, mono, 32 kbit/s, FEC for 15 % loss),",
    "played by `Playout` without jitter, and compared with what a decoder makes of all packets: signal-to-noise ratios in",
    `dB, means of ${SEEDS.length} patterns of loss, the same for each column. Segmental is the mean over each 20 ms that is`,
    "not silent, kept between -10 and 35 dB.",
    "",
    ...table([
      "Lost",
      "SNR, silence",
      "concealed",
      "FEC",
      "Segmental, silence",
      "concealed",
      "FEC",
      "Bands, silence",
      "concealed",
      "FEC",
    ], rows),
    "",
    "Concealment goes on with the voice but not with its exact phase, which a ratio of signals punishes as much as noise,",
    "while silence has 0 dB where it stands. The last columns leave phase out: by how many dB the critical bands of what",
    "was missing are off, less being better.",
  ].join("\n");
}

async function meanSpeech(
  speech: Awaited<ReturnType<typeof loadSpeech>>,
  network: Network,
  remedy: Remedy,
): Promise<SpeechFigures> {
  let [snr, segmental, spectral] = [0, 0, 0];
  for (const seed of SEEDS) {
    const figures = await measureSpeech(speech, { ...network, seed }, remedy);
    snr += figures.snr / SEEDS.length;
    segmental += figures.segmental / SEEDS.length;
    spectral += figures.spectral / SEEDS.length;
  }
  return { snr, segmental, spectral };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
}

await main();
