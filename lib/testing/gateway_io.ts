/**
 * What goes into a `GatewayStub` and what comes out of it.
 *
 * @module
 */

import type { VoiceServerUpdate, VoiceStatePayload, VoiceStateUpdate } from "../gateway.ts";
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
}

/**
 * What a driver tells the stub. A user is attached where the bot is in the same
 * process and needs no WebSocket. Commands are attach, detach, voiceState, moveUser,
 * disconnectUser and reallocate; the rest has happened.
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
  | { readonly type: "reallocate"; readonly guildId: string };

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
  /** For the voice server, at once. */
  | { readonly type: "voice"; readonly input: ServerInput }
  | { readonly type: "event"; readonly event: ServerEvent };
