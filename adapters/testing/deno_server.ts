/**
 * Server sockets on Deno: `node:dgram`, and `Deno.serve` with
 * `Deno.upgradeWebSocket`.
 *
 * @module
 */

import { bindDgram } from "./dgram.ts";
import { listenError } from "./listen_error.ts";
import type {
  ServerTransport,
  ServerWebSocket,
  WebSocketServer,
  WebSocketServerHandlers,
} from "./transport.ts";

/** Server sockets on Deno. */
export const denoServerTransport: ServerTransport = {
  runtime: "deno",
  bindDatagram: (port, handlers) => bindDgram(port, handlers, "deno"),
  serveWebSocket,
};

// deno-lint-ignore require-await -- what is thrown must become a rejection
async function serveWebSocket(
  port: number,
  handlers: WebSocketServerHandlers,
): Promise<WebSocketServer> {
  const stop = new AbortController();
  const accept = (request: Request): Response => {
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    const { pathname, search } = new URL(request.url);
    handleClient(socket, pathname + search, handlers, stop.signal);
    return response;
  };
  const options = { hostname: "127.0.0.1", port, signal: stop.signal, onListen() {} };
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(options, accept);
  } catch (error) {
    throw listenError("TCP", port, error);
  }
  return {
    port: server.addr.port,
    // Aborting ends WebSockets too, whether or not a client answers.
    close() {
      stop.abort();
      return server.finished;
    },
  };
}

function handleClient(
  client: WebSocket,
  path: string,
  handlers: WebSocketServerHandlers,
  stopped: AbortSignal,
): void {
  const socket: ServerWebSocket = {
    path,
    send: (data) => client.send(data as string | Uint8Array<ArrayBuffer>),
    close: (code, reason) => client.close(code, reason),
  };
  client.binaryType = "arraybuffer";
  client.onopen = () => {
    if (!stopped.aborted) handlers.open(socket);
  };
  client.onmessage = ({ data }) => {
    if (stopped.aborted) return;
    handlers.message(socket, typeof data === "string" ? data : new Uint8Array(data));
  };
  client.onclose = ({ code, reason }) => {
    if (!stopped.aborted) handlers.close(socket, code || 1006, reason); // Deno says 0 for 1006
  };
}
