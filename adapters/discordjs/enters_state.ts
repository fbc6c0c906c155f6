/**
 * Waiting for a connection or a player to enter a state.
 *
 * @module
 */

import { type EventEmitter, once } from "node:events";

/** What has states whose names are events. */
export interface Stateful extends EventEmitter {
  /** The present state. */
  readonly state: { readonly status: string };
}

/**
 * Waits until a connection or a player is in a state.
 *
 * @param target A `VoiceConnection` or an `AudioPlayer`.
 * @param status A status of it, for example `VoiceConnectionStatus.Ready`.
 * @param timeoutOrSignal Milliseconds for which to wait at most, or what ends the wait.
 * @returns `target`.
 * @throws {DOMException} `AbortError`: the state was not entered in time.
 * @throws What `target` emits as `error` meanwhile.
 *
 * @example A player without a resource is idle
 * ```ts
 * import { AudioPlayerStatus, createAudioPlayer, entersState } from "@sotto/voice/discordjs";
 * import { assertEquals } from "@std/assert";
 *
 * const player = createAudioPlayer();
 * assertEquals(await entersState(player, AudioPlayerStatus.Idle, 1000), player);
 * ```
 */
export async function entersState<T extends Stateful>(
  target: T,
  status: T["state"]["status"],
  timeoutOrSignal: number | AbortSignal,
): Promise<T> {
  if (target.state.status === status) return target;
  if (typeof timeoutOrSignal !== "number") {
    await once(target, status, { signal: timeoutOrSignal });
    return target;
  }
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutOrSignal);
  try {
    await once(target, status, { signal: controller.signal });
    return target;
  } finally {
    clearTimeout(timer);
  }
}
