/**
 * What the tests of the @discordjs/voice names share: packets, streams of them, a connection that
 * only writes down what it is told.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import type { PlayingConnection } from "../../../adapters/discordjs/connection_face.ts";
import type { JoinConfig } from "../../../adapters/discordjs/connection_status.ts";

export const GUILD = "41771983423143937";
export const CHANNEL = "127121515262115840";
export const OTHER_CHANNEL = "127121515262115841";
export const ALICE = "100000000000000001";
export const BOB = "100000000000000002";

export const SILENCE: Buffer = Buffer.from([0xf8, 0xff, 0xfe]);

/** Distinct packets of 20 ms. */
export function packets(count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.from([0xfc, index >> 8, index & 255]));
}

/** A stream of packets, as a caller has it. */
export function streamOf(items: readonly Uint8Array[]): Readable {
  return Readable.from(items, { objectMode: true });
}

/** Lets streams do what they have put off. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A connection that writes down what it is told. */
export class FakeConnection extends EventEmitter implements PlayingConnection {
  state: PlayingConnection["state"] = { status: "ready" };
  /** Datagrams that it was to take. */
  readonly datagrams: Uint8Array[] = [];
  readonly joinConfig: JoinConfig;
  /** What was sent, as hex, and when. */
  readonly sent: { readonly packet: string; readonly at: number }[] = [];
  /** What was told of speaking. */
  readonly speaking: boolean[] = [];
  readonly removed: object[] = [];
  #prepared: Buffer | undefined;

  constructor(guildId: string = GUILD, group = "default") {
    super();
    this.joinConfig = { guildId, group, channelId: CHANNEL, selfDeaf: true, selfMute: false };
  }

  /** What was sent, as hex. */
  get heard(): string[] {
    return this.sent.map(({ packet }) => packet);
  }

  prepareAudioPacket(packet: Uint8Array): Buffer {
    return this.#prepared = Buffer.from(packet);
  }

  dispatchAudio(): boolean {
    this.sent.push({ packet: this.#prepared!.toString("hex"), at: performance.now() });
    return true;
  }

  setSpeaking(enabled: boolean): void {
    if (this.speaking.at(-1) !== enabled) this.speaking.push(enabled);
  }

  rejoin(): boolean {
    return true;
  }

  disconnect(): boolean {
    return true;
  }

  destroy(): void {}

  receiveDatagram(datagram: Uint8Array): void {
    this.datagrams.push(datagram);
  }

  onSubscriptionRemoved(subscription: object): void {
    this.removed.push(subscription);
  }
}
