/** A bot on discordeno, which has the main gateway, and on our `joinVoice` and binding. */

import { createBot, Intents } from "discordeno";
import { bindDiscordeno } from "../../../adapters/gateway/mod.ts";
import { runBot } from "../own_bot.mjs";

runBot(async ({ api, token, guildId }) => {
  const ready = Promise.withResolvers();
  const silent = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} };
  const bot = createBot({
    token,
    intents: Intents.Guilds | Intents.GuildVoiceStates,
    gateway: { token, spawnShardDelay: 0 },
    rest: { token, proxy: { baseUrl: api } },
    desiredProperties: {},
    events: { ready: ready.resolve },
    loggerFactory: () => silent,
  });
  await Promise.all([ready.promise, bot.start()]);
  return {
    userId: String(bot.id),
    adapterCreator: bindDiscordeno(bot).adapterCreator(guildId),
    close: () => bot.shutdown(),
  };
});
