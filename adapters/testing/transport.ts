/**
 * What a runtime must give for the embedded voice server: a bound datagram
 * socket and a WebSocket server, both on 127.0.0.1 only.
 *
 * @module
 */

import type { SocketAddress } from "../transport.ts";

/** What a bound datagram socket reports. */
export interface BoundDatagramHandlers {
  /** A datagram came. Its bytes are borrowed until the call returns. */
  message(datagram: Uint8Array, from: SocketAddress): void;
}

/** A UDP socket bound to 127.0.0.1. Errors of single sends (ICMP) end nothing. */
export interface BoundDatagram {
  /** The port it is bound to. */
  readonly port: number;
  /** Sends one datagram, in call order. The bytes may be reused as soon as the call returns. */
  send(datagram: Uint8Array, to: SocketAddress): void;
  /** Datagrams that were not sent: the runtime could not keep up, or reported an error. */
  readonly dropped: number;
  /** Closes the socket; no handler is called afterwards. */
  close(): Promise<void>;
}

/** One client of the WebSocket server. */
export interface ServerWebSocket {
  /** Path and query of the request, for example `/?v=8`. */
  readonly path: string;
  /** Sends a text frame for a string, a binary frame for bytes. */
  send(data: string | Uint8Array): void;
  /** Closes with a code (1000, or 3000 to 4999) and a reason. */
  close(code: number, reason: string): void;
  /** Breaks the TCP connection without a close frame: both sides see 1006. */
  cut(): void;
}

/** What the WebSocket server reports. */
export interface WebSocketServerHandlers {
  /** A client has connected. */
  open(socket: ServerWebSocket): void;
  /** A client sent a message. */
  message(socket: ServerWebSocket, data: string | Uint8Array): void;
  /** A client is gone; called once for each client that was opened. */
  close(socket: ServerWebSocket, code: number, reason: string): void;
}

/** A WebSocket server on 127.0.0.1, plain `ws://`. */
export interface WebSocketServer {
  /** The port it listens on. */
  readonly port: number;
  /** Stops listening and ends all clients; no handler is called afterwards. */
  close(): Promise<void>;
}

/** The functions that a runtime gives to the embedded server. Port 0 asks for a free one. */
export interface ServerTransport {
  /** Name of the runtime. */
  readonly runtime: "deno" | "bun" | "node";
  /** Binds a UDP socket on 127.0.0.1. Rejects where the port is taken. */
  bindDatagram(
    port: number,
    handlers: BoundDatagramHandlers,
  ): Promise<BoundDatagram>;
  /** Listens for WebSocket clients on 127.0.0.1. Rejects where the port is taken. */
  serveWebSocket(
    port: number,
    handlers: WebSocketServerHandlers,
  ): Promise<WebSocketServer>;
}
