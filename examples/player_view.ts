/**
 * What a player plays, as a line on a terminal that is written over.
 *
 * @module
 */

import process from "node:process";
import { setInterval } from "node:timers";
import type { AudioPlayer } from "@sotto/voice";

const INTERVAL = 100;
const BAR_SIZE = 30;

/**
 * Shows a player until told to stop. Where standard error is no terminal, nothing is shown.
 *
 * @returns Stops.
 */
export function showPlayer(player: AudioPlayer): () => void {
  const { stderr } = process;
  if (!stderr.isTTY) return () => {};
  const show = () => stderr.write(`\r\x1b[2K${playerLine(player)}`);
  const timer = setInterval(show, INTERVAL);
  return () => {
    clearInterval(timer);
    stderr.write("\n");
  };
}

/** A player as text: a bar where the length is known, position, length and state. */
export function playerLine(
  { position, duration, state }: Pick<AudioPlayer, "position" | "duration" | "state">,
): string {
  const time = [position, duration].flatMap((ms) => ms === undefined ? [] : [minutes(ms)]);
  const bar = duration === undefined ? [] : [barOf(Math.min(1, position / (duration || 1)))];
  return [...bar, time.join(" / "), state].join("  ");
}

function barOf(share: number): string {
  const filled = Math.round(share * BAR_SIZE);
  return "█".repeat(filled) + "░".repeat(BAR_SIZE - filled);
}

function minutes(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
