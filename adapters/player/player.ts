/**
 * A player: sources one after another, to any number of connections, each frame at its time.
 *
 * Theory of operation. The player has a schedule of slots (`Pacer`), and the process's `ticker`
 * calls it at each. Whatever there is to be said then is said: the next frame of the source or,
 * where there is none (its end, a pause, a source that stalls), up to five frames of silence.
 * After these it is quiet until there is a frame again. While no connection can take frames, time
 * stands still for the source, and nothing of it is lost.
 *
 * The schedule begins on a grid that all players share, so that many of them share a wake.
 *
 * RTP timestamps are the sample clock of the schedule: they go on during pauses, and a frame that
 * goes to many connections is encoded once.
 *
 * @module
 */

import { OPUS_SILENCE } from "../../lib/audio/opus_toc.ts";
import { type LatePolicy, Pacer } from "../../lib/audio/pacer.ts";
import { Listeners } from "../listeners.ts";
import type { AudioSource } from "../sources/audio_source.ts";
import { makeTick, ticker } from "../ticker.ts";
import { Encoding, type EncodingOptions } from "./encoding.ts";
import { type Frame, FrameQueue, type PacketSource } from "./frame_queue.ts";
import { Grid } from "./grid.ts";

/** Frames of silence that end a transmission, so that receivers do not interpolate. */
export const SILENCE_COUNT = 5;

/** Most sources that wait. */
export const QUEUE_LIMIT = 10_000;

/** Milliseconds by which Speaking, on TCP, is ahead of the first frame, on UDP. */
const SPEAKING_LEAD = 20;

const SAMPLES_PER_MS = 48;

const SILENCE: Frame = { packet: /* @__PURE__ */ Uint8Array.from(OPUS_SILENCE), duration: 960 };

/** What a player can play: a source, or Opus packets that nobody can seek in. */
export type Playable = AudioSource | PacketSource;

/** Where a player's frames go: a connection. */
export interface PlayerOutput {
  /** Whether it takes frames now. */
  readonly isReady: boolean;
  /** Milliseconds by which it wants frames before their instant; 0 by default. */
  readonly lead?: number;
  /**
   * Sends an Opus packet.
   *
   * @param packet The packet.
   * @param sampleTime Its instant in samples of 48 kHz on the monotonic clock.
   * @param lateness Milliseconds behind that instant; negative before it.
   * @returns Whether it was sent.
   */
  send(packet: Uint8Array, sampleTime: number, lateness: number): boolean;
  /** Frames will follow, or no more of them for now. */
  setSpeaking(speaking: boolean): void;
}

/**
 * What a player does: nothing; it waits for its source; it plays; it was paused; it waits for a
 * connection that can take frames.
 */
export type PlayerState = "idle" | "buffering" | "playing" | "paused" | "waiting";

/** Options of a player. */
export interface PlayerOptions extends EncodingOptions {
  /** What becomes of frames that are late; `"burst"` by default. */
  readonly late?: LatePolicy;
  /** Greatest lateness in milliseconds that is caught up with in a burst; 100 by default. */
  readonly burstLimit?: number;
}

/** How to play. */
export interface PlayOptions {
  /** Stops playing; the frames of silence are still sent. */
  readonly signal?: AbortSignal;
  /** Where to begin, in milliseconds; 0 by default. */
  readonly from?: number;
}

/** What was played. */
export interface PlayResult {
  /** Packets of the source that were sent. */
  readonly packetsSent: number;
  /** Packets that were left out because they were late; only with `late: "skip"`. */
  readonly packetsSkipped: number;
  /** Frames of silence that were sent behind them; none where the next source followed at once. */
  readonly silenceSent: number;
}

/** What a player tells. */
export interface PlayerEvents {
  /** The state has changed. */
  readonly stateChange: { readonly from: PlayerState; readonly to: PlayerState };
  /** A source's turn has come. */
  readonly start: { readonly source: Playable };
  /** A source has ended, by itself or not. */
  readonly end: { readonly source: Playable; readonly packetsSent: number };
  /** A source has failed; what stands before the fault was played. `end` follows. */
  readonly error: { readonly source: Playable; readonly error: unknown };
}

interface Track {
  readonly source: Playable;
  readonly signal: AbortSignal | undefined;
  readonly done: PromiseWithResolvers<PlayResult>;
  frames: FrameQueue | undefined;
  position: number; // milliseconds
  packetsSent: number;
  packetsSkipped: number;
  forget(): void;
}

/** How a track has ended, where not by itself: its fault, or the reason of its signal. */
interface Cut {
  readonly error: unknown;
  readonly isFault: boolean;
}

/** A track that has ended, while silence is sent behind it. */
interface Ending {
  readonly track: Track;
  readonly cut: Cut | undefined;
  /** Whether it waits for a connection that can take the silence. */
  readonly isPatient: boolean;
}

/**
 * Plays sources.
 *
 * @example A queue for two channels
 * ```ts
 * import { AudioPlayer, audioSource, type VoiceConnection } from "@sotto/voice";
 *
 * async function play(lobby: VoiceConnection, stage: VoiceConnection): Promise<void> {
 *   const player = new AudioPlayer();
 *   lobby.subscribe(player);
 *   stage.subscribe(player);
 *   player.enqueue(await audioSource("intro.ogg"));
 *   await player.enqueue(await audioSource("talk.webm"));
 * }
 * ```
 */
export class AudioPlayer implements Disposable {
  readonly #pacer: Pacer;
  readonly #grid = new Grid();
  readonly #encoding: Encoding;
  /** Replaced where it changes: what goes through it may change it. */
  #outputs: readonly PlayerOutput[] = [];
  readonly #listeners = new Listeners<PlayerEvents>();
  readonly #queue: Track[] = [];
  readonly #tick = makeTick((now) => this.#step(now));
  #current: Track | undefined;
  #ending: Ending | undefined;
  #isPaused = false;
  #isSpeaking = false;
  #leadUntil = 0;
  /** When the last frame is out that was handed over before its instant. */
  #outAt = -Infinity;
  /** Whether the schedule has stood still, and its next slot may have passed. */
  #stoodStill = true;
  #silenceLeft = 0;
  #silenceSent = 0;
  /** Sample time of the schedule's beginning. */
  #line: number | undefined;
  #state: PlayerState = "idle";

  /**
   * Makes a player without connections.
   *
   * @throws {RangeError} An option is out of range.
   */
  constructor(options: PlayerOptions = {}) {
    this.#pacer = new Pacer(options);
    this.#encoding = new Encoding(options);
  }

  /** What it does. */
  get state(): PlayerState {
    return this.#state;
  }

  /** The source whose turn it is. */
  get source(): Playable | undefined {
    return this.#current?.source;
  }

  /** Sources that wait for their turn. */
  get queue(): readonly Playable[] {
    return this.#queue.map(({ source }) => source);
  }

  /** Place in the source, in milliseconds; 0 where there is none. Stands while silence ends it. */
  get position(): number {
    return (this.#current ?? this.#ending?.track)?.position ?? 0;
  }

  /** Length of the source in milliseconds, where it is known. */
  get duration(): number | undefined {
    const source = (this.#current ?? this.#ending?.track)?.source;
    return source !== undefined && isAudioSource(source) ? source.duration : undefined;
  }

  /**
   * Volume of sources that are encoded here; 1 is as it is. Opus packets pass as they are. A change
   * is heard once what is encoded already has been sent, at most 160 ms.
   */
  get volume(): number {
    return this.#encoding.volume;
  }

  /** @throws {RangeError} It is not a number from 0 to 10. */
  set volume(volume: number) {
    this.fadeTo(volume, 0);
  }

  /**
   * Changes the volume bit by bit.
   *
   * @param volume The volume at the end.
   * @param duration Milliseconds.
   * @throws {RangeError} `volume` is not a number from 0 to 10, `duration` not one from 0 on.
   */
  fadeTo(volume: number, duration: number): void {
    this.#encoding.fadeTo(volume, duration);
  }

  /**
   * Listens to one type of event.
   *
   * @param listener Is called with each event; what it throws does no harm to the player.
   * @returns Ends the listening.
   */
  on<T extends keyof PlayerEvents>(
    type: T,
    listener: (event: PlayerEvents[T]) => void,
  ): () => void {
    return this.#listeners.on(type, listener);
  }

  /** Sends to one more connection. `VoiceConnection.subscribe` calls it. */
  addOutput(output: PlayerOutput): void {
    if (this.#outputs.includes(output)) return;
    this.#outputs = [...this.#outputs, output];
    if (this.#isSpeaking) output.setSpeaking(true);
    this.#follow();
  }

  /** Sends no more to a connection. */
  removeOutput(output: PlayerOutput): void {
    if (!this.#outputs.includes(output)) return;
    this.#outputs = this.#outputs.filter((other) => other !== output);
    if (this.#isSpeaking) output.setSpeaking(false);
    this.#follow();
  }

  /** A connection takes frames again, or no more of them. */
  outputChanged(): void {
    this.#follow();
  }

  /**
   * Plays a source now: the present one and those that wait are given up.
   *
   * @returns What was sent, once that is done and silence with it. Whoever does not wait for it
   * hears of a failure through the `error` event.
   */
  play(source: Playable, options: PlayOptions = {}): Promise<PlayResult> {
    this.stop();
    return this.enqueue(source, options);
  }

  /**
   * Plays a source after those that wait, without a gap.
   *
   * @returns What was sent, once that is done. Whoever does not wait for it hears of a failure
   * through the `error` event.
   * @throws {RangeError} Too many wait.
   */
  enqueue(source: Playable, options: PlayOptions = {}): Promise<PlayResult> {
    if (this.#queue.length >= QUEUE_LIMIT) {
      throw new RangeError(`Cannot queue a source: ${QUEUE_LIMIT} wait already`);
    }
    const track = this.#makeTrack(source, options);
    this.#queue.push(track);
    if (this.#current === undefined) this.#next();
    else if (this.#current.frames?.hasEnded) this.#openNext();
    return track.done.promise;
  }

  /** Ends the present source; the next one follows. */
  skip(): void {
    if (this.#current !== undefined) this.#finish(this.#current);
  }

  /** Ends the present source and gives those up that wait. What comes next is not paused. */
  stop(): void {
    this.#isPaused = false;
    for (const track of this.#queue.splice(0)) this.#settle(track);
    this.skip();
  }

  /** Pauses behind five frames of silence. */
  pause(): void {
    this.#isPaused = true;
    this.#follow();
  }

  /** Goes on after `pause`. */
  resume(): void {
    this.#isPaused = false;
    this.#follow();
  }

  /**
   * Goes to a place in the present source.
   *
   * @param position Milliseconds.
   * @throws {RangeError} The source is not seekable, or the place is none.
   */
  seek(position: number): void {
    const track = this.#current;
    if (track === undefined) throw new RangeError("Cannot seek: nothing is playing");
    if (!isAudioSource(track.source) || !track.source.seekable) {
      throw new RangeError("Cannot seek: the source can only be read from its beginning");
    }
    if (!(position >= 0 && position < Infinity)) {
      throw new RangeError(`Cannot seek to ${position} ms: want a number from 0 on`);
    }
    track.frames?.close();
    this.#open(track, position);
    this.#follow();
  }

  /** Stops, and frees the encoder. */
  [Symbol.dispose](): void {
    this.stop();
    this.#encoding.dispose();
  }

  #makeTrack(source: Playable, { signal, from = 0 }: PlayOptions): Track {
    const done = Promise.withResolvers<PlayResult>();
    done.promise.catch(() => {});
    const abort = () => this.#abort(track, { error: signal?.reason, isFault: false });
    const forget = () => signal?.removeEventListener("abort", abort);
    const counts = { packetsSent: 0, packetsSkipped: 0 };
    const track: Track = {
      source,
      signal,
      done,
      frames: undefined,
      position: from,
      ...counts,
      forget,
    };
    signal?.addEventListener("abort", abort, { once: true });
    return track;
  }

  #abort(track: Track, cut: Cut): void {
    if (track === this.#current) return this.#finish(track, cut);
    if (track === this.#ending?.track) {
      // The silence is sent all the same, where there is anybody to hear it.
      if (this.#isStuck) this.#settleEnding(cut);
      return;
    }
    this.#queue.splice(this.#queue.indexOf(track), 1);
    this.#settle(track, cut);
  }

  /** The next track's turn has come. */
  #next(): void {
    const track = this.#queue.shift()!;
    this.#current = track;
    this.#settleEnding();
    this.#silenceSent = 0;
    if (track !== this.#current) return; // a listener has other plans
    this.#listeners.emit("start", { source: track.source });
    if (track !== this.#current) return;
    if (track.signal?.aborted) {
      return this.#finish(track, { error: track.signal.reason, isFault: false });
    }
    if (track.frames === undefined) this.#open(track, track.position);
    this.#follow();
  }

  /** Reads the beginning of the track that waits, while the present one plays its last frames. */
  #openNext(): void {
    const [track] = this.#queue;
    if (track !== undefined && track.frames === undefined) this.#open(track, track.position);
  }

  #open(track: Track, from: number): void {
    track.position = from;
    const frames = new FrameQueue(() => this.#packetsOf(track, from), () => {
      if (track !== this.#current || track.frames !== frames) return;
      if (frames.hasEnded) this.#openNext();
      this.#follow();
    });
    track.frames = frames;
  }

  #packetsOf(track: Track, from: number): PacketSource {
    const { source } = track;
    if (!isAudioSource(source)) return source;
    if (source.kind === "opus") return source.open(from);
    return this.#encoding.encode(source.open(from), () => {
      const next = track === this.#current ? this.#queue[0]?.source : undefined;
      return next !== undefined && isAudioSource(next) && next.kind === "pcm";
    });
  }

  #finish(track: Track, cut?: Cut): void {
    const { first, hasEnded = false } = track.frames ?? {};
    track.frames?.close();
    this.#current = undefined;
    const isPatient = hasEnded && first === undefined && cut === undefined;
    this.#ending = { track, cut, isPatient };
    if (track.packetsSent === 0) this.#silenceLeft = SILENCE_COUNT;
    if (this.#queue.length > 0) this.#next();
    else this.#follow();
  }

  #settleEnding(cut = this.#ending?.cut): void {
    const ending = this.#ending;
    this.#ending = undefined;
    if (ending !== undefined) this.#settle(ending.track, cut);
  }

  #settle(track: Track, cut?: Cut): void {
    const { source, packetsSent, packetsSkipped } = track;
    track.forget();
    track.frames?.close();
    if (cut !== undefined) track.done.reject(cut.error);
    else track.done.resolve({ packetsSent, packetsSkipped, silenceSent: this.#silenceSent });
    if (cut?.isFault) this.#listeners.emit("error", { source, error: cut.error });
    this.#listeners.emit("end", { source, packetsSent });
  }

  /** Whether frames can go nowhere. */
  get #isStuck(): boolean {
    const outputs = this.#outputs;
    for (let i = 0; i < outputs.length; i++) if (outputs[i]!.isReady) return false;
    return true;
  }

  get #frame(): Frame | undefined {
    return this.#isPaused ? undefined : this.#current?.frames?.first;
  }

  /** Whether there is something to say. */
  get #hasMore(): boolean {
    return this.#frame !== undefined || this.#silenceLeft > 0;
  }

  /** Something has changed: there may be something to say now, or nothing any more. */
  #follow(): void {
    const { first, hasEnded, failure } = this.#current?.frames ?? {};
    if (hasEnded && first === undefined) {
      const cut = failure === undefined ? undefined : { error: failure.error, isFault: true };
      return this.#finish(this.#current!, cut);
    }
    if (!this.#hasMore) this.#fallSilent();
    else if (this.#isStuck) this.#standStill();
    else this.#schedule();
    this.#updateState();
  }

  /** What was handed over before its instant is still to be heard. */
  #fallSilent(): void {
    this.#halt();
    if (this.#outAt > performance.now() && !this.#isStuck) ticker.set(this.#tick, this.#outAt);
    else this.#becomeQuiet();
  }

  #becomeQuiet(): void {
    this.#halt();
    this.#speak(false);
    this.#settleEnding();
  }

  #standStill(): void {
    this.#halt();
    if (this.#ending?.isPatient === false) {
      this.#silenceLeft = 0;
      this.#becomeQuiet();
    }
  }

  #halt(): void {
    ticker.clear(this.#tick);
    this.#stoodStill = true;
  }

  #schedule(): void {
    const lead = this.#lead;
    const isWaiting = this.#tick.index >= 0;
    if (isWaiting && (lead === 0 || this.#stoodStill)) return;
    const now = performance.now();
    if (!this.#isSpeaking) this.#leadUntil = now + SPEAKING_LEAD;
    this.#speak(true);
    // Whether the source stalls is known when its frame is due, not before.
    const isStalled = this.#frame === undefined && this.#current !== undefined;
    const due = Math.max(this.#pacer.due(now) - (isStalled ? 0 : lead), this.#leadUntil);
    const at = this.#stoodStill ? this.#grid.next(Math.max(due, now)) : due;
    if (!isWaiting || at < this.#tick.at) ticker.set(this.#tick, at);
  }

  /** By how much all that can hear want frames early. */
  get #lead(): number {
    const outputs = this.#outputs;
    let least = Infinity;
    for (let i = 0; i < outputs.length; i++) {
      const { isReady, lead = 0 } = outputs[i]!;
      if (isReady) least = Math.min(least, lead);
    }
    return least === Infinity ? 0 : least;
  }

  #speak(speaking: boolean): void {
    if (speaking === this.#isSpeaking) return;
    this.#isSpeaking = speaking;
    for (const output of this.#outputs) output.setSpeaking(speaking);
  }

  /** A slot has come: says what is to be said. */
  #step(now: number): void {
    if (this.#isStuck || !this.#hasMore) return this.#follow();
    // The schedule begins on the grid, even where the timer is late.
    const at = this.#stoodStill ? this.#grid.last(now) : now;
    if (this.#stoodStill) this.#pacer.resume(at);
    this.#stoodStill = false;
    const frame = this.#frame;
    const { packet, duration } = frame ?? SILENCE;
    const lateness = now - this.#pacer.due(at);
    if (lateness < 0) this.#outAt = now - lateness + duration / SAMPLES_PER_MS;
    const position = this.#pacer.advance(duration, at);
    this.#line ??= Math.round(at * SAMPLES_PER_MS) - position;
    const isSkipped = position < 0;
    if (isSkipped || this.#send(packet, this.#line + position, lateness)) {
      if (frame === undefined) this.#countSilence();
      else this.#countFrame(this.#current!, frame, isSkipped);
    }
    this.#follow();
  }

  #send(packet: Uint8Array, sampleTime: number, lateness: number): boolean {
    const outputs = this.#outputs;
    let isSent = false;
    for (let i = 0; i < outputs.length; i++) {
      const output = outputs[i]!;
      if (output.isReady && output.send(packet, sampleTime, lateness)) isSent = true;
    }
    return isSent;
  }

  #countSilence(): void {
    this.#silenceLeft--;
    this.#silenceSent++;
  }

  #countFrame(track: Track, frame: Frame, isSkipped: boolean): void {
    track.position += frame.duration / SAMPLES_PER_MS;
    track.frames!.shift();
    if (isSkipped) track.packetsSkipped++;
    else track.packetsSent++;
    this.#silenceLeft = SILENCE_COUNT;
    this.#silenceSent = 0;
  }

  #updateState(): void {
    const from = this.#state;
    const to = this.#state = this.#stateNow();
    if (from !== to) this.#listeners.emit("stateChange", { from, to });
  }

  #stateNow(): PlayerState {
    if (this.#current === undefined && this.#ending === undefined) return "idle";
    if (this.#isPaused && this.#current !== undefined) return "paused";
    if (this.#isStuck) return "waiting";
    return this.#hasMore ? "playing" : "buffering";
  }
}

function isAudioSource(source: Playable): source is AudioSource {
  return "kind" in source;
}
