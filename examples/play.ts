/**
 * Plays a file or a web address into a voice channel, with the data that the bot's gateway library
 * has been given by Discord:
 *
 *     deno run --allow-net --allow-read examples/play.ts --endpoint HOST[:PORT] \
 *       --server-id S --channel-id C --user-id U --session-id X --token T FILE
 *
 * Opus in Ogg and WebM is sent as it is, WAV is encoded; for anything else ffmpeg must be installed
 * (on Deno with `--allow-run=ffmpeg --allow-env`). `--url ws://127.0.0.1:PORT` in place of `--endpoint`
 * reaches a server on loopback. Runs unmodified on `deno`, `bun` and `node`. Shows its progress on
 * a terminal, and prints one JSON line at the end.
 *
 * @module
 */

import process from "node:process";
import { audioSource } from "@sotto/voice";
import { call, JOIN_USAGE, parseCall } from "./call.ts";
import { showPlayer } from "./player_view.ts";

const { join, positionals: [file] } = parseCall({
  usage: `play.ts ${JOIN_USAGE} FILE`,
  positionals: 1,
});

const result = { packetsSent: 0, silenceSent: 0 };
process.exitCode = await call(join, result, async (connection, signal) => {
  const playing = connection.play(await audioSource(file, { signal }), { signal });
  const player = connection.player!;
  player.on("end", ({ packetsSent }) => result.packetsSent = packetsSent);
  const hide = showPlayer(player);
  try {
    await playing;
  } finally {
    hide();
    result.silenceSent = connection.stats().sent - result.packetsSent;
  }
});
