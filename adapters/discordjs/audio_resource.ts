/**
 * What a player plays: Opus packets on their way, and how far they have come.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Readable } from "node:stream";
import { OPUS_SILENCE, packetDuration } from "../../lib/audio/opus_toc.ts";
import type { OpusEncoder } from "./opus_stages.ts";
import type { Edge } from "./stages.ts";
import type { VolumeTransformer } from "./volume_transformer.ts";

/** Whoever plays a resource. */
export interface ResourcePlayer {
  /** Stops; see `AudioPlayer.stop`. */
  stop(force?: boolean): boolean;
}

/** What a resource is made of. */
export interface AudioResourceParts<Metadata> {
  /** The steps from the input to Opus packets. */
  readonly edges: readonly Edge[];
  /** Opus packets. */
  readonly playStream: Readable;
  /** What the caller wants to find again. */
  readonly metadata: Metadata;
  /** Frames of silence behind the last packet. */
  readonly silencePaddingFrames: number;
  /** Where the volume can be set. */
  readonly volume?: VolumeTransformer | undefined;
  /** What encodes. */
  readonly encoder?: OpusEncoder | undefined;
}

const SILENCE = Buffer.from(OPUS_SILENCE);

/** Samples of a millisecond. */
const SAMPLES_PER_MS = 48;

/** Something to play, once. Made by `createAudioResource`. */
export class AudioResource<Metadata = unknown> {
  /** Opus packets, in object mode. */
  readonly playStream: Readable;
  /** The steps from the input to Opus packets. */
  readonly edges: readonly Edge[];
  /** What the caller wants to find again. */
  metadata: Metadata;
  /** Where the volume can be set; with `inlineVolume` only. */
  readonly volume: VolumeTransformer | undefined;
  /** What encodes, where something does. */
  readonly encoder: OpusEncoder | undefined;
  /** The player that has it. */
  audioPlayer: ResourcePlayer | undefined;
  /** Milliseconds of it that were read, without silence. */
  playbackDuration = 0;
  /** Whether a packet could be read by now. */
  started = false;
  /** Frames of silence behind the last packet. */
  readonly silencePaddingFrames: number;
  /** How many of them are left; -1 before the first. */
  silenceRemaining: number = -1;

  /** Puts a resource together. */
  constructor(parts: AudioResourceParts<Metadata>) {
    this.playStream = parts.playStream;
    this.edges = parts.edges;
    this.metadata = parts.metadata;
    this.silencePaddingFrames = parts.silencePaddingFrames;
    this.volume = parts.volume;
    this.encoder = parts.encoder;
    this.playStream.once("readable", () => this.started = true);
  }

  /** Whether there is something left to read, silence too. Begins the silence where it is due. */
  get readable(): boolean {
    if (this.silenceRemaining !== 0 && this.playStream.readable) return true;
    if (this.silenceRemaining === -1) this.silenceRemaining = this.silencePaddingFrames;
    return this.silenceRemaining !== 0;
  }

  /** Whether it cannot be played any more. */
  get ended(): boolean {
    const { readableEnded, destroyed } = this.playStream;
    return readableEnded || destroyed || this.silenceRemaining === 0;
  }

  /**
   * Takes the next packet.
   *
   * @returns A packet, or silence at the end; `null` where there is none now.
   * @throws {SyntaxError} What comes is no Opus packet.
   */
  read(): Buffer | null {
    if (this.silenceRemaining === 0) return null;
    if (this.silenceRemaining > 0) {
      this.silenceRemaining--;
      return SILENCE;
    }
    const packet: unknown = this.playStream.read();
    if (packet === null) return null;
    if (!(packet instanceof Uint8Array)) {
      throw new SyntaxError(`Cannot play ${typeof packet}: want Opus packets`);
    }
    this.playbackDuration += packetDuration(packet) / SAMPLES_PER_MS;
    return Buffer.from(packet.buffer, packet.byteOffset, packet.length);
  }
}
