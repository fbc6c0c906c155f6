/**
 * The report of a call: a page that needs nothing but itself. Pure: data in, HTML out.
 *
 * @module
 */

import { drawArrivals } from "./arrival_plot.ts";
import { escapeHtml, formatMs } from "./html.ts";
import { PLAYHEAD_SCRIPT } from "./report_script.ts";
import { REPORT_STYLE } from "./report_style.ts";
import { type CallMessage, drawSequence } from "./sequence_diagram.ts";
import { type Spread, spread, type Timing } from "./timing.ts";
import { drawWaveforms, type Waveform } from "./waveform.ts";

/** All that a report shows. */
export interface ReportData {
  /** Name of the file that was played. */
  readonly file: string;
  /** When the call was, as text. */
  readonly date: string;
  /** Runtime and version. */
  readonly runtime: string;
  /** Encryption mode. */
  readonly mode: string;
  /** Whether the call was encrypted end to end. */
  readonly dave: boolean;
  /** Length of the file in seconds. */
  readonly seconds: number;
  /** Whether every packet came, unchanged and in order. */
  readonly bitExact: boolean;
  /** Packets of the file: what became of them. */
  readonly packets: PacketCounts;
  /** Frames of silence that end a transmission. */
  readonly silence: { readonly sent: number; readonly received: number };
  /** Round trips of both bots, in milliseconds. */
  readonly roundTrip: {
    readonly websocket: readonly number[];
    readonly udp: readonly number[];
  };
  /** How late packets were sent, by the library's own count, in milliseconds. */
  readonly pacing: { readonly count: number; readonly p50: number; readonly p99: number };
  /** When packets came. */
  readonly timing: Timing;
  /** Where in the file, in seconds, each packet belongs that did not come. */
  readonly lost: readonly { readonly from: number; readonly to: number }[];
  /** Waveforms by channel. */
  readonly waveforms: {
    readonly sent: readonly Waveform[];
    readonly received: readonly Waveform[];
  };
  /** Greatest difference of a sample, sent and received both decoded; 0 is none. */
  readonly sampleDifference: number;
  /** Messages of both bots. */
  readonly messages: readonly CallMessage[];
  /** The recording. */
  readonly audio: ReportAudio;
}

/** Counts of packets. */
export interface PacketCounts {
  /** Sent. */
  readonly sent: number;
  /** Received. */
  readonly received: number;
  /** Sent and not received. */
  readonly lost: number;
  /** Received with other bytes than were sent. */
  readonly different: number;
  /** Received behind a later one. */
  readonly late: number;
  /** Datagrams that the receiver dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The recording: within the page, or beside it. */
export interface ReportAudio {
  /** Name of the file. */
  readonly name: string;
  /** URL of the file, relative to the report. */
  readonly href: string;
  /** The file itself in base64, where it is small enough. */
  readonly base64?: string;
}

/**
 * Makes the report.
 *
 * @param data What to show. Nothing in it needs to be escaped.
 * @returns A page of HTML.
 */
export function renderReport(data: ReportData): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(data.file)}: ${verdict(data)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
${headline(data)}
${sound(data)}
${arrivals(data)}
${handshake(data)}
${measuring(data)}
</main>
<script>${PLAYHEAD_SCRIPT}</script>
</body>
</html>
`;
}

function verdict({ bitExact }: ReportData): string {
  return bitExact ? "Bit-exact" : "Not bit-exact";
}

function headline(data: ReportData): string {
  const { packets, silence, roundTrip, pacing } = data;
  const figures: readonly (readonly [name: string, value: string, detail: string])[] = [
    ["sent", String(packets.sent), `packets, then ${silence.sent} of silence`],
    ["received", String(packets.received), `packets, then ${silence.received} of silence`],
    ["lost", String(packets.lost), lossDetail(packets)],
    ["duration", `${data.seconds.toFixed(2)} s`, escapeHtml(data.file)],
    ["round trip, WebSocket", median(roundTrip.websocket), countOf(roundTrip.websocket)],
    ["round trip, UDP", median(roundTrip.udp), countOf(roundTrip.udp)],
    ["pacing p50", formatMs(pacing.p50), "late, half of all packets"],
    ["pacing p99", formatMs(pacing.p99), "late, 99 of 100 packets"],
  ];
  const list = figures.map(([name, value, detail]) =>
    `<div><dt>${name}</dt><dd>${value}<small>${detail}</small></dd></div>`
  );
  return `<header class="${data.bitExact ? "good" : "bad"}">
<p class="brand">Sotto demo<span>${escapeHtml(data.date)}</span></p>
<h1><span class="sign" aria-hidden="true">${data.bitExact ? "✓" : "✗"}</span>${verdict(data)}</h1>
<p class="lead">${explanation(data)}</p>
<ul class="facts"><li>${escapeHtml(data.mode)}</li><li>${escapeHtml(data.runtime)}</li>
<li>DAVE ${data.dave ? "on" : "off"}</li></ul>
<dl class="figures">${list.join("\n")}</dl>
</header>`;
}

function explanation({ bitExact, packets, sampleDifference }: ReportData): string {
  if (bitExact) {
    return `All ${packets.sent} Opus packets of the file came out of the call as they went in:
every bit, in order. Decoded, the greatest difference of a sample is ${sampleDifference}.`;
  }
  return `${packets.received} of ${packets.sent} Opus packets of the file came out of the call,
${packets.different} of them changed. Decoded, the greatest difference of a sample is
${sampleDifference}; what is lost was concealed.`;
}

function lossDetail({ late, different, dropped }: PacketCounts): string {
  const reasons = Object.entries(dropped).map(([reason, count]) => `${count} ${reason}`);
  return escapeHtml([`${late} overtaken`, `${different} changed`, ...reasons].join(", "));
}

function sound({ waveforms, file, audio, seconds, lost }: ReportData): string {
  const href = escapeHtml(audio.href);
  const name = escapeHtml(audio.name);
  const player = audio.base64 === undefined
    ? `<p class="note">The recording is <a href="${href}">${name}</a>.</p>`
    : `<audio controls src="data:audio/wav;base64,${escapeHtml(audio.base64)}"></audio>
<p class="note">This is <a href="${href}">${name}</a> as bot B recorded it.
Click a plot to hear that moment.</p>`;
  return `<section><h2>Sound</h2>
${
    drawWaveforms([
      { title: `Sent: ${file}`, className: "sent", channels: waveforms.sent, lost: [] },
      {
        title: `Received: ${audio.name}`,
        className: "received",
        channels: waveforms.received,
        lost,
      },
    ], seconds)
  }
${player}</section>`;
}

function arrivals({ timing, lost, seconds }: ReportData): string {
  return `<section><h2>Arrivals</h2>
<p>How late each packet arrived, against the file's own schedule.</p>
${drawArrivals(timing, lost.map(({ from }) => from), seconds)}</section>`;
}

function handshake({ messages }: ReportData): string {
  return `<section><h2>Handshake</h2>
<p>Each message as a bot saw it go or come; times in milliseconds.</p>
${drawSequence(messages)}</section>`;
}

function measuring({ timing: { late, transit }, pacing, silence, roundTrip }: ReportData): string {
  return `<section class="measuring"><h2>How this was measured</h2>
<ul>
<li>Two bots and a voice server ran in one process, on one clock, and talked through real sockets
on loopback. Delays include the time for which that one event loop was busy with the others.</li>
<li><b>Bit-exact</b> compares the Opus packets of the file with those received, byte by byte, in
the order of arrival. The ${silence.sent} frames of silence that the library sends behind the file
are not part of it. Sequence numbers say which packets are missing.</li>
<li><b>Lost</b> is what was sent and had not come 2&nbsp;s after the last packet was sent.
<b>Overtaken</b> packets came, but behind a later one.</li>
<li><b>Pacing</b> is the library's count of ${pacing.count} sends, silence included: the instant of
sending against the instant in its schedule. A packet that was sent early counts as 0.</li>
<li><b>Arrivals</b> are the instants at which datagrams reached bot B, against the instants at which
the file wants its packets, on the latest schedule that no packet was sent ahead of. ${
    spreadText(late)
  }</li>
<li><b>Transit</b> is from the send of a packet (noted when the player, having sent it, asks for the
next one) to its arrival, through the server. ${spreadText(transit)}</li>
<li><b>Round trips</b> are the library's, medians over both bots: heartbeats
(${roundTrip.websocket.length}, since the demo's server asks each second) and UDP keepalives
(${roundTrip.udp.length}).</li>
</ul></section>`;
}

function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return "Nothing arrived.";
  const { min, p50, p99, max } = spread;
  const values = [["least", min], ["p50", p50], ["p99", p99], ["greatest", max]] as const;
  return `Here: ${values.map(([name, ms]) => `${name} ${formatMs(ms)}`).join(", ")}.`;
}

function median(values: readonly number[]): string {
  return formatMs(spread(values)?.p50);
}

function countOf(values: readonly number[]): string {
  return values.length === 0 ? "not measured" : `median of ${values.length}`;
}
