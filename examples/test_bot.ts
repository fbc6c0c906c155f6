/**
 * A bot tested without Discord: it speaks, and a second bot hears it.
 *
 *     deno run --allow-net examples/test_bot.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { joinVoice } from "@sotto/voice";
import { startVoiceServer } from "@sotto/voice/testing";

await using server = await startVoiceServer();
const join = (userId: string) =>
  joinVoice({
    guildId: "1",
    channelId: "2",
    userId,
    adapterCreator: server.adapterCreator(userId),
  });
await using bot = await join("3");
await using listener = await join("4");

const speakers = listener.speakers();
const packet = Uint8Array.of(0xf8, 0xff, 0xfe);
await bot.play([packet]);
for await (const speaker of speakers) {
  assert.equal(speaker.userId, "3");
  for await (const frame of speaker) {
    assert.deepEqual(Uint8Array.from(frame.opus), packet);
    break;
  }
  break;
}
