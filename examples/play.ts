/**
 * Plays an Ogg Opus file into a voice channel, with the data that the bot's gateway
 * library has been given by Discord:
 *
 *     deno run --allow-net --allow-read examples/play.ts --endpoint HOST[:PORT] \
 *       --server-id S --channel-id C --user-id U --session-id X --token T FILE.ogg
 *
 * `--url ws://127.0.0.1:PORT` in place of `--endpoint` reaches a server on loopback.
 * Runs unmodified on `deno`, `bun` and `node`. Prints one JSON line at the end.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import process from "node:process";
import { oggOpus } from "@sotto/voice";
import { call, JOIN_USAGE, parseCall } from "./call.ts";

const { join, positionals: [file] } = parseCall({
  usage: `play.ts ${JOIN_USAGE} FILE.ogg`,
  positionals: 1,
});

const result = { packetsSent: 0, silenceSent: 0 };
process.exitCode = await call(join, result, async (connection, signal) => {
  try {
    await connection.play(counted(oggOpus(createReadStream(file))), { signal });
  } finally {
    result.silenceSent = connection.stats().sent - result.packetsSent;
  }
});

/** Whoever asks for the next packet has sent the one before. */
async function* counted(packets: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const packet of packets) {
    yield packet;
    result.packetsSent++;
  }
}
