/**
 * What the threads say to each other besides datagrams, which go through rings.
 *
 * @module
 */

import type { SocketAddress } from "../transport.ts";

/** The first message to the worker. */
export interface LaneStart {
  /** Discriminator. */
  readonly type: "start";
  /** The ring of datagrams that are to be sent. */
  readonly outgoing: SharedArrayBuffer;
  /** The ring of datagrams that came. */
  readonly incoming: SharedArrayBuffer;
  /** Of the clock to which instants in `outgoing` belong. */
  readonly timeOrigin: number;
}

/** To the worker. */
export type LaneCommand =
  | { readonly type: "open"; readonly id: number; readonly remote: SocketAddress }
  /** A socket is to be closed; it is answered with `closed`, even where the socket is broken. */
  | { readonly type: "close"; readonly id: number }
  /** The worker has stopped looking, and there is something to send. */
  | { readonly type: "wake" };

/** From the worker. */
export type LaneReport =
  | { readonly type: "open"; readonly id: number }
  /** A socket has an error, or is broken for good. */
  | { readonly type: "error" | "broken"; readonly id: number; readonly message: string }
  /** There is something in `incoming`. */
  | { readonly type: "received" }
  /** What became of a socket's datagrams until now, and what in the end: no more are sent. */
  | ({ readonly type: "sent" | "closed"; readonly id: number } & SentStats);

/** What became of a socket's datagrams. */
export interface SentStats {
  /** Those that were paced. */
  readonly count: number;
  /** Half of them were at most so late, in milliseconds. */
  readonly p50: number;
  /** 99 of 100 were at most so late. */
  readonly p99: number;
  /** Those that were dropped. */
  readonly dropped: number;
}
