/**
 * Server sockets on Bun: `Bun.udpSocket`, and `Bun.serve` with `websocket`.
 *
 * @module
 */

import type { SocketAddress } from "../transport.ts";
import { listenError } from "./listen_error.ts";
import type {
  BoundDatagram,
  BoundDatagramHandlers,
  ServerTransport,
  ServerWebSocket,
  WebSocketServer,
  WebSocketServerHandlers,
} from "./transport.ts";

/** Server sockets on Bun. */
export const bunServerTransport: ServerTransport = {
  runtime: "bun",
  bindDatagram,
  serveWebSocket,
};

/** The part of the `Bun` namespace that is used here. */
interface BunApi {
  udpSocket(options: {
    hostname: string;
    port: number;
    binaryType: "uint8array";
    socket: {
      data(socket: BunUdpSocket, datagram: Uint8Array, port: number, address: string): void;
      error(error: Error): void;
    };
  }): Promise<BunUdpSocket>;
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: {
      idleTimeout: number;
      sendPings: boolean;
      open(client: BunWebSocket): void;
      message(client: BunWebSocket, data: string | Uint8Array): void;
      close(client: BunWebSocket, code: number, reason: string): void;
    };
  }): BunServer;
}

interface BunUdpSocket {
  readonly port: number;
  send(datagram: Uint8Array, port: number, address: string): boolean;
  close(): void;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request, options: { data: BunWebSocket["data"] }): boolean;
  stop(closeActiveConnections: boolean): Promise<void>;
}

interface BunWebSocket {
  binaryType: "uint8array" | "nodebuffer" | "arraybuffer";
  readonly data: { readonly path: string; socket?: ServerWebSocket };
  send(data: string | Uint8Array): number;
  close(code: number, reason: string): void;
  terminate(): void;
}

function bun(): BunApi {
  return (globalThis as unknown as { Bun: BunApi }).Bun;
}

async function bindDatagram(
  port: number,
  handlers: BoundDatagramHandlers,
): Promise<BoundDatagram> {
  let closed = false;
  let dropped = 0;
  let socket: BunUdpSocket;
  try {
    socket = await bun().udpSocket({
      hostname: "127.0.0.1",
      port,
      binaryType: "uint8array",
      socket: {
        data(_socket, datagram, port, address) {
          if (!closed) handlers.message(datagram, { address, port });
        },
        error() {},
      },
    });
  } catch (error) {
    throw listenError("UDP", port, error);
  }
  return {
    port: socket.port,
    send(datagram, to) {
      if (!closed && !sendPastError(socket, datagram, to)) dropped++;
    },
    get dropped() {
      return dropped;
    },
    close() {
      if (!closed) socket.close();
      closed = true;
      return Promise.resolve();
    },
  };
}

/** An ICMP message makes the next send throw, whoever that one is for: it is sent once more. */
function sendPastError(socket: BunUdpSocket, datagram: Uint8Array, to: SocketAddress): boolean {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      return socket.send(datagram, to.port, to.address);
    } catch {
      // it may be somebody else's
    }
  }
  return false;
}

// deno-lint-ignore require-await -- what is thrown must become a rejection
async function serveWebSocket(
  port: number,
  handlers: WebSocketServerHandlers,
): Promise<WebSocketServer> {
  let closed: Promise<void> | undefined;
  let server: BunServer;
  try {
    server = bun().serve({
      hostname: "127.0.0.1",
      port,
      fetch(request, server) {
        const { pathname, search } = new URL(request.url);
        const upgraded = server.upgrade(request, { data: { path: pathname + search } });
        return upgraded ? undefined : new Response(null, { status: 426 });
      },
      websocket: clientHandlers(handlers, () => closed !== undefined),
    });
  } catch (error) {
    throw listenError("TCP", port, error);
  }
  return {
    port: server.port,
    close: () => closed ??= server.stop(true),
  };
}

function clientHandlers(
  handlers: WebSocketServerHandlers,
  isClosed: () => boolean,
): Parameters<BunApi["serve"]>[0]["websocket"] {
  return {
    idleTimeout: 0,
    sendPings: false,
    open(client) {
      const socket: ServerWebSocket = {
        path: client.data.path,
        send: (data) => void client.send(data),
        close: (code, reason) => client.close(code, reason),
        cut: () => client.terminate(),
      };
      client.binaryType = "uint8array";
      client.data.socket = socket;
      if (!isClosed()) handlers.open(socket);
    },
    message(client, data) {
      if (!isClosed()) handlers.message(client.data.socket!, data);
    },
    // Bun calls this from inside `close`; on the other runtimes it comes later.
    close(client, code, reason) {
      queueMicrotask(() => {
        if (!isClosed()) handlers.close(client.data.socket!, code, reason);
      });
    },
  };
}
