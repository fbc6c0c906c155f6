// What a caller does with a connection, and sees of it, in calls on real sockets.

import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertRejects,
} from "@std/assert";
import test from "node:test";
import {
  type JoinVoiceOptions,
  type RawAudioFrame,
  VoiceConnection,
} from "../../adapters/connection.ts";
import { detectTransport } from "../../adapters/detect.ts";
import { createOpus } from "../../adapters/opus.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../adapters/testing/mod.ts";
import { VoiceConnectError } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { parseRtpHeader, RTP_HEADER_SIZE, RtpHeader } from "../../lib/rtp_header.ts";
import type { ServerEvent } from "../../lib/testing/server_events.ts";
import { startScriptedServer } from "../tools/scripted_server.ts";
import { until, within } from "../tools/waiting.ts";

const LIMIT = 20_000;
const [GUILD, CHANNEL, OTHER] = ["41771983423143937", "127121515262115840", "5"];
const [ALICE, BOB] = ["100000000000000001", "100000000000000002"];
const ME = { guildId: GUILD, channelId: CHANNEL, userId: ALICE };
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

async function join(options: JoinVoiceOptions): Promise<VoiceConnection> {
  return await VoiceConnection.join(await detectTransport(), options);
}

/** Options that join as a user by the embedded server's gateway adapter. */
function as(userId: string, server: RunningVoiceServer): JoinVoiceOptions {
  return { ...ME, userId, adapterCreator: server.adapterCreator(userId) };
}

/** Voice server data of a server that asks for no token of its own. */
function serverOf(endpoint: string, token = "token") {
  return { endpoint, sessionId: `session-of-${ALICE}`, token };
}

/** A server that writes down what happens. */
async function listen(
  options: Parameters<typeof startVoiceServer>[0] = {},
): Promise<{ server: RunningVoiceServer; told: ServerEvent[] }> {
  const told: ServerEvent[] = [];
  const server = await startVoiceServer({ ...options, onEvent: (event) => told.push(event) });
  return { server, told };
}

function count(told: readonly ServerEvent[], type: ServerEvent["type"]): number {
  return told.filter((event) => event.type === type).length;
}

test(
  "VoiceConnection's members are read in a live call",
  within(LIMIT, async () => {
    const { server } = await listen({ heartbeatInterval: 100 });
    await using _server = server;
    await using alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const { port } = alice.udp.remote!;
    assertEquals([alice.webSocket.open, alice.webSocket.version], [true, 8]);
    assertEquals([alice.udp.remote!.address, typeof port], ["127.0.0.1", "number"]);
    assertEquals(alice.udp.address?.address, "127.0.0.1");
    assertEquals([alice.rtp.ssrc, alice.rtp.mode], [alice.ssrc, alice.mode]);
    const { sequence, timestamp, nonce } = bob.rtp;
    bob.setSpeaking(1);
    for (let i = 0; i < 5; i++) assert(bob.sendOpus(SILENCE));
    assertEquals(bob.rtp, {
      ...bob.rtp,
      sequence: sequence + 5 & 0xffff,
      timestamp: timestamp + 5 * 960 >>> 0,
      nonce: nonce + 5,
    });
    await until(() => alice.jitters.get(bob.ssrc)?.received === 5);
    await until(() => alice.jitters.get(bob.ssrc)?.userId !== undefined);
    const jitter = alice.jitters.get(bob.ssrc)!;
    assertEquals([jitter.userId, jitter.lost, jitter.ssrc], [BOB, 0, bob.ssrc]);
    await until(() => alice.webSocket.latencies.length === 10);
    await until(() => alice.udp.roundTrip !== undefined);
    const { latency, latencies, averageLatency } = alice.webSocket;
    assertEquals([latencies.length, latencies.at(-1)], [10, latency]);
    assert(averageLatency! >= Math.min(...latencies));
    assert(averageLatency! <= Math.max(...latencies));
    assertEquals(alice.stats().roundTrip.udp, alice.udp.roundTrip);
    assertGreaterOrEqual(alice.webSocket.sequence!, 0);
    assertEquals([alice.channelId, alice.userId, alice.guildId], [CHANNEL, ALICE, GUILD]);
    assertEquals(typeof alice.shard?.sendPayload, "function");
    for (const text of [alice.endpoint, alice.sessionId, alice.token?.reveal()]) {
      assert(typeof text === "string" && text.length > 0);
    }
    assertEquals(String(alice.token), "[redacted]");
    server.moveUser(GUILD, ALICE, OTHER);
    await until(() => alice.channelId === OTHER);
    await alice.untilReady();
    alice.leave();
    assertEquals([alice.webSocket.open, alice.udp.remote, alice.shard], [
      false,
      undefined,
      undefined,
    ]);
  }),
);

test(
  "VoiceConnection.reconnect resumes at a real server, where audio goes on",
  within(LIMIT, async () => {
    const { server, told } = await listen();
    await using _server = server;
    await using alice = await join(as(ALICE, server));
    const events: SessionEvent[] = [];
    await using bob = await join({ ...as(BOB, server), onEvent: (event) => events.push(event) });
    const heard: number[] = [];
    alice.on("rawAudioFrame", ({ frame }) => heard.push(frame[2] << 8 | frame[3]));
    bob.setSpeaking(1);
    for (let i = 1; i <= 3; i++) {
      const before = bob.rtp;
      bob.sendOpus(SILENCE);
      await until(() => heard.length === i);
      const reconnecting = bob.reconnect();
      await assertRejects(() => bob.reconnect(), Error, "earlier call is not done");
      await reconnecting;
      assertEquals([bob.state, bob.ssrc, bob.rtp.nonce], [
        "connected",
        before.ssrc,
        before.nonce + 1,
      ]);
    }
    assertEquals(heard, [0, 1, 2].map((i) => heard[0] + i & 0xffff));
    assertEquals([count(told, "resumed"), count(told, "identify")], [3, 2]);
    const closed = events.flatMap((it) => it.type === "disconnected" ? [it] : []);
    assertEquals(closed.map(({ code, bySelf }) => [code, bySelf]), Array(3).fill([1012, true]));
    bob.leave();
  }),
);

test(
  "VoiceConnection.untilReady waits for a recovery at a real server",
  within(LIMIT, async () => {
    const { server } = await listen();
    await using _server = server;
    await using alice = await join(as(ALICE, server));
    await alice.untilReady();
    const lost = new Promise((resolve) => alice.on("disconnected", resolve));
    server.closeClient({ userId: ALICE }, 4015);
    await lost;
    const reason = new Error("enough");
    await assertRejects(() => alice.untilReady(AbortSignal.abort(reason)), Error, "enough");
    await alice.untilReady();
    assertEquals(alice.state, "connected");
    alice.leave();
    await assertRejects(() => alice.untilReady(), VoiceConnectError);
  }),
);

test(
  "VoiceConnection.requestVoice is answered by a real gateway, and disturbs nothing",
  within(LIMIT, async () => {
    const { server, told } = await listen();
    await using _server = server;
    await using alice = await join(as(ALICE, server));
    const before = count(told, "voice-state");
    alice.requestVoice();
    await until(() => count(told, "voice-state") > before);
    await alice.untilReady();
    assertEquals(alice.channelId, CHANNEL);
    alice.leave();
  }),
);

test(
  "VoiceConnection.setVoiceServer goes over to a second server, with an adapter and without",
  within(LIMIT, async () => {
    for (const hasAdapter of [true, false]) {
      const { server: home } = await listen();
      await using _home = home;
      await using first = await startScriptedServer();
      await using second = await startScriptedServer();
      const options = hasAdapter ? as(ALICE, home) : { ...ME, server: serverOf(first.endpoint) };
      await using alice = await join(options);
      alice.setVoiceServer(serverOf(second.endpoint, "other"));
      assertEquals(alice.state, "connecting");
      await alice.untilReady();
      assertEquals([alice.endpoint, alice.token?.reveal()], [second.endpoint, "other"]);
      assertEquals(second.steps, ["open", "identify", "discovery", "select"]);
      alice.setSpeaking(1);
      await until(() => alice.sendOpus(SILENCE) && second.packetCount > 0);
      alice.leave();
    }
  }),
);

test(
  "VoiceConnection.send reaches a real server, text and bytes",
  within(LIMIT, async () => {
    const { server, told } = await listen();
    await using _server = server;
    await using alice = await join(as(ALICE, server));
    alice.send('{"op":199,"d":{}}');
    await until(() => told.some((event) => event.type === "ignored" && event.opcode === 199));
    alice.send(Uint8Array.of(198, 1, 2));
    await alice.reconnect();
    assertEquals(alice.state, "connected");
    alice.leave();
  }),
);

test(
  "VoiceConnection.forceClose is seen by a real server with its close code",
  within(LIMIT, async () => {
    for (const code of [1000, 4321]) {
      const { server, told } = await listen();
      await using _server = server;
      // Without op 4, at which the server would close first.
      const alice = await join({ ...ME, server: serverOf(server.url) });
      alice.forceClose(code);
      assertEquals(alice.state, "closed");
      await until(() => told.some((it) => it.type === "disconnect" && it.code === code));
      assertEquals(await alice.closed, undefined);
    }
  }),
);

test(
  "VoiceConnection.sendPcm is heard by another bot, by the codec of ./opus",
  within(LIMIT, async () => {
    const { server } = await listen();
    await using _server = server;
    using encoder = await createOpus({ bitrate: 128_000 });
    using decoder = await createOpus();
    await using alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const heard: RawAudioFrame[] = [];
    alice.on("rawAudioFrame", (event) => heard.push(event));
    const speaking = new Promise((resolve) => alice.on("speaking", resolve));
    bob.setSpeaking(1);
    await speaking;
    const tone = (from: number) =>
      Int16Array.from({ length: 960 * 2 }, (_, i) => {
        return 10_000 * Math.sin((from + (i >> 1)) * 2 * Math.PI * 440 / 48_000);
      });
    const frames = 25;
    for (let i = 0; i < frames; i++) {
      assertEquals(bob.sendPcm(tone(960 * i), encoder), true);
      await until(() => heard.length === i + 1);
    }
    const header = new RtpHeader();
    for (const { ssrc, userId, frame } of heard) {
      assertEquals(parseRtpHeader(frame, header), undefined);
      assertEquals([ssrc, header.ssrc, userId], [bob.ssrc, bob.ssrc, BOB]);
    }
    const decoded = heard.map(({ frame }) => decoder.decode(frame.subarray(RTP_HEADER_SIZE)));
    assertEquals(decoded.map(({ length }) => length), Array(frames).fill(960 * 2));
    const last = decoded.at(-1)!;
    const rms = Math.sqrt(last.reduce((sum, sample) => sum + sample * sample, 0) / last.length);
    assertGreater(rms, 5_000);
    // A tone of 440 Hz crosses zero 880 times a second.
    const left = last.filter((_, i) => i % 2 === 0);
    const crossings = left.filter((sample, i) => i > 0 && sample >= 0 !== left[i - 1] >= 0).length;
    assert(Math.abs(crossings - 17.6) <= 2, `${crossings} crossings`);
    bob.leave();
    assertEquals(bob.sendPcm(tone(0), encoder), false);
    alice.leave();
  }),
);
