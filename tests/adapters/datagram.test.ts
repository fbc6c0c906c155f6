import { assert, assertEquals, assertMatch } from "@std/assert";
import test from "node:test";

import { bindDatagram, type DatagramEvent, openDatagram } from "./fixtures.ts";
import type { Inbox } from "./inbox.ts";

const COUNT = 2000;
const BATCH = 50;

/** Overwrites `into` with the nth datagram of a stream: a number, then a pattern. */
function fill(into: Uint8Array, n: number): Uint8Array {
  const size = 12 + (n * 37) % 1300;
  into.fill(n % 251, 0, size);
  new DataView(into.buffer).setUint32(0, n);
  return into.subarray(0, size);
}

async function takeMessage(events: Inbox<DatagramEvent>): Promise<Uint8Array> {
  for (;;) {
    const event = await events.take();
    if (event.type === "message") return event.bytes;
  }
}

test("openDatagram sends 2000 datagrams in order from one reused buffer", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port);
  try {
    assertEquals(await events.take(), { type: "open" });
    const buffer = new Uint8Array(1400);
    const expected = new Uint8Array(1400);
    for (let n = 0; n < COUNT; n += BATCH) {
      for (let i = n; i < n + BATCH; i++) {
        socket.send(fill(buffer, i));
        buffer.fill(255);
      }
      for (let i = n; i < n + BATCH; i++) {
        assertEquals((await peer.received.take()).bytes, fill(expected, i));
      }
    }
    assertEquals(socket.dropped, 0);
  } finally {
    socket.close();
    await peer.socket.close();
  }
});

test("openDatagram receives what the bound socket sends, in order from one reused buffer", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port);
  try {
    assertEquals(await events.take(), { type: "open" });
    socket.send(Uint8Array.of(1));
    const { from } = await peer.received.take();
    assertEquals(from.address, "127.0.0.1");
    const buffer = new Uint8Array(1400);
    const expected = new Uint8Array(1400);
    for (let n = 0; n < COUNT; n += BATCH) {
      for (let i = n; i < n + BATCH; i++) {
        peer.socket.send(fill(buffer, i), from);
        buffer.fill(255);
      }
      for (let i = n; i < n + BATCH; i++) {
        assertEquals(await takeMessage(events), fill(expected, i));
      }
    }
  } finally {
    socket.close();
    await peer.socket.close();
  }
});

test("openDatagram works over IPv6, whatever form the address has", async () => {
  const { createSocket } = await import("node:dgram");
  const echo = createSocket("udp6");
  echo.on("message", (data, from) => echo.send(Uint8Array.from(data), from.port, from.address));
  await new Promise<void>((resolve) => echo.bind(0, "::1", resolve));
  const { socket, events } = openDatagram(echo.address().port, "0:0:0:0:0:0:0:1");
  try {
    assertEquals(await events.take(), { type: "open" });
    socket.send(Uint8Array.of(6));
    assertEquals(await takeMessage(events), Uint8Array.of(6));
  } finally {
    socket.close();
    echo.close();
  }
});

test("openDatagram looks a host name up, and says where there is none such", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port, "localhost");
  try {
    assertEquals(await events.take(), { type: "open" });
    socket.send(Uint8Array.of(1, 2));
    const { bytes, from } = await peer.received.take();
    assertEquals(bytes, Uint8Array.of(1, 2));
    peer.socket.send(Uint8Array.of(3), from);
    assertEquals(await takeMessage(events), Uint8Array.of(3));
    assertEquals(socket.dropped, 0);
  } finally {
    socket.close();
    await peer.socket.close();
  }
  const nowhere = openDatagram(9, "nowhere.invalid");
  assertEquals((await nowhere.events.take()).type, "close");
  nowhere.socket.close();
  const closed = openDatagram(9, "localhost");
  closed.socket.close();
});

test("openDatagram delivers plain Uint8Arrays, whose slice copies", async () => {
  const peer = await bindDatagram();
  const { transport } = await import("./fixtures.ts");
  const received = Promise.withResolvers<Uint8Array>();
  const remote = { address: "127.0.0.1", port: peer.socket.port };
  const socket = transport.openDatagram(remote, {
    open: () => socket.send(Uint8Array.of(1)),
    message: received.resolve,
    error() {},
    close: received.reject,
  });
  try {
    peer.socket.send(Uint8Array.of(2), (await peer.received.take()).from);
    const datagram = await received.promise;
    assertEquals(datagram.constructor, Uint8Array);
    assert(datagram.slice().buffer !== datagram.buffer);
  } finally {
    socket.close();
    await peer.socket.close();
  }
});

test("openDatagram delivers nothing from another source", async () => {
  const [peer, stranger] = [await bindDatagram(), await bindDatagram()];
  const { socket, events } = openDatagram(peer.socket.port);
  try {
    await events.take();
    socket.send(Uint8Array.of(1));
    const { from } = await peer.received.take();
    for (let n = 0; n < 10; n++) stranger.socket.send(Uint8Array.of(66), from);
    // A datagram between the two, after the forged ones, shows that they have been sent.
    const witness = openDatagram(stranger.socket.port);
    await witness.events.take();
    witness.socket.send(Uint8Array.of(2));
    stranger.socket.send(Uint8Array.of(3), (await stranger.received.take()).from);
    assertEquals(await takeMessage(witness.events), Uint8Array.of(3));
    witness.socket.close();
    peer.socket.send(Uint8Array.of(4), from);
    assertEquals(await takeMessage(events), Uint8Array.of(4));
    assertEquals(events.size, 0);
  } finally {
    socket.close();
    await Promise.all([peer.socket.close(), stranger.socket.close()]);
  }
});

test("openDatagram survives ICMP port unreachable", async () => {
  const gone = await bindDatagram();
  const { port } = gone.socket;
  await gone.socket.close();
  const { socket, events } = openDatagram(port);
  assertEquals(await events.take(), { type: "open" });
  for (let n = 0; n < 3; n++) socket.send(Uint8Array.of(1));
  const back = await bindDatagram(port);
  // A send can be refused on account of an earlier one: the peer sends again, as peers do.
  const again = setInterval(() => socket.send(Uint8Array.of(2)), 10);
  try {
    back.socket.send(Uint8Array.of(3), (await back.received.take()).from);
    assertEquals(await takeMessage(events), Uint8Array.of(3));
  } finally {
    clearInterval(again);
    socket.close();
    await back.socket.close();
  }
});

test("openDatagram reports an oversized datagram and lives on", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port);
  try {
    await events.take();
    socket.send(new Uint8Array(70_000));
    const event = await events.take();
    assertEquals(event.type, "error");
    assertMatch((event as { error: Error }).error.message, /EMSGSIZE|too long/i);
    socket.send(Uint8Array.of(1));
    assertEquals((await peer.received.take()).bytes, Uint8Array.of(1));
  } finally {
    socket.close();
    await peer.socket.close();
  }
});

test("openDatagram closes where the address is none, and says so", async () => {
  const bad: [number, string?][] = [[0], [70_000], [1.5], [9, "two words"], [9, "256.0.0.1"]];
  for (const [port, address] of [...bad, [9, "1::2::3"], [9, ""]] as typeof bad) {
    const { socket, events } = openDatagram(port, address);
    assertEquals(events.size, 0);
    const event = await events.take();
    assert(event.type === "close");
    assertMatch(
      event.error.message,
      /^Cannot open a datagram socket: the (port|address) is .*, want/,
    );
    socket.send(Uint8Array.of(1));
    socket.close();
    assertEquals(events.size, 0);
  }
});

test("DatagramSocket.close retires every handler at once, before and after open", async () => {
  const peer = await bindDatagram();
  const early = openDatagram(peer.socket.port);
  early.socket.close();
  early.socket.close();
  early.socket.send(Uint8Array.of(1));

  const late = openDatagram(peer.socket.port);
  await late.events.take();
  late.socket.send(Uint8Array.of(1));
  const { from } = await peer.received.take();
  peer.socket.send(Uint8Array.of(2), from);
  late.socket.send(new Uint8Array(70_000));
  late.socket.close();
  late.socket.close();
  late.socket.send(Uint8Array.of(3));

  // A full round trip of another socket: what was under way has arrived.
  const witness = openDatagram(peer.socket.port);
  await witness.events.take();
  witness.socket.send(Uint8Array.of(4));
  const second = await peer.received.take();
  assertEquals(second.bytes, Uint8Array.of(4));
  peer.socket.send(Uint8Array.of(5), second.from);
  assertEquals(await takeMessage(witness.events), Uint8Array.of(5));
  assertEquals([early.events.size, late.events.size], [0, 0]);
  witness.socket.close();
  await peer.socket.close();
});

test("openDatagram calls no handler from inside the call", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port);
  assertEquals(events.size, 0);
  assertEquals(await events.take(), { type: "open" });
  socket.close();
  const bad = openDatagram(70_000);
  assertEquals(bad.events.size, 0);
  await bad.events.take();
  bad.socket.close();
  await peer.socket.close();
});

test("DatagramSocket.close lets what was sent before go out", async () => {
  const peer = await bindDatagram();
  const { socket, events } = openDatagram(peer.socket.port);
  await events.take();
  for (let n = 0; n < 5; n++) socket.send(Uint8Array.of(n));
  socket.close();
  for (let n = 0; n < 5; n++) assertEquals((await peer.received.take()).bytes, Uint8Array.of(n));
  assertEquals(socket.dropped, 0);
  await peer.socket.close();
});
