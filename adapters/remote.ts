/**
 * What every datagram socket does first with the address that it is to talk to.
 *
 * @module
 */

import { lookup } from "node:dns";

import type { DatagramHandlers, DatagramSocket, SocketAddress } from "./transport.ts";

/** A socket of the runtime's own, which tells when it is gone. */
export interface LocalDatagramSocket extends DatagramSocket {
  /** @param closed Is called when nothing more goes out, and `dropped` is final. */
  close(closed?: () => void): void;
}

const IP = /^(\[.*\]|\d+(\.\d+){3})$/;
const HOST_NAME = /^[a-z\d_-]+(\.[a-z\d_-]+)*\.?$/i;

/**
 * Opens a socket to `remote`, checked and in canonical form. Whatever is wrong
 * becomes a `close` soon after, so that opening a socket never throws.
 *
 * @param remote The address as it was received. A host name is looked up first: voice servers
 * of the first years named no IP address, so that it is the endpoint's.
 * @param handlers Hear of what is wrong.
 * @param open Opens the socket, or throws.
 */
export function openRemote(
  remote: SocketAddress,
  handlers: DatagramHandlers,
  open: (remote: SocketAddress) => LocalDatagramSocket,
): LocalDatagramSocket {
  try {
    checkPort(remote.port);
    const host = remote.address.includes(":") ? `[${remote.address}]` : remote.address;
    if (IP.test(host)) return open(canonicalRemote(host, remote.port));
    if (HOST_NAME.test(host)) return openByName(remote, handlers, open);
    throw new TypeError(`Cannot open a datagram socket: the address is "${host}", want an IP`);
  } catch (error) {
    return neverOpened(handlers, error as Error);
  }
}

function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return;
  throw new RangeError(`Cannot open a datagram socket: the port is ${port}, want 1 to 65535`);
}

/** The form in which runtimes report an address: for IPv6 the shortest one (RFC 5952). */
function canonicalRemote(host: string, port: number): SocketAddress {
  if (!URL.canParse(`http://${host}`)) {
    throw new TypeError(`Cannot open a datagram socket: the address is "${host}", want an IP`);
  }
  const { hostname } = new URL(`http://${host}`);
  return { address: hostname.replace(/^\[|\]$/g, ""), port };
}

function openByName(
  { address: name, port }: SocketAddress,
  handlers: DatagramHandlers,
  open: (remote: SocketAddress) => LocalDatagramSocket,
): LocalDatagramSocket {
  let closed = false;
  let socket: LocalDatagramSocket | undefined;
  lookup(name, (error, address) => {
    if (closed) return;
    if (error !== null) return handlers.close(error);
    socket = openRemote({ address, port }, handlers, open);
  });
  return {
    send: (datagram) => socket?.send(datagram),
    get dropped() {
      return socket?.dropped ?? 0;
    },
    close(ended) {
      closed = true;
      if (socket === undefined) ended?.();
      else socket.close(ended);
    },
  };
}

function neverOpened(handlers: DatagramHandlers, error: Error): LocalDatagramSocket {
  let closed = false;
  queueMicrotask(() => {
    if (!closed) handlers.close(error);
  });
  return {
    send() {},
    dropped: 0,
    close(ended) {
      closed = true;
      ended?.();
    },
  };
}
