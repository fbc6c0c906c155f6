/**
 * A recording of a call, under way.
 *
 * Each speaker of the call is read in a loop of its own and written as it comes: who writes waits
 * for the disk, and so nothing piles up in memory. All tracks have one clock. They begin where the
 * clock of the call stood when the recording began, and get one length at its end.
 *
 * @module
 */

import { SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import type { Reception, RecordableCall, RecordableSpeaker } from "./call.ts";
import type { Disk } from "./disk.ts";
import type { Format, Track } from "./track.ts";

/** Most users that a recording has tracks for. */
export const MAX_RECORDED_USERS = 1000;

/** What was recorded of a user. */
export interface UserRecording {
  /** Whose voice it is. */
  readonly userId: string;
  /** The file that it is in. */
  readonly file: string;
  /** In which channel of the file, from 0; for the format `multichannel`. */
  readonly channel: number | undefined;
  /** Length of the track: that of the recording. */
  readonly seconds: number;
  /** Seconds of voice in it; the rest is silence. */
  readonly spoken: number;
  /** Seconds that were left out since they came too late for their place. */
  readonly late: number;
  /** Packets that came. */
  readonly packetsReceived: number;
  /** Packets that never came, or too late to be played. */
  readonly lost: number;
  /** Pieces that were made up, or restored, in place of lost packets. */
  readonly concealed: number;
  /** Packets that could not be decoded. */
  readonly undecodable: number;
}

/** What was recorded. */
export interface RecordingResult {
  /** Length of the recording. */
  readonly seconds: number;
  /** Each user that was heard, in the order of appearance. */
  readonly users: readonly UserRecording[];
  /** Users beyond {@linkcode MAX_RECORDED_USERS}, who were left out. */
  readonly usersLeftOut: number;
}

/** Samples by which a voice may be ahead of the clock. */
const SLACK = SAMPLE_RATE;

/** Milliseconds after which what is in memory is written. */
const FLUSH_INTERVAL = 2000;

/** Milliseconds for which a recording that is stopped waits for what was said before. */
const STOP_PATIENCE = 700;

/** A recording of a call. Stop it with `stop`, or let `await using` do so. */
export interface CallRecording extends AsyncDisposable {
  /**
   * Resolves when the recording has ended, by `stop` or with the call, and its files are complete.
   * Rejects as soon as something cannot be written, with the reason; the recording has then ended.
   */
  readonly finished: Promise<RecordingResult>;
  /** How long the recording is by now, in seconds. */
  readonly seconds: number;
  /** What was recorded of each user so far, in the order of appearance. */
  readonly users: readonly UserRecording[];

  /**
   * How loud each user was since the last call of it.
   *
   * @returns Highest sample by user, 0 to 1; nothing where the format decodes nothing.
   */
  takePeaks(): ReadonlyMap<string, number>;

  /**
   * Ends the recording here, and completes the files. What was said before is waited for, less
   * than a second.
   *
   * @returns The same as `finished`.
   */
  stop(): Promise<RecordingResult>;
}

/** Reads a call and writes its tracks. */
export class Recorder<T extends { readonly position: number }> implements CallRecording {
  readonly #call: RecordableCall;
  readonly #disk: Disk;
  readonly #format: Format<T>;
  readonly #start: number;
  readonly #voices = new Map<string, Voice<T>>();
  readonly #readers = new Set<ReadableStreamDefaultReader<T>>();
  readonly #speakers: ReadableStreamDefaultReader<RecordableSpeaker>;
  readonly #result = Promise.withResolvers<RecordingResult>();
  readonly #leftOut = new Set<string>();
  #end: number | undefined;
  #patience: ReturnType<typeof setTimeout> | undefined;
  #flushing: Promise<void> | undefined;
  #failed = false;

  /** Begins to record. */
  constructor(call: RecordableCall, disk: Disk, format: Format<T>) {
    this.#call = call;
    this.#disk = disk;
    this.#format = format;
    this.#start = call.position;
    this.#speakers = call.speakers().getReader();
    this.finished.catch(() => {});
    void this.#run();
  }

  get finished(): Promise<RecordingResult> {
    return this.#result.promise;
  }

  get seconds(): number {
    return this.#length() / SAMPLE_RATE;
  }

  get users(): readonly UserRecording[] {
    return [...this.#voices.values()].map((voice, channel) => ({
      ...voice.report(),
      channel: this.#format.isNumbered ? channel : undefined,
      seconds: this.seconds,
    }));
  }

  takePeaks(): ReadonlyMap<string, number> {
    const peaks = new Map<string, number>();
    for (const [userId, { track }] of this.#voices) {
      const peak = track.takePeak();
      if (peak !== undefined) peaks.set(userId, peak);
    }
    return peaks;
  }

  stop(): Promise<RecordingResult> {
    if (this.#end === undefined && !this.#failed) {
      this.#end = this.#elapsed();
      // Speakers that are in the stream already are read before that.
      setTimeout(() => void this.#speakers.cancel().catch(() => {}));
      this.#patience = setTimeout(() => this.#dismiss(), STOP_PATIENCE);
    }
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #run(): Promise<void> {
    const timer = setInterval(() => this.#flush(), FLUSH_INTERVAL);
    this.#flush();
    try {
      await this.#listen();
      this.#end ??= Math.max(this.#elapsed(), ...this.#tracks().map(({ length }) => length));
      clearInterval(timer);
      await this.#flushing;
      await this.#finish();
    } catch (error) {
      this.#fail(error);
    }
    clearInterval(timer);
    clearTimeout(this.#patience);
    if (this.#failed) await Promise.allSettled(this.#tracks().map((track) => track.flush()));
    await this.#disk.close();
    const { seconds, users } = this;
    this.#result.resolve({ seconds, users, usersLeftOut: this.#leftOut.size });
  }

  /** Ends everything; the files stay as they are. */
  #fail(error: unknown): void {
    this.#failed = true;
    this.#result.reject(error);
    void this.#speakers.cancel().catch(() => {});
    this.#dismiss();
  }

  #dismiss(): void {
    for (const reader of this.#readers) void reader.cancel().catch(() => {});
  }

  async #listen(): Promise<void> {
    const loops: Promise<void>[] = [];
    for (;;) {
      const { done, value: speaker } = await this.#speakers.read();
      if (done) break;
      loops.push(this.#record(speaker).catch((error) => this.#fail(error)));
    }
    await Promise.all(loops);
  }

  async #record(speaker: RecordableSpeaker): Promise<void> {
    const voice = this.#voiceOf(speaker.userId);
    if (voice === undefined || this.#failed) return;
    const reader = this.#format.open(speaker).getReader();
    this.#readers.add(reader);
    voice.speakers.add(speaker);
    const written = voice.written.then(() => this.#write(reader, voice.track)).finally(() => {
      voice.leave(speaker);
      this.#readers.delete(reader);
      void reader.cancel().catch(() => {});
    });
    voice.written = written.catch(() => {});
    await written;
  }

  async #write(reader: ReadableStreamDefaultReader<T>, track: Track<T>): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const position = value.position - this.#start;
      if (this.#end !== undefined && position >= this.#end) break;
      await track.write(value, position, this.#elapsed() + SLACK);
    }
  }

  #flush(): void {
    this.#flushing ??= this.#flushAll().catch((error) => this.#fail(error))
      .finally(() => this.#flushing = undefined);
  }

  async #flushAll(): Promise<void> {
    for (const track of this.#tracks()) await track.flush();
    await this.#format.flush();
  }

  async #finish(): Promise<void> {
    if (this.#failed) return;
    const length = this.#length();
    for (const track of this.#tracks()) await track.finish(length);
    await this.#format.finish(length);
  }

  #voiceOf(userId: string): Voice<T> | undefined {
    const known = this.#voices.get(userId);
    if (known !== undefined) return known;
    if (this.#voices.size >= MAX_RECORDED_USERS) {
      if (this.#leftOut.size < MAX_RECORDED_USERS) this.#leftOut.add(userId);
      return undefined;
    }
    // A user id comes from the network: only a plain number may become a part of a path.
    const isPlain = /^\d{1,20}$/.test(userId);
    const name = isPlain ? userId : `speaker-${this.#voices.size + 1}`;
    const { file, track } = this.#format.track(name);
    const voice = new Voice(userId, file, track);
    this.#voices.set(userId, voice);
    return voice;
  }

  #tracks(): Track<T>[] {
    return Array.from(this.#voices.values(), ({ track }) => track);
  }

  #elapsed(): number {
    return Math.max(0, Math.round(this.#call.position - this.#start));
  }

  #length(): number {
    return this.#end ?? this.#elapsed();
  }
}

/** A user's track, and what its packets were. */
class Voice<T> {
  readonly userId: string;
  readonly file: string;
  readonly track: Track<T>;
  /** Speakers that are being read: one, but for a moment. */
  readonly speakers = new Set<RecordableSpeaker>();
  /** Resolves when those that came first are written. */
  written: Promise<void> = Promise.resolve();
  #past: Reception = { received: 0, lost: 0, undecodable: 0 };

  constructor(userId: string, file: string, track: Track<T>) {
    this.userId = userId;
    this.file = file;
    this.track = track;
  }

  /** A speaker has come to its end: what it has counted is kept. */
  leave(speaker: RecordableSpeaker): void {
    this.speakers.delete(speaker);
    this.#past = sum(this.#past, speaker.stats);
  }

  report(): Omit<UserRecording, "channel" | "seconds"> {
    const { userId, file, track } = this;
    const { received, lost, undecodable } = Array.from(this.speakers, (it) => it.stats)
      .reduce(sum, this.#past);
    const { concealed } = track;
    const [spoken, late] = [track.spoken / SAMPLE_RATE, track.late / SAMPLE_RATE];
    return { userId, file, spoken, late, packetsReceived: received, lost, concealed, undecodable };
  }
}

function sum(a: Reception, b: Reception): Reception {
  return {
    received: a.received + b.received,
    lost: a.lost + b.lost,
    undecodable: a.undecodable + b.undecodable,
  };
}
