/**
 * `examples/custom_transport.ts` as a child process on the present runtime: what it sends
 * is heard, and what is said to it is printed, bit for bit.
 *
 * @module
 */

import { assertEquals, assertGreater, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { joinVoice, type ReceivedFrame, type VoiceConnection } from "@sotto/voice";
import { readOggOpus } from "@sotto/voice/audio";
import { type ServerEvent, startVoiceServer } from "@sotto/voice/testing";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";
import { type Ending, startChild } from "../tools/child.ts";
import { within } from "../tools/waiting.ts";

const LIMIT = 30_000;
const [GUILD, CHANNEL] = ["41771983423143937", "127121515262115840"];
const [BOT, BOB] = ["100000000000000001", "100000000000000002"];
const TOKEN = "voice-token-of-the-test";
const FRAME_COUNT = 50;
const FILE = fileURLToPath(new URL("../../examples/custom_transport.ts", import.meta.url));

const TALK = readOggOpus(
  new Uint8Array(readFileSync(new URL("../audio/talk.ogg", import.meta.url))),
).packets.map(({ packet }) => packet);

async function run(...given: readonly string[]): Promise<Ending> {
  const args = runArguments(currentRuntime(), FILE, given);
  using child = startChild(await runtimePath(currentRuntime()), args);
  return await child.ended;
}

async function hear(connection: VoiceConnection): Promise<ReceivedFrame[]> {
  for await (const speaker of connection.speakers()) return await Array.fromAsync(speaker);
  return [];
}

test(
  "custom_transport.ts is heard and hears, bit for bit",
  within(LIMIT, async () => {
    const told: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => void told.push(event) });
    await using bob = await joinVoice({
      guildId: GUILD,
      channelId: CHANNEL,
      userId: BOB,
      server: { endpoint: server.url, sessionId: "bob", token: TOKEN },
    });
    const frames = hear(bob);
    const done = new AbortController();
    const playing = bob.play(TALK, { signal: done.signal }).catch(() => {});
    const { code, stdout, stderr } = await run(server.url, GUILD, CHANNEL, BOT, "session", TOKEN);
    done.abort();
    await playing;
    assertEquals([code, stderr], [0, ""]);

    const heard = await frames;
    assertEquals(
      heard.map(({ opus }) => opus),
      new Array(FRAME_COUNT).fill(Uint8Array.of(0xf8, 0xff, 0xfe)),
    );
    for (let i = 1; i < heard.length; i++) {
      assertEquals((heard[i].sequence - heard[i - 1].sequence) & 0xffff, 1);
      assertEquals((heard[i].timestamp - heard[i - 1].timestamp) >>> 0, 960);
    }
    // Bob was speaking before it came, and after it left.
    assertGreater(stdout.split("\n").length, FRAME_COUNT / 2);
    assertStringIncludes(TALK.map((opus) => `${BOB} ${opus.join(" ")}\n`).join(""), stdout);
    const left = told.find((event) => event.type === "leave" && event.userId === BOT);
    assertEquals(left?.type === "leave" && left.reason, "left");
    assertEquals(server.stats().dropped, {});
  }),
);

test(
  "custom_transport.ts exits with 1 and says why, without the token",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ token: "another-token" });
    const { code, stdout, stderr } = await run(server.url, GUILD, CHANNEL, BOT, "session", TOKEN);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "4004");
    assertEquals(stderr.includes(TOKEN), false);
  }),
);

test(
  "custom_transport.ts exits with 2 and its usage where an argument is missing",
  within(LIMIT, async () => {
    const { code, stdout, stderr } = await run("ws://127.0.0.1:1", GUILD, CHANNEL, BOT, "session");
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "Usage: custom_transport.ts ENDPOINT");
  }),
);

test("custom_transport.ts is a transport in 25 lines", () => {
  const [, feed, perform] = /^(function feed.*?^}$).*?^(function perform.*?^}$)/ms
    .exec(readFileSync(FILE, "utf8"))!;
  assertLessOrEqual(`${feed}\n${perform}`.split("\n").length, 25);
});
