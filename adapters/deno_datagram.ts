/**
 * A datagram socket on Deno: `Deno.listenDatagram` where `--unstable-net` gives it, else
 * `node:dgram`.
 *
 * `Deno.listenDatagram` receives into one reused buffer, at a quarter of the
 * cost of `node:dgram`. It is not connected, so the source is checked here and
 * ICMP errors are not heard of.
 *
 * @module
 */

import { openDgram } from "./dgram.ts";
import { type LocalDatagramSocket, openRemote } from "./remote.ts";
import { SendQueue } from "./send_queue.ts";
import type { DatagramHandlers, SocketAddress } from "./transport.ts";

/** The part of the `Deno` namespace that `--unstable-net` adds. */
interface DatagramApi {
  readonly listenDatagram?: ListenDatagram;
}

interface NetAddress {
  readonly transport: "udp";
  readonly hostname: string;
  readonly port: number;
}

interface DatagramConn {
  receive(into: Uint8Array): Promise<[Uint8Array, NetAddress]>;
  send(datagram: Uint8Array, to: NetAddress): Promise<number>;
  close(): void;
}

type ListenDatagram = (options: NetAddress) => DatagramConn;

/** Opens a socket connected to `remote`. */
export function openDenoDatagram(
  remote: SocketAddress,
  handlers: DatagramHandlers,
): LocalDatagramSocket {
  const { listenDatagram } = (globalThis as unknown as { Deno: DatagramApi }).Deno;
  return listenDatagram === undefined
    ? openDgram(remote, handlers, "deno")
    : openRemote(remote, handlers, (peer) => openListener(listenDatagram, peer, handlers));
}

/**
 * More than any path carries in one piece. What is larger is cut short, so that its tag is wrong.
 * Room for the largest datagram of UDP would be three times what a socket takes in all.
 */
const RECEIVE_SIZE = 4096;

/** After so many failures to receive, with no datagram between, the socket is broken. */
const MAX_FAILURES = 10;

function openListener(
  listenDatagram: ListenDatagram,
  { address, port }: SocketAddress,
  handlers: DatagramHandlers,
): LocalDatagramSocket {
  const peer: NetAddress = { transport: "udp", hostname: address, port };
  const any = address.includes(":") ? "::" : "0.0.0.0";
  const conn = listenDatagram({ transport: "udp", hostname: any, port: 0 });
  let state: "opening" | "open" | "closed" = "opening";
  const queue = new SendQueue(
    (datagram, _to, done) => void conn.send(datagram, peer).then(() => done(), done),
    (error) => handlers.error(error),
  );

  const close = (closed?: () => void): void => {
    if (state === "closed") return closed?.();
    state = "closed";
    queue.close(() => {
      conn.close();
      closed?.();
    });
  };
  queueMicrotask(() => {
    if (state === "closed") return;
    state = "open";
    receiveAll(conn, peer, handlers, () => state === "closed", close);
    handlers.open();
  });
  return {
    send(datagram) {
      if (state === "open") queue.push(datagram);
    },
    get dropped() {
      return queue.dropped;
    },
    close,
  };
}

/** Hands over what `peer` sends until the socket is closed or breaks. */
async function receiveAll(
  conn: DatagramConn,
  peer: NetAddress,
  handlers: DatagramHandlers,
  isClosed: () => boolean,
  close: () => void,
): Promise<void> {
  const buffer = new Uint8Array(RECEIVE_SIZE);
  let failureCount = 0;
  while (!isClosed()) {
    let received: [Uint8Array, NetAddress];
    try {
      received = await conn.receive(buffer);
    } catch (error) {
      if (isClosed()) return;
      if (++failureCount < MAX_FAILURES) {
        handlers.error(error as Error);
        continue;
      }
      close();
      return handlers.close(error as Error);
    }
    failureCount = 0;
    const [datagram, from] = received;
    const isPeer = from.port === peer.port && from.hostname === peer.hostname;
    if (isPeer && !isClosed()) handlers.message(datagram);
  }
}
