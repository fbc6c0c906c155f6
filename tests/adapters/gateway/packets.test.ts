import { assertEquals } from "@std/assert";
import test from "node:test";
import { readSnowflake, readVoicePacket } from "../../../adapters/gateway/packets.ts";
import {
  CHANNEL,
  GUILD,
  ME,
  NONSENSE,
  SECRET,
  SERVER,
  serverPacket,
  STATE,
  statePacket,
} from "./fixtures.ts";

test("readVoicePacket() reads what Discord sends, and drops fields that voice does not need", () => {
  const extra = { self_mute: true, member: { user: {} } };
  assertEquals(readVoicePacket(statePacket(extra)), {
    t: "VOICE_STATE_UPDATE",
    guildId: GUILD,
    d: STATE,
  });
  assertEquals(readVoicePacket(serverPacket(extra)), {
    t: "VOICE_SERVER_UPDATE",
    guildId: GUILD,
    d: SERVER,
  });
  assertEquals(readVoicePacket({ t: "READY", d: { user: { id: ME } } }), {
    t: "READY",
    userId: ME,
  });
});

test("readVoicePacket() writes camelCase keys and bigint snowflakes as Discord does", () => {
  const d = {
    guildId: BigInt(GUILD),
    channelId: BigInt(CHANNEL),
    userId: BigInt(ME),
    sessionId: "session",
  };
  assertEquals(readVoicePacket({ t: "VOICE_STATE_UPDATE", d }), {
    t: "VOICE_STATE_UPDATE",
    guildId: GUILD,
    d: STATE,
  });
  const { token, endpoint } = SERVER;
  const server = { token, endpoint, guildId: BigInt(GUILD) };
  assertEquals(readVoicePacket({ t: "VOICE_SERVER_UPDATE", d: server }), {
    t: "VOICE_SERVER_UPDATE",
    guildId: GUILD,
    d: SERVER,
  });
});

test("readVoicePacket() takes a channel and an endpoint that are missing as null", () => {
  for (const missing of [null, undefined]) {
    assertEquals(readVoicePacket(statePacket({ channel_id: missing })), {
      t: "VOICE_STATE_UPDATE",
      guildId: GUILD,
      d: { ...STATE, channel_id: null },
    });
    assertEquals(readVoicePacket(serverPacket({ endpoint: missing })), {
      t: "VOICE_SERVER_UPDATE",
      guildId: GUILD,
      d: { token: SECRET, guild_id: GUILD, endpoint: null },
    });
  }
});

test("readVoicePacket() leaves nonsense aside", () => {
  for (const packet of NONSENSE) assertEquals(readVoicePacket(packet), undefined);
});

test("readSnowflake() takes decimal text and bigint, never a number", () => {
  assertEquals(["1", 1n, 2n ** 64n - 1n].map(readSnowflake), ["1", "1", "18446744073709551615"]);
  const wrong = [1, "", "-1", -1n, "1.5", " 1", "1\n", "0x1", "1".repeat(21), null, {}, ["1"]];
  assertEquals(wrong.map(readSnowflake), wrong.map(() => undefined));
});
