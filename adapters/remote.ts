/**
 * What every datagram socket does first with the address that it is to talk to.
 *
 * @module
 */

import type { DatagramHandlers, DatagramSocket, SocketAddress } from "./transport.ts";

/**
 * Opens a socket to `remote`, checked and in canonical form. Whatever is wrong
 * becomes a `close` soon after, so that opening a socket never throws.
 *
 * @param remote The address as it was received.
 * @param handlers Hear of what is wrong.
 * @param open Opens the socket, or throws.
 */
export function openRemote(
  remote: SocketAddress,
  handlers: DatagramHandlers,
  open: (remote: SocketAddress) => DatagramSocket,
): DatagramSocket {
  try {
    return open(canonicalRemote(remote));
  } catch (error) {
    return neverOpened(handlers, error as Error);
  }
}

/** The form in which runtimes report an address: for IPv6 the shortest one (RFC 5952). */
function canonicalRemote({ address, port }: SocketAddress): SocketAddress {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`Cannot open a datagram socket: the port is ${port}, want 1 to 65535`);
  }
  const host = address.includes(":") ? `[${address}]` : address;
  if (!/^(\[.*\]|\d+(\.\d+){3})$/.test(host) || !URL.canParse(`http://${host}`)) {
    throw new TypeError(`Cannot open a datagram socket: the address is "${address}", want an IP`);
  }
  const { hostname } = new URL(`http://${host}`);
  return { address: hostname.replace(/^\[|\]$/g, ""), port };
}

function neverOpened(handlers: DatagramHandlers, error: Error): DatagramSocket {
  let closed = false;
  queueMicrotask(() => {
    if (!closed) handlers.close(error);
  });
  return {
    send() {},
    dropped: 0,
    close() {
      closed = true;
    },
  };
}
