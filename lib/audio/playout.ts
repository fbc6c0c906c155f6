/**
 * From the packets of one sender to its voice: in order, in time, without holes, at the rate of
 * the local clock.
 *
 * What is lost is taken from the FEC of the packet behind where that is there and has some, and
 * otherwise made up by the decoder, which also lets it fade; a packet that is no Opus is treated
 * as lost. The position of a frame is where its samples were spoken, without the delay of the
 * jitter buffer, so that the voices of a call line up. Within a talkspurt positions have no gaps,
 * and they never overlap.
 *
 * @module
 */

import {
  JitterBuffer,
  type JitterBufferOptions,
  type JitterPacket,
  type JitterStats,
  type LossItem,
  type PacketItem,
  type PushResult,
} from "./jitter_buffer.ts";
import type { OpusDecoder } from "./opus_decoder.ts";
import type { PcmFrame, PcmOrigin } from "./pcm.ts";
import { stretch } from "./stretch.ts";

/** Options of {@linkcode Playout}. */
export interface PlayoutOptions extends JitterBufferOptions {
  /** Decodes this sender's packets and nothing else; its owner deletes it. */
  readonly decoder: OpusDecoder;
  /** Whose voice it is. */
  readonly userId: string;
  /** When position 0 of the call is, in monotonic milliseconds; what is earlier is played there. */
  readonly start: number;
  /**
   * Whether pauses between talkspurts are filled with silence, as time goes by: from the first
   * frame on positions then have no gaps at all. Default false.
   */
  readonly fillSilence?: boolean;
}

/**
 * Counters of {@linkcode Playout}, on top of those of its jitter buffer. Those by origin are in
 * frames of 20 ms: 960 samples count as 1.
 */
export interface PlayoutStats extends JitterStats, Readonly<Record<PcmOrigin, number>> {
  /** Packets that are no Opus and were concealed. */
  readonly undecodable: number;
}

/**
 * A jitter buffer with a decoder.
 *
 * @example Play a sender's packets with a decoder of `./opus`
 * ```ts
 * import { type JitterPacket, type OpusDecoder, type PcmFrame, Playout } from "@sotto/voice/audio";
 *
 * function playoutOf(decoder: OpusDecoder, packets: JitterPacket[]): PcmFrame[] {
 *   const playout = new Playout({ decoder, userId: "1", start: 0 });
 *   for (const packet of packets) playout.push(packet);
 *   const frames: PcmFrame[] = [];
 *   for (let at; (at = playout.pollTimeout()) !== undefined;) {
 *     const frame = playout.pull(at); // a program waits until then
 *     if (frame !== undefined) frames.push(frame);
 *   }
 *   return frames;
 * }
 * ```
 */
export class Playout {
  readonly #buffer: JitterBuffer;
  readonly #decoder: OpusDecoder;
  readonly #userId: string;
  readonly #start: number;
  readonly #fillSilence: boolean;
  readonly #samples = { decoded: 0, fec: 0, concealed: 0, silence: 0 };
  #undecodable = 0;
  #ssrc = 0;
  #position = 0; // of the next sample
  #isPaused = true;
  #hasPlayed = false;
  #waiting: PacketItem | undefined; // for the silence before it

  /**
   * Makes a playout without packets.
   *
   * @param options Decoder, user, clock of the call, and bounds of the delay.
   * @throws {RangeError} as {@linkcode JitterBuffer} does.
   */
  constructor(options: PlayoutOptions) {
    const { decoder, userId, start, fillSilence = false } = options;
    this.#buffer = new JitterBuffer(options);
    this.#decoder = decoder;
    this.#userId = userId;
    this.#start = start;
    this.#fillSilence = fillSilence;
  }

  /** The counters as they are now. */
  get stats(): PlayoutStats {
    const { decoded, fec, concealed, silence } = this.#samples;
    return {
      ...this.#buffer.stats,
      decoded: decoded / FRAME,
      fec: fec / FRAME,
      concealed: concealed / FRAME,
      silence: silence / FRAME,
      undecodable: this.#undecodable,
    };
  }

  /**
   * Takes a packet. One with another SSRC than those before is of the same sender after a restart.
   *
   * @param packet The packet; a `ReceivedFrame` is one.
   * @returns What became of it.
   */
  push(packet: JitterPacket): PushResult {
    return this.#buffer.push(packet);
  }

  /**
   * Takes the next piece of the voice.
   *
   * @param now Monotonic milliseconds.
   * @returns Fresh memory, or `undefined` where nothing is due. Call it until then.
   */
  pull(now: number): PcmFrame | undefined {
    for (;;) {
      const item = this.#waiting ?? this.#buffer.pull(now);
      this.#waiting = undefined;
      if (item === undefined) return this.#silenceUntil(now);
      if (item.type === "pause") this.#isPaused = true;
      else return this.#play(item);
    }
  }

  /**
   * When {@linkcode Playout.pull} is to be called next. Every push may change it.
   *
   * @returns Monotonic milliseconds; `undefined` where only a packet can change anything.
   */
  pollTimeout(): number | undefined {
    if (this.#waiting !== undefined) return this.#waiting.at;
    const next = this.#buffer.pollTimeout();
    if (!this.#isFilling()) return next;
    return Math.min(next ?? Infinity, this.#silenceDue());
  }

  #play(item: PacketItem | LossItem): PcmFrame {
    if (item.type === "loss") return this.#mend(item);
    if (item.begins) {
      const position = Math.round((item.nominal - this.#start) * SAMPLES_PER_MS);
      const gap = position - this.#position;
      if (gap > 0 && this.#fillSilence && this.#hasPlayed) {
        this.#waiting = item;
        return this.#silence(Math.min(gap, FRAME));
      }
      this.#position = Math.max(this.#position, position);
      this.#isPaused = false;
      this.#hasPlayed = true;
    }
    this.#ssrc = item.ssrc;
    const decoded = orUndefined(() => this.#decoder.decode(item.opus));
    if (decoded === undefined) this.#undecodable++;
    const samples = decoded ?? this.#decoder.conceal(item.duration);
    const stretched = stretch(samples, this.#decoder.channels, item.adjust);
    return this.#frame(stretched, decoded === undefined ? "concealed" : "decoded");
  }

  #mend({ next, duration }: LossItem): PcmFrame {
    const restored = next && orUndefined(() => this.#decoder.decodeFec(next, duration));
    if (restored !== undefined) return this.#frame(restored, "fec");
    return this.#frame(this.#decoder.conceal(duration), "concealed");
  }

  #isFilling(): boolean {
    return this.#fillSilence && this.#isPaused && this.#hasPlayed;
  }

  /** Silence is told when it is over: until then a talkspurt may begin in it. */
  #silenceDue(): number {
    return this.#start + (this.#position + FRAME) / SAMPLES_PER_MS + this.#buffer.delay;
  }

  #silenceUntil(now: number): PcmFrame | undefined {
    return this.#isFilling() && this.#silenceDue() <= now ? this.#silence(FRAME) : undefined;
  }

  #silence(size: number): PcmFrame {
    return this.#frame(new Int16Array(size * this.#decoder.channels), "silence");
  }

  #frame(samples: Int16Array, origin: PcmOrigin): PcmFrame {
    const { channels } = this.#decoder;
    const size = samples.length / channels;
    const position = this.#position;
    this.#position += size;
    this.#samples[origin] += size;
    return { userId: this.#userId, ssrc: this.#ssrc, position, samples, channels, origin };
  }
}

const SAMPLES_PER_MS = 48;
const FRAME = 960;

/** What the decoder makes of a packet; `undefined` where it says that this is none. */
function orUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
