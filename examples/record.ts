/**
 * Records a voice channel, with the data that the bot's gateway library has been given by Discord:
 *
 *     deno run --allow-net --allow-read --allow-write examples/record.ts --out DIR --seconds N \
 *       [--format wav|ogg|multichannel|mix] [--view live|lines|none] \
 *       --endpoint HOST[:PORT] --server-id S --channel-id C --user-id U --session-id X --token T
 *
 * A WAV file for each speaker by default; `ogg` for Ogg Opus files, `multichannel` for one WAV file
 * with a channel for each, `mix` for one WAV file of all. Where standard error is a terminal, it shows
 * meanwhile who speaks; `--view lines` tells it in plain lines.
 *
 * `--url ws://127.0.0.1:PORT` in place of `--endpoint` reaches a server on loopback.
 * Runs unmodified on `deno`, `bun` and `node`. Prints one JSON line at the end.
 *
 * @module
 */

import process from "node:process";
import { abortable, delay } from "@std/async";
import { recordCall, RECORDING_FORMATS, type UserRecording } from "@sotto/voice/recording";
import { call, JOIN_USAGE, parseCall } from "./call.ts";
import { SpeakerView, VIEW_STYLES } from "./speaker_view.ts";

const { join, values, choices } = parseCall({
  usage: `record.ts ${JOIN_USAGE} --out DIR --seconds N ` +
    `[--format ${RECORDING_FORMATS.join("|")}] [--view ${VIEW_STYLES.join("|")}]`,
  options: ["out", "seconds"],
  choices: { format: RECORDING_FORMATS, view: VIEW_STYLES },
  check: ({ seconds }) => {
    if (!(Number(seconds) > 0)) {
      throw new Error(`Cannot record for ${seconds} seconds: it must be a positive number`);
    }
  },
  positionals: 0,
});

const result: { speakers: readonly UserRecording[] } = { speakers: [] };
process.exitCode = await call(join, result, async (connection, signal) => {
  const recording = recordCall(connection, { to: values.out, format: choices.format });
  const style = choices.view ?? (process.stderr.isTTY ? "live" : "none");
  const view = new SpeakerView(recording, process.stderr, style);
  try {
    // Discord lets a bot hear others once it has sent something itself.
    await connection.play([], { signal });
    const end = delay(1000 * Number(values.seconds), { signal });
    await abortable(Promise.race([end, recording.finished, connection.closed]), signal);
  } finally {
    const ended = await recording.stop().catch(() => recording);
    view.close();
    connection.leave();
    result.speakers = ended.users;
  }
  await recording.finished;
  const error = await connection.closed;
  if (error !== undefined) throw error;
});
