/**
 * Sockets whose handlers fill an `Inbox`, and a TCP server that misbehaves.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";

import { detectTransport } from "../../adapters/detect.ts";
import { serverTransport } from "../../adapters/testing/detect.ts";
import type {
  BoundDatagram,
  ServerTransport,
  ServerWebSocket,
  WebSocketServer,
} from "../../adapters/testing/transport.ts";
import type {
  DatagramSocket,
  SocketAddress,
  Transport,
  WebSocketConnection,
} from "../../adapters/transport.ts";
import { Inbox } from "./inbox.ts";

export const transport: Transport = await detectTransport();
export const server: ServerTransport = await serverTransport();

/** What a datagram socket reported; a datagram as a copy. */
export type DatagramEvent =
  | { type: "open" }
  | { type: "message"; bytes: Uint8Array }
  | { type: "error" | "close"; error: Error };

/** Opens a datagram socket to a port on 127.0.0.1. */
export function openDatagram(
  port: number,
  address = "127.0.0.1",
): { socket: DatagramSocket; events: Inbox<DatagramEvent> } {
  const events = new Inbox<DatagramEvent>();
  const socket = transport.openDatagram({ address, port }, {
    open: () => events.put({ type: "open" }),
    message: (datagram) => events.put({ type: "message", bytes: datagram.slice() }),
    error: (error) => events.put({ type: "error", error }),
    close: (error) => events.put({ type: "close", error }),
  });
  return { socket, events };
}

/** Binds a datagram socket; it fills an inbox with copies. */
export async function bindDatagram(port = 0): Promise<{
  socket: BoundDatagram;
  received: Inbox<{ bytes: Uint8Array; from: SocketAddress }>;
}> {
  const received = new Inbox<{ bytes: Uint8Array; from: SocketAddress }>();
  const message = (datagram: Uint8Array, from: SocketAddress) =>
    received.put({ bytes: datagram.slice(), from });
  return { socket: await server.bindDatagram(port, { message }), received };
}

/** What a WebSocket reported. */
export type WebSocketEvent =
  | { type: "open" }
  | { type: "message"; data: string | Uint8Array }
  | { type: "close"; code: number; reason: string };

/** Opens a WebSocket. */
export function openWebSocket(
  url: string,
): { socket: WebSocketConnection; events: Inbox<WebSocketEvent> } {
  const events = new Inbox<WebSocketEvent>();
  const socket = transport.openWebSocket(url, {
    open: () => events.put({ type: "open" }),
    message: (data) => events.put({ type: "message", data }),
    close: (code, reason) => events.put({ type: "close", code, reason }),
  });
  return { socket, events };
}

/** What a WebSocket server reported, with the client that it is about. */
export type ServerEvent = WebSocketEvent & { client: ServerWebSocket };

/** Starts a WebSocket server. */
export async function serveWebSocket(
  port = 0,
): Promise<{ server: WebSocketServer; url: string; events: Inbox<ServerEvent> }> {
  const events = new Inbox<ServerEvent>();
  const serving = await server.serveWebSocket(port, {
    open: (client) => events.put({ type: "open", client }),
    message: (client, data) => events.put({ type: "message", data, client }),
    close: (client, code, reason) => events.put({ type: "close", code, reason, client }),
  });
  return { server: serving, url: `ws://127.0.0.1:${serving.port}/`, events };
}

/** A TCP server that leaves each connection, and what it sends first, to the test. */
export async function serveTcp(
  accept: (socket: Socket, request: string) => void,
): Promise<{ port: number; ended: Inbox<void>; close(): Promise<void> }> {
  const ended = new Inbox<void>();
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => ended.put());
    socket.once("data", (data) => accept(socket, data.toString("latin1")));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    port: (listener.address() as { port: number }).port,
    ended,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

/** The reply that accepts a WebSocket's opening handshake (RFC 6455 4.2.2). */
export function acceptHandshake(request: string): string {
  const key = /sec-websocket-key: (\S+)/i.exec(request)![1];
  const accept = createHash("sha1")
    .update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** The request that opens a WebSocket (RFC 6455 4.1). */
export const HANDSHAKE: string = "GET /raw HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n" +
  "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Version: 13\r\n\r\n";
