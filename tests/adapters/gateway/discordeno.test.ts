import { assertEquals, assertStrictEquals } from "@std/assert";
import test from "node:test";
import { bindDiscordeno, type DiscordenoBot } from "../../../adapters/gateway/discordeno.ts";
import {
  Connection,
  GUILD,
  ME,
  op4,
  SERVER,
  serverPacket,
  SOMEONE,
  STATE,
  statePacket,
} from "./fixtures.ts";

const SHARDS = 4;
const SHARD = Number((BigInt(GUILD) >> 22n) % BigInt(SHARDS));

/** A bot with one open shard; `sent` is what that has sent. */
function bot(shardId: number = SHARD): DiscordenoBot & { open: boolean; sent: unknown[] } {
  const sent: unknown[] = [];
  const made = {
    id: BigInt(ME),
    open: true,
    sent,
    events: {},
    gateway: {
      totalShards: SHARDS,
      shards: new Map([[shardId, { isOpen: () => made.open }]]),
      sendPayload: (id: number, payload: unknown) => Promise.resolve(sent.push([id, payload])),
    },
  };
  return made;
}

test("bindDiscordeno() sends op 4 by the guild's shard", () => {
  const made = bot();
  const adapter = bindDiscordeno(made).adapterCreator(GUILD)(new Connection());
  assertEquals(adapter.sendPayload(op4()), true);
  assertEquals(made.sent, [[SHARD, op4()]]);
});

test("bindDiscordeno() does not send where the shard is elsewhere or not open", () => {
  const elsewhere = bot((SHARD + 1) % SHARDS);
  const adapter = bindDiscordeno(elsewhere).adapterCreator(GUILD)(new Connection());
  assertEquals([adapter.sendPayload(op4()), elsewhere.sent], [false, []]);
  const offline = bot();
  offline.open = false;
  const offlineAdapter = bindDiscordeno(offline).adapterCreator(GUILD)(new Connection());
  assertEquals([offlineAdapter.sendPayload(op4()), offline.sent], [false, []]);
});

test("bindDiscordeno() hears raw packets of the own user, as do the handlers around it", () => {
  const heard: unknown[] = [];
  const made = bot();
  const previous = (packet: unknown, shardId: number) => heard.push([packet, shardId]);
  made.events.raw = previous;
  const connection = new Connection();
  const adapter = bindDiscordeno(made).adapterCreator(GUILD)(connection);
  const packets = [statePacket(), statePacket({ user_id: SOMEONE }), serverPacket()];
  for (const packet of packets) made.events.raw(packet, SHARD);
  assertEquals(connection.told, [STATE, SERVER]);
  assertEquals(heard, packets.map((packet) => [packet, SHARD]));
  adapter.destroy();
  assertStrictEquals(made.events.raw, previous);
});

test("bindDiscordeno() takes transformed updates by dispatch()", () => {
  const voice = bindDiscordeno(bot());
  const connection = new Connection();
  voice.adapterCreator(GUILD)(connection);
  const { session_id: sessionId, channel_id: channelId } = STATE;
  const d = { guildId: BigInt(GUILD), userId: BigInt(ME), channelId: BigInt(channelId!) };
  voice.dispatch({ t: "VOICE_STATE_UPDATE", d: { ...d, sessionId } });
  assertEquals(connection.told, [STATE]);
});

test("a thousand overlapping connections on discordeno leave no handler behind", () => {
  const made = bot();
  let previous = bindDiscordeno(made).adapterCreator(GUILD)(new Connection());
  for (let i = 0; i < 1000; i++) {
    const next = bindDiscordeno(made).adapterCreator(GUILD)(new Connection());
    previous.destroy();
    previous = next;
  }
  assertEquals("raw" in made.events, true);
  previous.destroy();
  assertEquals("raw" in made.events, false);
});

test("a handler put over the binding's on discordeno stays, and nothing is told twice", () => {
  const made = bot();
  const voice = bindDiscordeno(made);
  const adapter = voice.adapterCreator(GUILD)(new Connection());
  const below = made.events.raw!;
  const above = (packet: unknown, shardId: number) => below(packet, shardId);
  made.events.raw = above;
  adapter.destroy();
  assertStrictEquals(made.events.raw, above);
  const connection = new Connection();
  voice.adapterCreator(GUILD)(connection);
  made.events.raw(serverPacket(), SHARD);
  assertEquals(connection.told, [SERVER]);
});
