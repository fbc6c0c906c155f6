/**
 * What the gateway stub knows of one client of the main gateway: one that came over a
 * WebSocket, or one that is attached in the same process.
 *
 * @module
 */

import type { Secret } from "../secret.ts";
import { GatewayOpcodes } from "./gateway_messages.ts";
import { ReplayBuffer } from "./replay_buffer.ts";

/** Most dispatches that a session keeps for a Resume. */
export const DISPATCH_LIMIT = 256;

/** A session of the main gateway. */
export class GatewaySession {
  /** User id. */
  readonly userId: string;
  /** Session id, also of the user's voice states. */
  readonly sessionId: string;
  /** The bot's token; `undefined` where the user is attached in the same process. */
  readonly token: Secret<string> | undefined;
  /** Id of the WebSocket, while there is one. */
  websocket: number | undefined;
  /** When the session ends, while it waits for a Resume. */
  expiresAt: number | undefined;
  readonly #replay = new ReplayBuffer(DISPATCH_LIMIT, 2 ** 32);

  /**
   * Begins a session.
   *
   * @param userId User id.
   * @param sessionId Session id.
   * @param token The bot's token.
   */
  constructor(userId: string, sessionId: string, token: Secret<string> | undefined) {
    this.userId = userId;
    this.sessionId = sessionId;
    this.token = token;
  }

  /**
   * Writes a dispatch with the next number `s`, and keeps it.
   *
   * @param name Name of the event.
   * @param data Its payload.
   * @returns Text of a text frame.
   */
  dispatch(name: string, data: unknown): string {
    return this.#replay.push((s) =>
      JSON.stringify({ op: GatewayOpcodes.Dispatch, t: name, s, d: data })
    );
  }

  /**
   * Finds what the client has missed.
   *
   * @param seq Last number that it has seen.
   * @returns The dispatches in order, or `undefined` where the gap cannot be filled.
   */
  since(seq: number): string[] | undefined {
    return this.#replay.since(seq);
  }
}
