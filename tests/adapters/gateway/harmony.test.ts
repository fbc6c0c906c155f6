import { assertEquals } from "@std/assert";
import { EventEmitter } from "node:events";
import test from "node:test";
import { bindHarmony, type HarmonyShard } from "../../../adapters/gateway/harmony.ts";
import {
  Connection,
  GUILD,
  ME,
  NONSENSE,
  op4,
  SERVER,
  serverPacket,
  SOMEONE,
  STATE,
  statePacket,
} from "./fixtures.ts";

const SHARDS = 4;
const SHARD = Number((BigInt(GUILD) >> 22n) % BigInt(SHARDS));

/** As much of harmony's client as counts; `sent` is what the shards have sent. */
class Client extends EventEmitter {
  user: { id: string } | undefined = { id: ME };
  shardCount: number | "auto" = "auto";
  readonly sent: unknown[] = [];
  readonly list = new Map<number, HarmonyShard>();
  readonly shards = {
    cachedShardCount: SHARDS as number | undefined,
    get: (id: number) => this.list.get(id),
  };

  /** A shard that is, or is not, open. */
  launch(id: number, open: boolean = true): void {
    const send = (payload: unknown) => open && this.sent.push([id, payload]) > 0;
    this.list.set(id, { send });
  }

  /** As harmony tells of a dispatch: its name and its payload apart. */
  hear(packet: unknown): void {
    const { t, d } = (packet ?? {}) as { t?: unknown; d?: unknown };
    this.emit("raw", t, d, SHARD);
  }
}

test("bindHarmony() sends op 4 by the guild's shard", () => {
  const client = new Client();
  for (let id = 0; id < SHARDS; id++) client.launch(id);
  const adapter = bindHarmony(client).adapterCreator(GUILD)(new Connection());
  assertEquals(adapter.sendPayload(op4()), true);
  client.shards.cachedShardCount = undefined;
  client.shardCount = SHARDS;
  assertEquals(adapter.sendPayload(op4()), true);
  client.shardCount = "auto";
  assertEquals(adapter.sendPayload(op4()), true);
  assertEquals(client.sent, [[SHARD, op4()], [SHARD, op4()], [0, op4()]]);
});

test("bindHarmony() does not send where there is no shard, or where it is not open", () => {
  const client = new Client();
  const adapter = bindHarmony(client).adapterCreator(GUILD)(new Connection());
  assertEquals(adapter.sendPayload(op4()), false);
  client.launch(SHARD, false);
  assertEquals(adapter.sendPayload(op4()), false);
});

test("bindHarmony() hears raw dispatches of the own user once that is known", () => {
  const client = new Client();
  const connection = new Connection();
  bindHarmony(client).adapterCreator(GUILD)(connection);
  client.user = undefined;
  client.hear(statePacket());
  assertEquals(connection.told, []);
  client.user = { id: ME };
  for (const packet of NONSENSE) client.hear(packet);
  client.hear(statePacket());
  client.hear(statePacket({ user_id: SOMEONE }));
  client.hear(serverPacket());
  assertEquals(connection.told, [STATE, SERVER]);
});

test("a thousand connections on harmony leave no listener behind", () => {
  const client = new Client();
  const voice = bindHarmony(client);
  const kept = voice.adapterCreator(GUILD)(new Connection());
  for (let i = 0; i < 1000; i++) voice.adapterCreator(GUILD)(new Connection()).destroy();
  assertEquals(client.listenerCount("raw"), 1);
  kept.destroy();
  assertEquals(client.listenerCount("raw"), 0);
});
