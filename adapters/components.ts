/**
 * The parts of a connection, to look at. What they show is of the moment in which it is read.
 *
 * @module
 */

import { GATEWAY_VERSION, type GatewayVersion } from "../lib/gateway_version.ts";
import type { EncryptionMode } from "../lib/packet.ts";
import { DaveSession } from "../lib/dave/session.ts";
import type { VoiceSession } from "../lib/session.ts";
import type { StreamStats } from "../lib/streams.ts";
import { type DaveComponent, showDave } from "./dave_component.ts";
import type { Driver } from "./driver.ts";
import type { SocketAddress } from "./transport.ts";

/** Most round-trip times that are kept. */
export const LATENCY_COUNT = 10;

/** The voice WebSocket. */
export interface WebSocketComponent {
  /** Whether it is open. */
  readonly open: boolean;
  /** Version of the voice gateway. */
  readonly version: GatewayVersion;
  /** Number of the last message that came (`seq_ack`). */
  readonly sequence: number | undefined;
  /** Last round-trip time in milliseconds. */
  readonly latency: number | undefined;
  /** Last round-trip times in milliseconds, oldest first; at most `LATENCY_COUNT`. */
  readonly latencies: readonly number[];
  /** Mean of `latencies`. */
  readonly averageLatency: number | undefined;
}

/** The UDP socket. */
export interface UdpComponent {
  /** The voice server's address, while a socket is open. */
  readonly remote: SocketAddress | undefined;
  /** The bot's address as the voice server sees it, once discovery has told it. */
  readonly address: SocketAddress | undefined;
  /** Last round-trip time in milliseconds. */
  readonly roundTrip: number | undefined;
  /** Datagrams that the runtime could not send. */
  readonly unsent: number;
  /** Errors that the runtime reported for single datagrams (ICMP). */
  readonly socketErrors: number;
}

/** The RTP counters; each is that of the next packet. */
export interface RtpComponent {
  /** The bot's SSRC; 0 before Ready. */
  readonly ssrc: number;
  /** The encryption mode, while there is a key. */
  readonly mode: EncryptionMode | undefined;
  /** Sequence number, 16 bits. */
  readonly sequence: number;
  /** Timestamp in samples of 48 kHz, 32 bits. */
  readonly timestamp: number;
  /** Nonce, 32 bits. */
  readonly nonce: number;
}

/** One SSRC that is heard. */
export interface JitterComponent extends StreamStats {
  /** Whose it is, where the server has told it. */
  readonly userId: string | undefined;
}

/** The parts of one connection. */
export class Components {
  readonly #session: VoiceSession;
  readonly #driver: Driver;
  readonly #version: GatewayVersion;
  #open = false;
  #latencies: readonly number[] = [];
  #udpRoundTrip: number | undefined;

  /** Looks at a session and its driver. */
  constructor(session: VoiceSession, driver: Driver, version: GatewayVersion = GATEWAY_VERSION) {
    this.#session = session;
    this.#driver = driver;
    this.#version = version;
  }

  /** The WebSocket has opened or closed. */
  setOpen(open: boolean): void {
    this.#open = open;
  }

  /** A heartbeat was answered. */
  addLatency(roundTrip: number): void {
    this.#latencies = [...this.#latencies, roundTrip].slice(-LATENCY_COUNT);
  }

  /** A keepalive was answered. */
  setUdpRoundTrip(roundTrip: number): void {
    this.#udpRoundTrip = roundTrip;
  }

  /** The voice WebSocket. */
  get webSocket(): WebSocketComponent {
    const latencies = this.#latencies;
    const sum = latencies.reduce((total, latency) => total + latency, 0);
    return {
      open: this.#open,
      version: this.#version,
      sequence: this.#session.seqAck,
      latency: latencies.at(-1),
      latencies,
      averageLatency: latencies.length === 0 ? undefined : sum / latencies.length,
    };
  }

  /** The UDP socket. */
  get udp(): UdpComponent {
    const { remote, unsent, socketErrors } = this.#driver;
    return {
      remote,
      address: this.#session.address,
      roundTrip: this.#udpRoundTrip,
      unsent,
      socketErrors,
    };
  }

  /** The RTP counters. */
  get rtp(): RtpComponent {
    const { ssrc, mode, sequence, timestamp, nonce } = this.#session;
    return { ssrc, mode, sequence, timestamp, nonce };
  }

  /** End-to-end encryption, where it is offered and a voice session has begun. */
  get dave(): DaveComponent | undefined {
    const { dave } = this.#session;
    return dave instanceof DaveSession ? showDave(dave) : undefined;
  }

  /** What is heard, by SSRC. */
  get jitters(): ReadonlyMap<number, JitterComponent> {
    return new Map(this.#session.counters.streams.map((stream) => {
      return [stream.ssrc, { ...stream, userId: this.#session.userOf(stream.ssrc) }];
    }));
  }
}
