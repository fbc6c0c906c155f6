/**
 * What a connection costs while nobody speaks: so many of them are opened to a server in another
 * process, and the memory of this one is read before and after. Prints one JSON line.
 *
 *     idle_run.ts own|own-dave|sockets|discordjs
 *
 * `sockets` opens what a connection needs of the runtime and nothing else.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { detectTransport } from "../../adapters/detect.ts";
import { VoiceConnection } from "../../adapters/connection.ts";
import { installPeer } from "../peers/install.ts";
import { type ServerProgram, startServerProgram } from "../tools/server_program.ts";
import { until } from "../tools/waiting.ts";
import { garbageCollector } from "./garbage.ts";

/** What one run prints, in bytes per connection. */
export interface IdleRun {
  /** Growth of the resident set. */
  readonly rss: number;
  /** Growth of the JavaScript heap and of the buffers that belong to it, after a collection. */
  readonly heap: number;
}

const FIRST = 50;
const COUNT = 300;
const CHANNEL_ID = "127121515262115840";

type Open = (index: number) => Promise<unknown>;

const kept: unknown[] = [];
const collect = garbageCollector();
const server = await startServerProgram();
const open = await opener(process.argv[2] ?? "", server);
await openMany(0, FIRST);
const before = await memory();
await openMany(FIRST, COUNT);
const after = await memory();
const result: IdleRun = {
  rss: Math.round((after.rss - before.rss) / COUNT),
  heap: Math.round((after.heap - before.heap) / COUNT),
};
process.stdout.write(`${JSON.stringify(result)}\n`, async () => {
  await server[Symbol.asyncDispose]();
  process.exit();
});

async function openMany(first: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) kept.push(await open(first + i));
  await sleep(1500);
}

async function memory(): Promise<{ rss: number; heap: number }> {
  for (let i = 0; i < 4; i++) {
    collect();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

async function opener(kind: string, server: ServerProgram): Promise<Open> {
  if (kind === "discordjs") return await openDiscordjs(server);
  return kind === "sockets"
    ? await openSockets(server)
    : await openOwn(server, kind === "own-dave");
}

async function openOwn({ url, token }: ServerProgram, daveEncryption: boolean): Promise<Open> {
  const transport = await detectTransport();
  return (index) =>
    VoiceConnection.join(transport, {
      ...{ guildId: `${1000 + index}`, channelId: CHANNEL_ID, userId: `${100_000 + index}` },
      ...{ server: { endpoint: url, token, sessionId: `session-${index}` }, daveEncryption },
    });
}

async function openSockets({ url }: ServerProgram): Promise<Open> {
  const transport = await detectTransport();
  const remote = { address: "127.0.0.1", port: 9 };
  return async () => {
    let opened = 0;
    const common = { open: () => opened++, message: () => {}, error: () => {}, close: () => {} };
    const sockets = [
      transport.openWebSocket(`${url}/?v=8`, common),
      transport.openDatagram(remote, common),
    ];
    await until(() => opened === 2);
    return sockets;
  };
}

/** It insists on `wss:`, which would count TLS for it: its WebSocket is told otherwise. */
async function openDiscordjs({ url, token }: ServerProgram): Promise<Open> {
  const require = createRequire(join(await installPeer("discordjs"), "package.json"));
  const WebSocket = require("ws");
  require.cache[require.resolve("ws")]!.exports = class extends WebSocket {
    constructor(address: string, options: object) {
      super(address.replace(/^wss:/, "ws:"), options);
    }
  };
  const { joinVoiceChannel, entersState } = require("@discordjs/voice");
  const endpoint = url.replace(/^ws:\/\//, "");
  return async (index) => {
    const [guildId, channelId] = [`${1000 + index}`, CHANNEL_ID];
    const connection = joinVoiceChannel({
      ...{ guildId, channelId, daveEncryption: false },
      adapterCreator: (methods: Record<string, (data: object) => void>) => ({
        sendPayload() {
          queueMicrotask(() => {
            methods.onVoiceStateUpdate({
              ...{ guild_id: guildId, channel_id: channelId, user_id: `${100_000 + index}` },
              session_id: `session-${index}`,
            });
            methods.onVoiceServerUpdate({ guild_id: guildId, token, endpoint });
          });
          return true;
        },
        destroy() {},
      }),
    });
    connection.on("error", () => {}); // the server stops first
    return await entersState(connection, "ready", 10_000);
  };
}
