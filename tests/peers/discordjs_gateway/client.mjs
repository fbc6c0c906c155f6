/** A bot on discord.js, which has the main gateway, and on our `joinVoice`. */

import { Client, GatewayIntentBits } from "discord.js";
import { once } from "node:events";
import { runBot } from "../own_bot.mjs";

runBot(async ({ api, token, guildId }) => {
  const client = new Client({
    intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildVoiceStates],
    rest: { api },
  });
  await Promise.all([once(client, "clientReady"), client.login(token)]);
  const guild = client.guilds.cache.get(guildId);
  return {
    userId: client.user.id,
    adapterCreator: guild.voiceAdapterCreator,
    close: () => client.destroy(),
  };
});
