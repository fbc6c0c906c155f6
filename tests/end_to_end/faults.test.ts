/**
 * Bad servers on real sockets: a typed error or a counted drop, never a hang.
 *
 * @module
 */

import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { deadline } from "@std/async";
import test from "node:test";
import {
  joinVoice,
  type ReceivedFrame,
  VoiceConnectError,
  type VoiceConnection,
} from "@sotto/voice";
import { PacketCipher, pureAead, type SessionEvent, writeRtpHeader } from "@sotto/voice/core";
import { type Script, startScriptedServer, type Step } from "../tools/scripted_server.ts";

const SPEAKER = "100000000000000009";
const HANDSHAKE: readonly Step[] = ["open", "identify", "discovery", "select"];

function join(endpoint: string, events: SessionEvent[] = []): Promise<VoiceConnection> {
  const joining = joinVoice({
    guildId: "1",
    channelId: "2",
    userId: "3",
    server: { endpoint, sessionId: "session", token: "voice-token-of-the-test" },
    onEvent: (event) => events.push(event),
  });
  return deadline(joining, 20_000);
}

for (const step of HANDSHAKE) {
  // 4014 waits five seconds for a new voice server: once is enough.
  for (const code of [4004, 4006, 4016, 4017, 4021, ...step === "select" ? [4014] : []]) {
    test(`joinVoice rejects with a hint where the server closes ${code} at ${step}`, async () => {
      await using server = await startScriptedServer({
        closeAt: (at) => at === step ? code : undefined,
      });
      const error = await assertRejects(() => join(server.endpoint), VoiceConnectError);
      assertEquals(error.closeCode, code);
      assertGreater(error.hint.length, 10);
      assertEquals(error.message.includes("voice-token-of-the-test"), false);
      assertEquals(server.steps.filter((at) => at === step).length, 1);
    });
  }

  test(`joinVoice tries again where the server closes 4015 at ${step} once`, async () => {
    let closed = false;
    await using server = await startScriptedServer({
      closeAt: (at) => at === step && !closed ? (closed = true, 4015) : undefined,
    });
    await using connection = await join(server.endpoint);
    assertEquals(connection.state, "connected");
    assertEquals(server.steps.filter((at) => at === "open").length, 2);
  });
}

test("joinVoice survives lost discovery datagrams", async () => {
  await using server = await startScriptedServer({ lostDiscoveries: 2 });
  await using connection = await join(server.endpoint);
  assertEquals(connection.state, "connected");
});

test("joinVoice rejects where discovery is never answered", async () => {
  await using server = await startScriptedServer({ lostDiscoveries: Infinity });
  const error = await assertRejects(() => join(server.endpoint), VoiceConnectError);
  assertEquals([error.code, error.phase], ["udp-unreachable", "discovering"]);
  assertMatch(error.hint, /UDP/);
});

test("joinVoice rejects where nobody listens", async () => {
  const server = await startScriptedServer();
  await server[Symbol.asyncDispose]();
  const error = await assertRejects(() => join(server.endpoint), VoiceConnectError);
  assertEquals(error.closeCode, 1006);
});

test("a session survives messages that are none", async () => {
  const events: SessionEvent[] = [];
  const noise: Script["noise"] = [
    "not JSON",
    "[]",
    "null",
    '{"op":"2"}',
    '{"op":2,"d":{"ssrc":-1}}',
    '{"op":4,"d":{"mode":"x","secret_key":[1]}}',
    '{"op":250,"d":null}',
    new Uint8Array(0),
    Uint8Array.of(0, 1),
    Uint8Array.of(0, 1, 250, 7),
  ];
  await using server = await startScriptedServer({ noise });
  await using connection = await join(server.endpoint, events);
  assertEquals(connection.state, "connected");
  const malformed = events.filter(({ type }) => type === "malformed");
  assertGreater(malformed.length, 8);
});

test("a stream survives bad datagrams, each counted", async () => {
  await using server = await startScriptedServer();
  await using connection = await join(server.endpoint);
  const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", server.key, pureAead);
  const good = (sequence: number): Uint8Array => {
    const packet = new Uint8Array(12 + 3 + 20);
    writeRtpHeader(packet, sequence, 960 * sequence, 99);
    packet.set([0xf8, 0xff, sequence], 12);
    cipher.seal(packet, 12, 3);
    return packet;
  };
  const forged = good(2).with(20, 0);
  forged[21] ^= 1;

  const heard = hear(connection, 2);
  server.tell(5, { user_id: SPEAKER, ssrc: 99, speaking: 1 });
  for (
    const datagram of [good(1), forged, good(3).subarray(0, 20), Uint8Array.of(0x80, 0x78), good(4)]
  ) {
    server.transmit(datagram);
  }
  const frames = await deadline(heard, 5_000);
  assertEquals(frames.map(({ sequence }) => sequence), [1, 4]);
  const { dropped, streams: [stream] } = connection.stats();
  assertEquals(dropped, { "bad-tag": 1, "too-short": 2 });
  assertEquals([stream.received, stream.lost], [2, 2]);
});

test("a connection resumes after 4015, with its SSRC", async () => {
  const events: SessionEvent[] = [];
  await using server = await startScriptedServer();
  await using connection = await join(server.endpoint, events);
  const { ssrc } = connection;
  server.closeClient(4015);
  await until(() => events.some(({ type }) => type === "resumed"));
  assertEquals([connection.state, connection.ssrc], ["connected", ssrc]);
  assertEquals(server.steps.at(-1), "resume");
});

test("a connection that is lost for good says why", async () => {
  await using server = await startScriptedServer();
  await using connection = await join(server.endpoint);
  const playing = connection.play(silence());
  server.closeClient(4017);
  const error = await deadline(connection.closed, 5_000);
  assertInstanceOf(error, VoiceConnectError);
  assertEquals(error.closeCode, 4017);
  assertEquals(await assertRejects(() => playing), error);
});

function* silence(): Generator<Uint8Array> {
  for (;;) yield Uint8Array.of(0xf8, 0xff, 0xfe);
}

async function hear(connection: VoiceConnection, count: number): Promise<ReceivedFrame[]> {
  const frames: ReceivedFrame[] = [];
  for await (const speaker of connection.speakers()) {
    for await (const frame of speaker) {
      if (frames.push(frame) === count) return frames;
    }
  }
  return frames;
}

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error("Cannot go on: the condition never came true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
