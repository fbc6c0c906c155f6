/**
 * Progress of a call: one live line on a terminal, else a line each second.
 *
 * @module
 */

import type { WriteStream } from "node:tty";
import { setInterval } from "node:timers";

/** What is known of a call that goes on. */
export interface Snapshot {
  /** Seconds of the file that were sent. */
  readonly seconds: number;
  /** Packets of the file that were sent. */
  readonly sent: number;
  /** Packets of the file that were received. */
  readonly received: number;
  /** Packets that are missing between received ones. */
  readonly lost: number;
  /** The latest round-trip times in milliseconds. */
  readonly roundTrip: {
    readonly websocket: number | undefined;
    readonly udp: number | undefined;
  };
  /** How late packets were sent, in milliseconds. */
  readonly pacing: { readonly p50: number; readonly p99: number };
}

/** Where progress is written. */
export type ProgressStream = Pick<WriteStream, "write"> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const LIVE_INTERVAL = 100;
const LINE_INTERVAL = 1000;
const BAR_SIZE = 20;
const DEFAULT_WIDTH = 120;

/**
 * Writes progress until told to stop.
 *
 * @param stream Where to; a terminal gets one line that is written over.
 * @param total Seconds of the file.
 * @param observe Says what is known now.
 * @returns Stops, with a last line.
 */
export function showProgress(
  stream: ProgressStream,
  total: number,
  observe: () => Snapshot,
): () => void {
  const live = stream.isTTY === true;
  const show = () => {
    const line = progressLine(observe(), total, live ? stream.columns || undefined : undefined);
    stream.write(live ? `\r\x1b[2K${line}` : `${line}\n`);
  };
  const timer = setInterval(show, live ? LIVE_INTERVAL : LINE_INTERVAL);
  return () => {
    clearInterval(timer);
    show();
    if (live) stream.write("\n");
  };
}

/**
 * Progress as text.
 *
 * @param snapshot What is known.
 * @param total Seconds of the file.
 * @param width Most columns that the line may fill.
 */
export function progressLine(
  snapshot: Snapshot,
  total: number,
  width: number = DEFAULT_WIDTH,
): string {
  const { seconds, sent, received, lost, roundTrip, pacing } = snapshot;
  const filled = total > 0 ? Math.min(BAR_SIZE, Math.floor(seconds / total * BAR_SIZE)) : BAR_SIZE;
  const line = [
    `${"█".repeat(filled)}${"░".repeat(BAR_SIZE - filled)} ${seconds.toFixed(1)}/${
      total.toFixed(1)
    } s`,
    `sent ${sent}`,
    `received ${received}`,
    `lost ${lost}`,
    `rtt ws ${ms(roundTrip.websocket)} udp ${ms(roundTrip.udp)}`,
    `pacing p50 ${ms(pacing.p50)} p99 ${ms(pacing.p99)} ms`,
  ].join("  ");
  return line.slice(0, Math.max(0, width - 1));
}

function ms(value: number | undefined): string {
  return value === undefined ? "–" : value.toFixed(1);
}
