/**
 * What a connection sends in one call: a packet is prepared, then dispatched with a timestamp that
 * is true also over pauses, and Speaking is told where it changes.
 *
 * @module
 */

import { packetDuration } from "../../lib/audio/opus_toc.ts";
import { Pacer } from "../../lib/audio/pacer.ts";
import { SpeakingFlags } from "../../lib/speaking.ts";
import type { VoiceConnection } from "../connection.ts";

/** Sends packets. */
export class Transmission {
  readonly #connection: VoiceConnection;
  readonly #pacer = new Pacer();
  readonly #base: number;
  #prepared: Uint8Array | undefined;
  #speaking = false;
  #packetsPlayed = 0;

  /** Starts with nothing sent. */
  constructor(connection: VoiceConnection) {
    this.#connection = connection;
    this.#base = connection.rtp.timestamp;
  }

  /** Packets that were sent. */
  get packetsPlayed(): number {
    return this.#packetsPlayed;
  }

  /** Whether the others are told that the bot speaks. */
  get speaking(): boolean {
    return this.#speaking;
  }

  /**
   * Keeps a packet; an earlier one that was not dispatched is forgotten.
   *
   * @throws {SyntaxError} It is no Opus packet.
   */
  prepare(packet: Uint8Array): void {
    packetDuration(packet);
    this.#prepared = packet;
  }

  /**
   * Sends the packet that was prepared.
   *
   * @param now Monotonic milliseconds.
   * @returns Whether there was one and it was sent.
   */
  dispatch(now: number): boolean {
    const packet = this.#prepared;
    if (packet === undefined) return false;
    this.#prepared = undefined;
    this.setSpeaking(true, now);
    const position = this.#pacer.advance(packetDuration(packet), now);
    const isSent = this.#connection.sendOpus(packet, (this.#base + position) >>> 0);
    this.#packetsPlayed += Number(isSent);
    return isSent;
  }

  /** Tells the others whether the bot speaks, where that is news. */
  setSpeaking(speaking: boolean, now: number): void {
    if (speaking === this.#speaking) return;
    this.#speaking = speaking;
    if (speaking) this.#pacer.resume(now);
    this.#connection.setSpeaking(speaking ? SpeakingFlags.Microphone : 0);
  }
}
