/**
 * What goes into a session and what comes out of it: the vocabulary between the
 * core and whoever drives it.
 *
 * @module
 */

import type { DaveEvent } from "./end_to_end.ts";
import type { VoiceConnectError } from "./errors.ts";
import type {
  VoiceServer,
  VoiceServerUpdate,
  VoiceStatePayload,
  VoiceStateUpdate,
} from "./gateway.ts";
import type { EncryptionMode } from "./packet.ts";
import type { ReceptionReport } from "./rtcp_reports.ts";
import type { State } from "./state.ts";

/**
 * What a driver tells the session. Commands are join, speak, send, requestVoice, connect,
 * reconnect and leave; the rest has happened.
 */
export type Input =
  | JoinInput
  | { readonly type: "speak"; readonly flags: number }
  /** A message of one's own for the voice WebSocket. */
  | { readonly type: "send"; readonly data: string | Uint8Array }
  /** Op 4 for the channel, once more. */
  | { readonly type: "requestVoice" }
  /** The next attempt of a recovery is made now. */
  | { readonly type: "connect" }
  /** The WebSocket is closed with 1012, or what the transport has for it, and the session resumed. */
  | { readonly type: "reconnect" }
  /** The end; the WebSocket is closed with `code`: 1000, the default, or 3000 to 4999. */
  | { readonly type: "leave"; readonly code?: number }
  /** The main gateway did not take the last op 4. */
  | { readonly type: "gatewayRefused" }
  | { readonly type: "timeout" }
  | { readonly type: "voiceState"; readonly data: VoiceStateUpdate }
  | { readonly type: "voiceServer"; readonly data: VoiceServerUpdate }
  | TransportInput;

/** What a transport tells the session, each with the id of the socket that it is about. */
export type TransportInput =
  | { readonly type: "websocketOpen"; readonly id: number }
  | {
    readonly type: "websocketMessage";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | {
    readonly type: "websocketClose";
    readonly id: number;
    readonly code: number;
    readonly reason: string;
  }
  | { readonly type: "udpOpen"; readonly id: number }
  | { readonly type: "udpClose"; readonly id: number; readonly reason: string }
  | {
    readonly type: "datagram";
    readonly id: number;
    readonly data: Uint8Array;
  };

/** Asks for a voice channel. */
export interface JoinInput {
  /** Discriminator. */
  readonly type: "join";
  /** Channel id. */
  readonly channelId: string;
  /** Whether others see the client as muted; not by default. */
  readonly selfMute?: boolean;
  /** Whether the client does not listen; it listens by default. */
  readonly selfDeaf?: boolean;
  /** The voice server, where the caller has asked the main gateway himself. */
  readonly server?: VoiceServer;
}

/** What the session asks its driver to do, in order. */
export type Output =
  | { readonly type: "sendGateway"; readonly payload: VoiceStatePayload }
  | {
    readonly type: "openWebSocket";
    readonly id: number;
    readonly url: string;
  }
  | {
    readonly type: "sendWebSocket";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | {
    readonly type: "closeWebSocket";
    readonly id: number;
    readonly code: number;
  }
  | {
    readonly type: "openUdp";
    readonly id: number;
    readonly address: string;
    readonly port: number;
  }
  | {
    readonly type: "transmit";
    readonly id: number;
    readonly datagram: Uint8Array;
  }
  | { readonly type: "closeUdp"; readonly id: number }
  | { readonly type: "event"; readonly event: SessionEvent };

/** What happened, for people and programs. */
export type SessionEvent =
  /** The state has changed. */
  | { readonly type: "state"; readonly from: State; readonly to: State }
  /** A key has come: audio flows. */
  | {
    readonly type: "ready";
    readonly ssrc: number;
    readonly mode: EncryptionMode;
  }
  /** The session goes on after a lost WebSocket. */
  | { readonly type: "resumed" }
  /** The WebSocket is open. */
  | { readonly type: "connected" }
  /** The WebSocket was closed: by the session itself, by the server, or lost (1006). */
  | {
    readonly type: "disconnected";
    readonly code: number;
    readonly reason: string;
    readonly bySelf: boolean;
  }
  /** The end; with an error where it was not asked for. */
  | { readonly type: "closed"; readonly error?: VoiceConnectError }
  /** A user's flags and SSRC. */
  | {
    readonly type: "speaking";
    readonly userId: string;
    readonly ssrc: number;
    readonly flags: number;
  }
  /** A user's SSRC, told with those of the user's video; 0 for none. */
  | { readonly type: "video"; readonly userId: string; readonly ssrc: number }
  /** A user is in the channel. */
  | { readonly type: "clientConnect"; readonly userId: string }
  /** A user has left the channel. */
  | { readonly type: "clientDisconnect"; readonly userId: string }
  /** The WebSocket's round-trip time in milliseconds. */
  | { readonly type: "heartbeat"; readonly roundTrip: number }
  /** A heartbeat was answered after `HIGH_LATENCY` milliseconds or more. */
  | { readonly type: "highLatency"; readonly roundTrip: number }
  /** The UDP round-trip time in milliseconds. */
  | { readonly type: "keepalive"; readonly roundTrip: number }
  /** The server has told what it received of the client's audio. */
  | ({ readonly type: "receptionReport" } & ReceptionReport)
  /** Something happened to end-to-end encryption. */
  | DaveEvent
  /** Something received was not what the protocol says; it was counted and left aside. */
  | { readonly type: "malformed"; readonly reason: string }
  /** A message of the signalling went by; names only, no contents. */
  | {
    readonly type: "message";
    readonly direction: "sent" | "received";
    readonly channel: "gateway" | "websocket" | "udp";
    readonly name: string;
  };
