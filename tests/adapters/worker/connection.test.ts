import { assert, assertEquals } from "@std/assert";
import test from "node:test";
import { type JoinVoiceOptions, VoiceConnection } from "../../../adapters/connection.ts";
import { detectTransport } from "../../../adapters/detect.ts";
import { startVoiceServer } from "../../../adapters/testing/mod.ts";
import { lanePool } from "../../../adapters/worker/pool.ts";
import { until, within } from "../../tools/waiting.ts";

const LIMIT = 20_000;
const [ALICE, BOB] = ["100000000000000001", "100000000000000002"];
const ME = { guildId: "41771983423143937", channelId: "127121515262115840" };

test(
  "VoiceConnection with a worker talks, loses nothing while its thread stands still, and leaves none",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const join = async (userId: string, options: Partial<JoinVoiceOptions> = {}) =>
      await VoiceConnection.join(await detectTransport(), {
        ...ME,
        userId,
        adapterCreator: server.adapterCreator(userId),
        ...options,
      });
    const alice = await join(ALICE, { worker: true });
    const bob = await join(BOB, { worker: true });
    assert(lanePool.size > 0);
    await Promise.all([alice.untilReady(), bob.untilReady()]);
    const heard: number[] = [];
    bob.on("rawAudioFrame", ({ frame }) => heard.push(frame[13]!));
    const packets = Array.from({ length: 25 }, (_, i) => Uint8Array.of(0xf8, i, 1, 2));
    const done = alice.play(packets);
    await until(() => heard.length > 3);
    for (const start = performance.now(); performance.now() < start + 70;);
    assertEquals((await done).packetsSent, packets.length);
    await until(() => heard.length === packets.length + 5);
    assertEquals(heard.slice(0, 25), packets.map((_, i) => i));
    await until(() => alice.stats().pacing.count === packets.length + 5);
    assertEquals(alice.stats().unsent, 0);
    assert(alice.stats().roundTrip.websocket !== null);
    alice.leave();
    bob.leave();
    await Promise.all([alice.closed, bob.closed]);
    await until(() => lanePool.size === 0);
  }),
);
