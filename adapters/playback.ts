/**
 * What a connection plays, and to which RTP timestamps it is sent. While the connection is being
 * recovered it takes no frames, and a player whose only connection it is waits.
 *
 * @module
 */

import { Lateness } from "../lib/audio/lateness.ts";
import { LocalProtocolError } from "../lib/errors.ts";
import type { Driver } from "./driver.ts";
import {
  AudioPlayer,
  type Playable,
  type PlayerOptions,
  type PlayerOutput,
  type PlayOptions,
  type PlayResult,
} from "./player/player.ts";
import type { PacingStats } from "./transport.ts";

const SAMPLES_PER_MS = 48;

/** Where a playback's packets go. */
export type PacketOutput = Pick<Driver, "lead" | "pacing" | "timestamp" | "send">;

/** The sending end of a connection. */
export class Playback implements PlayerOutput {
  readonly #output: PacketOutput;
  readonly #speak: (speaking: boolean) => void;
  readonly #lateness = new Lateness();
  readonly #ended = new AbortController();
  /** What turns sample time into RTP timestamps. */
  #timestampBase: number | undefined;
  #player: AudioPlayer | undefined;
  #isReady = false;
  #lead = 0;

  /**
   * Starts suspended; `resume` lets it send.
   *
   * @param output Where packets go.
   * @param speak Is told that packets will follow, or no more of them for now.
   */
  constructor(output: PacketOutput, speak: (speaking: boolean) => void) {
    this.#output = output;
    this.#speak = speak;
  }

  /** Whether a source is playing. */
  get playing(): boolean {
    return this.#player !== undefined && this.#player.state !== "idle";
  }

  /** The player that is heard. */
  get player(): AudioPlayer | undefined {
    return this.#player;
  }

  /** How late frames were sent. */
  get pacing(): PacingStats {
    const { count } = this.#lateness;
    return this.#output.pacing ??
      { count, p50: this.#lateness.percentile(50), p99: this.#lateness.percentile(99) };
  }

  /** Whether there is a connection. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** See `PlayerOutput`. */
  get lead(): number {
    return this.#lead;
  }

  /** There is a connection. */
  resume(): void {
    if (this.#ended.signal.aborted) return;
    this.#isReady = true;
    this.#lead = this.#output.lead;
    this.#player?.outputChanged();
  }

  /** There is no connection for a while. */
  suspend(): void {
    this.#isReady = false;
    this.#player?.outputChanged();
  }

  /** There will be no connection again. */
  end(reason: Error): void {
    this.#isReady = false;
    this.#ended.abort(reason);
    this.#player?.removeOutput(this);
    this.#player = undefined;
  }

  /**
   * Plays what a player plays; an earlier player is let go.
   *
   * @returns Lets the player go again.
   * @throws {LocalProtocolError} A source is playing.
   */
  subscribe(player: AudioPlayer): () => void {
    if (this.playing && player !== this.#player) {
      throw new LocalProtocolError("Cannot play: another source is playing");
    }
    this.#ended.signal.throwIfAborted();
    this.#player?.removeOutput(this);
    this.#player = player;
    player.addOutput(this);
    return () => this.#letGo(player);
  }

  /** See `VoiceConnection.play`. */
  async play(source: Playable, options: PlayOptions & PlayerOptions): Promise<PlayResult> {
    const ended = this.#ended.signal;
    const signal = options.signal === undefined ? ended : AbortSignal.any([options.signal, ended]);
    using player = new AudioPlayer(options);
    const before = this.#player;
    const letGo = this.subscribe(player);
    try {
      return await player.play(source, { ...options, signal });
    } finally {
      letGo();
      if (before !== undefined && this.#player === undefined && !ended.aborted) {
        this.subscribe(before);
      }
    }
  }

  send(packet: Uint8Array, sampleTime: number, lateness: number): boolean {
    const at = sampleTime / SAMPLES_PER_MS;
    if (!this.#output.send(packet, this.#timestampAt(sampleTime), at)) return false;
    this.#lateness.record(lateness);
    return true;
  }

  setSpeaking(speaking: boolean): void {
    if (!this.#ended.signal.aborted) this.#speak(speaking);
  }

  #letGo(player: AudioPlayer): void {
    player.removeOutput(this);
    if (player === this.#player) this.#player = undefined;
  }

  /** A timestamp never steps back, whatever else was sent meanwhile. */
  #timestampAt(sampleTime: number): number {
    const earliest = this.#output.timestamp;
    this.#timestampBase ??= earliest - sampleTime;
    const ahead = (earliest - this.#timestampBase - sampleTime) | 0;
    if (ahead > 0) this.#timestampBase += ahead;
    return (this.#timestampBase + sampleTime) >>> 0;
  }
}
