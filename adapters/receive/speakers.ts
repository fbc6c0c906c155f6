/**
 * Received frames as streams: one stream of speakers, and of each speaker the frames as they come,
 * the packets in order, or decoded sound. Buffers are bounded; what a slow reader misses is
 * counted.
 *
 * @module
 */

import { JitterBuffer, type JitterItem } from "../../lib/audio/jitter_buffer.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";
import type { PlayoutStats } from "../../lib/audio/playout.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import { Clocked } from "./clocked.ts";
import { Sink } from "./sink.ts";
import { type OrderOptions, type PcmOptions, Voice } from "./voice.ts";

/** Most frames that are kept for a reader: 10 seconds of 20 ms frames. */
export const FRAME_BUFFER_SIZE = 500;

/** Most speakers that are kept for a reader. */
export const SPEAKER_BUFFER_SIZE = 100;

const SAMPLES_PER_MS = 48;

/** A packet in its place, or the place of one that is missing. */
export interface OrderedPacket {
  /** Who speaks. */
  readonly userId: string;
  /** Place of the first sample on the clock of the call: samples of 48 kHz since its start. */
  readonly position: number;
  /** RTP timestamp in samples of 48 kHz, 32 bits. */
  readonly timestamp: number;
  /** Samples of 48 kHz. */
  readonly duration: number;
  /** The Opus packet; `undefined` where it was lost. */
  readonly opus: Uint8Array | undefined;
}

/** One user's voice: an async iterable of frames. */
export interface Speaker extends AsyncIterable<ReceivedFrame> {
  /** Who speaks. */
  readonly userId: string;
  /**
   * The frames as they come, as a web stream. Ends when the user or the connection leaves. Once it
   * is cancelled, by leaving a loop over the speaker too, the user is not put out again.
   */
  readonly frames: ReadableStream<ReceivedFrame>;
  /** Frames that were dropped because nobody read them in time. */
  readonly dropped: number;
  /** Counters of the first of `pcm`'s streams, once there is one. */
  readonly playout: PlayoutStats | undefined;

  /**
   * The packets in order and in time, through a jitter buffer, with those told that are lost.
   * Pauses are left out.
   *
   * @throws {RangeError} The delays are out of range.
   */
  packets(options?: OrderOptions): ReadableStream<OrderedPacket>;

  /**
   * Decoded sound in order and in time, through a jitter buffer. What is lost is restored from
   * in-band FEC or made up by the decoder. Pauses are left out, or filled with silence. The stream
   * fails where no decoder can be loaded or an option is out of range.
   */
  pcm(options?: PcmOptions): ReadableStream<PcmFrame>;
}

/** Who hears a speaker. */
interface Consumer {
  push(frame: ReceivedFrame): void;
  end(): void;
}

/** A speaker, and the end where its frames go in. */
export class SpeakerQueue implements Speaker {
  readonly userId: string;
  readonly #start: number;
  readonly #consumers = new Set<Consumer>();
  /** What has come before anybody asked for it. */
  #backlog: ReceivedFrame[] | undefined = [];
  #frames: Sink<ReceivedFrame> | undefined;
  #voice: Voice | undefined;
  #hasEnded = false;
  #dropped = 0;

  /**
   * Opens the stream of a user.
   *
   * @param start When position 0 of the call is, in monotonic milliseconds.
   */
  constructor(userId: string, start: number) {
    this.userId = userId;
    this.#start = start;
  }

  get frames(): ReadableStream<ReceivedFrame> {
    if (this.#frames !== undefined) return this.#frames.stream;
    const sink = new Sink<ReceivedFrame>(FRAME_BUFFER_SIZE, () => this.#consumers.delete(sink));
    this.#frames = sink;
    this.#attach(sink);
    return sink.stream;
  }

  get dropped(): number {
    return this.#dropped + (this.#frames?.dropped ?? 0);
  }

  get playout(): PlayoutStats | undefined {
    return this.#voice?.stats;
  }

  packets(options: OrderOptions = {}): ReadableStream<OrderedPacket> {
    const buffer = new JitterBuffer(options);
    const clocked = new Clocked<JitterItem>(buffer, (item) => {
      if (item.type !== "pause") this.#push(sink, this.#placed(item));
    });
    const sink = new Sink<OrderedPacket>(FRAME_BUFFER_SIZE, () => {
      clocked.stop();
      this.#consumers.delete(consumer);
    });
    const consumer = {
      push: (frame: ReceivedFrame) => clocked.push(frame),
      end() {
        clocked.end();
        sink.end();
      },
    };
    this.#attach(consumer);
    return sink.stream;
  }

  pcm(options: PcmOptions = {}): ReadableStream<PcmFrame> {
    const voice = new Voice({
      ...options,
      userId: this.userId,
      start: this.#start,
      emit: (frame) => this.#push(sink, frame),
      done: (failure) => failure === undefined ? sink.end() : sink.fail(failure.error),
    });
    const sink = new Sink<PcmFrame>(FRAME_BUFFER_SIZE, () => {
      voice.stop();
      this.#consumers.delete(voice);
    });
    this.#voice ??= voice;
    this.#attach(voice);
    return sink.stream;
  }

  [Symbol.asyncIterator](): AsyncIterator<ReceivedFrame> {
    return this.frames[Symbol.asyncIterator]();
  }

  /** Hands a frame to who hears the speaker. */
  push(frame: ReceivedFrame): void {
    for (const consumer of this.#consumers) consumer.push(frame);
    if (this.#backlog === undefined) return;
    if (this.#backlog.length < FRAME_BUFFER_SIZE) this.#backlog.push(frame);
    else this.#dropped++;
  }

  /** Ends the streams. */
  end(): void {
    this.#hasEnded = true;
    for (const consumer of this.#consumers) consumer.end();
    this.#consumers.clear();
  }

  #attach(consumer: Consumer): void {
    for (const frame of this.#backlog ?? []) consumer.push(frame);
    this.#backlog = undefined;
    if (this.#hasEnded) consumer.end();
    else this.#consumers.add(consumer);
  }

  #push<T>(sink: Sink<T>, item: T): void {
    const { dropped } = sink;
    sink.push(item);
    this.#dropped += sink.dropped - dropped;
  }

  #placed(item: Exclude<JitterItem, { readonly type: "pause" }>): OrderedPacket {
    const { timestamp, duration, nominal } = item;
    const position = Math.max(0, Math.round((nominal - this.#start) * SAMPLES_PER_MS));
    const opus = item.type === "packet" ? item.opus : undefined;
    return { userId: this.userId, position, timestamp, duration, opus };
  }
}

/** The speakers of a connection, for one reader. */
export class SpeakerFeed {
  /** A speaker is put out when the first frame of a user comes. */
  readonly stream: ReadableStream<Speaker>;
  readonly #sink: Sink<Speaker>;
  readonly #start: number;
  readonly #speakers = new Map<string, SpeakerQueue>();

  /**
   * Opens the stream.
   *
   * @param start When position 0 of the call is, in monotonic milliseconds.
   * @param cancelled Is called when the reader stops reading.
   */
  constructor(start: number, cancelled: (feed: SpeakerFeed) => void) {
    this.#start = start;
    this.#sink = new Sink(SPEAKER_BUFFER_SIZE, () => {
      this.end();
      cancelled(this);
    });
    this.stream = this.#sink.stream;
  }

  /** The speaker of a user, where one was put out. */
  speaker(userId: string): Speaker | undefined {
    return this.#speakers.get(userId);
  }

  /** Hands a frame to its speaker. */
  push(frame: ReceivedFrame): void {
    let speaker = this.#speakers.get(frame.userId);
    if (speaker === undefined) {
      speaker = new SpeakerQueue(frame.userId, this.#start);
      if (!this.#sink.push(speaker)) return;
      this.#speakers.set(frame.userId, speaker);
    }
    speaker.push(frame);
  }

  /** A user has left: ends the speaker. */
  remove(userId: string): void {
    this.#speakers.get(userId)?.end();
    this.#speakers.delete(userId);
  }

  /** Ends all speakers and the stream. */
  end(): void {
    for (const speaker of this.#speakers.values()) speaker.end();
    this.#speakers.clear();
    this.#sink.end();
  }
}
