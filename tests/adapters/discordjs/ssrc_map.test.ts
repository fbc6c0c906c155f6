import { assertEquals } from "@std/assert";
import test from "node:test";
import { SSRC_LIMIT, SSRCMap } from "../../../adapters/discordjs/ssrc_map.ts";

function watched(): { map: SSRCMap; told: unknown[] } {
  const map = new SSRCMap();
  const told: unknown[] = [];
  map.on("create", (data) => told.push(["create", data]));
  map.on("update", (old, data) => told.push(["update", old, data]));
  map.on("delete", (data) => told.push(["delete", data]));
  return { map, told };
}

test("SSRCMap.update() merges, and tells what was before", () => {
  const { map, told } = watched();
  const first = { userId: "1", audioSSRC: 7 };
  const second = { userId: "1", audioSSRC: 7, videoSSRC: 8 };
  map.update(first);
  map.update(second);
  map.update(first);
  assertEquals(map.get(7), second);
  assertEquals(told, [
    ["create", first],
    ["update", undefined, first],
    ["update", first, second],
    ["update", second, second],
  ]);
});

test("SSRCMap finds and deletes by SSRC and by user", () => {
  const { map, told } = watched();
  map.update({ userId: "1", audioSSRC: 7 });
  map.update({ userId: "2", audioSSRC: 8 });
  assertEquals(map.get("2"), { userId: "2", audioSSRC: 8 });
  assertEquals(map.delete("2"), { userId: "2", audioSSRC: 8 });
  assertEquals(map.delete(7), { userId: "1", audioSSRC: 7 });
  assertEquals([map.get(7), map.get("2"), map.delete(7), map.delete("2")], [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals(told.slice(-2), [
    ["delete", { userId: "2", audioSSRC: 8 }],
    ["delete", { userId: "1", audioSSRC: 7 }],
  ]);
});

test("SSRCMap is bounded: the oldest SSRC gives way", () => {
  const { map, told } = watched();
  for (let ssrc = 0; ssrc <= SSRC_LIMIT; ssrc++) map.update({ userId: `${ssrc}`, audioSSRC: ssrc });
  assertEquals([map.get(0), map.get(1)?.userId], [undefined, "1"]);
  assertEquals(told.filter((entry) => (entry as unknown[])[0] === "delete").length, 1);
});
