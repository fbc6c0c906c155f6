/**
 * Our client inside the gateway libraries of others: discord.js and Oceanic, whose
 * `voiceAdapterCreator` needs no binding, and discordeno, with ours. They run unpatched, each in a process of its
 * own, on our stand-in for the main gateway.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import test from "node:test";
import { installPeer } from "./install.ts";
import { Stage } from "./stage.ts";
import { assertHealthy, talk } from "./talk.ts";

const GUILD = "41771983423143937";
const OTHER_CHANNEL = "127121515262115841";
const LIBRARIES = ["discordjs_gateway", "oceanic", "discordeno"];

await Promise.all(LIBRARIES.map((name) => installPeer(name)));

for (const name of LIBRARIES) {
  test(`joinVoice() inside ${name} sends one op 4 by it, hears and is heard bit for bit`, async () => {
    await using stage = await Stage.open();
    const [bot] = await stage.peers(name);
    const ours = await stage.ours();
    await talk([bot, ours]);
    assertEquals([bot.mode, stage.gatewayVersion(bot)], ["aead_xchacha20_poly1305_rtpsize", 8]);
    assertEquals(ours.connection.stats().dropped, {});
    assertHealthy([bot]);
    const isOp4 = ({ op, direction }: { op?: number; direction?: string }) =>
      op === 4 && direction === "sent";
    assertEquals(bot.reports.filter(isOp4).length, 1);
  });
}

test("joinVoice() inside each library is moved by a moderator and talks on there", async () => {
  await using stage = await Stage.open();
  const bots = await stage.peers(...LIBRARIES);
  const moved = bots.map(async (bot) => {
    await bot.until(({ state }) => state === "ready", bot.reports.length);
  });
  for (const { userId } of bots) stage.server.moveUser(GUILD, userId, OTHER_CHANNEL);
  await Promise.all(moved);
  await talk(bots);
});
