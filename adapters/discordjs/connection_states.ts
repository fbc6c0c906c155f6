/**
 * What stands beside the status of a connection.
 *
 * @module
 */

import type { DiscordGatewayAdapterImplementerMethods } from "../gateway_adapter.ts";
import type { PlayerSubscription } from "./audio_player.ts";
import type { ConnectionNetworking } from "./connection_networking.ts";
import type {
  VoiceConnectionDisconnectReason,
  VoiceConnectionStatus,
} from "./connection_status.ts";

/** What all states but the last have. */
export interface VoiceConnectionBaseState {
  /** The way to the main gateway. */
  readonly adapter: DiscordGatewayAdapterImplementerMethods;
  /** The player that is heard, if one is. */
  readonly subscription?: PlayerSubscription | undefined;
}

/** Op 4 was sent. */
export interface VoiceConnectionSignallingState extends VoiceConnectionBaseState {
  /** `signalling` */
  readonly status: typeof VoiceConnectionStatus.Signalling;
}

/** A voice server is being connected to. */
export interface VoiceConnectionConnectingState extends VoiceConnectionBaseState {
  /** `connecting` */
  readonly status: typeof VoiceConnectionStatus.Connecting;
  /** What stands behind the connection. */
  readonly networking: ConnectionNetworking;
}

/** Audio can flow. */
export interface VoiceConnectionReadyState extends VoiceConnectionBaseState {
  /** `ready` */
  readonly status: typeof VoiceConnectionStatus.Ready;
  /** What stands behind the connection. */
  readonly networking: ConnectionNetworking;
}

/** There is no connection. */
export interface VoiceConnectionDisconnectedBaseState extends VoiceConnectionBaseState {
  /** `disconnected` */
  readonly status: typeof VoiceConnectionStatus.Disconnected;
}

/** There is no connection, and not because a WebSocket was closed. */
export interface VoiceConnectionDisconnectedOtherState
  extends VoiceConnectionDisconnectedBaseState {
  /** Why. */
  readonly reason: Exclude<
    VoiceConnectionDisconnectReason,
    typeof VoiceConnectionDisconnectReason.WebSocketClose
  >;
}

/** There is no connection: the WebSocket was closed. */
export interface VoiceConnectionDisconnectedWebSocketState
  extends VoiceConnectionDisconnectedBaseState {
  /** Close code of the WebSocket; 1006 where there was none. */
  readonly closeCode: number;
  /** Why. */
  readonly reason: typeof VoiceConnectionDisconnectReason.WebSocketClose;
}

/** There is no connection. */
export type VoiceConnectionDisconnectedState =
  | VoiceConnectionDisconnectedOtherState
  | VoiceConnectionDisconnectedWebSocketState;

/** The end. */
export interface VoiceConnectionDestroyedState {
  /** `destroyed` */
  readonly status: typeof VoiceConnectionStatus.Destroyed;
}

/** A state of a connection. */
export type VoiceConnectionState =
  | VoiceConnectionSignallingState
  | VoiceConnectionConnectingState
  | VoiceConnectionReadyState
  | VoiceConnectionDisconnectedState
  | VoiceConnectionDestroyedState;

/** A state in which the connection can still be used. */
export type VoiceConnectionAliveState = Exclude<
  VoiceConnectionState,
  VoiceConnectionDestroyedState
>;
