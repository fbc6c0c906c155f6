/**
 * Discord voice for Deno, Bun and Node: join a voice channel, play sound, hear each
 * speaker. No native add-on, no FFI, no install script.
 *
 * `joinVoice` here finds out which runtime it is on; `./deno`, `./bun` and `./node`
 * offer the same without asking. `./core` is the protocol without I/O, `./audio` the
 * containers, `./opus` the codec, `./testing` a voice server on loopback.
 *
 * @module
 */

import { type JoinVoiceOptions, VoiceConnection } from "./adapters/connection.ts";
import { detectTransport } from "./adapters/detect.ts";

export * from "./adapters/common.ts";

/**
 * Joins a voice channel on the present runtime.
 *
 * @param options What to join, and through whom.
 * @returns The connection, once audio can flow.
 * @throws {VoiceConnectError} It could not be made; `hint` says what to look at.
 */
export async function joinVoice(
  options: JoinVoiceOptions,
): Promise<VoiceConnection> {
  return await VoiceConnection.join(await detectTransport(), options);
}
