/**
 * A source of Opus packets that are there already, or come from elsewhere.
 *
 * @module
 */

import { packetDuration } from "../../lib/audio/opus_toc.ts";
import { checkStart } from "./start.ts";
import { endsBefore } from "../../lib/audio/seek.ts";
import type { OpusSource } from "./audio_source.ts";

/**
 * Makes a source of Opus packets.
 *
 * @param packets The packets in order. An array is seekable; anything else is opened once.
 * @returns The source.
 *
 * @example Half a second of silence
 * ```ts
 * import { opusPackets } from "@sotto/voice";
 * import { OPUS_SILENCE } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const source = opusPackets(new Array(25).fill(Uint8Array.from(OPUS_SILENCE)));
 * assertEquals(source.duration, 500);
 * ```
 */
export function opusPackets(
  packets: readonly Uint8Array[] | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): OpusSource {
  const isArray = Array.isArray(packets);
  let isOpened = false;
  return {
    kind: "opus",
    duration: isArray ? durationOf(packets) : undefined,
    seekable: isArray,
    open(from = 0) {
      checkStart(from, isArray);
      if (isOpened && !isArray) {
        throw new TypeError("Cannot open a stream of packets again: it was read already");
      }
      isOpened = true;
      return packetsFrom(packets, from);
    },
  };
}

/** Leaves out the packets that end before a time. */
async function* packetsFrom(
  packets: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  from: number,
): AsyncGenerator<Uint8Array, void> {
  let time = 0;
  for await (const packet of packets) {
    const duration = time > from ? 0 : packetDuration(packet);
    if (!endsBefore({ time, duration }, from)) yield packet;
    time += duration / SAMPLES_PER_MS;
  }
}

const SAMPLES_PER_MS = 48;

function durationOf(packets: readonly Uint8Array[]): number {
  return packets.reduce((sum, packet) => sum + packetDuration(packet), 0) / SAMPLES_PER_MS;
}
