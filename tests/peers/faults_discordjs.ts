/**
 * Runs one row of the table of faults with @discordjs/voice, as its documentation has it used, and
 * prints what came of it. A process of its own on Node, as the library may end it.
 *
 *     NODE_EXTRA_CA_CERTS=tests/tools/tls/cert.pem node tests/peers/faults_discordjs.ts NAME LIMIT GATEWAY
 *
 * @module
 */

import { createRequire } from "node:module";
import process from "node:process";
import type { DiscordGatewayAdapterCreator } from "../../adapters/gateway_adapter.ts";
import { joinVoice } from "../../mod.ts";
import { CHANNEL, FRIEND, GUILD } from "../faults/cast.ts";
import { lengthOf, RealStage, waitUntil } from "../faults/real_stage.ts";
import { REAL_ROWS } from "../faults/table.ts";
import { startTlsFront } from "../tools/tls_front.ts";

/** As much of @discordjs/voice as is used. */
interface Library {
  joinVoiceChannel(options: {
    readonly guildId: string;
    readonly channelId: string;
    readonly daveEncryption: boolean;
    readonly adapterCreator: DiscordGatewayAdapterCreator;
  }): Connection;
}

interface Connection {
  readonly state: { readonly status: string; readonly closeCode?: number };
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "stateChange", listener: () => void): void;
  destroy(): void;
}

/** Milliseconds for which a connection must be ready: longer than the server waits for a heartbeat. */
const HELD = 4000;

const [name, limitText, gateway] = process.argv.slice(2);
const row = REAL_ROWS.find((row) => row.name === name)!;
const limit = Number(limitText);
const require = createRequire(new URL("./discordjs/package.json", import.meta.url));
const { joinVoiceChannel } = require("@discordjs/voice") as Library;

const front = await startTlsFront(() => stage.server.port);
const stage = await RealStage.open(row, { endpoint: `127.0.0.1:${front.port}` });
const friend = row.then?.some((step) => step.do === "friendMoves")
  ? await joinVoice({
    guildId: GUILD,
    channelId: CHANNEL,
    userId: FRIEND,
    adapterCreator: stage.adapterOfFriend(),
  })
  : undefined;
const { faults = [], meanwhile = [], then = [] } = row;
stage.setFaults(faults);
for (const step of meanwhile.filter(({ at }) => at < 0)) stage.perform(step);

let changedAt = performance.now();
let [from, last] = [changedAt, changedAt + lengthOf(meanwhile)];
const errors: string[] = [];

/** Says how it ended, and ends. */
function finish(end: string): void {
  const after = Math.max(0, changedAt - from);
  process.stdout.write(
    `${JSON.stringify({ name, end, after, op4: stage.op4.length, errors })}\n`,
    () => process.exit(),
  );
}

process.on("uncaughtException", ({ message }) => {
  changedAt = performance.now();
  errors.push(message);
  finish("crash");
});

const connection = joinVoiceChannel({
  guildId: GUILD,
  channelId: CHANNEL,
  daveEncryption: false,
  adapterCreator: stage.adapterOfBot(gateway === "generous"),
});
connection.on("error", ({ message }) => errors.push(message));
let status = connection.state.status;
connection.on("stateChange", () => {
  if (connection.state.status === status) return;
  status = connection.state.status;
  changedAt = performance.now();
});
const isDestroyed = () => connection.state.status === "destroyed";
const isReady = () => connection.state.status === "ready";
stage.endsWhen(isDestroyed);

await stage.play(meanwhile.filter(({ at }) => at >= 0), from);
if (then.length > 0) {
  await waitUntil(() => isReady() || performance.now() > from + limit);
  from = performance.now();
  last = from + lengthOf(then);
  if (isReady()) await stage.play(then, from);
}
const wanted = faults.length + then.filter((step) => step.do === "setFaults").length;
await waitUntil(() => {
  const now = performance.now();
  const isHeld = isReady() && now > Math.max(changedAt, last) + HELD &&
    stage.faults.length >= wanted;
  return isHeld || isDestroyed() || now > last + limit;
});
await friend?.[Symbol.asyncDispose]();
// The code of an earlier state stays where it was.
const closeCode = status === "disconnected" ? connection.state.closeCode : undefined;
finish(closeCode === undefined ? status : `${status} ${closeCode}`);
