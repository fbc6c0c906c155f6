/**
 * The states of a `Networking`. Each is a plain object: what has come so far stands beside
 * its code.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { ConnectionData } from "./connection_data.ts";
import type { DAVESession } from "./dave_session.ts";
import type { ConnectionOptions } from "./options.ts";
import type { NetworkingStatusCode } from "./status_code.ts";
import type { VoiceUDPSocket } from "./voice_udp_socket.ts";
import type { VoiceWebSocket } from "./voice_websocket.ts";

/** The voice WebSocket opens. */
export interface NetworkingOpeningWsState {
  /** `OpeningWs` */
  readonly code: typeof NetworkingStatusCode.OpeningWs;
  /** The WebSocket. */
  readonly ws: VoiceWebSocket;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
}

/** Identify was sent. */
export interface NetworkingIdentifyingState {
  /** `Identifying` */
  readonly code: typeof NetworkingStatusCode.Identifying;
  /** The WebSocket. */
  readonly ws: VoiceWebSocket;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
}

/** The client's own UDP address is being found. */
export interface NetworkingUdpHandshakingState {
  /** `UdpHandshaking` */
  readonly code: typeof NetworkingStatusCode.UdpHandshaking;
  /** The WebSocket. */
  readonly ws: VoiceWebSocket;
  /** The UDP socket. */
  readonly udp: VoiceUDPSocket;
  /** The session so far: it has an SSRC and users, no key. */
  readonly connectionData: ConnectionData;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
}

/** Select Protocol was sent. */
export interface NetworkingSelectingProtocolState {
  /** `SelectingProtocol` */
  readonly code: typeof NetworkingStatusCode.SelectingProtocol;
  /** The WebSocket. */
  readonly ws: VoiceWebSocket;
  /** The UDP socket. */
  readonly udp: VoiceUDPSocket;
  /** The session so far: it has an SSRC and users, no key. */
  readonly connectionData: ConnectionData;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
}

/** Audio flows. */
export interface NetworkingReadyState {
  /** `Ready` */
  readonly code: typeof NetworkingStatusCode.Ready;
  /** The WebSocket. */
  readonly ws: VoiceWebSocket;
  /** The UDP socket. */
  readonly udp: VoiceUDPSocket;
  /** The session. */
  readonly connectionData: ConnectionData;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
  /** What `dispatchAudio` will send. */
  preparedPacket?: Buffer;
  /** End-to-end encryption; absent: it is not offered. */
  readonly dave?: DAVESession;
}

/** The WebSocket is lost; SSRC, key, counters and the prepared packet are kept. */
export interface NetworkingResumingState {
  /** `Resuming` */
  readonly code: typeof NetworkingStatusCode.Resuming;
  /** The WebSocket: the lost one, then one that opens. */
  readonly ws: VoiceWebSocket;
  /** The UDP socket. */
  readonly udp: VoiceUDPSocket;
  /** The session. */
  readonly connectionData: ConnectionData;
  /** What the `Networking` was made of. */
  readonly connectionOptions: ConnectionOptions;
  /** What `dispatchAudio` will send. */
  preparedPacket?: Buffer;
  /** End-to-end encryption; absent: it is not offered. */
  readonly dave?: DAVESession;
}

/** The end. */
export interface NetworkingClosedState {
  /** `Closed` */
  readonly code: typeof NetworkingStatusCode.Closed;
}

/** A state; `code` tells which. */
export type NetworkingState =
  | NetworkingOpeningWsState
  | NetworkingIdentifyingState
  | NetworkingUdpHandshakingState
  | NetworkingSelectingProtocolState
  | NetworkingReadyState
  | NetworkingResumingState
  | NetworkingClosedState;
