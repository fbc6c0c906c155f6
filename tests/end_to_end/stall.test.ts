/**
 * A process that stands still for longer than its deadlines: what has arrived
 * meanwhile counts, nobody is thrown out.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import test from "node:test";
import { joinVoice } from "@sotto/voice";
import { type ServerEvent, startVoiceServer } from "@sotto/voice/testing";

test("server and connection outlive a stall of their own process", async () => {
  const events: ServerEvent[] = [];
  await using server = await startVoiceServer({
    heartbeatInterval: 200,
    onEvent: (event) => events.push(event),
  });
  await using connection = await joinVoice({
    guildId: "1",
    channelId: "2",
    userId: "3",
    adapterCreator: server.adapterCreator("3"),
  });
  await delay(250);
  const end = performance.now() + 1500;
  while (performance.now() < end);
  await delay(700);
  assertEquals(connection.state, "connected");
  assertEquals(events.filter(({ type }) => type === "close"), []);
});
