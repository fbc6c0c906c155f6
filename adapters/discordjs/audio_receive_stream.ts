/**
 * What one user says, as a Node stream of Opus packets.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Readable, type ReadableOptions } from "node:stream";
import { OPUS_SILENCE } from "../../lib/audio/opus_toc.ts";

/** When a stream ends by itself. */
export const EndBehaviorType = {
  /** Never; whoever has it destroys it. */
  Manual: 0,
  /** When for a while nothing but silence has come. */
  AfterSilence: 1,
  /** When for a while nothing has come. */
  AfterInactivity: 2,
} as const;

/** A way to end. */
export type EndBehaviorType = typeof EndBehaviorType[keyof typeof EndBehaviorType];

/** When a stream ends. */
export type EndBehavior =
  | {
    /** After what. */
    readonly behavior:
      | typeof EndBehaviorType.AfterSilence
      | typeof EndBehaviorType.AfterInactivity;
    /** Milliseconds of it; they count from the first packet on. */
    readonly duration: number;
  }
  | {
    /** Never. */
    readonly behavior: typeof EndBehaviorType.Manual;
  };

/** Options of a stream. */
export interface AudioReceiveStreamOptions extends ReadableOptions {
  /** When it ends. */
  end: EndBehavior;
}

/** Most packets that wait for a reader: a minute of 20 ms packets. */
export const RECEIVE_BUFFER_SIZE = 3000;

const SILENCE = Buffer.from(OPUS_SILENCE);

/**
 * Options for a stream that ends only when it is destroyed.
 *
 * @returns Fresh ones, to change.
 */
export function createDefaultAudioReceiveStreamOptions(): AudioReceiveStreamOptions {
  return { end: { behavior: EndBehaviorType.Manual } };
}

/** A stream of one user's Opus packets, in object mode; each is a `Buffer`. */
export class AudioReceiveStream extends Readable {
  /** When it ends. */
  readonly end: EndBehavior;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dropped = 0;

  /** Opens a stream. */
  constructor({ end, ...options }: AudioReceiveStreamOptions) {
    super({ ...options, objectMode: true });
    this.end = end;
  }

  /** Packets that were dropped because nobody read those before them. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Hands a packet to the reader, or ends the stream.
   *
   * @param packet One Opus packet; `null` for the end.
   * @returns Whether the reader keeps up.
   */
  override push(packet: Buffer | null): boolean {
    if (this.destroyed || this.readableEnded) return false;
    if (packet === null) return this.#finish();
    this.#renew(packet);
    if (this.readableLength < RECEIVE_BUFFER_SIZE) return super.push(packet);
    this.#dropped++;
    return false;
  }

  /** Called by the stream; packets come when they come. */
  override _read(): void {}

  /** Called by the stream: leaves no timer. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    done(error);
  }

  #renew(packet: Buffer): void {
    const { end } = this;
    if (end.behavior === EndBehaviorType.Manual) return;
    const isSilence = end.behavior === EndBehaviorType.AfterSilence && packet.equals(SILENCE);
    if (isSilence && this.#timer !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.push(null), end.duration);
  }

  /** Who reads sees the end behind the last packet; where nobody does, nobody waits for that. */
  #finish(): boolean {
    clearTimeout(this.#timer);
    super.push(null);
    const isRead = this.readableFlowing !== null || this.listenerCount("readable") > 0;
    if (!isRead) this.destroy();
    return false;
  }
}
