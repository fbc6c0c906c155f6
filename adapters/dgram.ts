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

import { PacketBuffer } from "../lib/packet_buffer.ts";
import { PACKET_BUFFER_SIZE } from "../lib/packet_pool.ts";
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

/**
 * What is sent next, by whichever socket. Node queues a datagram, by reference, where the system's
 * buffer is full: then it is that socket's, and the others get a new one.
 */
let outgoing = new PacketBuffer(new Uint8Array(PACKET_BUFFER_SIZE));

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
  let isFull = false;
  const sent = (error: Error | null): void => {
    if (error !== null) failed(error);
  };
  return {
    push(datagram) {
      // It would be queued without bound.
      if (isFull && socket.getSendQueueCount() > 0) {
        dropped++;
        return;
      }
      const buffer = datagram.length <= PACKET_BUFFER_SIZE
        ? outgoing
        : new PacketBuffer(new Uint8Array(datagram.length));
      buffer.bytes.set(datagram);
      socket.send(buffer.view(datagram.length), sent);
      isFull = socket.getSendQueueCount() > 0;
      if (isFull) outgoing = new PacketBuffer(new Uint8Array(PACKET_BUFFER_SIZE));
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
