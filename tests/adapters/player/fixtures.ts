/**
 * Sources and outputs for tests of the player.
 *
 * @module
 */

import type { PlayerOutput } from "../../../adapters/player/player.ts";
import type { OpusSource, PcmSource } from "../../../adapters/sources/audio_source.ts";
import { OPUS_SILENCE } from "../../../lib/audio/opus_toc.ts";

const SILENCE = Uint8Array.from(OPUS_SILENCE);

/** Packets of 2.5 ms that can be told apart. */
export function shortPackets(count: number, mark = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => Uint8Array.of(0xe0, mark, i));
}

/** A seekable source of packets of 2.5 ms. */
export function seekable(packets: readonly Uint8Array[]): OpusSource & { opened: number[] } {
  const opened: number[] = [];
  return {
    kind: "opus",
    duration: packets.length * 2.5,
    seekable: true,
    opened,
    async *open(from = 0) {
      opened.push(from);
      yield* packets.slice(Math.ceil(from / 2.5));
    },
  };
}

/** A source of samples, in pieces of `size`. */
export function pcm(samples: Int16Array, size: number): PcmSource {
  return {
    kind: "pcm",
    duration: samples.length / 96,
    seekable: false,
    async *open() {
      for (let at = 0; at < samples.length; at += size) yield samples.slice(at, at + size);
    },
  };
}

/** What an output was given. */
export interface Sent {
  readonly packet: Uint8Array;
  readonly sampleTime: number;
  readonly at: number;
}

/** An output that keeps what it is given. */
export class Output implements PlayerOutput {
  readonly sent: Sent[] = [];
  readonly speaking: boolean[] = [];
  isReady = true;

  send(packet: Uint8Array, sampleTime: number): boolean {
    this.sent.push({ packet, sampleTime, at: performance.now() });
    return true;
  }

  setSpeaking(speaking: boolean): void {
    this.speaking.push(speaking);
  }

  /** What was sent and is not silence. */
  get content(): Uint8Array[] {
    return this.sent.map(({ packet }) => packet).filter((packet) => !isSilence(packet));
  }

  /** Frames of silence. */
  get silenceCount(): number {
    return this.sent.length - this.content.length;
  }
}

export function isSilence(packet: Uint8Array): boolean {
  return packet.length === 3 && packet.every((byte, i) => byte === SILENCE[i]);
}
