/**
 * Compares what was received with what was sent, bit by bit and in order.
 *
 * @module
 */

import type { ReceivedFrame } from "@sotto/voice";
import { OPUS_SILENCE } from "@sotto/voice/audio";

/** The part of a received frame that is compared. */
export type ComparedFrame = Pick<ReceivedFrame, "sequence" | "opus">;

/** What became of the packets of a file. */
export interface Comparison<F extends ComparedFrame> {
  /** What came of each packet, in the order of the file; `undefined` where it is lost. */
  readonly received: readonly (F | undefined)[];
  /** Packets of the file that came. */
  readonly receivedCount: number;
  /** Packets of the file that did not come. */
  readonly lost: number;
  /** Packets that came with other bytes than were sent. */
  readonly different: number;
  /** Frames of silence that came behind the file. */
  readonly silenceReceived: number;
  /** Whether every frame came behind its predecessors. */
  readonly inOrder: boolean;
  /** Whether every packet of the file came, unchanged, once and in order. */
  readonly bitExact: boolean;
}

const SILENCE: Uint8Array = Uint8Array.from(OPUS_SILENCE);

/**
 * Finds each packet of a file among the frames received. RTP sequence numbers say which
 * frames are missing in between. How many are missing before the first is not written in
 * them: of the possible numbers the one is taken with which the most bytes agree.
 *
 * @param packets Packets of the file, all sent.
 * @param silenceCount Frames of silence that were sent behind them.
 * @param frames Frames in the order in which they came.
 * @returns What became of the packets.
 */
export function compare<F extends ComparedFrame>(
  packets: readonly Uint8Array[],
  silenceCount: number,
  frames: readonly F[],
): Comparison<F> {
  const total = packets.length + silenceCount;
  const sequences = unwrap(frames);
  const first = sequences.reduce((least, next) => Math.min(least, next), Infinity);
  const last = sequences.reduce((greatest, next) => Math.max(greatest, next), -Infinity);
  const expected = (position: number) => position < packets.length ? packets[position] : SILENCE;
  const agreement = (missing: number) =>
    frames.filter(({ opus }, i) => equalBytes(opus, expected(sequences[i] - first + missing)))
      .length;
  const missing = bestOf(total - (last - first + 1), frames.length, agreement);

  const placed = new Array<F | undefined>(total).fill(undefined);
  for (const [i, frame] of frames.entries()) placed[sequences[i] - first + missing] = frame;
  const received = placed.slice(0, packets.length);
  const receivedCount = received.filter((frame) => frame !== undefined).length;
  const different =
    received.filter((frame, i) => frame !== undefined && !equalBytes(frame.opus, packets[i]))
      .length;
  const lost = packets.length - receivedCount;
  const inOrder = sequences.every((sequence, i) => i === 0 || sequence > sequences[i - 1]);
  return {
    received,
    receivedCount,
    lost,
    different,
    silenceReceived: placed.slice(packets.length).filter((frame) => frame !== undefined).length,
    inOrder,
    bitExact: lost === 0 && different === 0 && inOrder && frames.length <= total,
  };
}

/** Sequence numbers without the wrap at 16 bits. */
function unwrap(frames: readonly ComparedFrame[]): number[] {
  const sequences: number[] = [];
  for (const { sequence } of frames) {
    const last = sequences.at(-1) ?? sequence;
    sequences.push(last + ((sequence - last) << 16 >> 16));
  }
  return sequences;
}

/** The number from 0 to `limit` that scores best; the first that scores `full` will do. */
function bestOf(limit: number, full: number, score: (candidate: number) => number): number {
  let best = 0;
  let bestScore = -1;
  for (let candidate = 0; candidate <= limit && bestScore < full; candidate++) {
    const value = score(candidate);
    if (value <= bestScore) continue;
    best = candidate;
    bestScore = value;
  }
  return best;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
