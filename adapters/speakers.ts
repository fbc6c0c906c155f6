/**
 * Received frames as streams: one stream of speakers, and for each speaker one
 * stream of frames. Buffers are bounded; what a slow reader misses is counted.
 *
 * @module
 */

import type { ReceivedFrame } from "../lib/receiver.ts";

/** Most frames that are kept for a reader: 10 seconds of 20 ms frames. */
export const FRAME_BUFFER_SIZE = 500;

/** Most speakers that are kept for a reader. */
export const SPEAKER_BUFFER_SIZE = 100;

/** One user's voice: an async iterable of frames. */
export interface Speaker extends AsyncIterable<ReceivedFrame> {
  /** Who speaks. */
  readonly userId: string;
  /**
   * The frames as a web stream. Ends when the user or the connection leaves. Once it is
   * cancelled, by leaving a loop over the speaker too, the user is not put out again.
   */
  readonly frames: ReadableStream<ReceivedFrame>;
  /** Frames that were dropped because nobody read them in time. */
  readonly dropped: number;
}

/** A speaker, and the end where its frames go in. */
export class SpeakerQueue implements Speaker {
  readonly userId: string;
  readonly frames: ReadableStream<ReceivedFrame>;
  readonly #sink: Sink<ReceivedFrame>;

  /** Opens the stream of a user. */
  constructor(userId: string) {
    this.userId = userId;
    this.#sink = new Sink(FRAME_BUFFER_SIZE);
    this.frames = this.#sink.stream;
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  [Symbol.asyncIterator](): AsyncIterator<ReceivedFrame> {
    return this.frames[Symbol.asyncIterator]();
  }

  /** Hands a frame to the reader. */
  push(frame: ReceivedFrame): void {
    this.#sink.push(frame);
  }

  /** Ends the stream. */
  end(): void {
    this.#sink.end();
  }
}

/** The speakers of a connection, for one reader. */
export class SpeakerFeed {
  /** A speaker is put out when the first frame of a user comes. */
  readonly stream: ReadableStream<Speaker>;
  readonly #sink: Sink<Speaker>;
  readonly #speakers = new Map<string, SpeakerQueue>();

  /**
   * Opens the stream.
   *
   * @param cancelled Is called when the reader stops reading.
   */
  constructor(cancelled: (feed: SpeakerFeed) => void) {
    this.#sink = new Sink(SPEAKER_BUFFER_SIZE, () => {
      this.end();
      cancelled(this);
    });
    this.stream = this.#sink.stream;
  }

  /** Hands a frame to its speaker. */
  push(frame: ReceivedFrame): void {
    let speaker = this.#speakers.get(frame.userId);
    if (speaker === undefined) {
      speaker = new SpeakerQueue(frame.userId);
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

class Sink<T> {
  readonly stream: ReadableStream<T>;
  #controller!: ReadableStreamDefaultController<T>;
  #open = true;
  #dropped = 0;

  constructor(size: number, cancelled?: () => void) {
    this.stream = new ReadableStream<T>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#open = false;
        cancelled?.();
      },
    }, { highWaterMark: size });
  }

  get dropped(): number {
    return this.#dropped;
  }

  push(item: T): boolean {
    if (!this.#open) return false;
    const room = (this.#controller.desiredSize ?? 0) > 0;
    if (room) this.#controller.enqueue(item);
    else this.#dropped++;
    return room;
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#controller.close();
  }
}
