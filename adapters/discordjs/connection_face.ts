/**
 * A `VoiceConnection` as players, subscriptions and receivers see it. They are part of it, or it
 * of them: this file is what lets each know the other.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { ConnectionNetworkingState } from "./connection_networking.ts";
import type { JoinConfig, VoiceConnectionStatus } from "./connection_status.ts";

/** What a player asks of a connection. */
export interface PlayingConnection extends EventEmitter {
  /** The present state. */
  readonly state: {
    readonly status: VoiceConnectionStatus;
    readonly networking?: { readonly state: Pick<ConnectionNetworkingState, "connectionData"> };
  };
  /** What the connection wants. */
  readonly joinConfig: JoinConfig;
  /** See `VoiceConnection.prepareAudioPacket`. */
  prepareAudioPacket(packet: Uint8Array): Buffer | undefined;
  /** See `VoiceConnection.dispatchAudio`. */
  dispatchAudio(): boolean | undefined;
  /** See `VoiceConnection.setSpeaking`. */
  setSpeaking(enabled: boolean): false | void;
  /** See `VoiceConnection.rejoin`. */
  rejoin(joinConfig?: Partial<Omit<JoinConfig, "group" | "guildId">>): boolean;
  /** See `VoiceConnection.disconnect`. */
  disconnect(): boolean;
  /** See `VoiceConnection.destroy`. */
  destroy(adapterAvailable?: boolean): void;
  /** A datagram is to be taken as if the voice server had sent it. */
  receiveDatagram(datagram: Uint8Array): void;
  /** A subscription to a player has ended. */
  onSubscriptionRemoved(subscription: object): void;
}
