/**
 * A datagram socket on Bun: a connected `Bun.udpSocket`.
 *
 * @module
 */

import { type LocalDatagramSocket, openRemote } from "./remote.ts";
import type { DatagramHandlers, SocketAddress } from "./transport.ts";

/** The part of the `Bun` namespace that is used here. */
interface BunApi {
  udpSocket(options: {
    hostname: string;
    connect: { hostname: string; port: number };
    binaryType: "uint8array";
    socket: {
      data(socket: BunSocket, datagram: Uint8Array): void;
      error(error: Error): void;
    };
  }): Promise<BunSocket>;
}

interface BunSocket {
  /** `false` where the system's buffer is full; throws what an ICMP message left behind. */
  send(datagram: Uint8Array): boolean;
  close(): void;
}

/** Opens a socket connected to `remote`. */
export function openBunDatagram(
  remote: SocketAddress,
  handlers: DatagramHandlers,
): LocalDatagramSocket {
  return openRemote(remote, handlers, (peer) => openSocket(peer, handlers));
}

function openSocket(remote: SocketAddress, handlers: DatagramHandlers): LocalDatagramSocket {
  const { Bun } = globalThis as unknown as { Bun: BunApi };
  let socket: BunSocket | undefined;
  let closed = false;
  let dropped = 0;

  const failed = (error: Error): void => {
    if (!closed) handlers.error(error);
  };
  // Bun resolves, binds and connects inside the call, and throws from it.
  const open = async (): Promise<void> => {
    let opened: BunSocket;
    try {
      opened = await Bun.udpSocket({
        hostname: remote.address.includes(":") ? "::" : "0.0.0.0",
        connect: { hostname: remote.address, port: remote.port },
        binaryType: "uint8array",
        socket: {
          data: (_socket, datagram) => void (closed || handlers.message(datagram)),
          error: failed, // without it one ICMP message ends the process
        },
      });
    } catch (error) {
      if (!closed) handlers.close(error as Error);
      closed = true;
      return;
    }
    if (closed) return opened.close();
    socket = opened;
    handlers.open();
  };
  queueMicrotask(open);

  return {
    send(datagram) {
      if (closed || socket === undefined) return;
      try {
        if (!socket.send(datagram)) dropped++;
      } catch (error) {
        queueMicrotask(() => failed(error as Error));
      }
    },
    get dropped() {
      return dropped;
    },
    close(ended) {
      if (!closed) socket?.close();
      closed = true;
      ended?.();
    },
  };
}
