/**
 * What is sent beside what is received, to look at and to listen to:
 *
 *     deno run -A tests/bench/sound.ts DIR
 *
 * Plays speech over music through the embedded server on real sockets, at 128 kbit/s, and decodes
 * what another bot has received: all of it, and what a network would have left that loses 10 % of
 * the packets. Writes WAV files to DIR and, where ffmpeg is installed, pictures of their waveforms
 * and spectrograms; prints how alike they are.
 *
 * @module
 */

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import {
  decoded,
  joinVoice,
  oggOpus,
  opusPackets,
  type PcmFrame,
  pcmSource,
  type ReceivedFrame,
  type VoiceConnection,
} from "@sotto/voice";
import { encodeWav, Playout, SAMPLE_RATE } from "@sotto/voice/audio";
import { createOpus } from "@sotto/voice/opus";
import { startVoiceServer } from "@sotto/voice/testing";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";
import { runCommand } from "../tools/command.ts";
import { likeness } from "../tools/correlation.ts";

const CALL = { guildId: "41771983423143937", channelId: "127121515262115840" };
const LOSS = 0.1;
const PICTURES = {
  waveform: "showwavespic=s=1600x300:split_channels=1",
  spectrogram: "aformat=channel_layouts=mono,showspectrumpic=s=800x300:legend=0",
} as const;

const [folder = "sound"] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const source = await talk();
const frames = await transmit(source);
const random = new SeededRandom(1);
const sounds = {
  sent: source,
  received: await play(frames),
  lossy: await play(frames.filter(() => random.next() >= LOSS)),
};
for (const [name, samples] of Object.entries(sounds)) {
  console.log(JSON.stringify({ name, ...likeness(source, samples) }));
  const file = join(folder, `${name}.wav`);
  await writeFile(file, encodeWav(samples, SAMPLE_RATE, 2));
  for (const [kind, filter] of Object.entries(PICTURES)) await draw(file, kind, filter);
}

async function talk(): Promise<Int16Array> {
  const file = await readFile(new URL("../audio/talk.ogg", import.meta.url));
  const packets = await Array.fromAsync(oggOpus(file));
  return concatenated(await Array.fromAsync(decoded(opusPackets(packets)).open()));
}

/** Plays samples to another bot. */
async function transmit(samples: Int16Array): Promise<ReceivedFrame[]> {
  await using server = await startVoiceServer();
  const enter = (userId: string) =>
    joinVoice({ ...CALL, userId, adapterCreator: server.adapterCreator(userId) });
  await using alice = await enter("100000000000000001");
  await using bob = await enter("100000000000000002");
  const hearing = hear(bob);
  const source = pcmSource(samples, { sampleRate: SAMPLE_RATE, channels: 2 });
  await alice.play(source, { bitrate: 128_000 });
  alice.leave();
  return await hearing;
}

async function hear(connection: VoiceConnection): Promise<ReceivedFrame[]> {
  for await (const speaker of connection.speakers()) return await Array.fromAsync(speaker);
  return [];
}

/** Plays received frames on a clock that only they move. */
async function play(frames: readonly ReceivedFrame[]): Promise<Int16Array> {
  using decoder = await createOpus();
  const playout = new Playout({ decoder, userId: "1", start: frames[0].at, fillSilence: false });
  const heard: PcmFrame[] = [];
  const pullUntil = (now: number) => {
    for (let at; (at = playout.pollTimeout()) !== undefined && at <= now;) {
      for (let frame; (frame = playout.pull(at)) !== undefined;) heard.push(frame);
    }
  };
  for (const frame of frames) {
    pullUntil(frame.at);
    playout.push(frame);
  }
  pullUntil(Infinity);
  const { position, samples } = heard.at(-1)!;
  const all = new Int16Array(2 * position + samples.length);
  for (const { position, samples } of heard) all.set(samples, 2 * position);
  return all;
}

async function draw(file: string, kind: string, filter: string): Promise<void> {
  const picture = file.replace(/wav$/, `${kind}.png`);
  const args = [
    "-y",
    "-loglevel",
    "error",
    "-i",
    file,
    "-lavfi",
    filter,
    "-frames:v",
    "1",
    picture,
  ];
  const { ok, output, ending } = await runCommand("ffmpeg", args, { timeLimit: 120_000 });
  if (!ok) console.error(`No ${picture}: ${ending} ${output}`);
}

function concatenated(parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}
