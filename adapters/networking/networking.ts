/**
 * A voice session behind the names of the @discordjs/voice networking layer.
 *
 * Theory of operation: the core's session does the protocol. It asks for sockets, and the
 * `VoiceWebSocket` and `VoiceUDPSocket` that it gets are those that stand in `state`. What
 * the core says comes out as `stateChange`, `close` and `error`; nothing of the protocol is
 * known here.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { createDave } from "../../lib/dave/create.ts";
import { DaveSession } from "../../lib/dave/session.ts";
import { MAX_FRAME_OVERHEAD } from "../../lib/end_to_end.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { MAX_PACKET_OVERHEAD } from "../../lib/packet.ts";
import { RTP_HEADER_SIZE } from "../../lib/rtp_header.ts";
import { VoiceSession } from "../../lib/session.ts";
import { SpeakingFlags } from "../../lib/speaking.ts";
import type { State } from "../../lib/state.ts";
import { detectRuntime } from "../detect.ts";
import { Driver } from "../driver.ts";
import { nativeAead } from "../native_aead.ts";
import { nativeDave } from "../native_dave.ts";
import type {
  DatagramHandlers,
  DatagramSocket,
  SocketAddress,
  Transport,
  WebSocketConnection,
  WebSocketHandlers,
} from "../transport.ts";
import { composeState, sameState } from "./compose_state.ts";
import { ConnectionRecord } from "./connection_data.ts";
import { DAVESession } from "./dave_session.ts";
import { type ConnectionOptions, type NetworkingOptions, withHiddenToken } from "./options.ts";
import type { NetworkingState } from "./states.ts";
import { NetworkingStatusCode, statusName } from "./status_code.ts";
import { tell } from "./tell.ts";
import { driveUdpSocket, VoiceUDPSocket } from "./voice_udp_socket.ts";
import { driveWebSocket, VoiceWebSocket } from "./voice_websocket.ts";
import { keyOf } from "./wire.ts";

/** What a datagram has beyond its frame. */
const HEADROOM = RTP_HEADER_SIZE + MAX_PACKET_OVERHEAD + MAX_FRAME_OVERHEAD;

const NORMAL_CODE = 1000;
/** The code of an end for which no close frame has come. */
const ABNORMAL_CODE = 1006;

/** What a `Networking` emits. */
export interface NetworkingEvents {
  /** The state is another one, or one of its sockets is. */
  stateChange: [oldState: NetworkingState, newState: NetworkingState];
  /** A socket has failed, or why the end came. Told only where it is heard. */
  error: [error: Error];
  /** The end came by itself: the server's close code, or 1006. Not after `destroy`. */
  close: [code: number];
  /** What goes on, without contents; only with `options.debug`. */
  debug: [message: string];
}

/**
 * One connection to one voice server. It connects at once, and resumes where the WebSocket is
 * lost. What needs the main gateway (a moved bot, a new voice server) is the end: `close`.
 */
export class Networking extends EventEmitter<NetworkingEvents> {
  readonly #connectionOptions: ConnectionOptions;
  readonly #debug: boolean;
  readonly #transport: Transport | undefined;
  readonly #session: VoiceSession;
  readonly #driver: Driver;
  #state!: NetworkingState;
  #phase: State = "idle";
  #ws: VoiceWebSocket | undefined;
  #udp: VoiceUDPSocket | undefined;
  #record: ConnectionRecord | undefined;
  #dave: DAVESession | undefined;
  /** The key that the server has told last; the core may yet refuse it. */
  #toldKey: Uint8Array | undefined;
  #closeCode = ABNORMAL_CODE;
  #destroyed = false;

  /**
   * Connects.
   *
   * @param connectionOptions Where to, and as whom.
   * @param options What can be chosen.
   * @throws {RangeError} The endpoint, an id or an option is malformed.
   * @throws {Error} The runtime is neither Deno nor Bun nor Node, and no transport is given.
   */
  constructor(connectionOptions: ConnectionOptions, options: NetworkingOptions = {}) {
    super();
    const { channelId, serverId, userId, endpoint, token, sessionId } = connectionOptions;
    const { debug = false, transport, timeouts } = options;
    const { daveEncryption = true, decryptionFailureTolerance } = options;
    this.#connectionOptions = withHiddenToken(connectionOptions);
    this.#debug = debug;
    this.#transport = transport;
    const sockets = this.#sockets();
    this.#session = new VoiceSession({
      guildId: serverId,
      userId,
      timeouts,
      aead: sockets.aead,
      dave: daveEncryption
        ? createDave({ ...sockets.dave, decryptionFailureTolerance })
        : undefined,
      random: (into) => crypto.getRandomValues(into as Uint8Array<ArrayBuffer>),
    });
    this.#driver = new Driver(this.#session, sockets, {
      gateway: () => {},
      event: (event) => this.#handleEvent(event),
    });
    this.#keepOverride();
    this.#driver.feed({ type: "join", channelId, server: { endpoint, token, sessionId } });
  }

  /** The present state. */
  get state(): NetworkingState {
    return this.#state;
  }

  /** Ends the connection and frees everything, at once. A second call does nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#enter("closed");
    this.#record?.forgetKey();
    if (this.#session.state !== "closed") this.#driver.force({ type: "leave" });
  }

  /**
   * Seals an Opus packet, end to end where the call is so, and keeps it as
   * `state.preparedPacket`. That spends a nonce and a sequence number: one that is not dispatched
   * is a lost packet to those who listen.
   *
   * Where a subclass overrides this method, what that returns is kept.
   *
   * @param opusPacket One Opus packet.
   * @returns The datagram, or `undefined` while the state is not `Ready`, or others are there who
   * could not decrypt it yet.
   * @throws {SyntaxError} It is no Opus packet.
   * @throws {LocalProtocolError} All nonces of the key are spent.
   */
  prepareAudioPacket(opusPacket: Uint8Array): Buffer | undefined {
    if (this.#state.code !== NetworkingStatusCode.Ready) return undefined;
    const datagram = Buffer.alloc(opusPacket.length + HEADROOM);
    const size = this.#session.packetize(opusPacket, datagram);
    return this.#prepare(size === 0 ? undefined : datagram.subarray(0, size));
  }

  /**
   * Sends `state.preparedPacket`, once, and says Speaking before the first.
   *
   * @returns Whether it was sent: there is one, and the state is `Ready`.
   */
  dispatchAudio(): boolean {
    const state = this.#state;
    if (state.code !== NetworkingStatusCode.Ready) return false;
    const packet = state.preparedPacket;
    if (packet === undefined || this.#record === undefined) return false;
    state.preparedPacket = undefined;
    this.#record.packetsPlayed++;
    this.setSpeaking(true);
    state.udp.send(packet);
    return true;
  }

  /**
   * Tells the others whether the client speaks, where that has changed. Does nothing while the
   * state is not `Ready`.
   *
   * @param speaking Whether it does.
   */
  setSpeaking(speaking: boolean): void {
    const record = this.#record;
    if (this.#state.code !== NetworkingStatusCode.Ready || record === undefined) return;
    record.speaking = speaking;
    this.#driver.feed({ type: "speak", flags: speaking ? SpeakingFlags.Microphone : 0 });
  }

  /** Where a subclass prepares packets, what it returns is kept, whatever it does with `super`'s. */
  #keepOverride(): void {
    const overridden = this.prepareAudioPacket;
    if (overridden === Networking.prototype.prepareAudioPacket) return;
    Object.defineProperty(this, "prepareAudioPacket", {
      value: (opusPacket: Uint8Array) => this.#prepare(overridden.call(this, opusPacket)),
      configurable: true,
      writable: true,
    });
  }

  #prepare(packet: Buffer | undefined): Buffer | undefined {
    if (this.#state.code === NetworkingStatusCode.Ready) this.#state.preparedPacket = packet;
    return packet;
  }

  // Sockets. A listener of `stateChange` may destroy everything before the core has got them.

  #sockets(): Transport {
    return {
      runtime: this.#transport?.runtime ?? detectRuntime(),
      aead: this.#transport?.aead ?? nativeAead,
      dave: this.#transport === undefined ? nativeDave : this.#transport.dave,
      openWebSocket: (url, handlers) => this.#openWebSocket(url, handlers),
      openDatagram: (remote, handlers) => this.#openDatagram(remote, handlers),
    };
  }

  #openWebSocket(url: string, handlers: WebSocketHandlers): WebSocketConnection {
    const ws = new VoiceWebSocket(url, this.#debug, this.#transport);
    if (this.#phase === "reconnecting") ws.sequence = this.#ws?.sequence ?? ws.sequence;
    ws.on("error", (error) => tell(this, "error", error));
    ws.on("debug", (message) => this.#log(`[WS] ${message}`));
    const connection = driveWebSocket(ws, {
      ...handlers,
      read: (message) => this.#toldKey = keyOf(message) ?? this.#toldKey,
    });
    this.#ws = ws;
    this.#enter(this.#phase);
    if (this.#destroyed) connection.close(NORMAL_CODE);
    return connection;
  }

  #openDatagram(remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket {
    const udp = new VoiceUDPSocket({ ip: remote.address, port: remote.port }, this.#transport);
    udp.on("error", (error) => tell(this, "error", error));
    udp.on("debug", (message) => this.#log(`[UDP] ${message}`));
    const socket = driveUdpSocket(udp, handlers);
    this.#udp = udp;
    this.#enter(this.#phase);
    if (this.#destroyed) socket.close();
    return socket;
  }

  // What the core says

  #handleEvent(event: SessionEvent): void {
    if (this.#destroyed) return;
    switch (event.type) {
      case "state":
        return this.#follow(event.from, event.to);
      case "ready":
        this.#adoptKey();
        this.#closeCode = ABNORMAL_CODE;
        return;
      case "resumed":
        this.#closeCode = ABNORMAL_CODE;
        return;
      case "disconnected":
        if (!event.bySelf) this.#closeCode = event.code;
        return;
      case "daveEpochTransition":
        // A packet that was prepared before may be as others must not hear it any more.
        this.#prepare(undefined);
        return this.#log(
          `[DAVE] transition ${event.transitionId}: version ${event.protocolVersion}`,
        );
      case "daveRecovery":
        return this.#log(`[DAVE] starts over: ${event.reason}`);
      case "clientConnect":
        return void this.#record?.clients.add(event.userId);
      case "clientDisconnect":
        return void this.#record?.clients.delete(event.userId);
      case "heartbeat":
        if (this.#ws !== undefined) this.#ws.ping = event.roundTrip;
        return;
      case "keepalive":
        if (this.#udp !== undefined) this.#udp.ping = event.roundTrip;
        return;
      case "message":
        if (event.direction === "sent") this.#log(`[NW] >> ${event.name}`);
        return;
      case "malformed":
        return this.#log(`[NW] ${event.reason}`);
      case "closed":
        return this.#end(event.error);
    }
  }

  #follow(from: State, to: State): void {
    if (to === "discovering") {
      this.#record = new ConnectionRecord(this.#session);
      const { dave } = this.#session;
      const { channelId } = this.#connectionOptions;
      this.#dave = dave instanceof DaveSession
        ? new DAVESession(channelId, dave, () => this.#driver.rearm())
        : undefined;
      this.#udp = undefined;
    }
    if (from === "selecting" && to === "connected") this.#adoptKey();
    this.#enter(to);
    // A new voice server is for the main gateway to name, with which nobody here speaks.
    if (to === "waiting" || to === "signalling") this.#driver.feed({ type: "leave" });
  }

  /** A packet that was sealed with an older key is of no use. */
  #adoptKey(): void {
    if (this.#toldKey === undefined) return;
    this.#record?.adopt(this.#session.mode ?? "", this.#toldKey);
    this.#toldKey = undefined;
    this.#prepare(undefined);
  }

  #end(error: Error | undefined): void {
    this.#record?.forgetKey();
    if (error !== undefined) {
      this.#log(`[NW] ${error.message}`);
      tell(this, "error", error);
    }
    tell(this, "close", this.#closeCode);
  }

  #enter(phase: State): void {
    this.#phase = phase;
    const old = this.#state as NetworkingState | undefined;
    const connectionData = this.#record?.view;
    const parts = {
      connectionOptions: this.#connectionOptions,
      ws: this.#ws,
      udp: this.#udp,
      connectionData,
      dave: this.#dave,
    };
    const next = composeState(phase, parts, old);
    if (next === undefined || old !== undefined && sameState(old, next)) return;
    this.#state = next;
    if (old === undefined) return;
    this.#log(`[NW] ${statusName(old.code)} -> ${statusName(next.code)}`);
    tell(this, "stateChange", old, next);
  }

  #log(message: string): void {
    if (this.#debug) tell(this, "debug", message);
  }
}
