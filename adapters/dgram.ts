/**
 * A connected UDP socket on `node:dgram`: for Node, and for Deno without
 * `--unstable-net`.
 *
 * The two differ. On Node `connect` is the system's, and a send reaches the
 * system inside the call, in order. On Deno `connect` only remembers the address,
 * so that anybody can send to the socket, and sends are made later, in reverse
 * order. So the source is checked here, and on Deno sends are queued.
 *
 * @module
 */

import { createSocket, type Socket, type SocketType } from "node:dgram";

import { type LocalDatagramSocket, openRemote } from "./remote.ts";
import { SendQueue } from "./send_queue.ts";
import type { DatagramHandlers, SocketAddress } from "./transport.ts";

/** Whose `node:dgram` it is: on Node sends are made directly, on Deno queued. */
export type DgramRuntime = "node" | "deno";

const LOOPBACK = /^127\.|^::1$/;

/** Opens a `node:dgram` socket connected to `remote`. */
export function openDgram(
  remote: SocketAddress,
  handlers: DatagramHandlers,
  runtime: DgramRuntime,
): LocalDatagramSocket {
  return openRemote(remote, handlers, (peer) => connect(peer, handlers, runtime));
}

/**
 * Makes a `node:dgram` socket that is given IP addresses only. It looks nothing
 * up: Node then sends inside the call even where the socket is not connected, and
 * a permission that Deno does not have throws from the call instead of from nowhere.
 */
export function createIpSocket(type: SocketType): Socket {
  const family = type === "udp6" ? 6 : 4;
  return createSocket({ type, lookup: (address, _options, done) => done(null, address, family) });
}

function connect(
  { address, port }: SocketAddress,
  handlers: DatagramHandlers,
  runtime: DgramRuntime,
): LocalDatagramSocket {
  const socket = createIpSocket(address.includes(":") ? "udp6" : "udp4");
  let state: "opening" | "open" | "closed" = "opening";

  const failed = (error: Error): void => {
    if (state === "open") handlers.error(error);
    if (state !== "opening") return;
    close();
    handlers.close(error);
  };
  const output = dgramOutput(socket, runtime, failed);

  socket.on("error", failed);
  socket.on("connect", () => {
    if (state !== "opening") return;
    state = "open";
    handlers.open();
  });
  // A Buffer's own slice() shares memory: hand out a plain view instead.
  socket.on("message", (data, from) => {
    if (state !== "open" || from.port !== port || from.address !== address) return;
    handlers.message(new Uint8Array(data.buffer, data.byteOffset, data.length));
  });
  // Deno asks for the permission of the address that is bound: 0.0.0.0 where none is named.
  if (LOOPBACK.test(address)) socket.bind(0, address);
  socket.connect(port, address);

  function close(closed?: () => void): void {
    if (state === "closed") return closed?.();
    state = "closed";
    output.close(() => {
      socket.close();
      closed?.();
    });
  }
  return {
    send(datagram) {
      if (state === "open") output.push(datagram);
    },
    get dropped() {
      return output.dropped;
    },
    close,
  };
}

/** Bytes for one datagram of audio; a larger one gets more. */
const OWN_SIZE = 512;

/** What `SendQueue` has, for a connected socket. */
type DgramOutput = Pick<SendQueue, "push" | "dropped" | "close">;

function dgramOutput(
  socket: Socket,
  runtime: DgramRuntime,
  failed: (error: Error) => void,
): DgramOutput {
  if (runtime === "deno") {
    return new SendQueue((datagram, _to, done) => socket.send(datagram, done), failed);
  }
  let dropped = 0;
  let own = new Uint8Array(OWN_SIZE);
  const sent = (error: Error | null): void => {
    if (error !== null) failed(error);
  };
  return {
    // Node queues a datagram, by reference, only where the system's buffer is
    // full. What follows would be queued too, without bound: it is dropped. And
    // what is queued is the socket's own memory: the caller's has other packets by then.
    push(datagram) {
      if (socket.getSendQueueCount() > 0) {
        dropped++;
        return;
      }
      const { length } = datagram;
      if (own.length < length) own = new Uint8Array(length);
      own.set(datagram);
      socket.send(own, 0, length, sent);
    },
    get dropped() {
      return dropped;
    },
    // What is queued goes with the socket.
    close(ended) {
      dropped += socket.getSendQueueCount();
      ended();
    },
  };
}
