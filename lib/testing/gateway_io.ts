/**
 * What goes into a `GatewayStub` and what comes out of it.
 *
 * @module
 */

import type { VoiceServerUpdate, VoiceStatePayload, VoiceStateUpdate } from "../gateway.ts";
import type { FaultRule } from "./faults.ts";
import type { ServerEvent } from "./server_events.ts";
import type { ServerInput } from "./server_io.ts";

/** What a gateway stub is made of. */
export interface GatewayStubOptions {
  /** Fills an array with random bytes. */
  readonly random: (into: Uint8Array) => void;
  /** The `endpoint` of VOICE_SERVER_UPDATE, for example `ws://127.0.0.1:5000`. */
  readonly endpoint: string;
  /** The `resume_gateway_url` of READY, for example `ws://127.0.0.1:5001`. */
  readonly url: string;
  /** Faults to commit; none by default. */
  readonly faults?: readonly FaultRule[];
}

/**
 * Cuts a user's client off from the main gateway. One that is attached comes back after
 * `duration`; one on a WebSocket is closed with 4000, and comes back when it likes.
 */
export interface InterruptInput {
  /** Discriminator. */
  readonly type: "interrupt";
  /** Whose client. */
  readonly userId: string;
  /** Milliseconds; of no consequence for a client on a WebSocket. */
  readonly duration: number;
  /**
   * Whether the session is resumed, and gets what it has missed. Else a new one begins: what the
   * old one has missed is lost, and its voice states end.
   */
  readonly resumed: boolean;
  /** Whether `sendPayload` says `false` meanwhile; by default `true`, though op 4 is lost. */
  readonly refuses?: boolean;
}

/** Sets how many users may be in a voice channel. */
export interface UserLimitInput {
  /** Discriminator. */
  readonly type: "setUserLimit";
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** Most users, 0 for nobody; `undefined` ends the limit. Who is inside stays. */
  readonly limit: number | undefined;
}

/**
 * What a driver tells the stub. A user is attached where the bot is in the same
 * process and needs no WebSocket. Commands are attach, detach, voiceState, moveUser,
 * disconnectUser, reallocate, setUserLimit, interrupt, closeShard and setFaults; the rest has
 * happened.
 */
export type GatewayInput =
  | { readonly type: "websocketOpen"; readonly id: number }
  | {
    readonly type: "websocketMessage";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | { readonly type: "websocketClose"; readonly id: number; readonly code: number }
  | { readonly type: "timeout" }
  | { readonly type: "attach"; readonly userId: string }
  | { readonly type: "detach"; readonly userId: string }
  /** Op 4 of an attached user. */
  | {
    readonly type: "voiceState";
    readonly userId: string;
    readonly data: VoiceStatePayload["d"];
  }
  /** A moderator moves a user who is in a voice channel. */
  | {
    readonly type: "moveUser";
    readonly guildId: string;
    readonly userId: string;
    readonly channelId: string;
  }
  /** A moderator disconnects a user who is in a voice channel. */
  | { readonly type: "disconnectUser"; readonly guildId: string; readonly userId: string }
  /** The guild's voice server is replaced: `endpoint` null, 4022, then a new token. */
  | { readonly type: "reallocate"; readonly guildId: string }
  | UserLimitInput
  | InterruptInput
  /**
   * A user's client is closed for good: an attached one is destroyed, as gateway libraries do on
   * code 1000, the others' WebSockets are closed with `code`, 1000 by default.
   */
  | { readonly type: "closeShard"; readonly userId: string; readonly code?: number }
  /** Replaces all faults; those for the voice server are left aside. */
  | { readonly type: "setFaults"; readonly faults: readonly FaultRule[] };

/** A dispatch for an attached user. */
export type GatewayDispatch =
  | { readonly name: "VOICE_STATE_UPDATE"; readonly data: VoiceStateUpdate }
  | { readonly name: "VOICE_SERVER_UPDATE"; readonly data: VoiceServerUpdate };

/** What the stub asks its driver to do, in order. */
export type GatewayOutput =
  | { readonly type: "sendWebSocket"; readonly id: number; readonly data: string }
  | {
    readonly type: "closeWebSocket";
    readonly id: number;
    readonly code: number;
    readonly reason: string;
  }
  /** For an attached user. */
  | { readonly type: "dispatch"; readonly userId: string; readonly dispatch: GatewayDispatch }
  /** An attached user's gateway library closes for good; the user is no longer attached. */
  | { readonly type: "destroy"; readonly userId: string }
  /** For the voice server, at once. */
  | { readonly type: "voice"; readonly input: ServerInput }
  | { readonly type: "event"; readonly event: ServerEvent };
