/**
 * Samples that are played, encoded, sent, received and decoded are the samples that were played.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { assert } from "@std/assert";
import { audioSource, joinVoice, oggOpus, type PcmFrame, type VoiceConnection } from "@sotto/voice";
import { encodeWav, SAMPLE_RATE } from "@sotto/voice/audio";
import { createOpus } from "@sotto/voice/opus";
import { startVoiceServer } from "@sotto/voice/testing";
import { likeness } from "../tools/correlation.ts";
import { within } from "../tools/waiting.ts";

const CALL = { guildId: "41771983423143937", channelId: "127121515262115840" };
const [ALICE, BOB] = ["100000000000000001", "100000000000000002"];
const SECONDS = 3;

test(
  "what is played as samples is heard with a correlation above 0.99 at 128 kbit/s",
  within(30_000, async () => {
    await using server = await startVoiceServer();
    const join = (userId: string) =>
      joinVoice({ ...CALL, userId, adapterCreator: server.adapterCreator(userId) });
    await using alice = await join(ALICE);
    await using bob = await join(BOB);
    const events: PcmFrame[] = [];
    const stop = bob.on("audioFrame", ({ type: _, ...frame }) => events.push(frame));
    const hearing = hear(bob);
    const source = await talk();
    const wav = await audioSource(encodeWav(source, SAMPLE_RATE, 2));
    await alice.play(wav, { bitrate: 128_000 });
    alice.leave();
    const frames = await hearing;
    stop();

    for (const heard of [frames, events]) {
      const { median, share } = likeness(source, joined(heard));
      assert(median > 0.99 && share > 0.9, `median ${median}, share ${share}`);
    }
  }),
);

/** The beginning of a file with speech over music, as samples. */
async function talk(): Promise<Int16Array> {
  using codec = await createOpus();
  const file = await readFile(new URL("../audio/talk.ogg", import.meta.url));
  const packets = await Array.fromAsync(oggOpus(file));
  return concatenated(packets.slice(0, SECONDS * 50).map((packet) => codec.decode(packet)));
}

/** All that the first speaker says. */
async function hear(connection: VoiceConnection): Promise<PcmFrame[]> {
  for await (const speaker of connection.speakers()) {
    return await Array.fromAsync(speaker.pcm());
  }
  return [];
}

/** Frames in their places, from the first one on. */
function joined(frames: readonly PcmFrame[]): Int16Array {
  const start = frames[0].position;
  const { position, samples } = frames.at(-1)!;
  const all = new Int16Array(2 * (position - start) + samples.length);
  for (const { position, samples } of frames) all.set(samples, 2 * (position - start));
  return all;
}

function concatenated(parts: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
