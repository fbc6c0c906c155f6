import { assert, assertEquals } from "@std/assert";
import test from "node:test";

import {
  acceptHandshake,
  openWebSocket,
  serveTcp,
  serveWebSocket,
  transport,
  type WebSocketEvent,
} from "./fixtures.ts";
import type { Inbox } from "./inbox.ts";

async function takeClose(events: Inbox<WebSocketEvent>): Promise<WebSocketEvent> {
  for (;;) {
    const event = await events.take();
    if (event.type === "close") return event;
  }
}

async function assertFails(url: string): Promise<string> {
  const { events, socket } = openWebSocket(url);
  assertEquals(events.size, 0);
  const event = await events.take() as { type: string; code: number; reason: string };
  assertEquals([event.type, event.code, typeof event.reason], ["close", 1006, "string"]);
  socket.send("too late");
  socket.close(1000);
  assertEquals(events.size, 0);
  return event.reason;
}

test("openWebSocket carries text and bytes both ways", async () => {
  const { server, url, events: served } = await serveWebSocket();
  const { socket, events } = openWebSocket(`${url}?v=8`);
  assertEquals(await events.take(), { type: "open" });
  const { client } = await served.take();
  assertEquals(client.path, "/?v=8");
  const bytes = Uint8Array.from({ length: 300 }, (_, n) => n);
  for (const data of ["text \u{1f50a}", "", bytes, new Uint8Array(0), bytes.subarray(5, 9)]) {
    socket.send(data);
    assertEquals(await served.take(), { type: "message", data, client });
    client.send(data);
    const event = await events.take() as { data: string | Uint8Array };
    assertEquals(event.data, data);
    if (typeof data !== "string") assertEquals(event.data.constructor, Uint8Array);
  }
  socket.close(1000);
  await server.close();
});

for (const code of [4006, 4014, 1000, 4999]) {
  test(`openWebSocket reports the server's close code ${code}`, async () => {
    const { server, url, events: served } = await serveWebSocket();
    const { events } = openWebSocket(url);
    await events.take();
    (await served.take()).client.close(code, "because");
    assertEquals(await events.take(), { type: "close", code, reason: "because" });
    await server.close();
    assertEquals(events.size, 0);
  });
}

// Where a runtime refuses a code, 4900 goes out; Bun takes those that are registered, too.
const refused = (code: number) => transport.runtime === "bun" ? code : 4900;
for (
  const [code, seen] of [
    [1000, 1000],
    [3000, 3000],
    [4006, 4006],
    [4999, 4999],
    [1001, refused(1001)],
    [1012, refused(1012)],
    [2999, 4900],
    [999, 4900],
    [5000, 4900],
  ]
) {
  test(`WebSocketConnection.close(${code}) is ${seen} at the server`, async () => {
    const { server, url, events: served } = await serveWebSocket();
    const { socket, events } = openWebSocket(url);
    await events.take();
    await served.take();
    socket.close(code);
    socket.close(code);
    const event = await served.take() as { type: string; code: number };
    assertEquals([event.type, event.code], ["close", seen]);
    await server.close();
    assertEquals(events.size, 0);
  });
}

test("openWebSocket reports 1006 where the connection breaks", async () => {
  const tcp = await serveTcp((socket, request) => {
    socket.write(acceptHandshake(request), () => socket.destroy());
  });
  const { events } = openWebSocket(`ws://127.0.0.1:${tcp.port}/`);
  assertEquals((await takeClose(events) as { code: number }).code, 1006);
  await tcp.close();
  assertEquals(events.size, 0);
});

test("openWebSocket reports a close frame without a code as 1005", async () => {
  const tcp = await serveTcp((socket, request) => {
    socket.write(acceptHandshake(request));
    socket.once("data", () => socket.end());
    socket.write(Uint8Array.of(0x88, 0));
  });
  const { events } = openWebSocket(`ws://127.0.0.1:${tcp.port}/`);
  assertEquals(await takeClose(events), { type: "close", code: 1005, reason: "" });
  await tcp.close();
});

test("openWebSocket reports the server that is gone", async () => {
  const { server, url, events: served } = await serveWebSocket();
  const { events } = openWebSocket(url);
  await events.take();
  await served.take();
  await server.close();
  await takeClose(events);
  assertEquals([events.size, served.size], [0, 0]);
});

test("openWebSocket reports a refused port as 1006", async () => {
  const tcp = await serveTcp(() => {});
  await tcp.close();
  await assertFails(`ws://127.0.0.1:${tcp.port}/`);
});

test("openWebSocket reports an HTTP error as 1006", async () => {
  const tcp = await serveTcp((socket) => {
    socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  const reason = await assertFails(`ws://127.0.0.1:${tcp.port}/`);
  if (transport.runtime !== "node") assert(reason.includes("404"));
  await tcp.close();
});

test("openWebSocket reports a TLS handshake that fails as 1006", async () => {
  const tcp = await serveTcp((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await assertFails(`wss://127.0.0.1:${tcp.port}/`);
  await tcp.close();
});

test("openWebSocket reports a URL that is none as 1006", async () => {
  for (const url of ["no url", "ftp://127.0.0.1/", "ws://127.0.0.1:70000/"]) {
    assert(await assertFails(url) !== "");
  }
});

test("WebSocketConnection.close while connecting ends the connection and is silent", async () => {
  const requested = Promise.withResolvers<void>();
  const tcp = await serveTcp(() => requested.resolve());
  const { socket, events } = openWebSocket(`ws://127.0.0.1:${tcp.port}/`);
  await requested.promise;
  socket.close(4000);
  await tcp.ended.take();
  await tcp.close();
  assertEquals(events.size, 0);
});

test("WebSocketConnection.close right after opening is silent", async () => {
  const { server, url, events: served } = await serveWebSocket();
  const { socket, events } = openWebSocket(url);
  socket.close(1000);
  const other = openWebSocket(url);
  assertEquals(await other.events.take(), { type: "open" });
  other.socket.send("last");
  for (;;) if ((await served.take()).type === "message") break;
  await server.close();
  assertEquals(events.size, 0);
});

test("WebSocketConnection.close silences messages that are already under way", async () => {
  const { server, url, events: served } = await serveWebSocket();
  let messageCount = 0;
  const first = Promise.withResolvers<void>();
  const socket = transport.openWebSocket(url, {
    open() {},
    message() {
      messageCount++;
      socket.close(4000);
      first.resolve();
    },
    close: () => messageCount = 1000,
  });
  const { client } = await served.take();
  for (let n = 0; n < 20; n++) client.send(`message ${n}`);
  await first.promise;
  assertEquals((await served.take() as { code: number }).code, 4000);
  assertEquals(messageCount, 1);
  await server.close();
});
