/**
 * Server sockets on Deno: `node:dgram`, and `Deno.serve` with
 * `Deno.upgradeWebSocket` behind a TCP front.
 *
 * @module
 */

import { TcpFront } from "./deno_front.ts";
import { bindDgram } from "./dgram.ts";
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

async function serveWebSocket(
  port: number,
  handlers: WebSocketServerHandlers,
): Promise<WebSocketServer> {
  const stop = new AbortController();
  const accept = (request: Request, { remoteAddr }: Deno.ServeHandlerInfo<Deno.NetAddr>) => {
    if (request.headers.get("upgrade") !== "websocket") return new Response(null, { status: 426 });
    const { socket, response } = Deno.upgradeWebSocket(request, { idleTimeout: 0 });
    const { pathname, search } = new URL(request.url);
    const cut = () => front.cut(remoteAddr.port);
    handleClient(socket, pathname + search, cut, handlers, stop.signal);
    return response;
  };
  const options = { hostname: "127.0.0.1", port: 0, signal: stop.signal, onListen() {} };
  const server = Deno.serve(options, accept);
  let front: TcpFront;
  try {
    front = new TcpFront(port, server.addr.port);
  } catch (error) {
    stop.abort();
    await server.finished;
    throw error;
  }
  let closed: Promise<void> | undefined;
  return {
    port: front.port,
    // Aborting ends WebSockets too, whether or not a client answers.
    close: () => closed ??= close(front, stop, server),
  };
}

function close(front: TcpFront, stop: AbortController, server: Deno.HttpServer): Promise<void> {
  stop.abort();
  front.close();
  return server.finished;
}

function handleClient(
  client: WebSocket,
  path: string,
  cut: () => void,
  handlers: WebSocketServerHandlers,
  stopped: AbortSignal,
): void {
  const socket: ServerWebSocket = {
    path,
    send: (data) => client.send(data as string | Uint8Array<ArrayBuffer>),
    close: (code, reason) => client.close(code, reason),
    cut,
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
