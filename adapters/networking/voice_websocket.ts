/**
 * The voice WebSocket as an `EventEmitter`. On its own it opens, queues, numbers and beats, and
 * leaves the handshake to its user; under a `Networking` the core says what is sent.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { LocalProtocolError, RemoteProtocolError } from "../../lib/errors.ts";
import { Heartbeat } from "../../lib/heartbeat.ts";
import { encodeBinary, encodeMessage, type VoiceMessage } from "../../lib/messages.ts";
import { opcodeName, type VoiceOpcodes } from "../../lib/opcodes.ts";
import { detectTransport } from "../detect.ts";
import type { Transport, WebSocketConnection, WebSocketHandlers } from "../transport.ts";
import { tell } from "./tell.ts";
import {
  acknowledgedNonce,
  type BinaryWebSocketMessage,
  type GatewayAddress,
  heartbeat,
  readAddress,
  readFrame,
  type VoiceReceivePayload,
  type VoiceSendPayload,
} from "./wire.ts";

/** Most messages that wait for the WebSocket to open. */
export const WEBSOCKET_QUEUE_LIMIT = 64;

const NORMAL_CODE = 1000;
const HEARTBEAT_TIMEOUT_CODE = 4800;
/** No close frame came. */
const ABNORMAL_CODE = 1006;
/** Longest delay that timers know. */
const DELAY_LIMIT = 2 ** 31 - 1;

/** What a `VoiceWebSocket` emits. */
export interface VoiceWebSocketEvents {
  /** The WebSocket failed, or a message was not what it must be. Told only where it is heard. */
  error: [error: Error];
  /** The WebSocket is open; what was sent before has gone out. */
  open: [];
  /** The WebSocket is closed: once, with 1006 where no close frame came. */
  close: [code: number, reason: string];
  /** What goes on, without contents; only where debugging was asked for. */
  debug: [message: string];
  /** A JSON message came. */
  packet: [packet: VoiceReceivePayload];
  /** A binary message came. */
  binary: [message: BinaryWebSocketMessage];
}

/** Who drives a WebSocket: the core hears of everything before the events do. */
export interface WebSocketDriver extends WebSocketHandlers {
  /** A message was read. */
  read(message: VoiceMessage): void;
}

/** The core takes a WebSocket over. It is opening; nothing is told from inside this call. */
let drive: (socket: VoiceWebSocket, driver: WebSocketDriver) => WebSocketConnection;
export { drive as driveWebSocket };

/** A WebSocket to a voice server. */
export class VoiceWebSocket extends EventEmitter<VoiceWebSocketEvents> {
  /** Last round-trip time of a heartbeat in milliseconds, once one was measured. */
  ping: number | undefined = undefined;
  /** Last sequence number received; -1 before the first. */
  sequence: number = -1;
  readonly #address: GatewayAddress;
  readonly #debug: boolean;
  readonly #heartbeat = new Heartbeat();
  #state: "opening" | "open" | "closed" = "opening";
  #queue: (string | Uint8Array)[] = [];
  #connection: WebSocketConnection | undefined;
  #driver: WebSocketDriver | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  static {
    drive = (socket, driver) => {
      socket.#driver = driver;
      return {
        send: (data) => socket.#transmit(data),
        close: (code) => {
          socket.#driver = undefined;
          socket.#close(code);
        },
      };
    };
  }

  /**
   * Opens a WebSocket.
   *
   * @param address Its URL. Where it names no version (`?v=`), 8 is asked for.
   * @param debug Whether `debug` is emitted; not by default.
   * @param transport The sockets; by default those of the runtime, which is detected.
   */
  constructor(address: string, debug = false, transport?: Transport) {
    super();
    this.#address = readAddress(address);
    this.#debug = debug;
    if (transport !== undefined) this.#open(transport);
    else {
      detectTransport().then(
        (detected) => this.#open(detected),
        (error: Error) => this.#end(ABNORMAL_CODE, error.message),
      );
    }
  }

  /** Closes the WebSocket with 1000 and frees everything. A second call does nothing. */
  destroy(): void {
    this.#close(NORMAL_CODE);
  }

  /**
   * Takes a message, as the WebSocket does with each that comes. After the end it does nothing.
   *
   * @param event Its `data` is a text, or the bytes of a binary message.
   */
  onMessage(event: MessageEvent): void {
    if (this.#state === "closed") return;
    const { data } = event;
    const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
    let message: VoiceMessage | RemoteProtocolError;
    try {
      message = readFrame(frame, this.#address.version);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      message = error;
    }
    if (!(message instanceof Error)) this.#take(message);
    if (typeof frame === "string" || frame instanceof Uint8Array) this.#driver?.message(frame);
    this.#tell(message);
  }

  /**
   * Sends a JSON message: now, or once the WebSocket is open. After the end it is lost, and
   * `error` says so.
   *
   * @param packet Opcode and payload, as they are on the wire.
   * @throws {LocalProtocolError} `WEBSOCKET_QUEUE_LIMIT` messages wait already.
   */
  sendPacket(packet: VoiceSendPayload): void {
    this.#transmit(encodeMessage(packet.op, packet.d));
    this.#log(`>> ${opcodeName(packet.op)}`);
  }

  /**
   * Sends a binary message, as `sendPacket` sends a JSON one.
   *
   * @param opcode Opcode.
   * @param payload The bytes behind it; copied.
   * @throws {LocalProtocolError} `WEBSOCKET_QUEUE_LIMIT` messages wait already.
   */
  sendBinaryMessage(opcode: VoiceOpcodes, payload: Uint8Array): void {
    this.#transmit(encodeBinary(opcode, payload));
    this.#log(`>> ${opcodeName(opcode)}, ${payload.length} bytes`);
  }

  /**
   * Beats from now on, or stops beating. Two beats without an answer close the WebSocket
   * with 4800. Under a `Networking` the core beats: leave it alone there.
   *
   * @param ms Milliseconds between beats, as Hello says; -1 stops.
   * @throws {RangeError} It is neither.
   */
  setHeartbeatInterval(ms: number): void {
    if (!(ms > 0) && ms !== -1) {
      throw new RangeError(`Cannot beat every ${ms} ms: it must be more than 0, or -1 to stop`);
    }
    clearInterval(this.#timer);
    this.#heartbeat.stop();
    if (ms === -1 || this.#state === "closed") return;
    this.#heartbeat.start(ms);
    const delay = Math.min(this.#heartbeat.interval, DELAY_LIMIT);
    this.#timer = setInterval(() => this.#beat(), delay);
  }

  #open(transport: Transport): void {
    if (this.#state === "closed") return;
    this.#connection = transport.openWebSocket(this.#address.url, {
      open: () => this.#opened(),
      message: (data) => this.onMessage(new MessageEvent("message", { data })),
      close: (code, reason) => this.#end(code, reason),
    });
  }

  #opened(): void {
    if (this.#state !== "opening") return;
    this.#state = "open";
    for (const data of this.#queue.splice(0)) this.#connection?.send(data);
    this.#log("open");
    this.#driver?.open();
    tell(this, "open");
  }

  #transmit(data: string | Uint8Array): void {
    if (this.#state === "open") return this.#connection?.send(data);
    if (this.#state === "closed") {
      return tell(this, "error", new LocalProtocolError("Cannot send: the WebSocket is closed"));
    }
    if (this.#queue.length >= WEBSOCKET_QUEUE_LIMIT) {
      throw new LocalProtocolError(
        `Cannot send: ${WEBSOCKET_QUEUE_LIMIT} messages wait for the WebSocket to open`,
      );
    }
    this.#queue.push(data);
  }

  #beat(): void {
    if (this.#state !== "open") return;
    if (this.#heartbeat.dead) {
      return this.#close(HEARTBEAT_TIMEOUT_CODE, "no heartbeat was answered");
    }
    const nonce = this.#heartbeat.beat(performance.now());
    this.#transmit(heartbeat(nonce, this.sequence, this.#address.version));
    this.#log(`>> heartbeat ${nonce}`);
  }

  /** What is counted: zero is a number, too. */
  #take(message: VoiceMessage): void {
    if (message.seq !== undefined) this.sequence = message.seq;
    const nonce = acknowledgedNonce(message);
    if (nonce !== undefined) {
      this.ping = this.#heartbeat.acknowledge(nonce, performance.now()) ?? this.ping;
    }
    this.#driver?.read(message);
  }

  #tell(message: VoiceMessage | RemoteProtocolError): void {
    // The core may have ended it because of this very message.
    if (this.#state === "closed") return;
    if (message instanceof RemoteProtocolError) {
      this.#log(message.message);
      return tell(this, "error", message);
    }
    const { op, d, seq = this.sequence } = message;
    this.#log(`<< ${opcodeName(op)}`);
    if (d instanceof Uint8Array) {
      tell(this, "binary", { op: op as VoiceOpcodes, payload: Buffer.from(d), seq });
    } else {
      tell(this, "packet", message as VoiceReceivePayload);
    }
  }

  #close(code: number, reason = ""): void {
    this.#connection?.close(code);
    this.#end(code, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearInterval(this.#timer);
    this.#queue = [];
    this.#connection = undefined;
    this.#log(`closed with ${code}`);
    this.#driver?.close(code, reason);
    this.#driver = undefined;
    if (code === ABNORMAL_CODE) {
      const why = reason === "" ? "no close frame came" : reason;
      tell(this, "error", new Error(`Cannot keep the WebSocket open: ${why}`));
    }
    tell(this, "close", code, reason);
  }

  #log(message: string): void {
    if (this.#debug) tell(this, "debug", message);
  }
}
