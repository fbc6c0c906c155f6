/**
 * Two bots talk through the embedded server over real sockets: every packet arrives,
 * bit for bit and in order, in both modes that are taken by default and in the one that
 * adds the most bytes.
 *
 * @module
 */

import { assertEquals, assertGreaterOrEqual, assertLess } from "@std/assert";
import { deadline } from "@std/async";
import { readFile } from "node:fs/promises";
import test from "node:test";
import {
  joinVoice,
  oggOpus,
  type ReceivedFrame,
  SILENCE_COUNT,
  type VoiceConnection,
} from "@sotto/voice";
import { ENCRYPTION_MODES } from "@sotto/voice/core";
import { startVoiceServer } from "@sotto/voice/testing";

const GUILD = "41771983423143937";
const CHANNEL = "127121515262115840";
const PACKET_COUNT = 60;

const MODES = [...ENCRYPTION_MODES, "xsalsa20_poly1305_suffix"] as const;

for (const mode of MODES) {
  test(`two bots hear each other bit for bit, ${mode}`, async () => {
    await using server = await startVoiceServer({ modes: MODES });
    const join = (userId: string) =>
      joinVoice({
        guildId: GUILD,
        channelId: CHANNEL,
        userId,
        modes: [mode],
        adapterCreator: server.adapterCreator(userId),
      });
    await using alice = await join("100000000000000001");
    await using bob = await join("100000000000000002");
    assertEquals(alice.mode, mode);

    const packets = await talk();
    const heard = [hear(bob, "100000000000000001"), hear(alice, "100000000000000002")];
    const played = await Promise.all([alice.play(packets), bob.play(packets)]);
    for (const frames of await deadline(Promise.all(heard), 10_000)) {
      assertEquals(frames.map(({ opus }) => opus), packets);
      assertSteps(frames);
    }
    for (const { packetsSent, silenceSent } of played) {
      assertEquals([packetsSent, silenceSent], [packets.length, SILENCE_COUNT]);
    }
    assertEquals(bob.stats().dropped, {});
    assertEquals(bob.stats().streams[0].lost, 0);
    assertLess(alice.stats().roundTrip.websocket ?? Infinity, 1000);
    assertLess(alice.stats().roundTrip.udp ?? Infinity, 1000);
  });
}

async function talk(): Promise<Uint8Array[]> {
  const file = await readFile(new URL("../audio/talk.ogg", import.meta.url));
  const packets: Uint8Array[] = [];
  for await (const packet of oggOpus(file)) packets.push(Uint8Array.from(packet));
  return packets.slice(0, PACKET_COUNT);
}

async function hear(connection: VoiceConnection, userId: string): Promise<ReceivedFrame[]> {
  const frames: ReceivedFrame[] = [];
  for await (const speaker of connection.speakers()) {
    assertEquals(speaker.userId, userId);
    for await (const frame of speaker) {
      frames.push(frame);
      if (frames.length === PACKET_COUNT) return frames;
    }
  }
  return frames;
}

function assertSteps(frames: readonly ReceivedFrame[]): void {
  for (let i = 1; i < frames.length; i++) {
    assertEquals((frames[i].sequence - frames[i - 1].sequence) & 0xffff, 1);
    // More than one frame's duration only where the machine stalled.
    assertGreaterOrEqual((frames[i].timestamp - frames[i - 1].timestamp) >>> 0, 960);
  }
}
