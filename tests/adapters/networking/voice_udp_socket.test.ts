import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import {
  LocalProtocolError,
  UDP_QUEUE_LIMIT,
  VoiceConnectError,
  VoiceUDPSocket,
} from "../../../adapters/networking/mod.ts";
import {
  DISCOVERY_DELAY,
  discoveryResponse,
  parseDiscoveryRequest,
} from "../../../lib/ip_discovery.ts";
import { within } from "../../tools/waiting.ts";
import { bindDatagram } from "../fixtures.ts";
import { caughtLater, count, LIMIT, next, Played } from "./fixtures.ts";

const SSRC = 12_345;
const FOUND = { address: "203.0.113.9", port: 50_001 };

function played(): { network: Played; udp: VoiceUDPSocket } {
  const network = new Played();
  const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: 9 }, network.transport);
  return { network, udp };
}

test(
  "VoiceUDPSocket sends what came before the open, in order, and tells what comes",
  within(LIMIT, async () => {
    const { socket, received } = await bindDatagram();
    const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: socket.port });
    const counts = count(udp, ["message", "error", "close", "debug"]);
    assertEquals([udp.ping, udp.dropped], [undefined, 0]);
    const reused = Buffer.from([1, 10]);
    udp.send(reused);
    reused[0] = 9;
    udp.send(Buffer.from([2, 20]));
    const first = await received.take();
    assertEquals([...first.bytes], [1, 10]);
    assertEquals([...(await received.take()).bytes], [2, 20]);
    const message = next<[Buffer]>(udp, "message");
    socket.send(Uint8Array.of(7, 8, 9), first.from);
    const [bytes] = await message;
    assert(Buffer.isBuffer(bytes));
    assertEquals([...bytes], [7, 8, 9]);
    udp.destroy();
    udp.destroy();
    assertEquals(counts.close, 1);
    assert(counts.debug > 0);
    assertEquals(counts.error, undefined);
    await socket.close();
  }),
);

test(
  "VoiceUDPSocket.performIPDiscovery() finds the address, though the first answers are lost",
  within(LIMIT, async () => {
    const { socket, received } = await bindDatagram();
    const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: socket.port });
    const answer = udp.performIPDiscovery(SSRC);
    await received.take();
    const { bytes, from } = await received.take();
    assertEquals(parseDiscoveryRequest(bytes), { ssrc: SSRC, form: "74" });
    // Others' answers, and what is none, are passed over.
    socket.send(discoveryResponse(SSRC + 1, FOUND), from);
    socket.send(new Uint8Array(74), from);
    socket.send(discoveryResponse(SSRC, from), from);
    assertEquals(await answer, { ip: from.address, port: from.port });
    udp.destroy();
    await socket.close();
  }),
);

test("VoiceUDPSocket.performIPDiscovery() keeps two questions apart", async () => {
  const { network, udp } = played();
  const answers = [udp.performIPDiscovery(1), udp.performIPDiscovery(2)];
  assertEquals(network.udp.sent, []);
  network.udp.handlers.open();
  assertEquals(network.udp.sent.map((sent) => parseDiscoveryRequest(sent)?.ssrc), [1, 2]);
  network.udp.handlers.message(discoveryResponse(2, { ...FOUND, port: 2 }));
  network.udp.handlers.message(discoveryResponse(1, { ...FOUND, port: 1 }));
  assertEquals(await Promise.all(answers), [
    { ip: FOUND.address, port: 1 },
    { ip: FOUND.address, port: 2 },
  ]);
  udp.destroy();
});

test("VoiceUDPSocket.performIPDiscovery() asks no more once it is answered", async () => {
  const { network, udp } = played();
  network.udp.handlers.open();
  const answer = udp.performIPDiscovery(SSRC);
  network.udp.handlers.message(discoveryResponse(SSRC, FOUND));
  await answer;
  await new Promise((resolve) => setTimeout(resolve, DISCOVERY_DELAY + 20));
  assertEquals(network.udp.sent.length, 1);
  udp.destroy();
});

test("VoiceUDPSocket.performIPDiscovery() asks five times, then rejects", async () => {
  const { network, udp } = played();
  network.udp.handlers.open();
  const delays: unknown[] = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = ((run: () => void, delay: number) => {
    delays.push(delay);
    queueMicrotask(run);
  }) as typeof setTimeout;
  try {
    const error = await assertRejects(() => udp.performIPDiscovery(SSRC), VoiceConnectError);
    assertEquals([error.code, error.phase], ["udp-unreachable", "discovering"]);
    assertStringIncludes(error.message, "no IP discovery request was answered");
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assertEquals(delays, [200, 400, 800, 1600, 3200]);
  assertEquals(network.udp.sent.length, 5);
  udp.destroy();
});

test("VoiceUDPSocket.performIPDiscovery() rejects where the socket is destroyed or breaks", async () => {
  for (const open of [false, true]) {
    const { network, udp } = played();
    if (open) network.udp.handlers.open();
    const rejected = assertRejects(() => udp.performIPDiscovery(SSRC), LocalProtocolError);
    udp.destroy();
    await rejected;
    await assertRejects(() => udp.performIPDiscovery(SSRC), LocalProtocolError);
    assert(network.udp.closed);
  }
  const { network, udp } = played();
  const rejected = assertRejects(() => udp.performIPDiscovery(SSRC), VoiceConnectError, "broken");
  network.udp.handlers.close(new Error("broken"));
  await rejected;
});

test("VoiceUDPSocket.performIPDiscovery() refuses what is no SSRC", async () => {
  const { udp } = played();
  for (const ssrc of [-1, 2 ** 32, 1.5, NaN]) {
    await assertRejects(() => udp.performIPDiscovery(ssrc), RangeError);
  }
  udp.destroy();
});

test("VoiceUDPSocket tells errors only where they are heard, and close once", () => {
  const { network, udp } = played();
  network.udp.handlers.open();
  assertEquals(caughtLater(() => network.udp.handlers.error(new Error("unheard"))), []);
  const errors: string[] = [];
  const counts = count(udp, ["close"]);
  udp.on("error", (error) => errors.push(error.message));
  network.udp.handlers.error(new Error("unreachable"));
  network.udp.handlers.close(new Error("broken"));
  network.udp.handlers.close(new Error("late"));
  network.udp.handlers.error(new Error("late"));
  udp.destroy();
  assertEquals(errors, ["unreachable", "broken"]);
  assertEquals(counts, { close: 1 });
});

test("VoiceUDPSocket is silent after destroy, whatever the transport says", () => {
  const { network, udp } = played();
  const counts = count(udp, ["message", "error", "debug", "close"]);
  udp.destroy();
  const before = { ...counts };
  network.udp.handlers.open();
  network.udp.handlers.message(Uint8Array.of(1));
  network.udp.handlers.error(new Error("late"));
  network.udp.handlers.close(new Error("late"));
  assertEquals(counts, before);
  assertEquals(counts.close, 1);
});

test("VoiceUDPSocket.dropped counts what the queue, the end and the runtime lose", () => {
  const { network, udp } = played();
  for (let i = 0; i < UDP_QUEUE_LIMIT + 3; i++) udp.send(Buffer.from([i]));
  assertEquals(udp.dropped, 3);
  network.udp.handlers.open();
  assertEquals(network.udp.sent.map(([byte]) => byte), Array.from({ length: 64 }, (_, i) => i));
  network.udp.dropped = 2;
  assertEquals(udp.dropped, 5);
  udp.destroy();
  udp.send(Buffer.from([1]));
  udp.send(Buffer.from([1]));
  assertEquals(udp.dropped, 7);
  const { udp: never } = played();
  never.send(Buffer.from([1]));
  never.destroy();
  assertEquals(never.dropped, 1);
});

test(
  "VoiceUDPSocket tells error and close where the address is none",
  within(LIMIT, async () => {
    const udp = new VoiceUDPSocket({ ip: "127.0.0.1", port: 0 });
    const closed = next(udp, "close");
    const [error] = await next<[Error]>(udp, "error");
    assertInstanceOf(error, Error);
    assertStringIncludes(error.message, "port");
    await closed;
    const unheard = new VoiceUDPSocket({ ip: "not an address", port: 1 });
    await next(unheard, "close");
  }),
);
