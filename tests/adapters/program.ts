/**
 * A program that uses both halves of the transport and then ends by itself.
 * `server_transport.test.ts` runs it, on Deno with `--allow-net` alone.
 *
 * @module
 */

import { detectTransport } from "../../adapters/detect.ts";
import { serverTransport } from "../../adapters/testing/detect.ts";

const [transport, server] = [await detectTransport(), await serverTransport()];

const bound = await server.bindDatagram(0, {
  message: (datagram, from) => bound.send(datagram, from),
});
const echoed = Promise.withResolvers<void>();
const remote = { address: "127.0.0.1", port: bound.port };
const datagrams = transport.openDatagram(remote, {
  open: () => datagrams.send(Uint8Array.of(1)),
  message([byte]) {
    console.log("datagram", byte);
    echoed.resolve();
  },
  error: echoed.reject,
  close: echoed.reject,
});
await echoed.promise;
datagrams.close();
await bound.close();

const serving = await server.serveWebSocket(0, {
  open() {},
  message: (client, data) => client.send(data),
  close: () => void serving.close(),
});
const socket = transport.openWebSocket(`ws://127.0.0.1:${serving.port}/`, {
  open: () => socket.send("hello"),
  message(data) {
    console.log("text", data);
    socket.close(1000);
  },
  close(code, reason) {
    throw new Error(`Cannot keep the WebSocket: closed with ${code} ${reason}`);
  },
});
