/**
 * A WebSocket client on the global `WebSocket`, which Deno, Bun and Node all
 * have, with the differences between them evened out:
 *
 * - A connection that ended without a close frame is 1006 (Deno says 0). The
 *   reason is then the text of the runtime's error: Deno and Bun have one, Node
 *   has none.
 * - A URL that the constructor refuses, or a missing permission on Deno, becomes
 *   `close(1006, ...)` soon after, like every other connection that fails.
 * - A peer that never answers the closing handshake keeps the process alive: on
 *   Bun for three seconds, on Deno and Node until TCP gives up, because their
 *   global `WebSocket` has no way to end a connection at once.
 * - Node reports the peer's close frame only when the peer also ends the TCP
 *   connection, as RFC 6455 7.1.1 asks of a server.
 *
 * @module
 */

import type { WebSocketConnection, WebSocketHandlers } from "./transport.ts";

/**
 * Opens a WebSocket to `url`. It never throws: whatever goes wrong is a `close`.
 *
 * The global `WebSocket` lets a client close with 1000 and 3000 to 4999 only (on Bun with 1012
 * and its like too). Instead of another code it sends 4900, which voice gateways take for one that will
 * come back.
 *
 * @param url A `ws:` or `wss:` URL.
 * @param handlers Hears of the connection until it is closed.
 * @returns The connection, still opening.
 */
export function openWebSocket(url: string, handlers: WebSocketHandlers): WebSocketConnection {
  let retired = false;
  let failure = "";
  const finish = (code: number, reason: string): void => {
    if (retired) return;
    retired = true;
    handlers.close(code, reason);
  };

  let socket: WebSocket;
  try {
    socket = new WebSocket(url);
  } catch (error) {
    queueMicrotask(() => finish(NO_CLOSE_FRAME, (error as Error).message));
    return {
      send() {},
      close() {
        retired = true;
      },
    };
  }
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    if (!retired) handlers.open();
  };
  socket.onmessage = ({ data }) => {
    if (!retired) handlers.message(typeof data === "string" ? data : new Uint8Array(data));
  };
  socket.onerror = (event) => {
    failure = (event as ErrorEvent).message ?? "";
  };
  socket.onclose = ({ code, reason }) => finish(code || NO_CLOSE_FRAME, reason || failure);

  return {
    send(data) {
      if (!retired) socket.send(data as string | Uint8Array<ArrayBuffer>);
    },
    close(code) {
      if (retired) return;
      retired = true;
      closeWith(socket, code);
      limitClosing(socket);
    },
  };
}

/** The code that stands for a connection without a close frame (RFC 6455 7.1.5). */
const NO_CLOSE_FRAME = 1006;

/** How long the closing handshake may take, where it can be cut short. */
const CLOSING_MS = 3000;

/** The code that stands for one which the runtime refuses. */
const REPLACEMENT_CODE = 4900;

function closeWith(socket: WebSocket, code: number): void {
  try {
    socket.close(code);
  } catch {
    socket.close(REPLACEMENT_CODE);
  }
}

/** Ends a connection whose peer does not answer: on Bun, the only one with `terminate`. */
function limitClosing(socket: WebSocket & { terminate?(): void }): void {
  if (socket.terminate === undefined) return;
  const timer = setTimeout(() => socket.terminate?.(), CLOSING_MS);
  socket.onclose = () => clearTimeout(timer);
}
