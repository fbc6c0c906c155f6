/**
 * What bots do when they have met: they play and hear one another bit for bit.
 *
 * What peers are not held to:
 * - @discordjs/voice drops packets that overtake Speaking, as UDP does when a machine is busy;
 *   Eris and Dysnomia cannot tell whose they are. So whoever is to be heard says Speaking first
 *   and plays when that has come: then nothing may be missing. Our own client holds such
 *   packets and needs no such care.
 * - @discordjs/voice 0.18 and 0.19 see a header extension where ciphertext begins with BE DE,
 *   though the X bit is clear, and hand out an empty packet: one in 65 536.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import type { EncryptionMode } from "@sotto/voice/core";
import { type Bot, toHex } from "./bot.ts";
import { PeerClient } from "./peer_client.ts";
import { Stage } from "./stage.ts";

const MISREADING_PEERS = ["discordjs", "discordjs_018"];
const HEARTBEAT_ACK = 6;

/**
 * Two bots of a peer and one of ours, in one mode, hear one another.
 *
 * @param peer Name of the peer's folder.
 * @param version Version of the voice gateway that the peer speaks.
 * @param mode Encryption mode of all of them.
 */
export async function hearEachOther(
  peer: string,
  version: number,
  mode: EncryptionMode,
): Promise<void> {
  await using stage = await Stage.open([mode]);
  const peers = await stage.peers(peer, peer);
  const ours = await stage.ours([mode]);
  const bots = [...peers, ours];
  await talk(bots);
  assertEquals(bots.map((bot) => bot.mode), bots.map(() => mode));
  assertEquals(peers.map((bot) => stage.gatewayVersion(bot)), peers.map(() => version));
  assertEquals(ours.connection.stats().dropped, {});
  assertHealthy(peers);
}

/** Peers have reported no error, and their heartbeats were answered. */
export function assertHealthy(peers: readonly PeerClient[]): void {
  for (const { reports } of peers) {
    assertEquals(reports.filter(({ event }) => event === "error"), []);
    assertGreater(reports.filter(({ op }) => op === HEARTBEAT_ACK).length, 0);
  }
}

/**
 * In the midst of a talk all lose their WebSockets, resume, play on and hear on.
 *
 * @param stage Where they are.
 * @param bots Who talks.
 * @param code Close code that the server has to report.
 * @param cause Takes the WebSockets away.
 */
export async function breakDown(
  stage: Stage,
  bots: readonly Bot[],
  code: number,
  cause: () => void,
): Promise<void> {
  const peers = bots.filter((bot) => bot instanceof PeerClient);
  const ssrcs = bots.map(({ ssrc }) => ssrc);
  const hearOn = async (peer: PeerClient, from: number): Promise<void> =>
    await peer.hearsPackets(50, await peer.resumes(from));
  const meanwhile = async (): Promise<void> => {
    await Promise.all(peers.map((peer) => peer.hearsPackets(30, 0)));
    const resumed = peers.map((peer) => hearOn(peer, peer.reports.length));
    cause();
    await Promise.all([...resumed, ...bots.map((bot) => stage.resumes(bot, code))]);
  };
  await talk(bots, { count: 110, meanwhile });
  assertEquals(bots.map(({ ssrc }) => ssrc), ssrcs);
}

/** How bots talk. */
export interface TalkOptions {
  /** How many packets each plays; 50 by default. */
  readonly count?: number;
  /** What happens while they play. */
  readonly meanwhile?: () => Promise<void>;
}

/** All play, and each hears all others, in order and bit for bit. */
export async function talk(bots: readonly Bot[], options: TalkOptions = {}): Promise<void> {
  const { count = 50, meanwhile } = options;
  const pairs = bots.flatMap((listener) =>
    bots.filter((speaker) => speaker !== listener).map((speaker) => ({ listener, speaker }))
  );
  await Promise.all(pairs.map(({ listener, speaker }) => listener.hear(speaker)));
  for (const bot of bots) bot.speak();
  await Promise.all(pairs.map(({ listener, speaker }) => listener.knowsSpeaker(speaker)));
  const played = new Map(bots.map((bot, index) => [bot, opusPackets(index, count)]));
  await Promise.all([
    ...pairs.map(async ({ listener, speaker }) =>
      assertHeard(listener, speaker, await listener.heard(speaker), played.get(speaker)!)
    ),
    ...bots.map((bot) => bot.play(played.get(bot)!)),
    meanwhile?.(),
  ]);
}

function assertHeard(listener: Bot, speaker: Bot, heard: string[], played: Uint8Array[]): void {
  const wanted = played.map(toHex);
  const misread = MISREADING_PEERS.includes(listener.name) ? heard.indexOf("") : -1;
  if (misread >= 0) heard = heard.with(misread, wanted[misread]);
  const what = `What ${listener.name} heard of ${speaker.name}`;
  const missing = [...wanted.keys()].filter((index) => !heard.includes(wanted[index]));
  const unknown = heard.filter((packet) => !wanted.includes(packet));
  assertEquals({ missing, unknown }, { missing: [], unknown: [] }, what);
  assertEquals(heard, wanted, `${what}, in order`);
}

/** Distinct packets of 20 ms, with the sizes of real ones; neither end decodes them. */
function opusPackets(speaker: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const packet = new Uint8Array(60 + index % 120).fill(index * 7 + speaker);
    packet.set([0xfc, speaker, index]);
    return packet;
  });
}
