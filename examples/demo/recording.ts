/**
 * What was sent and what was received, both decoded: waveforms of both, and the
 * recording as a WAV file, written as it is decoded.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";
import { packetDuration, SAMPLE_RATE, wavHeader } from "@sotto/voice/audio";
import { createOpus, type OpusCodec } from "@sotto/voice/opus";
import { type Waveform, WaveformMeter } from "./waveform.ts";

const CHANNELS = 2;
const SAMPLE_SIZE = 2;

/** A recording beside its original. */
export interface Recording {
  /** Waveforms of the original, by channel. */
  readonly sent: readonly Waveform[];
  /** Waveforms of the recording, by channel. */
  readonly received: readonly Waveform[];
  /** Greatest difference of a sample, 0 to 65535. */
  readonly difference: number;
}

/**
 * Decodes both sides and writes what was received. It is as long as the original: what
 * was lost is concealed.
 *
 * @param path Where the WAV file goes; an older one is replaced.
 * @param sent Opus packets of the original.
 * @param received What came of each; `undefined` where it was lost.
 * @returns The waveforms, and how far the samples differ.
 */
export async function writeRecording(
  path: string,
  sent: readonly Uint8Array[],
  received: readonly (Uint8Array | undefined)[],
): Promise<Recording> {
  const file = await open(path, "w");
  const codecs = [
    await createOpus({ channels: CHANNELS }),
    await createOpus({ channels: CHANNELS }),
  ];
  try {
    return await decodeBoth(file, codecs, sent, received);
  } finally {
    for (const codec of codecs) codec.delete();
    await file.close();
  }
}

async function decodeBoth(
  file: FileHandle,
  [original, copy]: readonly OpusCodec[],
  sent: readonly Uint8Array[],
  received: readonly (Uint8Array | undefined)[],
): Promise<Recording> {
  const length = sent.reduce((sum, packet) => sum + packetDuration(packet), 0);
  const format = { sampleRate: SAMPLE_RATE, channels: CHANNELS };
  await file.write(wavHeader(format, length * CHANNELS * SAMPLE_SIZE));
  const sentMeter = new WaveformMeter(length, CHANNELS);
  const receivedMeter = new WaveformMeter(length, CHANNELS);
  let difference = 0;
  for (const [i, packet] of sent.entries()) {
    const duration = packetDuration(packet);
    const before = decode(original, packet, duration);
    const after = decode(copy, received[i], duration);
    sentMeter.push(before);
    receivedMeter.push(after);
    difference = before.reduce(
      (greatest, sample, k) => Math.max(greatest, Math.abs(sample - after[k])),
      difference,
    );
    await file.write(new Uint8Array(after.buffer, after.byteOffset, after.byteLength));
  }
  return { sent: sentMeter.waveforms, received: receivedMeter.waveforms, difference };
}

/** Decodes a packet; conceals one that is lost, cannot be decoded, or is of another length. */
function decode(codec: OpusCodec, packet: Uint8Array | undefined, duration: number): Int16Array {
  if (packet === undefined) return codec.conceal(duration);
  try {
    const pcm = codec.decode(packet);
    return pcm.length === duration * CHANNELS ? pcm : codec.conceal(duration);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return codec.conceal(duration);
  }
}
