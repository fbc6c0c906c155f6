/**
 * Small parts of the report's HTML: escaping, numbers, axes.
 *
 * @module
 */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes text safe between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char]);
}

/** Milliseconds for people; a dash where nothing was measured. */
export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 1000 ? `${ms.toFixed(ms < 100 ? 2 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A fraction as a CSS percentage. */
export function percent(fraction: number): string {
  return `${round(100 * fraction)}%`;
}

/** A number as short as a drawing needs it. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/**
 * Round numbers for an axis.
 *
 * @param from Least value on the axis.
 * @param to Greatest value on the axis.
 * @param count About how many are wanted.
 * @returns Multiples of 1, 2 or 5 times a power of ten, within the axis.
 */
export function ticks(from: number, to: number, count: number): number[] {
  const rough = (to - from) / count;
  if (!(rough > 0)) return [from];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const values: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++) {
    values.push(Number((i * step).toPrecision(12)));
  }
  return values;
}

/**
 * The time axis that all plots share.
 *
 * @param seconds Where it ends.
 */
export function timeAxis(seconds: number): string {
  const labels = ticks(0, seconds, 6).map((at) =>
    `<span style="left:${percent(at / seconds)}">${at}&thinsp;s</span>`
  );
  return `<div class="axis-x">${labels.join("")}</div>`;
}

/** Vertical lines of a plot at the times of its axis; the plot is `width` by `height`. */
export function timeGrid(seconds: number, width: number, height: number): string {
  const lines = ticks(0, seconds, 6).map((at) => `M${round(at / seconds * width)} 0v${height}`);
  return `<path class="grid" d="${lines.join("")}"/>`;
}
