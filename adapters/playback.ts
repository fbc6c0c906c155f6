/**
 * Paced sending: each packet at its time, by an absolute schedule. While the
 * connection is being recovered nothing is sent and nothing is lost; the RTP
 * timestamp then advances by the time that passed.
 *
 * @module
 */

import { abortable, delay } from "@std/async";
import { Lateness } from "../lib/audio/lateness.ts";
import { OPUS_SILENCE, packetDuration } from "../lib/audio/opus_toc.ts";
import { Pacer } from "../lib/audio/pacer.ts";

/** Opus packets in the order in which they are to be played. */
export type PacketSource = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** How to play. */
export interface PlayOptions {
  /** Stops playing; the frames of silence are still sent. */
  readonly signal?: AbortSignal;
}

/** What was played. */
export interface PlayResult {
  /** Packets of the source that were sent. */
  readonly packetsSent: number;
  /** Frames of silence that were sent behind them. */
  readonly silenceSent: number;
}

/** How late frames were sent, in milliseconds behind their instant in the schedule. */
export interface PacingStats {
  /** Frames that were measured. */
  readonly count: number;
  /** Half of the frames were at most so late. */
  readonly p50: number;
  /** 99 of 100 frames were at most so late. */
  readonly p99: number;
}

/** Frames of silence that end a transmission, so that receivers do not interpolate. */
export const SILENCE_COUNT = 5;

/** Milliseconds by which Speaking, on TCP, is ahead of the first frame, on UDP. */
const SPEAKING_LEAD = 20;

const SILENCE: Uint8Array = /* @__PURE__ */ Uint8Array.from(OPUS_SILENCE);

/** Sends packets by a schedule. */
export class Playback {
  readonly #send: (packet: Uint8Array, timestamp: number) => boolean;
  readonly #pacer = new Pacer();
  readonly #lateness = new Lateness();
  readonly #ended = new AbortController();
  readonly #earliest: () => number;
  #timestampBase: number;
  #connected: PromiseWithResolvers<void> | undefined = Promise.withResolvers();
  #playing = false;

  /**
   * Starts suspended; `resume` lets it send.
   *
   * @param send Sends a packet; returns `false` while there is no connection.
   * @param earliest RTP timestamp that follows what was sent so far.
   */
  constructor(send: (packet: Uint8Array, timestamp: number) => boolean, earliest: () => number) {
    this.#send = send;
    this.#earliest = earliest;
    this.#timestampBase = earliest();
  }

  /** Whether a source is playing. */
  get playing(): boolean {
    return this.#playing;
  }

  /** How late frames were sent. */
  get pacing(): PacingStats {
    const { count } = this.#lateness;
    return { count, p50: this.#lateness.percentile(50), p99: this.#lateness.percentile(99) };
  }

  /** There is a connection. */
  resume(): void {
    this.#connected?.resolve();
    this.#connected = undefined;
  }

  /** There is no connection for a while. */
  suspend(): void {
    this.#connected ??= Promise.withResolvers();
  }

  /** There will be no connection again. */
  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  /** See `VoiceConnection.play`. */
  async play(source: PacketSource, options: PlayOptions): Promise<PlayResult> {
    this.#playing = true;
    const ended = this.#ended.signal;
    const signal = options.signal === undefined ? ended : AbortSignal.any([options.signal, ended]);
    try {
      const packetsSent = await this.#sendAll(iterate(source), signal);
      return { packetsSent, silenceSent: await this.#sendSilence() };
    } catch (error) {
      // While there is no connection, nobody waits for it to end in silence.
      if (!ended.aborted && this.#connected === undefined) await this.#sendSilence();
      throw error;
    } finally {
      this.#playing = false;
    }
  }

  async #sendAll(packets: PacketIterator, signal: AbortSignal): Promise<number> {
    const pull = () => abortable(Promise.resolve(packets.next()), signal);
    try {
      // At once: a Node stream that cannot open its file ends the process if nobody listens.
      let [next] = await Promise.all([pull(), delay(SPEAKING_LEAD, { signal })]);
      this.#pacer.resume(performance.now());
      let packetsSent = 0;
      for (; !next.done; packetsSent++) {
        await this.#sendPaced(next.value, signal);
        next = await pull();
      }
      return packetsSent;
    } catch (error) {
      void release(packets);
      throw error;
    }
  }

  async #sendSilence(): Promise<number> {
    for (let i = 0; i < SILENCE_COUNT; i++) {
      await this.#sendPaced(SILENCE, this.#ended.signal);
    }
    return SILENCE_COUNT;
  }

  /** A timestamp never steps back, whatever else was sent meanwhile. */
  #timestampAt(position: number): number {
    const ahead = (this.#earliest() - this.#timestampBase - position) | 0;
    if (ahead > 0) this.#timestampBase += ahead;
    return (this.#timestampBase + position) >>> 0;
  }

  async #sendPaced(packet: Uint8Array, signal: AbortSignal): Promise<void> {
    const duration = packetDuration(packet);
    signal.throwIfAborted();
    for (;;) {
      if (this.#connected !== undefined) {
        await abortable(this.#connected.promise, signal);
        this.#pacer.resume(performance.now());
      }
      const due = this.#pacer.due(performance.now());
      const wait = due - performance.now();
      if (wait > 0) await delay(wait, { signal });
      if (this.#connected !== undefined) continue;
      const now = performance.now();
      if (!this.#send(packet, this.#timestampAt(this.#pacer.advance(duration, now)))) continue;
      this.#lateness.record(now - due);
      return;
    }
  }
}

type PacketIterator = Iterator<Uint8Array> | AsyncIterator<Uint8Array>;

function iterate(source: PacketSource): PacketIterator {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

/** Lets a source close its file. Nobody waits for it: it may itself wait for a packet. */
async function release(packets: PacketIterator): Promise<void> {
  try {
    await packets.return?.();
  } catch {
    // What stopped the playing is thrown already.
  }
}
