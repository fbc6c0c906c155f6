/**
 * A call whose clock and speakers are the test's, and a folder that is gone after the test.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RecordableCall, RecordableSpeaker } from "../../../adapters/recording/call.ts";
import type { PlacedPacket } from "../../../lib/audio/opus_track.ts";
import type { PcmFrame, PcmOrigin } from "../../../lib/audio/pcm.ts";

/** A folder that is gone after the test. */
export function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "sotto-recording-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A stream, and the end where its items go in. */
class Channel<T> {
  readonly stream: ReadableStream<T>;
  #controller!: ReadableStreamDefaultController<T>;
  #open = true;

  constructor() {
    this.stream = new ReadableStream<T>({
      start: (controller) => void (this.#controller = controller),
      cancel: () => void (this.#open = false),
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  push(item: T): void {
    if (this.#open) this.#controller.enqueue(item);
  }

  end(): void {
    if (this.#open) this.#controller.close();
    this.#open = false;
  }
}

/** A speaker whose frames and packets are the test's. */
export class FakeSpeaker implements RecordableSpeaker {
  readonly userId: string;
  readonly frames: Channel<PcmFrame> = new Channel();
  readonly opus: Channel<PlacedPacket> = new Channel();
  readonly stats: { received: number; lost: number; undecodable: number } = {
    received: 0,
    lost: 0,
    undecodable: 0,
  };

  constructor(userId: string) {
    this.userId = userId;
  }

  pcm(): ReadableStream<PcmFrame> {
    return this.frames.stream;
  }

  packets(): ReadableStream<PlacedPacket> {
    return this.opus.stream;
  }

  /** Says something in stereo. */
  say(position: number, samples: Int16Array, origin: PcmOrigin = "decoded"): void {
    const { userId } = this;
    this.frames.push({ userId, ssrc: 1, position, samples, channels: 2, origin });
  }

  /** Says the same sample for some time, in frames of 20 ms. */
  hold(position: number, duration: number, sample: number): void {
    for (let at = 0; at < duration; at += 960) {
      this.say(position + at, new Int16Array(2 * Math.min(960, duration - at)).fill(sample));
    }
  }

  end(): void {
    this.frames.end();
    this.opus.end();
  }
}

/** A call whose clock stands still until the test moves it. */
export class FakeCall implements RecordableCall {
  position = 0;
  readonly #speakers: Channel<RecordableSpeaker> = new Channel();
  readonly #joined: FakeSpeaker[] = [];

  /** Whether it is still listened to. */
  get isRead(): boolean {
    return this.#speakers.isOpen;
  }

  speakers(): ReadableStream<RecordableSpeaker> {
    return this.#speakers.stream;
  }

  join(userId: string): FakeSpeaker {
    const speaker = new FakeSpeaker(userId);
    this.#joined.push(speaker);
    this.#speakers.push(speaker);
    return speaker;
  }

  end(): void {
    for (const speaker of this.#joined) speaker.end();
    this.#speakers.end();
  }
}
