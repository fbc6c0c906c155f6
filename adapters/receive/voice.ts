/**
 * One user's voice as decoded sound: a playout with a decoder of its own.
 *
 * @module
 */

import type { JitterPacket } from "../../lib/audio/jitter_buffer.ts";
import type { PcmFrame } from "../../lib/audio/pcm.ts";
import { Playout, type PlayoutStats } from "../../lib/audio/playout.ts";
import { createOpus, type OpusCodec } from "../opus.ts";
import { Clocked } from "./clocked.ts";

/** Most packets that are kept while the decoder is loaded; the oldest give way. */
const EARLY_LIMIT = 100;

/** How packets are put in order. */
export interface OrderOptions {
  /** Least delay of the jitter buffer in milliseconds; 40 by default. */
  readonly minDelay?: number;
  /** Greatest delay of the jitter buffer in milliseconds; 500 by default. */
  readonly maxDelay?: number;
}

/** How a voice is decoded. */
export interface PcmOptions extends OrderOptions {
  /** Interleaved channels; 2 by default. */
  readonly channels?: 1 | 2;
  /** Whether pauses are filled with silence, as time goes by; not by default. */
  readonly fillSilence?: boolean;
}

/** What a voice is told to, and whose it is. */
export interface VoiceOptions extends PcmOptions {
  /** Whose voice it is. */
  readonly userId: string;
  /** When position 0 of the call is, in monotonic milliseconds. */
  readonly start: number;
  /** Is given each piece in its time. */
  readonly emit: (frame: PcmFrame) => void;
  /** Is told once that nothing more will come: with the error where it cannot be begun. */
  readonly done: (failure?: { readonly error: unknown }) => void;
}

/** Decodes one user's packets. */
export class Voice {
  readonly #options: VoiceOptions;
  readonly #early: JitterPacket[] = [];
  readonly #opening: Promise<void>;
  #codec: OpusCodec | undefined;
  #playout: Playout | undefined;
  #clocked: Clocked<PcmFrame> | undefined;
  #hasEnded = false;

  /** Begins to load the decoder. */
  constructor(options: VoiceOptions) {
    this.#options = options;
    this.#opening = this.#open();
  }

  /** Counters of jitter buffer and decoder. */
  get stats(): PlayoutStats | undefined {
    return this.#playout?.stats;
  }

  /** Takes a packet. */
  push(packet: JitterPacket): void {
    if (this.#hasEnded) return;
    if (this.#clocked !== undefined) return this.#clocked.push(packet);
    this.#early.push(packet);
    if (this.#early.length > EARLY_LIMIT) this.#early.shift();
  }

  /** Gives what is left, ahead of its time, and frees the decoder. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#clocked !== undefined) this.#finish();
    else void this.#opening.then(() => this.#finish());
  }

  /** Stops at once, says nothing more, and frees the decoder. */
  stop(): void {
    this.#hasEnded = true;
    this.#clocked?.stop();
    void this.#opening.then(() => this.#free());
  }

  async #open(): Promise<void> {
    const { channels = 2, emit, done } = this.#options;
    try {
      this.#codec = await createOpus({ channels });
      this.#playout = new Playout({ ...this.#options, decoder: this.#codec });
    } catch (error) {
      this.#hasEnded = true;
      this.#free();
      return done({ error });
    }
    this.#clocked = new Clocked(this.#playout, emit);
    for (const packet of this.#early.splice(0)) this.#clocked.push(packet);
  }

  #finish(): void {
    if (this.#clocked === undefined) return;
    this.#clocked.end();
    this.#free();
    this.#options.done();
  }

  #free(): void {
    this.#clocked?.stop();
    this.#clocked = undefined;
    this.#codec?.delete();
    this.#codec = undefined;
  }
}
