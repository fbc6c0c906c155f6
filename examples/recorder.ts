/**
 * Records all speakers of a connection, each to a file of its own.
 *
 * @module
 */

import { join } from "node:path";
import type { Speaker, VoiceConnection } from "@sotto/voice";
import { Track } from "./track.ts";

/** What was recorded of a speaker. */
export interface Recording {
  readonly userId: string;
  readonly file: string;
  readonly packetsReceived: number;
  readonly undecodable: number;
  readonly seconds: number;
}

/** Writes what each user says to a file of the user's own. */
export class Recorder {
  readonly #folder: string;
  readonly #tracks = new Map<string, Promise<Track>>();
  readonly #failure = Promise.withResolvers<never>();
  readonly #done: Promise<void>;

  /** Starts to record. */
  constructor(connection: VoiceConnection, folder: string) {
    this.#folder = folder;
    this.#done = this.#recordAll(connection.speakers());
    this.failed.catch(() => {});
  }

  /** Rejects as soon as something cannot be written. */
  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  /** Completes the files, once the connection has ended. */
  async finish(): Promise<Recording[]> {
    await this.#done;
    const recordings: Recording[] = [];
    for (const [userId, opening] of this.#tracks) {
      const track = await opening.catch(() => undefined);
      if (track === undefined) continue;
      await track.close();
      const { file, packetsReceived, undecodable, seconds } = track;
      recordings.push({ userId, file, packetsReceived, undecodable, seconds });
    }
    return recordings;
  }

  async #recordAll(speakers: AsyncIterable<Speaker>): Promise<void> {
    const recordings: Promise<void>[] = [];
    for await (const speaker of speakers) {
      recordings.push(this.#record(speaker).catch(this.#failure.reject));
    }
    await Promise.all(recordings);
  }

  async #record(speaker: Speaker): Promise<void> {
    const { userId } = speaker;
    const opening = this.#tracks.get(userId) ?? Track.create(this.#fileOf(userId));
    this.#tracks.set(userId, opening);
    const track = await opening;
    track.restart();
    for await (const frame of speaker) await track.write(frame);
  }

  /** A user id comes from the network: only a plain number may become a part of a path. */
  #fileOf(userId: string): string {
    const name = /^\d{1,20}$/.test(userId) ? userId : `speaker-${this.#tracks.size + 1}`;
    return join(this.#folder, `${name}.wav`);
  }
}
