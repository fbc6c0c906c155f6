/**
 * End-to-end encrypted calls of our own client and of others, which use `@snazzah/davey`, in
 * our server: all hear each other bit for bit and see the same code. Never skipped: our DAVE
 * must not be the only witness for our DAVE.
 *
 * @module
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import test from "node:test";
import { ENCRYPTION_MODES } from "@sotto/voice/core";
import type { Bot, OwnBot } from "./bot.ts";
import { installPeer } from "./install.ts";
import { Stage } from "./stage.ts";
import { assertHealthy, breakDown, talk } from "./talk.ts";

await Promise.all(["discordjs", "discordjs_018"].map(installPeer));

/** All share an epoch, whose code is no other one's. */
async function assertSecured(stage: Stage, bots: readonly Bot[]): Promise<string> {
  const codes = await stage.secured(bots);
  assertEquals(new Set(codes).size, 1);
  assertEquals(codes[0]?.length, 30);
  return codes[0]!;
}

function assertUnbroken(ours: readonly OwnBot[]): void {
  for (const { connection } of ours) {
    const { dropped, undecryptable, held, expired } = connection.stats();
    assertEquals({ dropped, undecryptable, held, expired }, {
      dropped: {},
      undecryptable: {},
      held: 0,
      expired: 0,
    });
    assertEquals(connection.dave?.counters, { ignored: {}, recoveries: 0 });
  }
}

for (const mode of ENCRYPTION_MODES) {
  test(`@discordjs/voice 0.19 and VoiceConnection hear each other bit for bit, DAVE in ${mode}`, async () => {
    await using stage = await Stage.open([mode], "required");
    const peers = await stage.peers("discordjs", "discordjs");
    const ours = [await stage.ours([mode]), await stage.ours([mode])];
    const bots = [...peers, ...ours];
    await assertSecured(stage, bots);
    await talk(bots);
    assertUnbroken(ours);
    assertHealthy(peers);
    const [first, second] = ours.map(({ connection }) => connection.dave!);
    const other = peers[0].userId;
    const codes = await Promise.all([first, second].map((dave) => dave.verificationCode(other)));
    assertNotEquals(codes[0], codes[1]);
    assertEquals(
      await first.verificationCode(ours[1].userId),
      await second.verificationCode(ours[0].userId),
    );
  });
}

test("bots come and go, and each epoch of @discordjs/voice and VoiceConnection is heard", async () => {
  await using stage = await Stage.open(undefined, "optional");
  const [peer] = await stage.peers("discordjs");
  const first = await stage.ours();
  const codes = [await assertSecured(stage, [peer, first])];
  await talk([peer, first]);
  assertUnbroken([first]);
  const second = await stage.ours();
  codes.push(await assertSecured(stage, [peer, first, second]));
  await first[Symbol.asyncDispose]();
  codes.push(await assertSecured(stage, [peer, second]));
  await talk([peer, second], { count: 25 });
  assertEquals(new Set(codes).size, 3);
  assertUnbroken([second]);
  assertHealthy([peer]);
});

test("encrypted bots that are cut off resume, keep their group, play on and hear on", async () => {
  await using stage = await Stage.open(undefined, "required");
  const [peer, ours] = [(await stage.peers("discordjs"))[0], await stage.ours()];
  const code = await assertSecured(stage, [peer, ours]);
  await breakDown(stage, [peer, ours], 4015, () => {
    for (const { userId } of [peer, ours]) stage.server.closeClient({ userId }, 4015);
  });
  assertEquals(ours.connection.dave?.privacyCode, code);
  assertUnbroken([ours]);
});

test("a bot without DAVE makes a call unencrypted, and encrypted it is when that one leaves", async () => {
  await using stage = await Stage.open(undefined, "optional");
  const [peer, ours] = [(await stage.peers("discordjs"))[0], await stage.ours()];
  await assertSecured(stage, [peer, ours]);
  const [old] = await stage.peers("discordjs_018");
  await stage.downgraded([peer, ours]);
  assertEquals(ours.connection.dave?.protocolVersion, 0);
  await talk([peer, ours, old]);
  await old[Symbol.asyncDispose]();
  await assertSecured(stage, [peer, ours]);
  assertEquals(ours.connection.dave?.protocolVersion, 1);
  const late = await stage.ours();
  await assertSecured(stage, [peer, ours, late]);
  await talk([peer, late], { count: 25 });
  assertUnbroken([late]);
});
