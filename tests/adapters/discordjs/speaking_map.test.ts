import { assertEquals } from "@std/assert";
import test from "node:test";
import { SpeakingMap } from "../../../adapters/discordjs/speaking_map.ts";
import { inFakeTime } from "../fake_sockets.ts";

function watched(): { map: SpeakingMap; told: string[] } {
  const map = new SpeakingMap();
  const told: string[] = [];
  map.on("start", (userId) => told.push(`start ${userId}`));
  map.on("end", (userId) => told.push(`end ${userId}`));
  return { map, told };
}

test(
  "SpeakingMap tells start once, and end 100 ms after the last packet",
  inFakeTime((time) => {
    const { map, told } = watched();
    assertEquals(SpeakingMap.DELAY, 100);
    for (let i = 0; i < 3; i++) {
      map.onPacket("1");
      time.advance(99);
    }
    assertEquals([told, [...map.users.keys()]], [["start 1"], ["1"]]);
    time.advance(1);
    assertEquals([told, map.users.size], [["start 1", "end 1"], 0]);
    map.onPacket("1");
    assertEquals(told.at(-1), "start 1");
    map.clear();
    assertEquals(time.armed, []);
  }),
);

test(
  "SpeakingMap.clear() ends everybody at once and leaves no timer",
  inFakeTime((time) => {
    const { map, told } = watched();
    map.onPacket("1");
    map.onPacket("2");
    map.clear();
    assertEquals(told, ["start 1", "start 2", "end 1", "end 2"]);
    assertEquals(time.armed, []);
  }),
);
