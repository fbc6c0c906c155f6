/**
 * A TCP proxy on loopback whose connections can be cut, as a network does: no close
 * frame, no goodbye.
 *
 * @module
 */

import { connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface TcpProxy extends AsyncDisposable {
  /** For a WebSocket: `ws://127.0.0.1:port`. */
  readonly url: string;
  /** How many connections were made. */
  readonly connectionCount: number;
  /** Destroys all connections; new ones can be made. */
  cut(): void;
}

/**
 * Starts a proxy.
 *
 * @param targetPort Port on 127.0.0.1; without one, what comes is swallowed and never answered.
 */
export async function startTcpProxy(targetPort?: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    connectionCount++;
    keep(client);
    if (targetPort === undefined) return void client.resume();
    const target = keep(connect(targetPort, "127.0.0.1"));
    client.pipe(target).pipe(client);
    client.on("close", () => target.destroy());
    target.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `ws://127.0.0.1:${port}`,
    get connectionCount() {
      return connectionCount;
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
