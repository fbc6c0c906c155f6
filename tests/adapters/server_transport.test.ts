import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { spawn } from "node:child_process";
import { connect } from "node:net";
import process from "node:process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { detectRuntime } from "../../adapters/detect.ts";
import {
  bindDatagram,
  HANDSHAKE,
  openDatagram,
  openWebSocket,
  server,
  serveWebSocket,
  transport,
} from "./fixtures.ts";
import { until } from "../tools/waiting.ts";

test("serverTransport and detectTransport name the runtime", () => {
  assertEquals(server.runtime, detectRuntime());
  assertEquals(transport.runtime, detectRuntime());
});

test("bindDatagram rejects a port in use and releases its own", async () => {
  const { socket } = await bindDatagram();
  const error = await assertRejects(() => bindDatagram(socket.port), Error);
  assertMatch(error.message, /^Cannot listen on 127\.0\.0\.1, UDP port \d+: .*in ?use/i);
  await Promise.all([socket.close(), socket.close()]);
  const again = await bindDatagram(socket.port);
  assertEquals(again.socket.port, socket.port);
  await again.socket.close();
});

test("BoundDatagram ignores errors of single sends and sends after close", async () => {
  const [gone, peer] = [await bindDatagram(), await bindDatagram()];
  await gone.socket.close();
  const nowhere = { address: "127.0.0.1", port: gone.socket.port };
  peer.socket.send(Uint8Array.of(1), nowhere);
  peer.socket.send(new Uint8Array(70_000), nowhere);
  const { socket, events } = openDatagram(peer.socket.port);
  await events.take();
  socket.send(Uint8Array.of(1));
  const { from } = await peer.received.take();
  peer.socket.send(Uint8Array.of(2), nowhere);
  peer.socket.send(Uint8Array.of(3), from);
  assertEquals(await events.take(), { type: "message", bytes: Uint8Array.of(3) });
  socket.close();
  await peer.socket.close();
  peer.socket.send(Uint8Array.of(4), from);
});

test("serveWebSocket rejects a port in use and releases its own", async () => {
  const { server: serving } = await serveWebSocket();
  const error = await assertRejects(() => serveWebSocket(serving.port), Error);
  assertMatch(error.message, /^Cannot listen on 127\.0\.0\.1, TCP port \d+: .*in ?use/i);
  await Promise.all([serving.close(), serving.close()]);
  const again = await serveWebSocket(serving.port);
  await again.server.close();
});

test("serveWebSocket refuses what is no WebSocket", async () => {
  const { server: serving } = await serveWebSocket();
  const response = await fetch(`http://127.0.0.1:${serving.port}/`);
  await response.body?.cancel();
  assertEquals(response.status, 426);
  await serving.close();
});

test("serveWebSocket reports a client that vanishes as 1006, once", async () => {
  const { server: serving, events } = await serveWebSocket();
  for (const end of ["destroy", "resetAndDestroy"] as const) {
    const socket = connect(serving.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(HANDSHAKE);
    const { client } = await events.take();
    assertEquals(client.path, "/raw");
    socket[end]();
    assertEquals(await events.take(), { type: "close", code: 1006, reason: "", client });
  }
  await serving.close();
  assertEquals(events.size, 0);
});

test("serveWebSocket reports its own close code, not from inside close", async () => {
  const { server: serving, url, events } = await serveWebSocket();
  const { events: clientEvents } = openWebSocket(url);
  await clientEvents.take();
  const { client } = await events.take();
  client.close(4006, "bye");
  assertEquals(events.size, 0); // not from inside the call
  const event = await events.take() as { type: string; code: number };
  assertEquals([event.type, event.code], ["close", 4006]);
  await serving.close();
  assertEquals(events.size, 0);
});

test("ServerWebSocket.cut() breaks the connection: no close frame, 1006 on both sides", async () => {
  const { server: serving, url, events } = await serveWebSocket();
  const [bystander, victim] = [openWebSocket(url), openWebSocket(url)];
  for (const { events: inbox } of [bystander, victim]) {
    await Promise.all([inbox.take(), events.take()]);
  }
  victim.socket.send("me");
  const { client } = await events.take();
  client.cut();
  assertEquals(events.size, 0); // not from inside the call
  const closed = await victim.events.take() as { type: string; code: number };
  assertEquals([closed.type, closed.code], ["close", 1006]);
  assertEquals(await events.take(), { type: "close", code: 1006, reason: "", client });
  client.cut();
  bystander.socket.send("still here");
  assertEquals((await events.take()).type, "message");
  await serving.close();
  assertEquals(events.size, 0);
});

test("ServerWebSocket.cut() sends no close frame", async () => {
  const { server: serving, events } = await serveWebSocket();
  const socket = connect(serving.port, "127.0.0.1");
  const received: number[] = [];
  socket.on("error", () => {});
  socket.on("data", (data) => received.push(...data));
  const ended = new Promise((resolve) => socket.on("close", resolve));
  socket.write(HANDSHAKE);
  const { client } = await events.take();
  client.send("a");
  await until(() => received.at(-1) === 0x61);
  const size = received.length;
  client.cut();
  await ended;
  assertEquals(received.length, size);
  await serving.close();
});

test("WebSocketServer.close ends a client that answers nothing, and is silent", async () => {
  const { server: serving, events } = await serveWebSocket();
  const mute = connect(serving.port, "127.0.0.1");
  mute.on("error", () => {});
  mute.resume();
  const ended = new Promise((resolve) => mute.on("close", resolve));
  mute.write(HANDSHAKE);
  await events.take();
  await serving.close();
  await ended;
  assertEquals(events.size, 0);
});

/** Runs `program.ts` in a process of its own and returns what it wrote. */
async function runProgram(runtimeArguments: string[]): Promise<[string, number | null]> {
  const program = fileURLToPath(new URL("program.ts", import.meta.url));
  const child = spawn(process.execPath, [...runtimeArguments, program]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => output += text);
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return [output, code];
}

const DENO_ARGUMENTS = ["run", "--allow-net", "--no-prompt", "--no-check"];
const PROGRAMS: Readonly<Record<string, string[][]>> = {
  deno: [DENO_ARGUMENTS, [...DENO_ARGUMENTS, "--unstable-net"]],
  bun: [["run"]],
  node: [[]],
};

for (const runtimeArguments of PROGRAMS[detectRuntime()]) {
  test(`a program ends by itself: ${runtimeArguments.join(" ")}`, async () => {
    assertEquals(await runProgram(runtimeArguments), ["datagram 1\ntext hello\n", 0]);
  });
}
