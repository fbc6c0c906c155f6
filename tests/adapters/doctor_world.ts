/**
 * What a doctor may meet: ports and servers that are broken in one way each.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";

import { runtimePath } from "../../examples/demo/runtimes.ts";
import { startTcpProxy } from "../tools/tcp_proxy.ts";
import { bindDatagram, serveTcp, serveWebSocket } from "./fixtures.ts";

/** Something on loopback. */
export interface Place extends AsyncDisposable {
  /** Where it is. */
  readonly url: string;
}

/** A port on which nothing listens any more. */
export async function closedPort(): Promise<string> {
  await using proxy = await startTcpProxy();
  return proxy.url;
}

/** Listens in a process that stands still, so that no connection beyond the backlog is made. */
const DEAF = `const server = require("node:net").createServer();
server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  require("node:fs").writeSync(1, String(server.address().port) + "\\n");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** A port whose TCP handshake is never answered, as behind a firewall that drops. */
export async function deafPort(): Promise<Place> {
  const child = spawn(await runtimePath("node"), ["-e", DEAF], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  const port = await new Promise<number>((resolve) =>
    child.stdout.once("data", (line) => resolve(Number(line)))
  );
  const sockets: Socket[] = [];
  while (await isAnswered(port, sockets));
  return {
    url: `ws://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Takes one place of the backlog; the kernel answers at once or not at all. */
function isAnswered(port: number, sockets: Socket[]): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, 300, false);
    const socket = connect(port, "127.0.0.1", () => {
      clearTimeout(timer);
      resolve(true);
    });
    sockets.push(socket.on("error", () => {}));
  });
}

/** A web server: it answers every request, also that for a WebSocket, with 404. */
export async function webServer(date: Date): Promise<Place> {
  const server = await serveTcp((socket) => {
    socket.end(
      `HTTP/1.1 404 Not Found\r\nDate: ${date.toUTCString()}\r\n` +
        "Content-Length: 0\r\nConnection: close\r\n\r\n",
    );
  });
  return { url: `ws://127.0.0.1:${server.port}`, [Symbol.asyncDispose]: () => server.close() };
}

/** A WebSocket server that says `messages` first, one after another, and nothing else. */
export async function talkingServer(...messages: string[]): Promise<Place> {
  const { server, url, events } = await serveWebSocket();
  const talk = async (): Promise<void> => {
    for (;;) {
      const { type, client } = await events.take();
      if (type === "open") { for (const message of messages) client.send(message); }
    }
  };
  void talk();
  return { url: url.replace(/\/$/, ""), [Symbol.asyncDispose]: () => server.close() };
}

/** A voice server that greets, takes every token, and whose UDP port swallows everything. */
export async function silentUdp(): Promise<Place & { readonly received: () => number }> {
  const { socket, received } = await bindDatagram();
  const hello = { op: 8, d: { v: 8, heartbeat_interval: 13750 } };
  const ready = {
    op: 2,
    seq: 1,
    d: { ssrc: 7, ip: "127.0.0.1", port: socket.port, modes: ["aead_aes256_gcm_rtpsize"] },
  };
  const { server, url, events } = await serveWebSocket();
  const answer = async (): Promise<void> => {
    for (;;) {
      const event = await events.take();
      if (event.type === "open") event.client.send(JSON.stringify(hello));
      if (event.type === "message" && JSON.parse(String(event.data)).op === 0) {
        event.client.send(JSON.stringify(ready));
      }
    }
  };
  void answer();
  return {
    url: url.replace(/\/$/, ""),
    received: () => received.size,
    async [Symbol.asyncDispose]() {
      await server.close();
      await socket.close();
    },
  };
}
