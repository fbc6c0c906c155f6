import { assert, assertEquals } from "@std/assert";
import { createSocket } from "node:dgram";
import test from "node:test";
import { LanePool } from "../../../adapters/worker/pool.ts";
import { startLaneThread } from "../../../adapters/worker/start.ts";
import type { DatagramSocket, SocketAddress, Transport } from "../../../adapters/transport.ts";
import { until } from "../../tools/waiting.ts";
import { bindDatagram, transport as inner } from "../fixtures.ts";

/** A socket that sends back what it gets. */
async function startEcho(): Promise<{ remote: SocketAddress; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (data, { address, port }) => socket.send(data, port, address));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { address, port } = socket.address();
  return { remote: { address, port }, close: () => socket.close() };
}

/** Opens a socket, and sends a datagram there and back. */
async function echo(transport: Transport, remote: SocketAddress): Promise<DatagramSocket> {
  const opened = Promise.withResolvers<void>();
  const came = Promise.withResolvers<Uint8Array>();
  const socket = transport.openDatagram(remote, {
    open: () => opened.resolve(),
    message: (datagram) => came.resolve(datagram.slice()),
    error: (error) => came.reject(error),
    close: (error) => opened.reject(error),
  });
  await opened.promise;
  const bytes = Uint8Array.of(1, 2, 3);
  if (socket.sendAt === undefined) socket.send(bytes);
  else socket.sendAt(bytes, performance.now() + 20);
  assertEquals(await came.promise, bytes);
  return socket;
}

test("LanePool shares real workers out, and ends them with their last sockets", async () => {
  const server = await startEcho();
  const pool = new LanePool(startLaneThread, 2);
  const transport = pool.transport(inner);
  const sockets = [];
  for (const size of [1, 2, 2]) {
    sockets.push(await echo(transport, server.remote));
    assertEquals(pool.size, size);
  }
  for (const [n, size] of [[0, 2], [1, 1], [2, 0]] as const) {
    sockets[n]!.close();
    await until(() => pool.size === size);
  }
  sockets.push(await echo(transport, server.remote));
  assertEquals(pool.size, 1);
  sockets[3]!.close();
  sockets.push(await echo(transport, server.remote));
  assertEquals(pool.size, 1);
  sockets[4]!.close();
  await until(() => pool.size === 0);
  server.close();
});

test("LanePool sends what was sent before the last close, and then counts what was for later", async () => {
  const peer = await bindDatagram();
  const pool = new LanePool(startLaneThread, 1);
  const remote = { address: "127.0.0.1", port: peer.socket.port };
  const opened = Promise.withResolvers<void>();
  const handlers = { open: opened.resolve, message() {}, error() {}, close: opened.reject };
  const socket = pool.transport(inner).openDatagram(remote, handlers);
  await opened.promise;
  socket.sendAt!(Uint8Array.of(9), performance.now() + 200);
  for (let n = 0; n < 5; n++) socket.send(Uint8Array.of(n));
  socket.close();
  for (let n = 0; n < 5; n++) assertEquals((await peer.received.take()).bytes, Uint8Array.of(n));
  await until(() => pool.size === 0);
  assertEquals([socket.dropped, peer.received.size], [1, 0]);
  await peer.socket.close();
});

test("LanePool tells of an address that is none as the runtime's transport does", async () => {
  const pool = new LanePool();
  const transport = pool.transport(inner);
  const error = await new Promise<Error>((resolve) => {
    transport.openDatagram({ address: "127.0.0.1", port: 0 }, {
      open() {},
      message() {},
      error() {},
      close: resolve,
    });
  });
  assert(error.message.includes("the port is 0"));
  await until(() => pool.size === 0);
});

test("LanePool opens sockets in the main thread where workers cannot start, or have failed", async () => {
  const server = await startEcho();
  const throwing = new LanePool(() => {
    throw new Error("no workers here");
  }, 1);
  (await echo(throwing.transport(inner), server.remote)).close();
  assertEquals(throwing.size, 0);

  const failing = new LanePool(({ failed }) => {
    queueMicrotask(() => failed(new Error("broken")));
    return { post() {}, terminate() {} };
  }, 1);
  const transport = failing.transport(inner);
  const error = await new Promise<Error>((resolve) => {
    const handlers = { open() {}, message() {}, error() {}, close: resolve };
    transport.openDatagram(server.remote, handlers);
  });
  assertEquals(error.message, "broken");
  (await echo(transport, server.remote)).close();
  server.close();
});
