/**
 * What the voice server sends and reports, in order, until its driver fetches it. An
 * event comes before the message that it is about: whoever has the message finds the
 * event in the log. What is sent passes the faults on its way.
 *
 * A fault that ends a WebSocket does so when the server has done with its input; until then
 * the WebSocket is doomed and gets no more messages.
 *
 * @module
 */

import type { GatewayVersion } from "../gateway_version.ts";
import type { DiscoveredAddress } from "../ip_discovery.ts";
import { encodeReceive } from "../messages.ts";
import { opcodeName, VoiceOpcodes } from "../opcodes.ts";
import type { VoiceReceivePayload } from "../payloads.ts";
import { Queue } from "../queue.ts";
import { DATAGRAM_SPOILER, FaultInjector, FRAME_SPOILER } from "./fault_injector.ts";
import { endsWebSocket, type FaultEnd, type VoiceFaultPoint } from "./faults.ts";
import type { EventSubject, ServerEventDetails } from "./server_events.ts";
import type { ServerOutput } from "./server_io.ts";
import type { ServerSession } from "./server_session.ts";

/** Collects outputs. */
export class ServerOutbox {
  /** The faults. */
  readonly faults: FaultInjector = new FaultInjector((...event) => this.event(...event));
  readonly #isOpen: (websocket: number) => boolean;
  readonly #outputs = new Queue<ServerOutput>();
  readonly #doomed = new Map<number, FaultEnd>();
  /** Monotonic milliseconds, for the events. */
  now = 0;

  /** @param isOpen Whether a WebSocket is still open: late messages are for these alone. */
  constructor(isOpen: (websocket: number) => boolean) {
    this.#isOpen = isOpen;
  }

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

  /** A WebSocket is to be ended in this way, once the input is done with. */
  doom(websocket: number | undefined, end: FaultEnd): void {
    if (websocket !== undefined && !this.#doomed.has(websocket)) this.#doomed.set(websocket, end);
  }

  /** Takes the next WebSocket that is to be ended, and how. */
  takeDoomed(): [websocket: number, end: FaultEnd] | undefined {
    const [first] = this.#doomed;
    if (first !== undefined) this.#doomed.delete(first[0]);
    return first;
  }

  /** Sends a message without a number. */
  send(
    to: { readonly id: number; readonly version: GatewayVersion },
    message: VoiceReceivePayload,
    subject: EventSubject,
  ): void {
    this.#carry(to.id, message.op, encodeReceive(message, to.version), subject);
  }

  /** Sends a message to a session, or to nobody where it has no WebSocket. */
  tell(session: ServerSession, message: VoiceReceivePayload): void {
    const { websocket: id, version, subject } = session;
    if (id !== undefined) this.send({ id, version }, message, subject);
  }

  /** Sends a message that a Resume would bring again. */
  tellNumbered(session: ServerSession, message: VoiceReceivePayload): void {
    const data = session.replay.push((seq) => encodeReceive({ ...message, seq }, session.version));
    const { websocket: id, subject } = session;
    if (id !== undefined) this.#carry(id, message.op, data, subject);
  }

  /** Sends once more what a client has missed; no fault concerns it. */
  repeat(id: number, data: string | Uint8Array): void {
    if (!this.#doomed.has(id)) this.push({ type: "sendWebSocket", id, data });
  }

  /** Sends a datagram, to a session where it is known whose address it is. */
  transmit(
    place: VoiceFaultPoint,
    to: DiscoveredAddress,
    datagram: Uint8Array,
    session: ServerSession | undefined,
  ): void {
    const { faults, now } = this;
    if (faults.idle) return this.push({ type: "transmit", to, datagram });
    const fault = faults.meet(place, session?.subject ?? {});
    faults.carry(fault, datagram, DATAGRAM_SPOILER, now, (datagram) => {
      this.push({ type: "transmit", to, datagram });
    });
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

  #carry(id: number, op: number, data: string | Uint8Array, subject: EventSubject): void {
    if (this.#doomed.has(id)) return;
    const fault = this.faults.meet(opcodeName(op), subject);
    if (endsWebSocket(fault)) return this.doom(id, fault);
    this.faults.carry(fault, data, FRAME_SPOILER, this.now, (data) => {
      if (this.#isOpen(id)) this.push({ type: "sendWebSocket", id, data });
    });
  }
}
