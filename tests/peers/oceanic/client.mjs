/** A bot on Oceanic, which has the main gateway, and on our `joinVoice`. */

import { once } from "node:events";
import { Client } from "oceanic.js";
import { runBot } from "../own_bot.mjs";

runBot(async ({ api, token, guildId }) => {
  const limits = { total: 1000, remaining: 999, resetAfter: 0, maxConcurrency: 1 };
  const getBot = async () => {
    const { url, shards } = await (await fetch(`${api}/gateway/bot`)).json();
    return { url, shards, sessionStartLimit: limits };
  };
  const client = new Client({
    auth: `Bot ${token}`,
    gateway: { intents: ["GUILDS", "GUILD_VOICE_STATES"], override: { getBot } },
  });
  await Promise.all([once(client, "ready"), client.connect()]);
  return {
    userId: client.user.id,
    adapterCreator: client.guilds.get(guildId).voiceAdapterCreator,
    close: () => client.disconnect(false),
  };
});
