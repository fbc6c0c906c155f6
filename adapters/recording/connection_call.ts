/**
 * A `VoiceConnection` as a call that can be recorded: the frames of each speaker through a jitter
 * buffer, and for sound through a decoder.
 *
 * Time goes by the instants at which frames came, and by the clock only where none is there: a
 * reader who is slow, since the disk is, hears the same as a fast one.
 *
 * @module
 */

import {
  JitterBuffer,
  type JitterBufferOptions,
  type JitterPacket,
} from "../../lib/audio/jitter_buffer.ts";
import { packetDuration, SAMPLE_RATE } from "../../lib/audio/opus_toc.ts";
import type { PlacedPacket } from "../../lib/audio/opus_track.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";
import { Playout } from "../../lib/audio/playout.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import { createOpus } from "../opus.ts";
import type { Speaker } from "../receive/speakers.ts";
import { makeTick, ticker } from "../ticker.ts";
import type { Reception, RecordableCall, RecordableSpeaker } from "./call.ts";

/** What a recording needs of a `VoiceConnection`. */
export interface RecordableConnection {
  /** Who speaks. */
  speakers(): ReadableStream<Pick<Speaker, "userId" | "frames">>;
}

/** The call of a connection, whose clock starts now. */
export class ConnectionCall implements RecordableCall {
  readonly #connection: RecordableConnection;
  readonly #start = performance.now();

  /** Starts the clock. */
  constructor(connection: RecordableConnection) {
    this.#connection = connection;
  }

  get position(): number {
    return (performance.now() - this.#start) * SAMPLES_PER_MS;
  }

  speakers(): ReadableStream<RecordableSpeaker> {
    const reader = this.#connection.speakers().getReader();
    return new ReadableStream<RecordableSpeaker>({
      pull: async (controller) => {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(new ConnectionSpeaker(value, this.#start));
      },
      cancel: (reason) => reader.cancel(reason),
    });
  }
}

const SAMPLES_PER_MS = SAMPLE_RATE / 1000;

/** Most pieces that wait for a reader, of mostly 20 ms each. */
const QUEUE_SIZE = 50;

/** Milliseconds after which a reader who had no room is looked at again. */
const RETRY_DELAY = 100;

/** A recording can wait: less is late, and less is stretched since the delay changes. */
const ORDER: JitterBufferOptions = { minDelay: 200, maxDelay: 500 };

/** Puts frames in order and in time. */
interface Buffer<T> {
  push(packet: JitterPacket): unknown;
  pull(now: number): T | undefined;
  pollTimeout(): number | undefined;
}

class ConnectionSpeaker implements RecordableSpeaker {
  readonly #speaker: Pick<Speaker, "userId" | "frames">;
  readonly #start: number;
  #stats: () => Reception = () => ({ received: 0, lost: 0, undecodable: 0 });

  constructor(speaker: Pick<Speaker, "userId" | "frames">, start: number) {
    this.#speaker = speaker;
    this.#start = start;
  }

  get userId(): string {
    return this.#speaker.userId;
  }

  get stats(): Reception {
    return this.#stats();
  }

  pcm(): ReadableStream<PcmFrame> {
    return play(this.#speaker.frames, async () => {
      const decoder = await createOpus({ channels: 2 });
      const playout = new Playout({ ...ORDER, decoder, userId: this.userId, start: this.#start });
      this.#stats = () => playout.stats;
      return { buffer: playout, close: () => decoder.delete() };
    });
  }

  packets(): ReadableStream<PlacedPacket> {
    return play(this.#speaker.frames, () => {
      const buffer = new PacketBuffer(this.#start);
      this.#stats = () => buffer.stats;
      return Promise.resolve({ buffer, close() {} });
    });
  }
}

/** The packets of a jitter buffer, each with its place. */
class PacketBuffer implements Buffer<PlacedPacket> {
  readonly #buffer = new JitterBuffer(ORDER);
  readonly #start: number;
  #undecodable = 0;

  constructor(start: number) {
    this.#start = start;
  }

  get stats(): Reception {
    const { received, lost } = this.#buffer.stats;
    return { received, lost, undecodable: this.#undecodable };
  }

  push(packet: JitterPacket): void {
    this.#buffer.push(packet);
  }

  pull(now: number): PlacedPacket | undefined {
    for (let item; (item = this.#buffer.pull(now)) !== undefined;) {
      if (item.type === "pause") continue;
      const position = Math.round((item.nominal - this.#start) * SAMPLES_PER_MS);
      const opus = item.type === "packet" && this.#check(item.opus) ? item.opus : undefined;
      return { position, duration: item.duration, opus };
    }
  }

  pollTimeout(): number | undefined {
    return this.#buffer.pollTimeout();
  }

  #check(opus: Uint8Array): boolean {
    try {
      return packetDuration(opus) > 0;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#undecodable++;
      return false;
    }
  }
}

/** What comes out of a buffer when frames go in. */
function play<T>(
  frames: ReadableStream<ReceivedFrame>,
  open: () => Promise<{ buffer: Buffer<T>; close(): void }>,
): ReadableStream<T> {
  const reader = frames.getReader();
  let room = Promise.withResolvers<void>();
  let isCancelled = false;
  const run = async (controller: ReadableStreamDefaultController<T>) => {
    const { buffer, close } = await open();
    const hasRoom = () => (controller.desiredSize ?? 0) > 0;
    const tick = makeTick((now) => hasRoom() ? drain(now) : ticker.set(tick, now + RETRY_DELAY));
    const drain = (now: number) => {
      for (let item; (item = buffer.pull(now)) !== undefined;) controller.enqueue(item);
      const next = buffer.pollTimeout();
      if (next === undefined) ticker.clear(tick);
      else ticker.set(tick, next);
    };
    try {
      for (;;) {
        if (!hasRoom()) await room.promise;
        const { done, value } = await reader.read();
        if (isCancelled) return;
        if (done) break;
        drain(value.at);
        buffer.push(value);
        drain(value.at);
      }
      for (let at; (at = buffer.pollTimeout()) !== undefined;) drain(at);
      controller.close();
    } finally {
      ticker.clear(tick);
      close();
    }
  };
  return new ReadableStream<T>({
    start: (controller) => void run(controller).catch((error) => controller.error(error)),
    pull: () => {
      room.resolve();
      room = Promise.withResolvers();
    },
    cancel: (reason) => {
      isCancelled = true;
      room.resolve();
      return reader.cancel(reason);
    },
  }, { highWaterMark: QUEUE_SIZE });
}
