/**
 * A sender and a network on virtual time: the packets of a voice, lost, held up, overtaken and
 * doubled by chance, the same for the same seed.
 *
 * @module
 */

import type { JitterItem, JitterPacket, PushResult } from "../../lib/audio/jitter_buffer.ts";
import { OPUS_SILENCE } from "../../lib/audio/opus_toc.ts";
import { SeededRandom } from "../../lib/testing/seeded_random.ts";

/** What the sender does and what the network does to it. */
export interface VoiceNetworkOptions {
  /** Of the random numbers; default 1. */
  readonly seed?: number;
  /** Packets of 20 ms, pauses not counted. */
  readonly count: number;
  /** Share of packets that are lost; default 0. */
  readonly loss?: number;
  /** Mean packets that are lost in a row (Gilbert-Elliott); default: each by itself. */
  readonly burst?: number;
  /** Mean milliseconds that packets wait in queues, which keep their order; default 0. */
  readonly jitter?: number;
  /** Share of packets that are held up alone, by up to 200 ms; default 0. */
  readonly reorder?: number;
  /** Share of packets that come twice; default 0. */
  readonly duplicates?: number;
  /** By how many millionths the sender's clock is faster than ours; default 0. */
  readonly drift?: number;
  /** Mean packets between pauses of up to 2 s, each after five packets of silence; default none. */
  readonly talkspurt?: number;
  /** Whether the timestamp stands still in a pause, as with some senders; default false. */
  readonly frozen?: boolean;
}

/** A packet of the sender. */
export interface SentPacket {
  /** Number, from 0, without gaps. */
  readonly index: number;
  /** When it leaves, in milliseconds of our clock. */
  readonly sentAt: number;
  /** Whether the network has lost it. */
  readonly lost: boolean;
  /** What it needs more than any packet must. */
  readonly lateness: number;
  /** As it comes. */
  readonly packet: JitterPacket;
}

/** Milliseconds that every packet needs. */
export const LEAST_TRANSIT = 30;

/**
 * Sends a voice through the network.
 *
 * @param options Sender and network.
 * @param opusOf The payload of a packet by its number; default: the number, behind a TOC of 20 ms.
 * @returns All packets as they were sent, and those that come in the order in which they do.
 */
export function sendVoice(
  options: VoiceNetworkOptions,
  opusOf: (index: number) => Uint8Array = numbered,
): { readonly sent: SentPacket[]; readonly arrivals: SentPacket[] } {
  const { seed = 1, count, loss = 0, burst = 0, jitter = 0, reorder = 0, duplicates = 0 } = options;
  const { drift = 0, talkspurt = Infinity, frozen = false } = options;
  const random = new SeededRandom(seed);
  const isLost = losses(random, loss, burst);
  const ssrc = Math.floor(random.next() * 2 ** 32);
  const firstSequence = Math.floor(random.next() * 2 ** 16);
  let timestamp = Math.floor(random.next() * 2 ** 32);
  let sentAt = 1000;
  let queueEnd = 0;
  let untilPause = talkspurt;
  let silences = 0;
  const sent: SentPacket[] = [];
  for (let index = 0; index < count; index++) {
    const lost = isLost();
    queueEnd = Math.max(queueEnd, sentAt - jitter * Math.log(1 - random.next()));
    const held = random.next() < reorder ? 200 * random.next() : 0;
    const lateness = queueEnd - sentAt + held;
    const at = sentAt + LEAST_TRANSIT + lateness;
    const opus = silences > 0 ? Uint8Array.from(OPUS_SILENCE) : opusOf(index);
    const sequence = firstSequence + index & 0xffff;
    const packet = { ssrc, sequence, timestamp, at, opus };
    sent.push({ index, sentAt, lost, lateness, packet });
    const steps = 1 + (--silences === 0 ? Math.floor(100 * random.next()) : 0);
    if (steps > 1) untilPause = talkspurt * (0.5 + random.next());
    else if (silences < 0 && --untilPause <= 0) silences = 5;
    timestamp = timestamp + 960 * (frozen ? 1 : steps) >>> 0;
    sentAt += 20 * steps / (1 + drift / 1e6);
  }
  const arrivals = sent.filter(({ lost }) => !lost).flatMap((each) => {
    if (random.next() >= duplicates) return [each];
    const at = each.packet.at + 100 * random.next();
    return [each, { ...each, packet: { ...each.packet, at } }];
  });
  return { sent, arrivals: arrivals.sort((a, b) => a.packet.at - b.packet.at) };
}

/** Something that takes packets and gives what is to be played. */
export interface PlayoutSide<T> {
  push(packet: JitterPacket): PushResult;
  pull(now: number): T | undefined;
  pollTimeout(): number | undefined;
}

/**
 * Plays what comes, at the instants that the buffer asks for.
 *
 * @param buffer The receiver.
 * @param arrivals Packets in the order in which they come.
 * @param take Takes each item, with the time.
 */
export function playVoice<T = JitterItem>(
  buffer: PlayoutSide<T>,
  arrivals: readonly SentPacket[],
  take: (item: T, now: number) => void = () => {},
): void {
  for (const { packet } of arrivals) {
    pullUntil(buffer, packet.at, take);
    buffer.push(packet);
  }
  pullUntil(buffer, (arrivals.at(-1)?.packet.at ?? 0) + 2000, take);
}

/** Pulls what is due before an instant. */
export function pullUntil<T>(
  buffer: PlayoutSide<T>,
  until: number,
  take: (item: T, now: number) => void,
): void {
  for (let at; (at = buffer.pollTimeout()) !== undefined && at < until;) {
    const item = buffer.pull(at);
    if (item !== undefined) take(item, at);
  }
}

/** An Opus packet of 20 ms that holds a number. */
export function numbered(index: number): Uint8Array {
  return Uint8Array.of(0xfc, 1, index >> 16, index >> 8, index);
}

/** The number in such a packet. */
export function numberOf(opus: Uint8Array): number {
  return opus[2] << 16 | opus[3] << 8 | opus[4];
}

/** Says of one packet after another whether it is lost. */
function losses(random: SeededRandom, share: number, burst: number): () => boolean {
  if (burst === 0) return () => random.next() < share;
  let isBad = false;
  const toBad = share / (burst * (1 - share));
  return () => {
    isBad = isBad ? random.next() >= 1 / burst : random.next() < toBad;
    return isBad;
  };
}
