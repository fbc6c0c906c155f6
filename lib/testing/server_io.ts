/**
 * What goes into a `VoiceServer` and what comes out of it.
 *
 * @module
 */

import type { AeadProvider } from "../aead.ts";
import type { MlsCrypto } from "../dave/mls/mod.ts";
import type { DiscoveredAddress, DiscoveryForm } from "../ip_discovery.ts";
import type { EncryptionMode } from "../packet.ts";
import type { DaveRejectReason } from "./dave/rejection.ts";
import type { FaultRule } from "./faults.ts";
import type { PacketDropReason, ServerEvent } from "./server_events.ts";

/** A form of IP discovery response; that of a hybrid request is `70be`. */
export type ForcedDiscovery = Exclude<DiscoveryForm, "70hybrid">;

/**
 * Whether calls are encrypted end to end (DAVE): never, while all of their clients can do it, or
 * always, so that who cannot is closed with 4017.
 */
export type DavePolicy = "off" | "optional" | "required";

/** What a voice server is made of. */
export interface VoiceServerOptions {
  /** Fills an array with random bytes. */
  readonly random: (into: Uint8Array) => void;
  /** UDP port that Ready announces. */
  readonly port: number;
  /** IP address that Ready announces; 127.0.0.1 by default. */
  readonly address?: string;
  /** AEAD implementations; `pureCiphers` by default. */
  readonly aead?: AeadProvider;
  /** The primitives of MLS; `nobleMlsCrypto` by default. */
  readonly mls?: MlsCrypto;
  /** Whether calls are encrypted end to end; `optional` by default. */
  readonly dave?: DavePolicy;
  /** Takes this token and those that were granted; without it any token is good. */
  readonly token?: string;
  /** Milliseconds between heartbeats; 13750 by default. */
  readonly heartbeatInterval?: number;
  /** Milliseconds for which a session outlives its WebSocket; 60000 by default. */
  readonly resumeWindow?: number;
  /** Most messages that a session keeps for a Resume, below 32768; 256 by default. */
  readonly replayLimit?: number;
  /** Encryption modes that Ready offers, in its order, any but `plain`; `SEALING_MODES` by default. */
  readonly modes?: readonly EncryptionMode[];
  /** Form of every IP discovery response; by default that of the request, `70be` for `70le` too. */
  readonly discovery?: ForcedDiscovery;
  /** Whether keepalives that are a counter are echoed, as until March 2023; not by default. */
  readonly echoKeepalives?: boolean;
  /** Milliseconds between two RTCP reports to a sender; 5000 by default, Infinity for none. */
  readonly reportInterval?: number;
  /** Faults to commit; none by default. */
  readonly faults?: readonly FaultRule[];
}

/** A voice token and what it is good for. */
export interface VoiceGrant {
  /** The token. */
  readonly token: string;
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** User id. */
  readonly userId: string;
  /** Session id of the voice state. */
  readonly sessionId: string;
}

/** Which clients are meant: all that have each of the given ids, of which one is needed. */
export interface ClientSelector {
  /** User id. */
  readonly userId?: string;
  /** Session id of the voice state. */
  readonly sessionId?: string;
  /** Guild id. */
  readonly guildId?: string;
}

/** Closes the WebSockets of clients. */
export interface CloseClientInput extends ClientSelector {
  /** Discriminator. */
  readonly type: "closeClient";
  /** Close code: 1000, or 3000 to 4999. */
  readonly code: number;
  /** Reason text of the close frame; empty by default. */
  readonly reason?: string;
}

/** Breaks the TCP connections of clients, without a close frame. */
export interface CutClientInput extends ClientSelector {
  /** Discriminator. */
  readonly type: "cutClient";
}

/**
 * What a driver tells the server. Commands are closeClient, cutClient, setFaults, grant and
 * revoke; the rest has happened.
 */
export type ServerInput =
  | { readonly type: "websocketOpen"; readonly id: number; readonly path: string }
  | {
    readonly type: "websocketMessage";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | { readonly type: "websocketClose"; readonly id: number; readonly code: number }
  | {
    readonly type: "datagram";
    readonly from: DiscoveredAddress;
    readonly data: Uint8Array;
  }
  | { readonly type: "timeout" }
  | CloseClientInput
  | CutClientInput
  /** Replaces all faults; those for the gateway stub are left aside. */
  | { readonly type: "setFaults"; readonly faults: readonly FaultRule[] }
  /** A token is good from now on; an earlier one of the same user and guild no longer is. */
  | { readonly type: "grant"; readonly grant: VoiceGrant }
  /** The user's token is no longer good; a session that began with it is closed with `code`. */
  | {
    readonly type: "revoke";
    readonly guildId: string;
    readonly userId: string;
    readonly code: number;
    readonly reason: string;
  };

/** What the server asks its driver to do, in order. */
export type ServerOutput =
  | {
    readonly type: "sendWebSocket";
    readonly id: number;
    readonly data: string | Uint8Array;
  }
  | {
    readonly type: "closeWebSocket";
    readonly id: number;
    readonly code: number;
    readonly reason: string;
  }
  /** The TCP connection is to break without a close frame. */
  | { readonly type: "cutWebSocket"; readonly id: number }
  | {
    readonly type: "transmit";
    readonly to: DiscoveredAddress;
    readonly datagram: Uint8Array;
  }
  | { readonly type: "event"; readonly event: ServerEvent };

/** Counters of a voice server. */
export interface ServerStats {
  /** Open WebSockets. */
  readonly websockets: number;
  /** Sessions, those included that wait for a Resume. */
  readonly sessions: number;
  /** Rooms with at least one session. */
  readonly rooms: number;
  /** Datagrams that came. */
  readonly datagrams: number;
  /** IP discovery requests that were answered. */
  readonly discoveries: number;
  /** Keepalives that were answered: `1337CAFE`, and counters where they are echoed. */
  readonly keepalivesAnswered: number;
  /** Keepalives of other forms, which are not answered. */
  readonly keepalivesIgnored: number;
  /** RTCP datagrams that were accepted; they are not relayed. */
  readonly rtcp: number;
  /** RTP packets that were accepted. */
  readonly accepted: number;
  /** RTP packets that were sent to receivers. */
  readonly relayed: number;
  /** Datagrams that were dropped, by reason. */
  readonly dropped: Readonly<Partial<Record<PacketDropReason, number>>>;
  /** Messages about end-to-end encryption that were dropped, by reason. */
  readonly daveRejected: Readonly<Partial<Record<DaveRejectReason, number>>>;
}
