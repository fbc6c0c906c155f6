/**
 * Server sockets on Node: `node:dgram`, and `npm:ws` on `node:http`.
 *
 * @module
 */

import { createServer, type IncomingMessage } from "node:http";

import { WebSocketServer as WsServer } from "ws";

import { bindDgram } from "./dgram.ts";
import { listenError } from "./listen_error.ts";
import type {
  ServerTransport,
  ServerWebSocket,
  WebSocketServer,
  WebSocketServerHandlers,
} from "./transport.ts";

/** Server sockets on Node. */
export const nodeServerTransport: ServerTransport = {
  runtime: "node",
  bindDatagram: (port, handlers) => bindDgram(port, handlers, "node"),
  serveWebSocket,
};

/** The part of a `ws` client that is used here: `ws` has no types of its own. */
interface WsClient {
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: "error", handler: () => void): void;
  on(event: "message", handler: (data: Buffer, isBinary: boolean) => void): void;
  on(event: "close", handler: (code: number, reason: Buffer) => void): void;
}

async function serveWebSocket(
  port: number,
  handlers: WebSocketServerHandlers,
): Promise<WebSocketServer> {
  const http = createServer((_request, response) => response.writeHead(426).end());
  const listening = Promise.withResolvers<void>();
  http.on("error", (error) => listening.reject(listenError("TCP", port, error)));
  http.listen(port, "127.0.0.1", listening.resolve);
  await listening.promise;

  const server = new WsServer({ server: http });
  let closed: Promise<void> | undefined;
  server.on("connection", (client: WsClient, request: IncomingMessage) => {
    accept(client, request, handlers, () => closed !== undefined);
  });
  return {
    port: (http.address() as { port: number }).port,
    close: () =>
      closed ??= new Promise((resolve) => {
        for (const client of server.clients) client.terminate();
        server.close();
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

function accept(
  client: WsClient,
  request: IncomingMessage,
  handlers: WebSocketServerHandlers,
  isClosed: () => boolean,
): void {
  const socket: ServerWebSocket = {
    path: request.url ?? "/",
    send: (data) => client.send(data),
    close: (code, reason) => client.close(code, reason),
    cut: () => client.terminate(),
  };
  client.on("error", () => {}); // a "close" follows
  client.on("message", (data, isBinary) => {
    if (isClosed()) return;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
    handlers.message(socket, isBinary ? bytes : data.toString());
  });
  client.on("close", (code, reason) => {
    if (!isClosed()) handlers.close(socket, code, reason.toString());
  });
  handlers.open(socket);
}
