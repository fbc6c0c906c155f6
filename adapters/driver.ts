/**
 * The loop that drives a session, once for all runtimes: inputs go in one at a
 * time, outputs are done in order, one tick follows the session's deadline.
 *
 * @module
 */

import type { VoiceStatePayload } from "../lib/gateway.ts";
import type { Input, Output, SessionEvent } from "../lib/io.ts";
import type { AeadProvider } from "../lib/aead.ts";
import { MAX_FRAME_OVERHEAD } from "../lib/end_to_end.ts";
import { MAX_PACKET_OVERHEAD } from "../lib/packet.ts";
import { PacketPool, type PacketSlot } from "../lib/packet_pool.ts";
import type { ReceivedFrame } from "../lib/received_frame.ts";
import { Receiver, type UndecryptableCounters, type UserFrames } from "../lib/receiver.ts";
import { RTP_HEADER_SIZE, type RtpHeader } from "../lib/rtp_header.ts";
import type { VoiceSession } from "../lib/session.ts";
import { makeTick, ticker } from "./ticker.ts";
import type {
  DatagramSocket,
  PacingStats,
  SocketAddress,
  Transport,
  WebSocketConnection,
} from "./transport.ts";

/** Who is told what a session says. */
export interface DriverHandlers {
  /** Op 4 is to be sent to the main gateway. */
  gateway(payload: VoiceStatePayload): void;
  /** Something happened. */
  event(event: SessionEvent): void;
  /**
   * A frame of a known user came, borrowed with its bytes until the call returns. Without it
   * nothing is opened end to end.
   */
  frame?(frame: ReceivedFrame): void;
  /** A message came on the WebSocket, not yet read; it may hold a key. */
  message?(data: string | Uint8Array): void;
  /**
   * A packet was opened, of whomever; where end-to-end encryption is offered, of a known user and
   * once that is taken off, too. Its bytes are borrowed until the call returns.
   */
  packet?(header: PacketHeader, opus: Uint8Array): void;
}

/** What is told of a packet's header. */
export type PacketHeader = Readonly<Pick<RtpHeader, "ssrc" | "sequence" | "timestamp">>;

/** What a datagram has beyond its frame. */
const HEADROOM = RTP_HEADER_SIZE + MAX_PACKET_OVERHEAD + MAX_FRAME_OVERHEAD;

/** Events after which frames may be handed out that were held. */
const RELEASING: readonly SessionEvent["type"][] = ["speaking", "video", "davePrivacyCode"];

/** A timer that is so late, in milliseconds, says that the whole process stood still. */
const STALL = 500;

/** Drives one session. */
export class Driver {
  readonly #session: VoiceSession;
  readonly #transport: Transport;
  readonly #handlers: DriverHandlers;
  readonly #receiver: Receiver;
  readonly #pool: PacketPool;
  #websocket: WebSocketConnection | undefined;
  #udp: DatagramSocket | undefined;
  #udpId: number | undefined;
  /** The one before; where another thread has it, its last counts come late. */
  #lastUdp: DatagramSocket | undefined;
  #remote: SocketAddress | undefined;
  #unsent = 0;
  #socketErrors = 0;
  readonly #tick = makeTick((now) => this.#wake(now));
  #draining = false;
  #late = false;

  /**
   * Takes a session over.
   *
   * @param session The session; nobody else may drive it.
   * @param transport The runtime's sockets.
   * @param handlers Who is told.
   */
  constructor(session: VoiceSession, transport: Transport, handlers: DriverHandlers) {
    this.#session = session;
    this.#transport = transport;
    this.#handlers = handlers;
    this.#pool = poolOf(transport.aead);
    this.#receiver = new Receiver((ssrc) => session.userOf(ssrc), () => session.dave);
  }

  /** Frames that wait for a user or a key to become known. */
  get held(): number {
    return this.#receiver.held;
  }

  /** Frames that were held for an unknown user in vain and dropped. */
  get expired(): number {
    return this.#receiver.expired;
  }

  /** Frames of known users that could not be decrypted, by reason. */
  get undecryptable(): UndecryptableCounters {
    return this.#receiver.undecryptable;
  }

  /** What became of a user's frames. */
  framesOf(userId: string): UserFrames {
    return this.#receiver.framesOf(userId);
  }

  /** Where the UDP socket is connected to, while there is one. */
  get remote(): SocketAddress | undefined {
    return this.#remote;
  }

  /** Datagrams that the runtime could not send. */
  get unsent(): number {
    return this.#unsent + (this.#lastUdp?.dropped ?? 0) + (this.#udp?.dropped ?? 0);
  }

  /** Milliseconds by which paced frames are wanted early. */
  get lead(): number {
    return this.#udp?.lead ?? 0;
  }

  /** How late the socket sent paced frames, where it is in another thread. */
  get pacing(): PacingStats | undefined {
    return this.#udp?.pacing;
  }

  /** RTP timestamp that follows what was sent so far. */
  get timestamp(): number {
    return this.#session.timestamp;
  }

  /** Errors that the runtime reported for single datagrams (ICMP). */
  get socketErrors(): number {
    return this.#socketErrors;
  }

  /**
   * Feeds an input. From inside an output's handler it is taken at once, too, and what it puts
   * out is done in its turn.
   *
   * @throws {LocalProtocolError} A command is not legal now.
   */
  feed(input: Input, now: number = performance.now()): void {
    this.#take(input, now);
    if (!this.#draining) this.drain();
  }

  /**
   * Feeds an input at once, even from inside an output's handler: the end cannot wait.
   *
   * @throws {LocalProtocolError} A command is not legal now.
   */
  force(input: Input, now: number = performance.now()): void {
    this.#take(input, now);
    this.drain();
  }

  /** Does all outputs that wait; from inside one of them, those that come after it. */
  drain(): void {
    const isNested = this.#draining;
    this.#draining = true;
    try {
      for (let output; (output = this.#session.pollOutput()) !== undefined;) this.#perform(output);
    } finally {
      this.#draining = isNested;
    }
  }

  /**
   * Sends an Opus frame.
   *
   * @param timestamp RTP timestamp; the previous one and its frame's duration by default.
   * @param at Its instant in monotonic milliseconds, which a socket with a `lead` waits for.
   * @returns Whether it was sent: not while the session is not connected.
   * @throws {SyntaxError} The frame is no Opus packet.
   */
  send(frame: Uint8Array, timestamp?: number, at?: number): boolean {
    const slot = this.#pool.take(frame.length + HEADROOM);
    try {
      const size = this.#session.packetize(frame, slot.packet.bytes, timestamp);
      if (size === 0 || this.#udp === undefined) return false;
      const datagram = slot.packet.view(size);
      if (at === undefined || this.#udp.sendAt === undefined) this.#udp.send(datagram);
      else this.#udp.sendAt(datagram, at);
      return true;
    } finally {
      this.#pool.give(slot);
    }
  }

  /** Takes a datagram as if it had come from the socket that is open now. */
  receive(datagram: Uint8Array): void {
    if (this.#udpId !== undefined) this.#receive(this.#udpId, datagram);
  }

  #take(input: Input, now: number): void {
    this.#session.handleInput(input, now);
    // First: what is done next may end the session, or ask for its end.
    this.#arm();
  }

  #perform(output: Output): void {
    switch (output.type) {
      case "sendGateway":
        return this.#handlers.gateway(output.payload);
      case "openWebSocket":
        return this.#openWebSocket(output.id, output.url);
      case "sendWebSocket":
        return this.#websocket?.send(output.data);
      case "closeWebSocket":
        this.#websocket?.close(output.code);
        this.#websocket = undefined;
        return;
      case "openUdp":
        return this.#openUdp(output.id, output.address, output.port);
      case "transmit":
        return this.#udp?.send(output.datagram);
      case "closeUdp":
        return this.#closeUdp();
      case "event":
        if (RELEASING.includes(output.event.type)) this.#release();
        return this.#handlers.event(output.event);
    }
  }

  #openWebSocket(id: number, url: string): void {
    this.#websocket = this.#transport.openWebSocket(url, {
      open: () => this.feed({ type: "websocketOpen", id }),
      message: (data) => {
        this.#handlers.message?.(data);
        this.feed({ type: "websocketMessage", id, data });
      },
      close: (code, reason) => this.feed({ type: "websocketClose", id, code, reason }),
    });
  }

  #openUdp(id: number, address: string, port: number): void {
    this.#udpId = id;
    this.#remote = { address, port };
    this.#udp = this.#transport.openDatagram(this.#remote, {
      open: () => this.feed({ type: "udpOpen", id }),
      message: (data) => this.#receive(id, data),
      error: () => this.#socketErrors += Number(id === this.#udpId),
      close: (error) => this.feed({ type: "udpClose", id, reason: error.message }),
    });
  }

  #closeUdp(): void {
    if (this.#udp !== undefined) {
      this.#unsent += this.#lastUdp?.dropped ?? 0;
      this.#lastUdp = this.#udp;
    }
    this.#udp?.close();
    this.#udp = undefined;
    this.#udpId = undefined;
    this.#remote = undefined;
    this.#receiver.clear();
  }

  #receive(id: number, datagram: Uint8Array): void {
    if (id !== this.#udpId) return;
    const slot = RECEIVING.take(datagram.length);
    try {
      this.#open(id, datagram, slot);
    } finally {
      RECEIVING.give(slot);
    }
  }

  #open(id: number, datagram: Uint8Array, slot: PacketSlot): void {
    const now = performance.now();
    const size = this.#session.depacketize(datagram, slot.packet.bytes, now);
    if (size < 0) return this.feed({ type: "datagram", id, data: datagram });
    if (size === 0) return;
    const opus = slot.packet.view(size);
    const { dave, received } = this.#session;
    if (this.#handlers.frame === undefined) {
      if (dave === undefined) this.#handlers.packet?.(received, opus);
      return;
    }
    const userId = this.#session.userOf(received.ssrc | 0);
    const frame = this.#receiver.take(received, userId, opus, now, slot);
    if (dave === undefined) this.#handlers.packet?.(received, opus);
    if (id !== this.#udpId) return;
    if (frame !== undefined) return this.#hand(frame);
    this.#deliver();
    this.rearm();
  }

  #release(): void {
    this.#receiver.release(performance.now());
    this.#deliver();
  }

  #deliver(): void {
    for (let frame; (frame = this.#receiver.pull()) !== undefined;) {
      this.#hand(frame);
      if (this.#udpId === undefined) return; // it has ended meanwhile
    }
  }

  #hand(frame: ReceivedFrame): void {
    if (this.#session.dave !== undefined) this.#handlers.packet?.(frame, frame.opus);
    if (this.#udpId !== undefined) this.#handlers.frame?.(frame);
  }

  /** The session wants to be woken earlier, perhaps: a frame could not be opened. */
  rearm(): void {
    if ((this.#session.pollTimeout() ?? Infinity) < this.#tick.at) this.#arm();
  }

  #arm(): void {
    const at = this.#session.pollTimeout();
    if (at === undefined) ticker.clear(this.#tick);
    else if (this.#tick.index < 0 || this.#tick.at !== at) ticker.set(this.#tick, at);
  }

  #wake(now: number): void {
    // The process stood still: what the server sent meanwhile comes before its deadline, once.
    this.#late = !this.#late && now - this.#tick.at > STALL;
    if (this.#late) ticker.set(this.#tick, this.#tick.at);
    else this.feed({ type: "timeout" }, now);
  }
}

/**
 * What was received is handed to others: its memory holds nothing else. And what was sent is never
 * overwritten by it, whenever a runtime reads that.
 */
const RECEIVING = /* @__PURE__ */ new PacketPool();

/** All connections of a process share the memory in which their ciphers seal. */
const pools = new WeakMap<AeadProvider, PacketPool>();

function poolOf(provider: AeadProvider): PacketPool {
  let pool = pools.get(provider);
  if (pool === undefined) pools.set(provider, pool = new PacketPool(provider.allocate));
  return pool;
}
