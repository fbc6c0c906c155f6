import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import test from "node:test";
import {
  getGroups,
  getVoiceConnection,
  getVoiceConnections,
  joinVoiceChannel,
  type JoinVoiceChannelOptions,
} from "../../../adapters/discordjs/join_voice_channel.ts";
import type { VoiceStatePayload } from "../../../lib/gateway.ts";
import { CHANNEL, GUILD, OTHER_CHANNEL } from "./fixtures.ts";

const sent: VoiceStatePayload["d"][] = [];

function join(options: Partial<JoinVoiceChannelOptions> = {}, answer = () => true) {
  return joinVoiceChannel({
    guildId: GUILD,
    channelId: CHANNEL,
    adapterCreator: () => ({
      sendPayload: ({ d }) => {
        sent.push(d);
        return answer();
      },
      destroy: () => {},
    }),
    ...options,
  });
}

test("joinVoiceChannel() keeps one connection for each guild and group", () => {
  assertEquals(getVoiceConnections(), new Map());
  const connection = join();
  assertStrictEquals(join({ channelId: OTHER_CHANNEL, selfMute: true }), connection);
  assertEquals(sent.at(-1), {
    guild_id: GUILD,
    channel_id: OTHER_CHANNEL,
    self_deaf: true,
    self_mute: true,
  });
  const other = join({ group: "music" });
  const elsewhere = join({ guildId: "1" });
  assert(other !== connection && elsewhere !== connection);
  assertStrictEquals(getVoiceConnection(GUILD), connection);
  assertStrictEquals(getVoiceConnection(GUILD, "music"), other);
  assertEquals([...getVoiceConnections().keys()], [GUILD, "1"]);
  assertEquals([...getVoiceConnections("music")!.values()], [other]);
  assertEquals([...getGroups().keys()], ["default", "music"]);
  for (const each of [connection, other, elsewhere]) each.destroy();
  assertEquals([getVoiceConnection(GUILD), getVoiceConnections("music")], [undefined, undefined]);
  assertEquals([...getGroups().keys()], ["default"]);
});

test("joinVoiceChannel() rejoins one that is disconnected, and replaces one that is destroyed", () => {
  let reachable = false;
  const connection = join({}, () => reachable);
  assertEquals(connection.state.status, "disconnected");
  reachable = true;
  assertStrictEquals(join({ channelId: OTHER_CHANNEL }), connection);
  assertEquals([connection.state.status, connection.joinConfig.channelId], [
    "signalling",
    OTHER_CHANNEL,
  ]);
  connection.destroy();
  const next = join();
  assert(next !== connection);
  next.destroy();
});

test("joinVoiceChannel() refuses what is no id, and sends nothing", () => {
  const before = sent.length;
  assertThrows(() => join({ channelId: "general" }), RangeError, 'channelId is "general"');
  assertThrows(() => join({ guildId: "" }), RangeError, "guildId");
  assertEquals([sent.length, getVoiceConnections().size], [before, 0]);
});
