/**
 * A bound UDP socket on `node:dgram`, for the test servers on Node and Deno.
 *
 * @module
 */

import { createIpSocket, type DgramRuntime } from "../dgram.ts";
import { SendQueue } from "../send_queue.ts";
import type { SocketAddress } from "../transport.ts";
import { listenError } from "./listen_error.ts";
import type { BoundDatagram, BoundDatagramHandlers } from "./transport.ts";

/** Datagrams that may wait for all clients together: three seconds of eight who hear each other. */
const QUEUE_CAPACITY = 8192;

/** Binds a `node:dgram` socket on 127.0.0.1. See `openDgram` for `runtime`. */
export async function bindDgram(
  port: number,
  handlers: BoundDatagramHandlers,
  runtime: DgramRuntime,
): Promise<BoundDatagram> {
  const socket = createIpSocket("udp4");
  const bound = Promise.withResolvers<void>();
  socket.on("error", (error) => bound.reject(listenError("UDP", port, error)));
  socket.bind(port, "127.0.0.1", bound.resolve);
  await bound.promise;

  let failures = 0;
  const failed = (error: Error | null): void => {
    if (error !== null) failures++;
  };
  const queue = runtime === "node" ? undefined : new SendQueue<SocketAddress>(
    (datagram, to, done) => socket.send(datagram, to.port, to.address, done),
    failed,
    QUEUE_CAPACITY,
  );
  let closed: Promise<void> | undefined;
  socket.on("message", (data, { address, port }) => {
    if (closed !== undefined) return;
    handlers.message(new Uint8Array(data.buffer, data.byteOffset, data.length), { address, port });
  });
  return {
    port: socket.address().port,
    send(datagram, to) {
      if (closed !== undefined) return;
      if (queue !== undefined) queue.push(datagram, to);
      else socket.send(datagram, to.port, to.address, failed);
    },
    get dropped() {
      return failures + (queue?.dropped ?? 0);
    },
    close() {
      return closed ??= new Promise((resolve) => {
        const end = () => socket.close(resolve);
        if (queue === undefined) end();
        else queue.close(end);
      });
    },
  };
}
