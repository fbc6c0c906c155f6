/**
 * Who speaks, on a terminal: a line for each user with a level meter, drawn anew in place ten times
 * a second, or plain lines once a second.
 *
 * @module
 */

import type { CallRecording, UserRecording } from "@sotto/voice/recording";

/** How to show it: drawn in place, in plain lines, not at all. */
export type ViewStyle = "live" | "lines" | "none";

/** All styles. */
export const VIEW_STYLES: readonly ViewStyle[] = ["live", "lines", "none"];

/** Where it is shown. */
export interface ViewOutput {
  /** Columns of the terminal, where it is one. */
  readonly columns?: number;
  /** Rows of the terminal, where it is one. */
  readonly rows?: number;
  /** Shows text. */
  write(text: string): unknown;
}

const INTERVALS: Readonly<Record<ViewStyle, number | undefined>> = {
  live: 100,
  lines: 1000,
  none: undefined,
};
const METER_WIDTH = 20;
const METER_FLOOR = -60;
const METER_FALL = 3; // dB from one drawing to the next
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_LINE = "\x1b[2K";

/** Shows who speaks in a recording, until it is closed. */
export class SpeakerView {
  readonly #recording: Pick<CallRecording, "users" | "seconds" | "takePeaks">;
  readonly #output: ViewOutput;
  readonly #style: ViewStyle;
  readonly #levels = new Map<string, number>();
  readonly #spoken = new Map<string, number>();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #drawn = 0; // lines on the terminal

  /** Starts to show. */
  constructor(
    recording: Pick<CallRecording, "users" | "seconds" | "takePeaks">,
    output: ViewOutput,
    style: ViewStyle,
  ) {
    this.#recording = recording;
    this.#output = output;
    this.#style = style;
    const interval = INTERVALS[style];
    if (interval === undefined) return;
    this.#timer = setInterval(() => this.update(), interval);
    if (style === "live") output.write(HIDE_CURSOR);
  }

  /** Shows what it is like now. */
  update(): void {
    const peaks = this.#recording.takePeaks();
    const rows = this.#recording.users.map((user) => ({ user, ...this.#levelOf(user, peaks) }));
    if (this.#style === "live") this.#draw(rows.map(({ user, level }) => speakerLine(user, level)));
    else if (this.#style === "lines") {
      for (const { user, level, isSpeaking } of rows) {
        if (isSpeaking) this.#output.write(`${speakerLine(user, level)}\n`);
      }
    }
  }

  /** Shows it for the last time. */
  close(): void {
    clearInterval(this.#timer);
    this.update();
    if (this.#style === "live") this.#output.write(SHOW_CURSOR);
  }

  /** A meter rises at once and falls slowly. */
  #levelOf(
    { userId, spoken }: UserRecording,
    peaks: ReadonlyMap<string, number>,
  ): { level: number | undefined; isSpeaking: boolean } {
    const isSpeaking = spoken > (this.#spoken.get(userId) ?? 0);
    this.#spoken.set(userId, spoken);
    const peak = peaks.get(userId);
    if (peak === undefined) return { level: undefined, isSpeaking };
    const before = this.#style === "live" ? this.#levels.get(userId) ?? -Infinity : -Infinity;
    const level = Math.max(20 * Math.log10(peak), before - METER_FALL);
    this.#levels.set(userId, level);
    return { level, isSpeaking };
  }

  #draw(lines: readonly string[]): void {
    // A terminal that does not know its size says 0.
    const [columns, rows] = [this.#output.columns || 80, this.#output.rows || 24];
    const room = Math.max(1, rows - 3);
    const hidden = lines.length - room;
    const shown = [
      `recording ${clock(this.#recording.seconds)}, ${lines.length} heard`,
      ...lines.slice(0, room),
      ...(hidden > 0 ? [`and ${hidden} more`] : []),
    ];
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : "";
    const text = shown.map((line) => `${CLEAR_LINE}${line.slice(0, columns - 1)}\n`).join("");
    this.#output.write(up + text);
    this.#drawn = shown.length;
  }
}

/**
 * One user's line.
 *
 * @param user What was recorded so far.
 * @param level Peak in dBFS; `undefined` where nothing is decoded.
 * @returns The line. A user id comes from the network: only harmless characters of it are shown.
 */
export function speakerLine(user: UserRecording, level: number | undefined): string {
  const name = user.userId.replace(/[^!-~]/g, "?").slice(0, 20).padEnd(20);
  const columns = [
    name,
    ...(level === undefined ? [] : [meter(level)]),
    `${user.spoken.toFixed(1).padStart(6)} s`,
    `${String(user.lost).padStart(4)} lost`,
    `${String(user.concealed).padStart(4)} concealed`,
    ...(user.undecodable > 0 ? [`${user.undecodable} undecodable`] : []),
  ];
  return columns.join("  ");
}

function meter(level: number): string {
  const share = Math.max(0, Math.min(1, 1 - level / METER_FLOOR));
  const filled = Math.round(share * METER_WIDTH);
  const bar = "█".repeat(filled).padEnd(METER_WIDTH, "░");
  return `${bar} ${level < METER_FLOOR ? "   " : String(Math.round(level)).padStart(3)} dB`;
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
