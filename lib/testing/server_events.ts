/**
 * What the voice server and the gateway stub report, for logs and for tests: one
 * flat object an event, without tokens and keys.
 *
 * | field | type | events | meaning |
 * |---|---|---|---|
 * | `at` | number | all | monotonic milliseconds |
 * | `type` | string | all | see `ServerEvent` |
 * | `websocket` | number | where one is concerned | id of the WebSocket, unique in one server |
 * | `userId` | string | where known | user id |
 * | `guildId` | string | where known | guild id |
 * | `sessionId` | string | where known | session id of the voice state |
 * | `version` | number | `connect` | version of the voice gateway; absent where it is none |
 * | `ssrc` | number | `ready`, `speaking`, `discovery`, `packet-dropped`, `sender-report`, `reception-report` | SSRC of the client |
 * | `mode` | string | `select`, `session` | encryption mode |
 * | `flags` | number | `speaking` | `SpeakingFlags` |
 * | `seqAck` | number | `resume` | last sequence number that the client has seen; absent: none |
 * | `replayed` | number | `resumed` | messages that are sent again |
 * | `code` | number | `disconnect`, `close`, `gateway-close` | close code; 1006: cut off |
 * | `reason` | string | `close`, `gateway-close`, `leave`, `packet-dropped`, `dave-reset`, `dave-rejected` | why |
 * | `resumable` | boolean | `disconnect`, `close` | whether the session is kept for a Resume |
 * | `address`, `port` | string, number | `discovery`, `select` | the client's UDP address; with `select` what the client takes it to be |
 * | `count` | number | `packet-dropped` | datagrams since the last such event, at least 1 |
 * | `opcode` | number | `ignored`, `dave-rejected` | the opcode that the server does not know, or of what it has dropped |
 * | `packets`, `octets` | number | `sender-report` | what the client says to have sent; bytes of payload |
 * | `source` | number | `reception-report` | SSRC of whom the client hears |
 * | `fractionLost`, `lost` | number | `reception-report` | share of packets lost since the last report, 0 to 1; packets lost |
 * | `jitter` | number | `reception-report` | interarrival jitter in milliseconds |
 * | `channelId` | string or null | `voice-state`, `voice-server`, `channel-full` | channel id; null: left |
 * | `on`, `fault` | string | `fault` | where, and the name of what went wrong |
 * | `resumed` | boolean | `gateway-interrupted` | whether the session goes on afterwards |
 * | `epoch` | number | `dave-commit` | epoch of the group after the commit |
 * | `memberCount` | number | `dave-commit` | members of the group after the commit |
 * | `transitionId` | number | `dave-commit`, `dave-transition` | id of the transition |
 * | `protocolVersion` | number | `dave-transition` | DAVE version of the call; 0 is no end-to-end encryption |
 * | `missing` | number | `dave-transition` | clients that have not said that they are ready |
 *
 * What was sent is reported as sent also where a fault then spoils it; a `fault` event follows.
 *
 * @module
 */

import type { GatewayVersion } from "../gateway_version.ts";
import type { OpenFault } from "../packet.ts";
import type { RtpFault } from "../rtp_header.ts";
import type { DaveRejectReason } from "./dave/rejection.ts";
import type { FaultName, FaultPoint } from "./faults.ts";

/** Why a datagram was dropped. */
export type PacketDropReason =
  | RtpFault
  | OpenFault
  /** A discovery request with a wrong length field. */
  | "bad-discovery"
  /** A discovery request for an SSRC that nobody has. */
  | "unknown-ssrc"
  /** RTCP that is malformed. */
  | "bad-rtcp"
  /** RTP or RTCP from an address and with an SSRC that nobody has. */
  | "unknown-source"
  /** RTP or RTCP before Select Protocol. */
  | "not-selected"
  /** The tag is right, the SSRC is not the sender's. */
  | "wrong-ssrc"
  /** The sender has used this nonce already. */
  | "replay"
  /** RTP without Speaking (op 5), held in vain. */
  | "no-speaking"
  /** The receiver's key has no nonce left. */
  | "nonces-spent";

/** Why a session ended. */
export type LeaveReason =
  /** The client closed its WebSocket with 1000 or 1001. */
  | "left"
  /** The server closed it with a code that does not allow a Resume. */
  | "closed"
  /** No Resume came in time. */
  | "expired"
  /** The same user has identified again. */
  | "replaced"
  /** The main gateway took the user out of the channel. */
  | "removed";

/** Why clients make new keys for end-to-end encryption. */
export type DaveResetReason =
  /** The last client without DAVE has left. */
  | "upgrade"
  /** All others have left; a group of one is none. */
  | "alone"
  /** Nobody has committed in time what was proposed. */
  | "no-commit"
  /** Everybody in the group has left or given it up. */
  | "nobody-left"
  /** This client has sent no key package in time. */
  | "silent"
  /** This client has resumed on a version that brings nothing again. */
  | "resumed";

/** Whom an event is about, as far as that is known. */
export interface EventSubject {
  /** Id of the WebSocket. */
  readonly websocket?: number;
  /** User id. */
  readonly userId?: string;
  /** Guild id. */
  readonly guildId?: string;
  /** Session id of the voice state. */
  readonly sessionId?: string;
}

/** What happened. */
export type ServerEventDetails =
  /** A WebSocket opened; it gets Hello where its version is one. */
  | { readonly type: "connect"; readonly version?: GatewayVersion }
  /** Identify was accepted. */
  | { readonly type: "identify" }
  /** Ready was sent. */
  | { readonly type: "ready"; readonly ssrc: number }
  /** The client's UDP address became known, or changed, by IP discovery. */
  | {
    readonly type: "discovery";
    readonly ssrc: number;
    readonly address: string;
    readonly port: number;
  }
  /** Select Protocol was accepted. */
  | {
    readonly type: "select";
    readonly mode: string;
    readonly address: string;
    readonly port: number;
  }
  /** Session Description was sent. */
  | { readonly type: "session"; readonly mode: string }
  /** A client's flags changed. */
  | { readonly type: "speaking"; readonly ssrc: number; readonly flags: number }
  /** Resume was asked for. */
  | { readonly type: "resume"; readonly seqAck?: number }
  /** Resumed was sent, and what was missed. */
  | { readonly type: "resumed"; readonly replayed: number }
  /** The client closed its WebSocket or lost it. */
  | { readonly type: "disconnect"; readonly code: number; readonly resumable: boolean }
  /** The server closed a WebSocket. */
  | {
    readonly type: "close";
    readonly code: number;
    readonly reason: string;
    readonly resumable: boolean;
  }
  /** A session ended; the others are told. */
  | { readonly type: "leave"; readonly reason: LeaveReason }
  /** A message with an opcode that the server does not know; told once for each WebSocket. */
  | { readonly type: "ignored"; readonly opcode: number }
  /** Datagrams were dropped: the first at once, further ones together, once a second. */
  | {
    readonly type: "packet-dropped";
    readonly reason: PacketDropReason;
    readonly count: number;
    readonly ssrc?: number;
  }
  /** A client told by RTCP what it has sent. */
  | {
    readonly type: "sender-report";
    readonly ssrc: number;
    readonly packets: number;
    readonly octets: number;
  }
  /** A client told by RTCP what it hears of another; of one datagram 31 at most are told. */
  | {
    readonly type: "reception-report";
    readonly ssrc: number;
    readonly source: number;
    readonly fractionLost: number;
    readonly lost: number;
    readonly jitter: number;
  }
  /** A client of the main gateway got READY. */
  | { readonly type: "gateway-ready" }
  /** A client of the main gateway got RESUMED. */
  | { readonly type: "gateway-resumed" }
  /** The gateway stub closed a WebSocket. */
  | { readonly type: "gateway-close"; readonly code: number; readonly reason: string }
  /** VOICE_STATE_UPDATE was sent. */
  | { readonly type: "voice-state"; readonly channelId: string | null }
  /** VOICE_SERVER_UPDATE was sent. */
  | { readonly type: "voice-server"; readonly channelId: string }
  /** Op 4 brought nothing: the channel has as many users as its limit allows. */
  | { readonly type: "channel-full"; readonly channelId: string }
  /** A client of the main gateway is cut off from it for a while. */
  | { readonly type: "gateway-interrupted"; readonly resumed: boolean }
  /** The group is made anew, or one client joins it anew. */
  | { readonly type: "dave-reset"; readonly reason: DaveResetReason }
  /** A commit counts, and a transition to its epoch begins. */
  | {
    readonly type: "dave-commit";
    readonly epoch: number;
    readonly transitionId: number;
    readonly memberCount: number;
  }
  /** A transition was executed. */
  | {
    readonly type: "dave-transition";
    readonly transitionId: number;
    readonly protocolVersion: number;
    readonly missing: number;
  }
  /** A client's message about end-to-end encryption was dropped; not told of late commits. */
  | {
    readonly type: "dave-rejected";
    readonly opcode: number;
    readonly reason: DaveRejectReason;
  }
  /** A fault was committed that the server had been told to commit. */
  | { readonly type: "fault"; readonly on: FaultPoint; readonly fault: FaultName };

/** An event with its time and its subject. */
export type ServerEvent = { readonly at: number } & EventSubject & ServerEventDetails;
