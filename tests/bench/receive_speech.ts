/**
 * How much of speech is left where packets are lost: with in-band FEC, with concealment alone, and
 * with silence in place of what is missing, for the same packets and the same losses.
 *
 * @module
 */

import {
  Application,
  createDecoder,
  createEncoder,
  type OpusDecoderHandle,
  Signal,
} from "libopus-wasm";
import { readFileSync } from "node:fs";
import { readOggOpus } from "../../lib/audio/ogg_opus.ts";
import type { OpusDecoder } from "../../lib/audio/opus_decoder.ts";
import { parseToc } from "../../lib/audio/opus_toc.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";
import { Playout } from "../../lib/audio/playout.ts";
import {
  playVoice,
  sendVoice,
  type SentPacket,
  type VoiceNetworkOptions,
} from "../tools/voice_network.ts";

/** What is done about a lost packet. */
export type Remedy = "silence" | "concealment" | "fec";

/** How close speech is to what it would be without loss. */
export interface SpeechFigures {
  /** Signal-to-noise ratio in dB. */
  readonly snr: number;
  /** Mean of the ratios of each 20 ms that are not silent, each kept between -10 and 35 dB. */
  readonly segmental: number;
  /**
   * Mean over each 20 ms that is not silent and was missing: by how many dB the loudness of its 21
   * critical bands is off (root of the mean square).
   */
  readonly spectral: number;
}

const FRAME = 960;
const TALK = new URL("../audio/talk.ogg", import.meta.url);

/** Speech in packets with FEC. */
export interface Speech {
  /** Mono packets of 20 ms. */
  readonly packets: readonly Uint8Array[];
  /** What a decoder makes of all of them. */
  readonly pcm: Int16Array;
}

/** The first voice of the test recording, encoded for speech at 32 kbit/s with FEC for 15 % loss. */
export async function loadSpeech(): Promise<Speech> {
  const voice = await firstVoice();
  const encoder = await createEncoder({
    channels: 1,
    application: Application.Voip,
    bitrate: 32_000,
    fec: true,
    packetLossPercent: 15,
    signal: Signal.Voice,
  });
  const packets: Uint8Array[] = [];
  for (let at = 0; at + FRAME <= voice.length; at += FRAME) {
    packets.push(encoder.encode(voice.subarray(at, at + FRAME)));
  }
  encoder.free();
  const foreign = packets.find((packet) => parseToc(packet).mode === "celt");
  if (foreign !== undefined) throw new Error("The encoder chose CELT, which has no FEC");
  const decoder = await createDecoder({ channels: 1 });
  const pcm = new Int16Array(packets.length * FRAME);
  for (const [i, packet] of packets.entries()) pcm.set(decoder.decode(packet), i * FRAME);
  decoder.free();
  return { packets, pcm };
}

async function firstVoice(): Promise<Int16Array> {
  const decoder = await createDecoder({ channels: 2 });
  const frames = readOggOpus(readFileSync(TALK)).packets.map(({ packet }) =>
    decoder.decode(packet)
  );
  decoder.free();
  return Int16Array.from(
    frames.flatMap((frame) => Array.from(frame.filter((_, i) => i % 2 === 0))),
  );
}

/** Plays speech through a network and compares it with what was said. */
export async function measureSpeech(
  speech: Speech,
  network: Omit<VoiceNetworkOptions, "count">,
  remedy: Remedy,
): Promise<SpeechFigures> {
  const { packets, pcm } = speech;
  const options = { ...network, count: packets.length };
  const { sent, arrivals } = sendVoice(options, (index) => packets[index]);
  const handle = await createDecoder({ channels: 1 });
  try {
    const played = play(sent, arrivals, decoderOf(handle, remedy), pcm.length);
    return compare(pcm, played, sent);
  } finally {
    handle.free();
  }
}

function play(
  sent: readonly SentPacket[],
  arrivals: readonly SentPacket[],
  decoder: OpusDecoder,
  size: number,
): Int16Array {
  const played = new Int16Array(size);
  // The clock of the call begins with the first packet that came, wherever that is in the speech.
  const { index, packet } = arrivals[0];
  const playout = new Playout({ decoder, userId: "1", start: packet.at - 20 * index });
  playVoice<PcmFrame>(playout, arrivals, ({ position, samples }) => {
    if (position < size) played.set(samples.subarray(0, size - position), position);
  });
  if (playout.stats.played !== sent.filter(({ lost }) => !lost).length) {
    throw new Error("Not all that came was played");
  }
  return played;
}

function decoderOf(handle: OpusDecoderHandle, remedy: Remedy): OpusDecoder {
  return {
    channels: 1,
    decode: (packet) => handle.decode(packet),
    conceal: (samples) =>
      remedy === "silence" ? new Int16Array(samples) : handle.decodePacketLoss(samples),
    decodeFec: (packet, samples) =>
      remedy === "fec" ? handle.decode(packet, { decodeFec: true, frameSize: samples }) : undefined,
  };
}

function compare(
  original: Int16Array,
  played: Int16Array,
  sent: readonly SentPacket[],
): SpeechFigures {
  let power = 0;
  let noise = 0;
  const ratios: number[] = [];
  const distances: number[] = [];
  for (const { index, lost } of sent) {
    const frame = original.subarray(index * FRAME, (index + 1) * FRAME);
    const heard = played.subarray(index * FRAME, (index + 1) * FRAME);
    const framePower = frame.reduce((sum, sample) => sum + sample ** 2, 0);
    const frameNoise = frame.reduce((sum, sample, i) => sum + (sample - heard[i]) ** 2, 0);
    power += framePower;
    noise += frameNoise;
    if (framePower / FRAME < SILENT_POWER) continue;
    ratios.push(Math.max(-10, Math.min(35, decibels(framePower, frameNoise))));
    if (lost) distances.push(spectralDistance(frame, heard));
  }
  return { snr: decibels(power, noise), segmental: mean(ratios), spectral: mean(distances) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

const SILENT_POWER = 100 ** 2;

function decibels(power: number, noise: number): number {
  return 10 * Math.log10(power / Math.max(noise, 1e-9));
}

function spectralDistance(frame: Int16Array, heard: Int16Array): number {
  const bands = bandPowers(frame);
  const squares = bandPowers(heard).map((power, i) => decibels(bands[i], power) ** 2);
  return Math.sqrt(mean(squares));
}

/** Edges of the critical bands (Zwicker 1961), in Hz. */
const BARK = [
  ...[0, 100, 200, 300, 400, 510, 630, 770, 920, 1080, 1270],
  ...[1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700],
];
const HEARING_POWER = 10 ** 2; // what is less in a band is not heard
const BIN_WIDTH = 48_000 / FRAME; // Hz

/** Mean power of a frame in each critical band. */
function bandPowers(frame: Int16Array): number[] {
  const powers = new Array<number>(BARK.length - 1).fill(HEARING_POWER);
  for (let bin = 1, band = 0; bin * BIN_WIDTH < BARK.at(-1)!; bin++) {
    if (bin * BIN_WIDTH >= BARK[band + 1]) band++;
    let [real, imaginary] = [0, 0];
    for (let i = 0; i < FRAME; i++) {
      const phase = bin * i % FRAME;
      real += frame[i] * COSINE[phase];
      imaginary += frame[i] * COSINE[(phase + FRAME / 4) % FRAME];
    }
    powers[band] += 2 * (real ** 2 + imaginary ** 2) / FRAME ** 2;
  }
  return powers;
}

const COSINE = Float64Array.from({ length: FRAME }, (_, i) => Math.cos(2 * Math.PI * i / FRAME));
