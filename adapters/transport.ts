/**
 * What a runtime must give for a voice connection: a connected datagram socket,
 * a WebSocket and fast crypto. `deno.ts`, `bun.ts` and `node.ts` implement it;
 * a transport of your own does the same.
 *
 * Handlers are called from the runtime's event loop, never from inside the call
 * that opened the socket, and never again after `close()` returned.
 *
 * @module
 */

import type { AeadProvider } from "../lib/aead.ts";
import type { FrameAeadProvider } from "../lib/dave/frames/mod.ts";
import type { MlsCrypto } from "../lib/dave/mls/mod.ts";
import type { EncryptionMode } from "../lib/packet.ts";

/** An IP address in text form and a port. */
export interface SocketAddress {
  /** IPv4 or IPv6 address in text form. */
  readonly address: string;
  /** Port, 1 to 65535. */
  readonly port: number;
}

/** What a datagram socket reports. */
export interface DatagramHandlers {
  /** The socket is connected; `send` may be called. */
  open(): void;
  /** A datagram came from the remote address. Its bytes are borrowed until the call returns. */
  message(datagram: Uint8Array): void;
  /** A send or receive failed (for example ICMP port unreachable); the socket lives on. */
  error(error: Error): void;
  /** The socket could not be opened, or broke for good. */
  close(error: Error): void;
}

/** How late packets were sent, in milliseconds behind their instant in the schedule. */
export interface PacingStats {
  /** Packets that were measured. */
  readonly count: number;
  /** Half of the packets were at most so late. */
  readonly p50: number;
  /** 99 of 100 packets were at most so late. */
  readonly p99: number;
}

/** A UDP socket connected to one remote address: it hears nobody else. */
export interface DatagramSocket {
  /**
   * Sends one datagram, in call order. The bytes may be reused as soon as the
   * call returns, and they may be a part of memory that holds other packets and keys: copy
   * them where another thread is to have them. What cannot be sent is dropped and counted in
   * `dropped`.
   */
  send(datagram: Uint8Array): void;
  /** Datagrams that were dropped because the runtime could not keep up. */
  readonly dropped: number;
  /**
   * Sends one datagram at its instant, where the socket is in another thread.
   *
   * @param datagram The bytes; they may be reused as soon as the call returns.
   * @param at Monotonic milliseconds.
   */
  sendAt?(datagram: Uint8Array, at: number): void;
  /** Milliseconds by which `sendAt` wants to be called early. */
  readonly lead?: number;
  /** How late the datagrams of `sendAt` were sent, as far as the other thread has told. */
  readonly pacing?: PacingStats;
  /**
   * Closes the socket at once; no handler is called afterwards. What `send` was given still goes
   * out; what `sendAt` was given for later is dropped and counted, and where another thread
   * counts, `dropped` says so a moment later.
   */
  close(): void;
}

/** What a WebSocket reports. */
export interface WebSocketHandlers {
  /** The opening handshake is done. */
  open(): void;
  /** A message came: a string for a text frame, bytes for a binary one. */
  message(data: string | Uint8Array): void;
  /** The socket is closed; 1006 where no close frame was received. Called once. */
  close(code: number, reason: string): void;
}

/** A client's WebSocket. */
export interface WebSocketConnection {
  /** Sends a text frame for a string, a binary frame for bytes. */
  send(data: string | Uint8Array): void;
  /** Starts the closing handshake; no handler is called afterwards. */
  close(code: number): void;
}

/** The functions that a runtime gives. */
export interface Transport {
  /** Name of the runtime. */
  readonly runtime: "deno" | "bun" | "node";
  /** The fastest AEAD implementations that this runtime has. */
  readonly aead: AeadProvider;
  /**
   * The encryption modes that a client takes by default, cheapest first with these ciphers;
   * `ENCRYPTION_MODES` where they are not told.
   */
  readonly modes?: readonly EncryptionMode[];
  /** The fastest primitives of end-to-end encryption that it has; the pure ones by default. */
  readonly dave?: { readonly crypto?: MlsCrypto; readonly aead?: FrameAeadProvider };
  /** Opens a UDP socket connected to `remote`. */
  openDatagram(remote: SocketAddress, handlers: DatagramHandlers): DatagramSocket;
  /** Opens a WebSocket to `url` (`ws:` or `wss:`). */
  openWebSocket(url: string, handlers: WebSocketHandlers): WebSocketConnection;
}
