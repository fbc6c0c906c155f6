/**
 * The formats of recordings.
 *
 * @module
 */

import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { PlacedPacket } from "../../lib/audio/opus_track.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";
import type { RecordableSpeaker } from "./call.ts";
import type { Disk } from "./disk.ts";
import { interleave } from "./interleave.ts";
import { Mix } from "./mix.ts";
import { OggTrack } from "./ogg_track.ts";
import { PcmTrack } from "./pcm_track.ts";
import type { Format } from "./track.ts";
import { WavFile } from "./wav_file.ts";

/**
 * What becomes of the voices: a stereo WAV file for each user, an Ogg Opus file for each user without
 * decoding, one WAV file with a channel for each user, or one stereo WAV file of all together.
 */
export type RecordingFormat = "wav" | "ogg" | "multichannel" | "mix";

/** All formats. */
export const RECORDING_FORMATS: readonly RecordingFormat[] = Object.freeze(
  ["wav", "ogg", "multichannel", "mix"] as const,
);

/** A WAV file for each user, in a folder. */
export class WavFormat implements Format<PcmFrame> {
  readonly isNumbered = false;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #channels: 1 | 2;

  /** Writes nothing before there is a track. */
  constructor(disk: Disk, folder: string, channels: 1 | 2 = 2) {
    this.#disk = disk;
    this.#folder = folder;
    this.#channels = channels;
  }

  open(speaker: RecordableSpeaker): ReadableStream<PcmFrame> {
    return speaker.pcm();
  }

  track(name: string): { file: string; track: PcmTrack } {
    const file = join(this.#folder, `${name}.wav`);
    return { file, track: new PcmTrack(new WavFile(this.#disk, file, this.#channels)) };
  }

  async flush(): Promise<void> {}

  async finish(): Promise<void> {}
}

/** An Ogg Opus file for each user, in a folder. */
export class OggFormat implements Format<PlacedPacket> {
  readonly isNumbered = false;
  readonly #disk: Disk;
  readonly #folder: string;

  /** Writes nothing before there is a track. */
  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  open(speaker: RecordableSpeaker): ReadableStream<PlacedPacket> {
    return speaker.packets();
  }

  track(name: string): { file: string; track: OggTrack } {
    const file = join(this.#folder, `${name}.ogg`);
    return { file, track: new OggTrack(this.#disk, file) };
  }

  async flush(): Promise<void> {}

  async finish(): Promise<void> {}
}

/** One WAV file of all voices together. */
export class MixFormat implements Format<PcmFrame> {
  readonly isNumbered = false;
  readonly #file: string;
  readonly #mix: Mix;

  /**
   * Makes the file at once.
   *
   * @param elapsed Samples since the recording began.
   */
  constructor(disk: Disk, file: string, elapsed: () => number) {
    this.#file = file;
    this.#mix = new Mix(new WavFile(disk, file, 2), elapsed);
  }

  open(speaker: RecordableSpeaker): ReadableStream<PcmFrame> {
    return speaker.pcm();
  }

  track(): { file: string; track: PcmTrack } {
    return { file: this.#file, track: new PcmTrack(this.#mix.input()) };
  }

  flush(): Promise<void> {
    return this.#mix.flush();
  }

  finish(length: number): Promise<void> {
    return this.#mix.finish(length);
  }
}

/**
 * One WAV file with a channel for each user. How many there will be is known at the end: until then
 * each has a file of its own in a folder beside it, which are then removed.
 */
export class MultichannelFormat implements Format<PcmFrame> {
  readonly isNumbered = true;
  readonly #disk: Disk;
  readonly #file: string;
  readonly #folder: string;
  readonly #tracks: WavFormat;
  readonly #parts: string[] = [];

  /** Writes nothing before there is a track. */
  constructor(disk: Disk, file: string) {
    this.#disk = disk;
    this.#file = file;
    this.#folder = `${file}.tracks`;
    this.#tracks = new WavFormat(disk, this.#folder, 1);
  }

  open(speaker: RecordableSpeaker): ReadableStream<PcmFrame> {
    return speaker.pcm();
  }

  track(name: string): { file: string; track: PcmTrack } {
    const { file, track } = this.#tracks.track(name);
    this.#parts.push(file);
    return { file: this.#file, track };
  }

  async flush(): Promise<void> {}

  async finish(length: number): Promise<void> {
    const parts = this.#parts;
    const target = new WavFile(this.#disk, this.#file, Math.max(1, parts.length));
    await interleave(this.#disk, parts, target, length);
    await this.#disk.close();
    for (const part of parts) await rm(part);
    // What is still in the folder is of a recording that was not completed.
    await rmdir(this.#folder).catch(() => {});
  }
}
