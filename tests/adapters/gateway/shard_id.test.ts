import { assertEquals } from "@std/assert";
import test from "node:test";
import { shardIdOf } from "../../../adapters/gateway/shard_id.ts";

test("shardIdOf() is (guild id >> 22) % shards, beyond what a number holds", () => {
  const guildId = String((123_457n << 22n) + 5n);
  assertEquals(shardIdOf(guildId, 16), 1);
  assertEquals(shardIdOf(guildId, 1), 0);
  assertEquals(shardIdOf("18446744073709551615", 1000), Number((2n ** 42n - 1n) % 1000n));
});

test("shardIdOf() takes an unknown count as one shard", () => {
  for (const count of [undefined, null, "auto", 0, -1, 1.5, NaN, Infinity]) {
    assertEquals(shardIdOf("41771983423143937", count), 0);
  }
});
