/**
 * From Opus packets to samples, for what cannot be done to packets: volume, mixing.
 *
 * @module
 */

import { abortable } from "@std/async";
import { SEEK_PRE_ROLL } from "../../lib/audio/seek.ts";
import { createOpus } from "../opus.ts";
import type { AudioSource, OpusSource, PcmSource } from "./audio_source.ts";
import { PCM_CHANNELS } from "./audio_source.ts";
import { closable, quietly } from "./closable.ts";
import { checkStart } from "./start.ts";

/**
 * Decodes a source of Opus packets as it is played. It stays as long and as seekable as it was.
 *
 * @param source What to decode; samples are samples already.
 * @returns A source of samples.
 *
 * @example Silence
 * ```ts
 * import { decoded, opusPackets } from "@sotto/voice";
 * import { OPUS_SILENCE } from "@sotto/voice/audio";
 * import { assertEquals } from "@std/assert";
 *
 * const source = decoded(opusPackets([Uint8Array.from(OPUS_SILENCE)]));
 * for await (const samples of source.open()) assertEquals(samples, new Int16Array(1920));
 * ```
 */
export function decoded(source: AudioSource): PcmSource {
  if (source.kind === "pcm") return source;
  const { duration, seekable, title } = source;
  return {
    kind: "pcm",
    duration,
    seekable,
    title,
    open(from = 0) {
      checkStart(from, seekable);
      return closable((signal) => samplesOf(source, from, signal));
    },
  };
}

const SAMPLES_PER_MS = 48;

async function* samplesOf(
  source: OpusSource,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Int16Array, void> {
  const early = Math.min(from, SEEK_PRE_ROLL);
  const packets = source.open(from - early)[Symbol.asyncIterator]();
  const close = () => void quietly(() => packets.return?.());
  signal.addEventListener("abort", close);
  try {
    using codec = await createOpus({ channels: PCM_CHANNELS });
    let unheard = Math.round(early * SAMPLES_PER_MS) * PCM_CHANNELS;
    for (;;) {
      signal.throwIfAborted();
      const next = await abortable(packets.next(), signal);
      if (next.done) return;
      const samples = codec.decode(next.value);
      const skipped = Math.min(unheard, samples.length);
      unheard -= skipped;
      if (skipped < samples.length) yield samples.subarray(skipped);
    }
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
