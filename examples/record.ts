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

import process from "node:process";
import { abortable, delay } from "@std/async";
import { call, JOIN_USAGE, parseCall } from "./call.ts";
import { Recorder, type Recording } from "./recorder.ts";

const { join, values } = parseCall({
  usage: `record.ts ${JOIN_USAGE} --out DIR --seconds N`,
  options: ["out", "seconds"],
  check: ({ seconds }) => {
    if (!(Number(seconds) > 0)) {
      throw new Error(`Cannot record for ${seconds} seconds: it must be a positive number`);
    }
  },
  positionals: 0,
});

const result: { speakers: Recording[] } = { speakers: [] };
process.exitCode = await call(join, result, async (connection, signal) => {
  const recorder = new Recorder(connection, values.out);
  try {
    // Discord lets a bot hear others once it has sent something itself.
    await connection.play([], { signal });
    const end = Promise.race([delay(1000 * Number(values.seconds), { signal }), recorder.failed]);
    await abortable(Promise.race([end, connection.closed]), signal);
  } finally {
    connection.leave();
    result.speakers = await recorder.finish();
  }
  const error = await connection.closed;
  if (error !== undefined) throw error;
});
