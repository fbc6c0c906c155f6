/**
 * Where an `AudioPlayer` stands.
 *
 * @module
 */

import type { AudioResource } from "./audio_resource.ts";

/** The status of a player. */
export const AudioPlayerStatus = {
  /** It waits for a connection to play to. */
  AutoPaused: "autopaused",
  /** It waits for the first packet of its resource. */
  Buffering: "buffering",
  /** It has no resource. */
  Idle: "idle",
  /** It was paused. */
  Paused: "paused",
  /** It plays. */
  Playing: "playing",
} as const;

/** A status of a player. */
export type AudioPlayerStatus = typeof AudioPlayerStatus[keyof typeof AudioPlayerStatus];

/** What a player does while no connection is ready. */
export const NoSubscriberBehavior = {
  /** It waits for one. */
  Pause: "pause",
  /** It plays on, to nobody. */
  Play: "play",
  /** It stops. */
  Stop: "stop",
} as const;

/** A behaviour while no connection is ready. */
export type NoSubscriberBehavior = typeof NoSubscriberBehavior[keyof typeof NoSubscriberBehavior];

/** The player has no resource. */
export interface AudioPlayerIdleState {
  /** `idle` */
  readonly status: typeof AudioPlayerStatus.Idle;
}

/** The first packet is awaited. */
export interface AudioPlayerBufferingState {
  /** `buffering` */
  readonly status: typeof AudioPlayerStatus.Buffering;
  /** What is to be played. */
  readonly resource: AudioResource;
}

/** The player plays. */
export interface AudioPlayerPlayingState {
  /** `playing` */
  readonly status: typeof AudioPlayerStatus.Playing;
  /** What is played. */
  readonly resource: AudioResource;
  /** How often in a row there was no packet when one was due. */
  readonly missedFrames: number;
  /** Milliseconds that were played, silence for what was missing too. */
  readonly playbackDuration: number;
}

/** The player is paused, by somebody or by itself. */
export interface AudioPlayerPausedState {
  /** `paused` or `autopaused` */
  readonly status: typeof AudioPlayerStatus.Paused | typeof AudioPlayerStatus.AutoPaused;
  /** What will be played on. */
  readonly resource: AudioResource;
  /** How often in a row there was no packet when one was due. */
  readonly missedFrames: number;
  /** Milliseconds that were played, silence too. */
  readonly playbackDuration: number;
  /** Frames of silence that are still to be sent. */
  readonly silencePacketsRemaining: number;
}

/** A state of a player. */
export type AudioPlayerState =
  | AudioPlayerIdleState
  | AudioPlayerBufferingState
  | AudioPlayerPlayingState
  | AudioPlayerPausedState;
