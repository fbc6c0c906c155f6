/**
 * A bot that sends 20 packets and leaves. `permissions.test.ts` runs it on Deno with
 * `--allow-net` alone.
 *
 *     deno run --allow-net permission_bot.ts ws://127.0.0.1:PORT
 *
 * @module
 */

import { joinVoice } from "@sotto/voice/deno";

const [endpoint] = Deno.args;
await using connection = await joinVoice({
  guildId: "1",
  channelId: "2",
  userId: "3",
  server: { endpoint, sessionId: "session", token: "token" },
});
const packets = Array.from({ length: 20 }, (_, i) => Uint8Array.of(0xf8, i));
console.log(JSON.stringify(await connection.play(packets)));
