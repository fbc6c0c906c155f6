import { assertEquals } from "@std/assert";
import test from "node:test";
import { joinVoice } from "@sotto/voice";
import { fromLavalinkVoice, toLavalinkVoice } from "@sotto/voice/gateway";
import { startVoiceServer } from "@sotto/voice/testing";
import { CHANNEL, GUILD, ME, SECRET } from "./fixtures.ts";

const VOICE_SERVER = { token: SECRET, endpoint: "example.discord.media:443", sessionId: "session" };

test("a voice body and the `server` of joinVoice() become one another", () => {
  assertEquals(toLavalinkVoice(VOICE_SERVER), VOICE_SERVER);
  assertEquals(fromLavalinkVoice(VOICE_SERVER), { server: VOICE_SERVER });
  for (const channelId of [CHANNEL, BigInt(CHANNEL)]) {
    const body = { ...VOICE_SERVER, channelId: CHANNEL };
    assertEquals(toLavalinkVoice(VOICE_SERVER, channelId), body);
    assertEquals(fromLavalinkVoice(body), { server: VOICE_SERVER, channelId: CHANNEL });
  }
});

test("fields that a voice body does not have are dropped in both directions", () => {
  const rich = { ...VOICE_SERVER, connected: true, ping: 5 };
  assertEquals(fromLavalinkVoice(rich), { server: VOICE_SERVER });
  assertEquals(toLavalinkVoice(rich), VOICE_SERVER);
});

test("fromLavalinkVoice() leaves nonsense aside", () => {
  const nonsense = [undefined, null, 0, "", [], {}];
  for (const name of ["token", "endpoint", "sessionId"]) {
    for (const value of [undefined, null, "", 1]) {
      assertEquals(fromLavalinkVoice({ ...VOICE_SERVER, [name]: value }), undefined);
    }
  }
  for (const body of nonsense) assertEquals(fromLavalinkVoice(body), undefined);
  assertEquals(fromLavalinkVoice({ ...VOICE_SERVER, channelId: 5 }), { server: VOICE_SERVER });
});

test("joinVoice() joins with what a voice body says", async () => {
  await using server = await startVoiceServer({ token: SECRET });
  const body = toLavalinkVoice({ ...VOICE_SERVER, endpoint: server.url }, CHANNEL);
  const target = fromLavalinkVoice(JSON.parse(JSON.stringify(body)))!;
  await using connection = await joinVoice({
    guildId: GUILD,
    channelId: target.channelId!,
    userId: ME,
    server: target.server,
    signal: AbortSignal.timeout(10_000),
  });
  assertEquals(connection.state, "connected");
});
