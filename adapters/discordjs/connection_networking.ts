/**
 * `state.networking` of a connection: what stands behind it, to look at, by the names of the
 * @discordjs/voice networking layer. What it shows is of the moment in which it is read; the key,
 * the token and the nonce's bytes are not shown.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import type { State } from "../../lib/state.ts";
import type { VoiceConnection } from "../connection.ts";
import type { DaveComponent } from "../dave_component.ts";
import { NetworkingStatusCode } from "../networking/status_code.ts";
import { tell } from "../networking/tell.ts";

/** What is known of the voice session; live, and read-only. */
export interface ConnectionNetworkingData {
  /** Ids of the users who are in the channel, as far as the server has said. */
  readonly connectedClients: ReadonlySet<string>;
  /** The encryption mode; empty before there is a key. */
  readonly encryptionMode: string;
  /** Nonce of the next packet. */
  readonly nonce: number;
  /** Packets that were sent. */
  readonly packetsPlayed: number;
  /** RTP sequence number of the next packet. */
  readonly sequence: number;
  /** Whether the others are told that the bot speaks. */
  readonly speaking: boolean;
  /** The bot's SSRC; 0 before it is known. */
  readonly ssrc: number;
  /** RTP timestamp that follows the last packet. */
  readonly timestamp: number;
}

/** What stands behind a connection. */
export interface ConnectionNetworkingState {
  /** Where the handshake is. */
  readonly code: NetworkingStatusCode;
  /** What is known of the voice session. */
  readonly connectionData: ConnectionNetworkingData;
  /** The voice WebSocket: last round trip in milliseconds, number of the last message. */
  readonly ws: { readonly ping: number | undefined; readonly sequence: number };
  /** The UDP socket: last round trip in milliseconds. */
  readonly udp: { readonly ping: number | undefined };
  /** End-to-end encryption, where it is offered. */
  readonly dave: DaveComponent | undefined;
}

/** What a `ConnectionNetworking` emits. */
export interface ConnectionNetworkingEvents {
  /** The handshake has come to another point. */
  stateChange: [oldState: ConnectionNetworkingState, newState: ConnectionNetworkingState];
}

const CODES: { readonly [S in State]: NetworkingStatusCode } = {
  idle: NetworkingStatusCode.OpeningWs,
  signalling: NetworkingStatusCode.OpeningWs,
  waiting: NetworkingStatusCode.OpeningWs,
  connecting: NetworkingStatusCode.OpeningWs,
  identifying: NetworkingStatusCode.Identifying,
  discovering: NetworkingStatusCode.UdpHandshaking,
  selecting: NetworkingStatusCode.SelectingProtocol,
  connected: NetworkingStatusCode.Ready,
  reconnecting: NetworkingStatusCode.Resuming,
  resuming: NetworkingStatusCode.Resuming,
  closed: NetworkingStatusCode.Closed,
};

/** What is sent, counted by the connection. */
export interface SendRecord {
  /** Packets that were sent. */
  readonly packetsPlayed: number;
  /** Whether the others are told that the bot speaks. */
  readonly speaking: boolean;
}

/** What stands behind a connection, and tells when it changes. */
export class ConnectionNetworking extends EventEmitter<ConnectionNetworkingEvents> {
  readonly #connection: VoiceConnection;
  readonly #data: ConnectionNetworkingData;
  #state: ConnectionNetworkingState;

  /** Made by `VoiceConnection`. */
  constructor(connection: VoiceConnection, sent: SendRecord) {
    super();
    this.#connection = connection;
    this.#data = dataOf(connection, sent);
    this.#state = this.#compose(connection.state);
  }

  /** The present state. */
  get state(): ConnectionNetworkingState {
    return this.#state;
  }

  /** Called by the connection: its session is in another state. */
  follow(state: State): void {
    const old = this.#state;
    if (CODES[state] === old.code) return;
    this.#state = this.#compose(state);
    tell(this, "stateChange", old, this.#state);
  }

  #compose(state: State): ConnectionNetworkingState {
    const connection = this.#connection;
    return {
      code: CODES[state],
      connectionData: this.#data,
      ws: {
        get ping() {
          return connection.webSocket.latency;
        },
        get sequence() {
          return connection.webSocket.sequence ?? -1;
        },
      },
      udp: {
        get ping() {
          return connection.udp.roundTrip;
        },
      },
      get dave() {
        return connection.dave;
      },
    };
  }
}

function dataOf(connection: VoiceConnection, sent: SendRecord): ConnectionNetworkingData {
  return {
    get connectedClients() {
      return connection.users;
    },
    get encryptionMode() {
      return connection.mode ?? "";
    },
    get nonce() {
      return connection.rtp.nonce;
    },
    get packetsPlayed() {
      return sent.packetsPlayed;
    },
    get sequence() {
      return connection.rtp.sequence;
    },
    get speaking() {
      return sent.speaking;
    },
    get ssrc() {
      return connection.ssrc;
    },
    get timestamp() {
      return connection.rtp.timestamp;
    },
  };
}
