/**
 * What the voice server sends and reports, in order, until its driver fetches it. An
 * event comes before the message that it is about: whoever has the message finds the
 * event in the log.
 *
 * @module
 */

import type { GatewayVersion } from "../gateway_version.ts";
import { encodeReceive } from "../messages.ts";
import { VoiceOpcodes } from "../opcodes.ts";
import type { VoiceReceivePayload } from "../payloads.ts";
import { Queue } from "../queue.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import type { ServerOutput } from "./server_io.ts";
import type { ServerSession } from "./server_session.ts";

/** Collects outputs. */
export class ServerOutbox {
  readonly #outputs = new Queue<ServerOutput>();
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

  /** Sends a message without a number. */
  send(
    to: { readonly id: number; readonly version: GatewayVersion },
    message: VoiceReceivePayload,
  ): void {
    const data = encodeReceive(message, to.version);
    this.push({ type: "sendWebSocket", id: to.id, data });
  }

  /** Sends a message to a session, or to nobody where it has no WebSocket. */
  tell(session: ServerSession, message: VoiceReceivePayload): void {
    const { websocket: id, version } = session;
    if (id !== undefined) this.send({ id, version }, message);
  }

  /** Sends a message that a Resume would bring again. */
  tellNumbered(session: ServerSession, message: VoiceReceivePayload): void {
    const data = session.replay.push((seq) => encodeReceive({ ...message, seq }, session.version));
    if (session.websocket === undefined) return;
    this.push({ type: "sendWebSocket", id: session.websocket, data });
  }

  /** Tells a session which users are there: first their ids, then flags and platform of each. */
  sendUsers(session: ServerSession, users: readonly ServerSession[]): void {
    const user_ids = users.map(({ userId }) => userId);
    this.tellNumbered(session, { op: VoiceOpcodes.ClientsConnect, d: { user_ids } });
    for (const user_id of user_ids) {
      const [flags, platform] = [null, null];
      this.tellNumbered(session, { op: VoiceOpcodes.ClientFlags, d: { user_id, flags } });
      this.tellNumbered(session, { op: VoiceOpcodes.ClientPlatform, d: { user_id, platform } });
    }
  }

  /** Tells a session which flags and SSRC a speaker has. */
  sendSpeaking(session: ServerSession, speaker: ServerSession): void {
    const { userId: user_id, ssrc, flags: speaking = 0 } = speaker;
    this.tellNumbered(session, { op: VoiceOpcodes.Speaking, d: { user_id, ssrc, speaking } });
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
