/**
 * Horizontal bars on a linear axis from zero, as SVG: names to the left, figures to the right,
 * marks across. Colours come from the page's style.
 *
 * @module
 */

/** A bar. */
export interface Bar {
  /** What it stands for. */
  readonly name: string;
  /** How long it is. */
  readonly value: number;
  /** What is written behind it. */
  readonly text: string;
  /** Its class: which colour. */
  readonly kind: string;
}

/** A line across all bars. */
export interface Mark {
  /** Where. */
  readonly value: number;
  /** What it stands for. */
  readonly text: string;
}

/** A chart. */
export interface Chart {
  /** What it shows, for those who cannot see it. */
  readonly title: string;
  /** From top to bottom. */
  readonly bars: readonly Bar[];
  /** Lines across. */
  readonly marks: readonly Mark[];
  /** Where the axis ends; more than all values. */
  readonly end: number;
  /** Writes a number at the axis. */
  readonly format: (value: number) => string;
}

const [WIDTH, LEFT, RIGHT, ROW] = [940, 356, 198, 24];
const [MARK_ROW, AXIS, CHARACTER] = [17, 24, 6.2];
const SPAN = WIDTH - LEFT - RIGHT;

/** Draws a chart. */
export function barChart({ title, bars, marks, end, format }: Chart): string {
  const top = marks.length * MARK_ROW + 4;
  const bottom = top + bars.length * ROW;
  const at = (value: number) => Math.round(10 * (LEFT + SPAN * value / end)) / 10;
  const ticks = ticksUntil(end).map((value) =>
    `<path class="grid" d="M${at(value)} ${top}V${bottom}"/>` +
    `<text class="axis" x="${at(value)}" y="${bottom + 16}" text-anchor="middle">` +
    `${escapeText(format(value))}</text>`
  );
  const rows = bars.map(({ name, value, text, kind }, i) => {
    const [y, middle] = [top + i * ROW, top + i * ROW + ROW / 2 + 4];
    const length = Math.max(1, at(value) - LEFT);
    return `<text class="name ${kind}" x="${LEFT - 8}" y="${middle}" text-anchor="end">` +
      `${escapeText(name)}</text>` +
      `<rect class="${kind}" x="${LEFT}" y="${y + 4}" width="${length}" height="${
        ROW - 8
      }" rx="2"/>` +
      `<text class="value" x="${WIDTH - RIGHT + 10}" y="${middle}">${escapeText(text)}</text>`;
  });
  const lines = marks.map(({ value, text }, i) => {
    const [x, y] = [at(value), (i + 1) * MARK_ROW];
    // What would not fit to the right stands to the left.
    const isLeft = x + text.length * CHARACTER > WIDTH;
    return `<path class="mark" d="M${x} ${y - 11}V${bottom}"/>` +
      `<text class="goal" x="${x + (isLeft ? -5 : 5)}" y="${y - 2}" ` +
      `text-anchor="${isLeft ? "end" : "start"}">${escapeText(text)}</text>`;
  });
  const height = bottom + AXIS;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeText(title)}">` +
    [...ticks, ...rows, ...lines].join("") + "</svg>";
}

/** Where an axis ends that has room for all values. */
export function axisEnd(values: readonly number[]): number {
  const most = Math.max(...values, 1);
  const step = stepFor(most);
  return step * Math.ceil(1.02 * most / step);
}

/** Makes text safe in HTML. */
export function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}

function ticksUntil(end: number): number[] {
  const step = stepFor(end);
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => i * step);
}

/** 1, 2 or 5 times a power of ten, so that there are three to seven steps. */
function stepFor(end: number): number {
  const power = 10 ** Math.floor(Math.log10(end));
  const lead = end / power;
  return power * (lead <= 1.4 ? 0.2 : lead <= 3.5 ? 0.5 : lead <= 7 ? 1 : 2);
}
