import { assertEquals, assertThrows } from "@std/assert";
import test from "node:test";
import type { JoinConfig } from "../../../adapters/discordjs/connection_status.ts";
import { GatewayRecord } from "../../../adapters/discordjs/gateway_record.ts";
import { RemoteProtocolError } from "../../../lib/errors.ts";
import { ALICE, BOB, CHANNEL, GUILD, OTHER_CHANNEL } from "./fixtures.ts";

const WANTED: JoinConfig = {
  guildId: GUILD,
  channelId: CHANNEL,
  group: "default",
  selfDeaf: true,
  selfMute: false,
};
const SERVER = { guild_id: GUILD, token: "t", endpoint: "voice.example:443" };

function stateOf(user_id: string, more: object = {}): Record<string, unknown> {
  return { guild_id: GUILD, channel_id: CHANNEL, user_id, session_id: `of ${user_id}`, ...more };
}

test("GatewayRecord has an answer once both updates have come, in either order", () => {
  const first = new GatewayRecord();
  first.takeState(stateOf(ALICE), WANTED);
  assertEquals([first.answer, first.channelId], [undefined, CHANNEL]);
  first.takeServer(SERVER, GUILD);
  assertEquals(first.answer?.state.session_id, `of ${ALICE}`);
  const second = new GatewayRecord();
  second.takeServer(SERVER, GUILD);
  second.takeState(stateOf(ALICE), WANTED);
  assertEquals(second.answer?.server, SERVER);
  second.forget();
  assertEquals(second.answer, undefined);
});

test("GatewayRecord learns who the bot is, among the states of others", () => {
  const record = new GatewayRecord();
  const human = { member: { user: { id: BOB } } };
  const others = [
    stateOf(BOB, { channel_id: OTHER_CHANNEL }),
    stateOf(BOB, { guild_id: "1" }),
    stateOf(BOB, { self_deaf: false }),
    stateOf(BOB, { self_mute: true }),
    stateOf(BOB, { channel_id: null }),
    stateOf(BOB, human),
  ];
  for (const state of others) assertEquals(record.takeState(state, WANTED), undefined);
  // One that cannot be told apart gives way to what comes right before the voice server.
  record.takeState(stateOf(BOB), WANTED);
  const own = { self_deaf: true, self_mute: false, member: { user: { id: ALICE, bot: true } } };
  record.takeState(stateOf(ALICE, own), WANTED);
  record.takeServer(SERVER, GUILD);
  assertEquals(record.answer?.state.user_id, ALICE);
  assertEquals(record.takeState(stateOf(BOB), WANTED), undefined);
  assertEquals(record.takeState(stateOf(ALICE, { channel_id: null }), WANTED)?.channel_id, null);
  assertEquals([record.answer, record.channelId], [undefined, undefined]);
});

test("GatewayRecord.doubt() lets another user be the bot", () => {
  const record = new GatewayRecord();
  record.takeServer(SERVER, GUILD);
  record.takeState(stateOf(BOB), WANTED);
  record.doubt();
  record.takeState(stateOf(ALICE), WANTED);
  assertEquals(record.answer?.state.user_id, ALICE);
});

test("GatewayRecord leaves other guilds and broken updates aside", () => {
  const record = new GatewayRecord();
  assertEquals(record.takeServer({ ...SERVER, guild_id: "1" }, GUILD), undefined);
  assertEquals(record.takeState(stateOf("not an id"), WANTED), undefined);
  assertEquals(record.takeState(stateOf(ALICE, { channel_id: "x" }), WANTED), undefined);
  for (const broken of [undefined, null, 1, {}, { user_id: 1 }]) {
    assertThrows(() => record.takeState(broken, WANTED), RemoteProtocolError);
    assertThrows(() => record.takeServer(broken, GUILD), RemoteProtocolError);
  }
  record.takeState(stateOf(ALICE), WANTED);
  record.takeServer({ ...SERVER, endpoint: null }, GUILD);
  assertEquals(record.answer, undefined);
});
