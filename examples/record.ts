/**
 * Records a voice channel, one WAV file a speaker, with the data that the bot's
 * gateway library has been given by Discord:
 *
 *     deno run --allow-net --allow-read --allow-write examples/record.ts --out DIR --seconds N \
 *       --endpoint HOST[:PORT] --server-id S --channel-id C --user-id U --session-id X --token T
 *
 * `--url ws://127.0.0.1:PORT` in place of `--endpoint` reaches a server on loopback.
 * Runs unmodified on `deno`, `bun` and `node`. Prints one JSON line at the end.
 *
 * @module
 */

import { mkdir } from "node:fs/promises";
import { join as joinPath } from "node:path";
import process from "node:process";
import type { Speaker, VoiceConnection } from "@sotto/voice";
import { abortable, delay } from "@std/async";
import { call, JOIN_USAGE, parseCall } from "./call.ts";
import { Track } from "./track.ts";

const { join, values } = parseCall({
  usage: `record.ts ${JOIN_USAGE} --out DIR --seconds N`,
  options: ["out", "seconds"],
  positionals: 0,
});

const seconds = Number(values.seconds);
if (!(seconds > 0)) {
  console.error(`Cannot record for ${values.seconds} seconds: it must be a positive number`);
  process.exit(2);
}

/** What the JSON line tells of a speaker. */
interface Recording {
  readonly userId: string;
  readonly file: string;
  readonly packetsReceived: number;
  readonly undecodable: number;
  readonly seconds: number;
}

const result: { speakers: Recording[] } = { speakers: [] };
process.exitCode = await call(join, result, async (connection, signal) => {
  await mkdir(values.out, { recursive: true });
  const recording = recordAll(connection);
  // Discord lets a bot hear others once it has sent something itself.
  await connection.play([], { signal });
  await abortable(Promise.race([delay(1000 * seconds, { signal }), connection.closed]), signal);
  connection.leave();
  result.speakers = await recording;
  const error = await connection.closed;
  if (error !== undefined) throw error;
});

async function recordAll(connection: VoiceConnection): Promise<Recording[]> {
  const recordings: Promise<Recording>[] = [];
  for await (const speaker of connection.speakers()) {
    recordings.push(record(speaker, recordings.length));
  }
  return await Promise.all(recordings);
}

async function record(speaker: Speaker, index: number): Promise<Recording> {
  // A user id comes from the network: only digits may become a part of a path.
  const name = /^\d+$/.test(speaker.userId) ? speaker.userId : `speaker-${index}`;
  const file = joinPath(values.out, `${name}.wav`);
  await using track = await Track.create(file);
  let packetsReceived = 0;
  for await (const { opus, timestamp } of speaker) {
    packetsReceived++;
    await track.write(opus, timestamp);
  }
  const { undecodable, seconds } = track;
  return { userId: speaker.userId, file, packetsReceived, undecodable, seconds };
}
