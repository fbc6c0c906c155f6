/**
 * From a file, an address or a stream to something that a player plays.
 *
 * @module
 */

import type { Readable } from "node:stream";
import { AudioResource } from "./audio_resource.ts";
import { findPipeline } from "./stages.ts";
import { StreamType } from "./stream_type.ts";

/** How a resource is made; everything has a default. */
export interface CreateAudioResourceOptions<Metadata> {
  /** Whether the volume can be set; all is decoded and encoded then. It cannot by default. */
  readonly inlineVolume?: boolean;
  /** What a stream holds; by default that is found out. */
  readonly inputType?: StreamType;
  /** What is to be found again in `metadata`. */
  readonly metadata?: Metadata;
  /** Frames of silence behind the last packet; 5 by default. */
  readonly silencePaddingFrames?: number;
}

const SILENCE_COUNT = 5;

/**
 * Makes a resource. Nothing is read before it is played, or soon after it was made.
 *
 * Opus in Ogg or WebM is passed on as it is, wherever it comes from; what else there is, is encoded,
 * and where neither Opus nor WAV is found, FFmpeg decodes it.
 *
 * @param input A path, an `http:`, `https:` or `file:` address, or a stream.
 * @param options What the stream holds, and what is wanted of it.
 * @returns The resource. What fails is told by the player.
 * @throws {RangeError} The silence is no number of frames.
 *
 * @example Play packets that are there already
 * ```ts
 * import { AudioPlayerStatus, createAudioPlayer, createAudioResource, entersState, NoSubscriberBehavior, StreamType } from "@sotto/voice/discordjs";
 * import { Buffer } from "node:buffer";
 * import { Readable } from "node:stream";
 *
 * const packets = Readable.from([Buffer.from([0xf8, 0xff, 0xfe])]);
 * const resource = createAudioResource(packets, { inputType: StreamType.Opus });
 * const player = createAudioPlayer({ behaviors: { noSubscriber: NoSubscriberBehavior.Play } });
 * player.play(resource);
 * await entersState(player, AudioPlayerStatus.Playing, 1000);
 * await entersState(player, AudioPlayerStatus.Idle, 1000);
 * ```
 */
export function createAudioResource<Metadata = null>(
  input: Readable | string,
  options: CreateAudioResourceOptions<Metadata> = {},
): AudioResource<Metadata extends undefined ? null : Metadata> {
  const { inlineVolume = false, silencePaddingFrames = SILENCE_COUNT, metadata = null } = options;
  const { inputType = StreamType.Arbitrary } = options;
  if (!Number.isInteger(silencePaddingFrames) || silencePaddingFrames < 0) {
    throw new RangeError(
      `Cannot append ${silencePaddingFrames} frames of silence: want an integer of at least 0`,
    );
  }
  const from = typeof input === "string" ? StreamType.Arbitrary : inputType;
  const { edges, volume, encoder } = findPipeline(from, inlineVolume);
  const stream = edges.reduce<Readable | string>((from, edge) => edge.transformer(from), input);
  return new AudioResource({
    edges,
    playStream: stream as Readable,
    metadata: metadata as Metadata extends undefined ? null : Metadata,
    silencePaddingFrames,
    volume,
    encoder,
  });
}
