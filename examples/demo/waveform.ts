/**
 * Waveforms: what a channel's samples reach in each column of a picture, and the
 * picture.
 *
 * @module
 */

import { escapeHtml, percent, round, timeAxis, timeGrid } from "./html.ts";

/** Columns of a waveform's picture. */
export const COLUMN_COUNT = 600;

const CHANNEL_NAMES = ["left", "right"];
const FULL_SCALE = 32768;

/** One channel: for each column the least and the greatest sample, -1 to 1. */
export interface Waveform {
  /** Least samples. */
  readonly min: readonly number[];
  /** Greatest samples. */
  readonly max: readonly number[];
}

/** Collects the waveforms of interleaved samples as they come. */
export class WaveformMeter {
  readonly #length: number;
  readonly #channels: readonly { readonly min: number[]; readonly max: number[] }[];
  #position = 0;

  /**
   * Starts at the beginning.
   *
   * @param length Samples per channel that will come.
   * @param channels Interleaved channels.
   */
  constructor(length: number, channels: number) {
    this.#length = length;
    this.#channels = Array.from({ length: channels }, () => ({
      min: new Array<number>(COLUMN_COUNT).fill(0),
      max: new Array<number>(COLUMN_COUNT).fill(0),
    }));
  }

  /** The waveform of each channel so far. */
  get waveforms(): readonly Waveform[] {
    return this.#channels;
  }

  /** Adds samples; those beyond the length are left out. */
  push(pcm: Int16Array): void {
    const count = this.#channels.length;
    for (let i = 0; i < pcm.length && this.#position < this.#length; i += count) {
      const column = Math.floor(this.#position++ * COLUMN_COUNT / this.#length);
      for (let channel = 0; channel < count; channel++) {
        const { min, max } = this.#channels[channel];
        const value = pcm[i + channel] / FULL_SCALE;
        if (value < min[column]) min[column] = value;
        if (value > max[column]) max[column] = value;
      }
    }
  }
}

/** The waveforms of one side. */
export interface WaveformGroup {
  /** Heading, as text. */
  readonly title: string;
  /** CSS class that gives the colour. */
  readonly className: "sent" | "received";
  /** Its channels. */
  readonly channels: readonly Waveform[];
  /** Spans without a packet, in seconds. */
  readonly lost: readonly { readonly from: number; readonly to: number }[];
}

/**
 * Draws groups of waveforms one above the other, at one scale and on one time axis.
 *
 * @param groups What to draw.
 * @param seconds Length of the time axis.
 * @returns HTML.
 */
export function drawWaveforms(groups: readonly WaveformGroup[], seconds: number): string {
  const scale = Math.max(0.001, ...groups.flatMap(({ channels }) => channels.map(peakOf)));
  const rows = groups.map((group) =>
    `<h3 class="${group.className}">${escapeHtml(group.title)}</h3>` +
    group.channels.map((channel, i) => drawChannel(group, channel, i, scale, seconds)).join("")
  );
  return `<div class="plot waveforms">${rows.join("")}${timeAxis(seconds)}</div>
<p class="note">Top and bottom of each row are ±${(100 * scale).toFixed(0)}&thinsp;% of full scale,
the loudest sample of both.</p>`;
}

function drawChannel(
  { className, lost }: WaveformGroup,
  waveform: Waveform,
  index: number,
  scale: number,
  seconds: number,
): string {
  const name = CHANNEL_NAMES[index] ?? String(index + 1);
  const marks = lost.map(({ from, to }) =>
    `<i class="mark" style="left:${percent(from / seconds)};` +
    `width:${percent((to - from) / seconds)}"></i>`
  );
  return `<span class="row-name">${name}</span><div class="area wave">
<svg viewBox="0 0 ${COLUMN_COUNT} 100" preserveAspectRatio="none" aria-hidden="true">
${timeGrid(seconds, COLUMN_COUNT, 100)}
<path class="shape ${className}" d="${outline(waveform, scale)}"/></svg>${marks.join("")}</div>`;
}

/** Along the greatest samples, and back along the least. */
function outline({ min, max }: Waveform, scale: number): string {
  const point = (x: number, value: number) => `${x} ${round(50 - 50 * value / scale)}`;
  const upper = max.map((value, i) => point(i + 0.5, value));
  const lower = min.map((value, i) => point(i + 0.5, value)).reverse();
  return `M0 50L${[...upper, `${COLUMN_COUNT} 50`, ...lower].join("L")}Z`;
}

function peakOf({ min, max }: Waveform): number {
  return Math.max(...max, ...min.map((value) => -value));
}
