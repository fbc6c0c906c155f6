/**
 * The plot of arrivals: how far each packet came behind the file's own schedule.
 *
 * @module
 */

import { formatMs, percent, round, ticks, timeAxis, timeGrid } from "./html.ts";
import type { Arrival, Timing } from "./timing.ts";

const WIDTH = 1000;
const HEIGHT = 200;

/** More packets share dots: each then shows the latest of its packets. */
const DOT_LIMIT = 2000;

/**
 * Draws arrivals over the time of the file.
 *
 * @param timing What was measured.
 * @param lost Times in the file, in seconds, of packets that did not come.
 * @param seconds Length of the time axis.
 * @returns HTML.
 */
export function drawArrivals(timing: Timing, lost: readonly number[], seconds: number): string {
  const { arrivals, late } = timing;
  if (late === undefined) return `<p class="note">No packet arrived.</p>`;
  const bottom = Math.min(0, late.min);
  const top = Math.max(late.max * 1.05, 1);
  const y = (ms: number) => (top - ms) / (top - bottom) * HEIGHT;
  const line = (className: string, ms: number) =>
    `<path class="level ${className}" d="M0 ${round(y(ms))}h${WIDTH}"/>`;
  const levels = ticks(bottom, top, 6);
  const dots = thin(arrivals).map(({ time, late }) =>
    `M${round(time / seconds * WIDTH)} ${round(y(late))}h0`
  );
  const labels = levels.map((ms) =>
    `<span style="top:${percent(y(ms) / HEIGHT)}">${ms}&thinsp;ms</span>`
  );
  const marks = lost.map((time) =>
    `<i class="mark" style="left:${percent(time / seconds)};width:2px"></i>`
  );
  return `<ul class="legend"><li class="dot">one packet</li>
<li class="p50">p50 ${formatMs(late.p50)}</li><li class="p99">p99 ${formatMs(late.p99)}</li></ul>
<div class="plot arrivals"><div class="axis-y">${labels.join("")}</div><div class="area">
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
${timeGrid(seconds, WIDTH, HEIGHT)}${levels.map((ms) => line("tick", ms)).join("")}
<path class="dots" d="${dots.join("")}"/>
${line("p50", late.p50)}${line("p99", late.p99)}</svg>${marks.join("")}</div>
${timeAxis(seconds)}</div>${dotNote(arrivals.length)}`;
}

function thin(arrivals: readonly Arrival[]): readonly Arrival[] {
  const share = shareOf(arrivals.length);
  const groups: Arrival[] = [];
  for (let i = 0; i < arrivals.length; i += share) {
    const group = arrivals.slice(i, i + share);
    groups.push(group.reduce((latest, next) => next.late > latest.late ? next : latest));
  }
  return groups;
}

function dotNote(count: number): string {
  const share = shareOf(count);
  return share === 1
    ? ""
    : `<p class="note">Each dot is the latest of ${share} consecutive packets.</p>`;
}

function shareOf(count: number): number {
  return Math.max(1, Math.ceil(count / DOT_LIMIT));
}
