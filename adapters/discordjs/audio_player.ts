/**
 * A player: one resource after another, to any number of connections, each packet at its time.
 *
 * Theory of operation: while there is a resource the player is woken at the instant at which its
 * next packet is due, by an absolute schedule: what is late does not add up. Each time it takes one
 * step: play a packet, play silence where one is missing, or look whether it may play on. A packet
 * lasts as long as it says, be it 20 ms or 60.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { OPUS_SILENCE, packetDuration } from "../../lib/audio/opus_toc.ts";
import { Pacer } from "../../lib/audio/pacer.ts";
import { tell } from "../networking/tell.ts";
import { makeTick, ticker } from "../ticker.ts";
import {
  type AudioPlayerPausedState,
  type AudioPlayerPlayingState,
  type AudioPlayerState,
  AudioPlayerStatus,
  NoSubscriberBehavior,
} from "./audio_player_states.ts";
import type { AudioResource } from "./audio_resource.ts";
import type { PlayingConnection } from "./connection_face.ts";
import { VoiceConnectionStatus } from "./connection_status.ts";

/** How a player behaves; everything has a default. */
export interface CreateAudioPlayerOptions {
  /** What it does where something is missing. */
  readonly behaviors?: {
    /** How often in a row a packet may be missing before the player stops; 5 by default. */
    readonly maxMissedFrames?: number;
    /** What it does while no connection is ready; it waits by default. */
    readonly noSubscriber?: NoSubscriberBehavior;
  };
  /** Whether `debug` is emitted; it is by default. */
  readonly debug?: boolean;
}

/** A resource has failed. */
export class AudioPlayerError extends Error {
  /** What was played. */
  readonly resource: AudioResource;

  /** Says the same as the error of the resource. */
  constructor(error: Error, resource: AudioResource) {
    super(error.message, { cause: error });
    this.resource = resource;
    this.name = error.name;
    this.stack = error.stack;
  }
}

/** A connection hears a player, until `unsubscribe`. */
export class PlayerSubscription<T extends PlayingConnection = PlayingConnection> {
  /** Who hears. */
  readonly connection: T;
  /** What is heard. */
  readonly player: AudioPlayer;

  /** Made by `VoiceConnection.subscribe`. */
  constructor(connection: T, player: AudioPlayer) {
    this.connection = connection;
    this.player = player;
  }

  /** Ends it. A second call does nothing. */
  unsubscribe(): void {
    this.connection.onSubscriptionRemoved(this);
    this.player.unsubscribe(this);
  }
}

/** What a player emits; besides, each status with the old and the new state. */
export interface AudioPlayerEvents {
  /** The resource has failed; the player is idle then. Told only where it is heard. */
  error: [error: AudioPlayerError];
  /** What goes on. */
  debug: [message: string];
  /** The state is another one. */
  stateChange: [oldState: AudioPlayerState, newState: AudioPlayerState];
  /** A connection hears the player from now on. */
  subscribe: [subscription: PlayerSubscription];
  /** A connection does not hear the player any more. */
  unsubscribe: [subscription: PlayerSubscription];
  /** The player is idle. */
  idle: [oldState: AudioPlayerState, newState: AudioPlayerState];
  /** The first packet is awaited. */
  buffering: [oldState: AudioPlayerState, newState: AudioPlayerState];
  /** The player plays, on or another resource. */
  playing: [oldState: AudioPlayerState, newState: AudioPlayerState];
  /** The player was paused. */
  paused: [oldState: AudioPlayerState, newState: AudioPlayerState];
  /** The player waits for a connection. */
  autopaused: [oldState: AudioPlayerState, newState: AudioPlayerState];
}

const SILENCE = Buffer.from(OPUS_SILENCE);

/** Frames of silence behind what a pause cuts off. */
const PAUSE_SILENCE_COUNT = 5;

/** Samples of a millisecond. */
const SAMPLES_PER_MS = 48;

/** Milliseconds by which Speaking, on TCP, is ahead of the first packet, and between two looks. */
const INTERVAL = 20;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type ActiveState = Mutable<AudioPlayerPlayingState> | Mutable<AudioPlayerPausedState>;

/** Plays resources to connections. */
export class AudioPlayer extends EventEmitter<AudioPlayerEvents> {
  readonly #maxMissedFrames: number;
  readonly #noSubscriber: NoSubscriberBehavior;
  readonly #debug: boolean;
  readonly #subscriptions: PlayerSubscription[] = [];
  readonly #pacer = new Pacer();
  readonly #tick = makeTick((now) => this.#step(now));
  #state: AudioPlayerState = { status: AudioPlayerStatus.Idle };
  /** Whether the schedule stands still: nothing was sent in the last step. */
  #isQuiet = true;

  /** Makes an idle player. */
  constructor({ behaviors = {}, debug = true }: CreateAudioPlayerOptions = {}) {
    super();
    this.#maxMissedFrames = behaviors.maxMissedFrames ?? 5;
    this.#noSubscriber = behaviors.noSubscriber ?? NoSubscriberBehavior.Pause;
    this.#debug = debug;
  }

  /** The present state; its figures are live. */
  get state(): AudioPlayerState {
    return this.#state;
  }

  /** Connections that hear the player and are ready. */
  get playable(): PlayingConnection[] {
    return this.#subscriptions.map(({ connection }) => connection)
      .filter(({ state }) => state.status === VoiceConnectionStatus.Ready);
  }

  /** Called by `VoiceConnection.subscribe`: one subscription for each connection. */
  subscribe<T extends PlayingConnection>(connection: T): PlayerSubscription<T> {
    const known = this.#subscriptions.find((known) => known.connection === connection);
    if (known !== undefined) return known as PlayerSubscription<T>;
    const subscription = new PlayerSubscription(connection, this);
    this.#subscriptions.push(subscription);
    queueMicrotask(() => tell(this, "subscribe", subscription));
    return subscription;
  }

  /**
   * Called by `PlayerSubscription.unsubscribe`.
   *
   * @returns Whether there was such a subscription.
   */
  unsubscribe(subscription: PlayerSubscription): boolean {
    const index = this.#subscriptions.indexOf(subscription);
    if (index < 0) return false;
    this.#subscriptions.splice(index, 1);
    subscription.connection.setSpeaking(false);
    tell(this, "unsubscribe", subscription);
    return true;
  }

  /**
   * Plays a resource. One that is playing gives way and is destroyed.
   *
   * @throws {Error} The resource has ended, or another player has it.
   */
  play<Metadata>(resource: AudioResource<Metadata>): void {
    if (resource.ended) throw new Error("Cannot play a resource: it has ended");
    if (resource.audioPlayer === this) return;
    if (resource.audioPlayer !== undefined) {
      throw new Error("Cannot play a resource: another player has it");
    }
    resource.audioPlayer = this;
    this.#listenTo(resource);
    if (resource.started) this.#begin(resource);
    else this.#enter({ status: AudioPlayerStatus.Buffering, resource });
  }

  /**
   * Pauses.
   *
   * @param interpolateSilence Whether silence is sent behind the last packet, so that listeners
   * make nothing up; it is by default.
   * @returns Whether the player was playing.
   */
  pause(interpolateSilence = true): boolean {
    const state = this.#state;
    if (state.status !== AudioPlayerStatus.Playing) return false;
    const silencePacketsRemaining = interpolateSilence ? PAUSE_SILENCE_COUNT : 0;
    this.#enter({ ...state, status: AudioPlayerStatus.Paused, silencePacketsRemaining });
    return true;
  }

  /**
   * Plays on.
   *
   * @returns Whether the player was paused.
   */
  unpause(): boolean {
    if (this.#state.status !== AudioPlayerStatus.Paused) return false;
    this.#resume(this.#state);
    return true;
  }

  /**
   * Stops: at once, or behind the silence of the resource.
   *
   * @param force Whether the silence is left out.
   * @returns Whether there was a resource.
   */
  stop(force = false): boolean {
    if (this.#state.status === AudioPlayerStatus.Idle) return false;
    const { resource } = this.#state;
    if (force || resource.silencePaddingFrames === 0) {
      this.#enter({ status: AudioPlayerStatus.Idle });
    } else if (resource.silenceRemaining === -1) {
      resource.silenceRemaining = resource.silencePaddingFrames;
    }
    return true;
  }

  /**
   * Looks whether the resource can be played. Where it is at its end, the player is idle then.
   *
   * @returns Whether there is one, past buffering, with something left in it.
   */
  checkPlayable(): boolean {
    const state = this.#state;
    if (!isActive(state)) return false;
    if (state.resource.readable) return true;
    this.#enter({ status: AudioPlayerStatus.Idle });
    return false;
  }

  // The resource

  /** For as long as it is there: a stream that was given up may still fail. */
  #listenTo(resource: AudioResource): void {
    const { playStream } = resource;
    const isOwn = () => resourceOf(this.#state) === resource;
    const isAwaited = () => isOwn() && this.#state.status === AudioPlayerStatus.Buffering;
    const fail = () => {
      if (isAwaited()) this.#enter({ status: AudioPlayerStatus.Idle });
    };
    playStream.on("error", (error) => {
      if (isOwn()) this.#fail(error, resource);
    });
    playStream.once("readable", () => {
      if (isAwaited()) this.#begin(resource);
    });
    playStream.once("end", fail);
    playStream.once("close", fail);
  }

  #begin(resource: AudioResource): void {
    const status = AudioPlayerStatus.Playing;
    this.#enter({ status, resource, missedFrames: 0, playbackDuration: 0 });
    this.#announce();
  }

  #resume({ resource, playbackDuration }: AudioPlayerPausedState): void {
    const status = AudioPlayerStatus.Playing;
    this.#enter({ status, resource, missedFrames: 0, playbackDuration });
    this.#announce();
  }

  /** Speaking goes ahead of the first packet. */
  #announce(): void {
    if (this.#state.status !== AudioPlayerStatus.Playing) return;
    for (const connection of this.playable) connection.setSpeaking(true);
    this.#isQuiet = true;
    ticker.set(this.#tick, performance.now() + INTERVAL);
  }

  #fail(error: Error, resource: AudioResource): void {
    tell(this, "error", new AudioPlayerError(error, resource));
    if (resourceOf(this.#state) === resource) this.#enter({ status: AudioPlayerStatus.Idle });
  }

  // Steps

  #step(now: number): void {
    const { resource } = this.#state as ActiveState;
    try {
      if (this.checkPlayable()) this.#perform(this.#state as ActiveState, now);
    } catch (error) {
      this.#fail(error as Error, resource);
    }
    if (!isActive(this.#state) || this.#tick.index >= 0) return;
    ticker.set(this.#tick, this.#isQuiet ? now + INTERVAL : this.#pacer.due(now));
  }

  #perform(state: ActiveState, now: number): void {
    if (state.status !== AudioPlayerStatus.Playing) return this.#performPaused(state, now);
    if (this.playable.length === 0) {
      if (this.#noSubscriber === NoSubscriberBehavior.Pause) return this.#autoPause(state);
      if (this.#noSubscriber === NoSubscriberBehavior.Stop) return void this.stop(true);
    }
    const packet = state.resource.read();
    state.missedFrames = packet === null ? state.missedFrames + 1 : 0;
    this.#send(packet ?? SILENCE, state, now);
    if (state.missedFrames >= this.#maxMissedFrames) this.stop();
  }

  #performPaused(state: Mutable<AudioPlayerPausedState>, now: number): void {
    const isAwaited = state.status === AudioPlayerStatus.AutoPaused && this.playable.length > 0;
    if (isAwaited) return this.#resume(state);
    if (state.silencePacketsRemaining === 0) {
      this.#isQuiet = true;
      return;
    }
    this.#send(SILENCE, state, now);
    if (--state.silencePacketsRemaining === 0) this.#stopSpeaking();
  }

  #autoPause(state: AudioPlayerPlayingState): void {
    this.#isQuiet = true;
    this.#enter({
      ...state,
      status: AudioPlayerStatus.AutoPaused,
      silencePacketsRemaining: PAUSE_SILENCE_COUNT,
    });
  }

  #send(packet: Buffer, state: ActiveState, now: number): void {
    if (this.#isQuiet) this.#pacer.resume(now);
    this.#isQuiet = false;
    const duration = packetDuration(packet);
    this.#pacer.advance(duration, now);
    state.playbackDuration += duration / SAMPLES_PER_MS;
    for (const connection of this.playable) {
      connection.prepareAudioPacket(packet);
      connection.dispatchAudio();
    }
  }

  #stopSpeaking(): void {
    for (const { connection } of this.#subscriptions) connection.setSpeaking(false);
  }

  // State

  #enter(next: AudioPlayerState): void {
    const old = this.#state;
    const [given, taken] = [resourceOf(old), resourceOf(next)];
    this.#state = next;
    if (given !== undefined && given !== taken) {
      given.audioPlayer = undefined;
      given.playStream.destroy();
    }
    if (taken === undefined) {
      this.#stopSpeaking();
      ticker.clear(this.#tick);
    }
    tell(this, "stateChange", old, next);
    const isOther = given !== undefined && taken !== given &&
      next.status === AudioPlayerStatus.Playing;
    if (old.status !== next.status || isOther) tell(this, next.status, old, next);
    if (this.#debug) tell(this, "debug", `${old.status} -> ${next.status}`);
  }
}

/**
 * Makes a player.
 *
 * @param options How it behaves.
 */
export function createAudioPlayer(options?: CreateAudioPlayerOptions): AudioPlayer {
  return new AudioPlayer(options);
}

function resourceOf(state: AudioPlayerState): AudioResource | undefined {
  return state.status === AudioPlayerStatus.Idle ? undefined : state.resource;
}

function isActive(state: AudioPlayerState): state is ActiveState {
  return state.status !== AudioPlayerStatus.Idle && state.status !== AudioPlayerStatus.Buffering;
}
