/**
 * What the voice server sends and reports, in order, until its driver fetches it. An
 * event comes before the message that it is about: whoever has the message finds the
 * event in the log.
 *
 * @module
 */

import { encodeMessage } from "../messages.ts";
import { VoiceOpcodes } from "../opcodes.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import type { ServerOutput } from "./server_io.ts";
import type { ServerSession } from "./server_session.ts";

/** Collects outputs. */
export class ServerOutbox {
  readonly #outputs: ServerOutput[] = [];
  /** Monotonic milliseconds, for the events. */
  now = 0;

  /** Adds an output. */
  push(output: ServerOutput): void {
    this.#outputs.push(output);
  }

  /**
   * Takes the next output.
   *
   * @returns The output, or `undefined` where there is none.
   */
  poll(): ServerOutput | undefined {
    return this.#outputs.shift();
  }

  /** Reports an event. */
  event(details: ServerEventDetails, subject: EventSubject): void {
    this.push({ type: "event", event: { at: this.now, ...details, ...subject } });
  }

  /** Sends a message without a number; to nobody where there is no WebSocket. */
  send(websocket: number | undefined, op: number, d: unknown): void {
    if (websocket === undefined) return;
    this.push({ type: "sendWebSocket", id: websocket, data: encodeMessage(op, d) });
  }

  /** Sends a message that a Resume would bring again. */
  sendNumbered(session: ServerSession, op: number, d: unknown): void {
    const data = session.replay.push((seq) => encodeMessage(op, d, seq));
    if (session.websocket === undefined) return;
    this.push({ type: "sendWebSocket", id: session.websocket, data });
  }

  /** Tells a session which users are there: first their ids, then flags and platform of each. */
  sendUsers(session: ServerSession, users: readonly ServerSession[]): void {
    const user_ids = users.map(({ userId }) => userId);
    this.sendNumbered(session, VoiceOpcodes.ClientsConnect, { user_ids });
    for (const user_id of user_ids) {
      this.sendNumbered(session, VoiceOpcodes.ClientFlags, { user_id, flags: null });
      this.sendNumbered(session, VoiceOpcodes.ClientPlatform, { user_id, platform: null });
    }
  }

  /** Tells a session which flags and SSRC a speaker has. */
  sendSpeaking(session: ServerSession, speaker: ServerSession): void {
    const { userId: user_id, ssrc, flags: speaking } = speaker;
    this.sendNumbered(session, VoiceOpcodes.Speaking, { user_id, ssrc, speaking });
  }

  /** Closes a WebSocket and reports it. */
  close(
    websocket: number,
    code: number,
    reason: string,
    resumable: boolean,
    subject: EventSubject,
  ): void {
    this.event({ type: "close", code, reason, resumable }, subject);
    this.push({ type: "closeWebSocket", id: websocket, code, reason });
  }
}
