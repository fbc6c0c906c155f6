/**
 * The voice WebSocket of a session: its id, its heartbeats, its sequence numbers.
 * What belongs to the handshake is handed on.
 *
 * @module
 */

import { RemoteProtocolError } from "./errors.ts";
import { Heartbeat, HIGH_LATENCY } from "./heartbeat.ts";
import { type GatewayVersion, type VersionTraits, versionTraits } from "./gateway_version.ts";
import { decodeMessage, decodeServerBinary, encodeSend } from "./messages.ts";
import { opcodeName, VoiceOpcodes } from "./opcodes.ts";
import type { Outbox } from "./outbox.ts";
import { readReceivePayload } from "./payload_readers.ts";
import type { VoiceReceivePayload, VoiceSendPayload } from "./payloads.ts";
import { SendLimit } from "./send_limit.ts";
import type { TimerTable } from "./timer.ts";

/** Longest message that is taken, in characters or bytes. */
export const MESSAGE_LIMIT = 1_048_576;

/** One WebSocket at a time; closing it retires its id at once. */
export class VoiceSocket {
  readonly #outbox: Outbox;
  readonly #timers: TimerTable;
  readonly #version: GatewayVersion;
  readonly #traits: VersionTraits;
  readonly #heartbeat = new Heartbeat();
  readonly #limit = new SendLimit<VoiceSendPayload | string | Uint8Array>();
  #id: number | undefined;
  #isOpen = false;
  #seqAck: number | undefined;

  /**
   * Starts without a WebSocket.
   *
   * @param outbox Takes what is to be done.
   * @param timers Where the `heartbeat` timer is armed.
   * @param version The version that messages have.
   */
  constructor(outbox: Outbox, timers: TimerTable, version: GatewayVersion) {
    this.#outbox = outbox;
    this.#timers = timers;
    this.#version = version;
    this.#traits = versionTraits(version);
  }

  /** Id of the present WebSocket. */
  get id(): number | undefined {
    return this.#id;
  }

  /** Last sequence number received in this session. */
  get seqAck(): number | undefined {
    return this.#seqAck;
  }

  /** Whether the server has stopped answering heartbeats. */
  get dead(): boolean {
    return this.#heartbeat.dead;
  }

  /** Opens a WebSocket. */
  open(id: number, url: string): void {
    this.#id = id;
    this.#outbox.push({ type: "openWebSocket", id, url });
  }

  /** The WebSocket is open. Hello says when to beat; where none comes, it is done all the same. */
  opened(now: number): void {
    this.#isOpen = true;
    this.#arm(now);
    this.#outbox.event({ type: "connected" });
  }

  /** Closes the WebSocket, if there is one. */
  close(code: number): void {
    if (this.#id !== undefined) this.#outbox.push({ type: "closeWebSocket", id: this.#id, code });
    const wasOpen = this.#isOpen;
    this.retire();
    if (wasOpen) this.#outbox.event({ type: "disconnected", code, reason: "", bySelf: true });
  }

  /** The WebSocket is gone: its id is not valid any more, and no heartbeat is due. */
  retire(): void {
    this.#id = undefined;
    this.#isOpen = false;
    this.#heartbeat.stop();
    this.#limit.clear();
    this.#timers.clear("heartbeat");
    this.#timers.clear("send");
  }

  /** A new session begins: no sequence number has been received. */
  forgetSequence(): void {
    this.#seqAck = undefined;
  }

  /** Sends a message. */
  send(message: VoiceSendPayload): void {
    if (this.#id === undefined) return;
    const data = encodeSend(message, this.#version);
    this.#outbox.push({ type: "sendWebSocket", id: this.#id, data });
    this.#outbox.message("sent", "websocket", opcodeName(message.op));
  }

  /**
   * Sends a message of the caller's own in its turn; what waits is lost with the WebSocket.
   *
   * @param data Text or bytes of the frame.
   * @param now Monotonic milliseconds.
   * @throws {LocalProtocolError} Too many wait already.
   */
  sendRaw(data: string | Uint8Array, now: number): void {
    this.#limit.push(typeof data === "string" ? data : Uint8Array.from(data));
    this.flush(now);
  }

  /** Sends a message in its turn, unless another one of these comes before that. */
  sendLatest(message: VoiceSendPayload, now: number): void {
    this.#limit.replace(message);
    this.flush(now);
  }

  /** Sends what may be sent now, and arms the timer for the rest. */
  flush(now: number): void {
    for (let message; (message = this.#limit.shift(now)) !== undefined;) {
      if (typeof message === "object" && "op" in message) this.send(message);
      else if (this.#id !== undefined) {
        this.#outbox.push({ type: "sendWebSocket", id: this.#id, data: message });
        this.#outbox.message("sent", "websocket", "raw");
      }
    }
    const delay = this.#limit.delay(now);
    if (delay !== undefined) this.#timers.set("send", now + delay);
  }

  /** Sends a heartbeat and arms the timer for the next one. */
  beat(now: number): void {
    if (this.#id === undefined) return;
    this.#sendHeartbeat(this.#heartbeat.beat(now));
    this.#arm(now);
  }

  /**
   * Takes a frame. Hello and heartbeats are dealt with here.
   *
   * @param data Text or bytes of the frame.
   * @param now Monotonic milliseconds.
   * @returns A message for the session, where it is one.
   * @throws {RemoteProtocolError} It is not what the protocol says.
   */
  receive(data: string | Uint8Array, now: number): VoiceReceivePayload | undefined {
    if (data.length > MESSAGE_LIMIT) {
      throw new RemoteProtocolError(
        `Cannot read a message of ${data.length} characters: at most ${MESSAGE_LIMIT} are taken`,
      );
    }
    const raw = typeof data === "string"
      ? decodeMessage(data)
      : decodeServerBinary(data, this.#version);
    if (this.#traits.numbered) this.#seqAck = raw.seq ?? this.#seqAck;
    this.#outbox.message("received", "websocket", opcodeName(raw.op));
    if (raw.op === this.#traits.heartbeatAckOpcode) this.#heartbeat.alive();
    const message = readReceivePayload(raw, this.#version);
    switch (message?.op) {
      case VoiceOpcodes.Hello:
        this.#start(message.d.heartbeat_interval, now);
        return undefined;
      case VoiceOpcodes.Heartbeat:
        this.#answerRequest(now);
        return undefined;
      case VoiceOpcodes.HeartbeatAck:
        this.#acknowledge(message.d.t, now);
        return undefined;
      default:
        return message;
    }
  }

  #start(interval: number, now: number): void {
    this.#heartbeat.start(interval * this.#traits.heartbeatShare);
    this.#arm(now);
  }

  #answerRequest(now: number): void {
    const nonce = this.#heartbeat.answerRequest(now);
    if (nonce !== undefined) this.#sendHeartbeat(nonce);
  }

  #sendHeartbeat(nonce: number): void {
    this.send({ op: VoiceOpcodes.Heartbeat, d: { t: nonce, seq_ack: this.#seqAck } });
  }

  #acknowledge(nonce: number, now: number): void {
    const roundTrip = this.#heartbeat.acknowledge(nonce, now);
    if (roundTrip === undefined) return;
    this.#outbox.event({ type: "heartbeat", roundTrip });
    if (roundTrip >= HIGH_LATENCY) this.#outbox.event({ type: "highLatency", roundTrip });
  }

  #arm(now: number): void {
    this.#timers.set("heartbeat", now + this.#heartbeat.interval);
  }
}
