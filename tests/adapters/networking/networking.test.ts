import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { inspect } from "node:util";
import {
  LocalProtocolError,
  Networking,
  type NetworkingState,
  NetworkingStatusCode,
  SUPPORTED_ENCRYPTION_MODES,
  VoiceConnectError,
  VoiceOpcodes,
  type VoiceReceivePayload,
  VoiceUDPSocket,
  VoiceWebSocket,
} from "../../../adapters/networking/mod.ts";
import { nativeAead } from "../../../adapters/native_aead.ts";
import { type ServerEvent, startVoiceServer } from "../../../adapters/testing/mod.ts";
import { type EncryptionMode, PacketCipher } from "../../../lib/packet.ts";
import { parseRtpHeader, RtpHeader } from "../../../lib/rtp_header.ts";
import { startScriptedServer } from "../../tools/scripted_server.ts";
import { until, within } from "../../tools/waiting.ts";
import {
  ALICE,
  BOB,
  caughtLater,
  CHANNEL,
  connect,
  count,
  GUILD,
  LIMIT,
  next,
  optionsFor,
  opusPackets,
  Played,
  ready,
  TOKEN,
  Watched,
  withoutJitter,
} from "./fixtures.ts";
import { KEY, PlayedNetworking } from "./played_networking.ts";

const { OpeningWs, Identifying, UdpHandshaking, SelectingProtocol, Ready, Resuming, Closed } =
  NetworkingStatusCode;
const OPUS = Buffer.from([0xf8, 0xff, 0xfe]);

test("NetworkingStatusCode has the seven codes, 0 to 6", () => {
  assertEquals(Object.entries(NetworkingStatusCode), [
    ["OpeningWs", 0],
    ["Identifying", 1],
    ["UdpHandshaking", 2],
    ["SelectingProtocol", 3],
    ["Ready", 4],
    ["Resuming", 5],
    ["Closed", 6],
  ]);
});

test("SUPPORTED_ENCRYPTION_MODES are those that Discord offers", () => {
  assertEquals(SUPPORTED_ENCRYPTION_MODES, [
    "aead_aes256_gcm_rtpsize",
    "aead_xchacha20_poly1305_rtpsize",
  ]);
});

test("Networking goes through the states, each with what belongs to it", () => {
  const played = new PlayedNetworking();
  played.reach(Ready);
  assertEquals(played.codes, [OpeningWs, Identifying, UdpHandshaking, SelectingProtocol, Ready]);
  const [opening, identifying, handshaking, selecting, ready] = played.states;
  assertEquals(Object.keys(opening), ["code", "ws", "connectionOptions"]);
  assertEquals(Object.keys(identifying), ["code", "ws", "connectionOptions"]);
  for (const state of [handshaking, selecting, ready]) {
    assert("udp" in state && "ws" in opening);
    assertInstanceOf(state.ws, VoiceWebSocket);
    assertInstanceOf(state.udp, VoiceUDPSocket);
    assertStrictEquals(state.ws, opening.ws);
    assertStrictEquals(state.connectionData, played.data);
    assertEquals({ ...state.connectionOptions }, {
      channelId: CHANNEL,
      endpoint: "voice.example",
      serverId: GUILD,
      sessionId: `session-of-${ALICE}`,
      userId: ALICE,
    } as unknown);
    assertEquals(state.connectionOptions.token, TOKEN);
  }
  assertStrictEquals(played.networking.state, ready);
  assertEquals(played.network.ws.url, "wss://voice.example/?v=8");
  const [identify, select] = played.sent;
  assertEquals([identify.op, identify.d.token, identify.d.server_id], [0, TOKEN, GUILD]);
  assertEquals([select.op, select.d.protocol], [1, "udp"]);
  played.networking.destroy();
  assertEquals(played.codes.at(-1), Closed);
  assertEquals(Object.keys(played.networking.state), ["code"]);
});

test("Networking.state.connectionData tells the session as it goes on", () => {
  const played = new PlayedNetworking();
  played.reach(SelectingProtocol);
  const data = played.data;
  assertEquals([data.ssrc, data.encryptionMode, data.secretKey.length], [7, "", 0]);
  played.reach(Ready);
  played.say(11, { user_ids: [BOB] });
  assertEquals([...data.connectedClients], [BOB]);
  const { sequence, timestamp } = data;
  assertEquals([...data.secretKey], KEY);
  assertEquals(data.encryptionMode, "aead_aes256_gcm_rtpsize");
  assertEquals([data.nonce, data.packetsPlayed, data.speaking], [0, 0, false]);
  assertEquals(data.nonceBuffer, Buffer.alloc(12));
  for (let i = 1; i <= 300; i++) {
    played.networking.prepareAudioPacket(OPUS);
    played.networking.dispatchAudio();
    assertEquals([data.nonce, data.packetsPlayed, data.speaking], [i, i, true]);
    assertEquals(data.sequence, (sequence + i) % 2 ** 16);
    assertEquals(data.timestamp, (timestamp + 960 * i) % 2 ** 32);
  }
  assertEquals([...data.nonceBuffer], [0, 0, 1, 44, 0, 0, 0, 0, 0, 0, 0, 0]);
  played.say(13, { user_id: BOB });
  assertEquals(data.connectedClients.size, 0);
  played.networking.destroy();
  assertEquals(data.secretKey.length, 0);
});

test("Networking has users and key by the time that it tells of the state", () => {
  const played = new PlayedNetworking();
  const { networking } = played;
  const told: unknown[] = [];
  networking.on("stateChange", (_old, state) => {
    if (!("connectionData" in state)) return;
    const { connectedClients, secretKey, encryptionMode } = state.connectionData;
    told.push([state.code, [...connectedClients], secretKey.length, encryptionMode]);
  });
  played.reach(Identifying);
  played.say(11, { user_ids: [BOB] });
  played.reach(Ready);
  assertEquals(told, [
    [UdpHandshaking, [BOB], 0, ""],
    [SelectingProtocol, [BOB], 0, ""],
    [Ready, [BOB], 32, "aead_aes256_gcm_rtpsize"],
  ]);
  networking.destroy();
});

test("Networking.state.connectionData cannot be written to", () => {
  const played = new PlayedNetworking();
  played.reach(Ready);
  const data = played.data as unknown as Record<string, unknown>;
  for (const name of [...Object.keys(data), "secretKey"]) {
    assertThrows(() => data[name] = 1, TypeError);
  }
  (data.secretKey as Uint8Array).fill(0);
  (data.nonceBuffer as Uint8Array).fill(9);
  assertEquals([...data.secretKey as Uint8Array], KEY);
  assertEquals((data.nonceBuffer as Uint8Array)[0], 0);
  played.networking.destroy();
});

/** What is printed of a value. */
function printed(value: unknown): string[] {
  const { Deno, Bun } = globalThis as unknown as Record<
    string,
    { inspect(value: unknown): string } | undefined
  >;
  return [
    inspect(value, { depth: 9 }),
    inspect(value, { depth: 9, showHidden: true }),
    `${value}`,
    Deno?.inspect(value) ?? "",
    Bun?.inspect(value) ?? "",
  ];
}

test("Networking shows neither token nor key: not inspected, not as JSON, not in the debug text", () => {
  const played = new PlayedNetworking({ debug: true });
  const { networking, network, data } = (played.reach(Ready), played);
  const texts: string[] = [];
  networking.on("debug", (text) => texts.push(text));
  networking.on("error", (error) => texts.push(...printed(error)));
  const { state } = networking;
  assert(state.code === Ready);
  const { connectionOptions } = state;
  for (const value of [networking, state, data, connectionOptions, [data.secretKey]]) {
    texts.push(...printed(value));
  }
  const json = [data, connectionOptions, data.secretKey].map((value) => JSON.stringify(value));
  assertEquals(JSON.parse(json[0]).secretKey, "[redacted]");
  assertEquals(JSON.parse(json[1]).token, "[redacted]");
  network.ws.handlers.close(4004, `the token ${TOKEN} is wrong`);
  assert(texts.length > 30);
  for (const text of [...texts, ...json]) {
    assert(!text.includes(TOKEN), text);
    assert(!/20[1-9]\D+20[2-9]/.test(text), text);
  }
});

test("Networking.prepareAudioPacket() keeps what dispatchAudio() sends, once", () => {
  const played = new PlayedNetworking();
  const { networking, network } = played;
  assertEquals(networking.prepareAudioPacket(OPUS), undefined);
  assertEquals(networking.prepareAudioPacket(Buffer.alloc(0)), undefined);
  assertEquals(networking.dispatchAudio(), false);
  played.reach(Ready);
  const { state } = networking;
  assert(state.code === Ready);
  assertEquals(networking.dispatchAudio(), false);
  const before = network.udp.sent.length;
  const first = networking.prepareAudioPacket(OPUS);
  const second = networking.prepareAudioPacket(OPUS);
  assert(Buffer.isBuffer(first) && Buffer.isBuffer(second));
  assertEquals(first.length, 12 + OPUS.length + 20);
  assertStrictEquals(state.preparedPacket, second);
  assertEquals(networking.dispatchAudio(), true);
  assertEquals(state.preparedPacket, undefined);
  assertEquals(networking.dispatchAudio(), false);
  assertEquals(network.udp.sent.slice(before).map((sent) => [...sent]), [[...second]]);
  assertThrows(() => networking.prepareAudioPacket(Buffer.alloc(0)), SyntaxError);
  networking.destroy();
  assertEquals(networking.prepareAudioPacket(OPUS), undefined);
  assertEquals(networking.dispatchAudio(), false);
});

test("Networking.dispatchAudio() sends what a subclass prepares, and nothing where it does not", () => {
  class Custom extends Networking {
    result: Buffer | undefined;
    override prepareAudioPacket(opusPacket: Buffer): Buffer | undefined {
      super.prepareAudioPacket(opusPacket);
      return this.result;
    }
  }
  const played = new PlayedNetworking({}, Custom);
  const { networking, network } = played;
  played.reach(Ready);
  networking.result = Buffer.from([0x80, 1, 2]);
  assertStrictEquals(networking.prepareAudioPacket(OPUS), networking.result);
  assert(networking.dispatchAudio());
  assertEquals([...network.udp.sent.at(-1)!], [0x80, 1, 2]);
  networking.result = undefined;
  networking.prepareAudioPacket(OPUS);
  assertEquals(networking.dispatchAudio(), false);
  assert(!Object.keys(networking).includes("prepareAudioPacket"));
  networking.destroy();
});

test("Networking.setSpeaking() says it once, and not before it is ready", () => {
  const played = new PlayedNetworking();
  played.networking.setSpeaking(true);
  played.reach(Ready);
  const speaking = () => played.sent.filter(({ op }) => op === 5).map(({ d }) => d);
  assertEquals(speaking(), []);
  for (const value of [true, true, false, false, false]) played.networking.setSpeaking(value);
  assertEquals(speaking(), [
    { speaking: 1, delay: 0, ssrc: 7 },
    { speaking: 0, delay: 0, ssrc: 7 },
  ]);
  assertEquals(played.data.speaking, false);
  played.networking.destroy();
  played.networking.setSpeaking(true);
  assertEquals(speaking().length, 2);
});

test(
  "Networking resumes on a new WebSocket with SSRC, key, counters and the prepared packet",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const { networking, state } = await connect(server.url);
    const states: NetworkingState[] = [];
    networking.on("stateChange", (_old, state) => states.push(state));
    networking.setSpeaking(true);
    const prepared = networking.prepareAudioPacket(OPUS);
    const { ssrc, nonce, secretKey, sequence } = state.connectionData;
    await until(() => state.ws.sequence >= 0);
    server.closeClient({ userId: ALICE }, 4015);
    const again = await (async () => {
      await next(networking, "stateChange");
      assertEquals(networking.state.code, Resuming);
      assertEquals([networking.prepareAudioPacket(OPUS), networking.dispatchAudio()], [
        undefined,
        false,
      ]);
      return await ready(networking);
    })();
    assertEquals(states.map(({ code }) => code), [Resuming, Resuming, Ready]);
    assertNotStrictEquals(again.ws, state.ws);
    assertStrictEquals(again.udp, state.udp);
    assertStrictEquals(again.connectionData, state.connectionData);
    assertEquals(again.connectionData.ssrc, ssrc);
    assertEquals([...again.connectionData.secretKey], [...secretKey]);
    assertEquals([again.connectionData.nonce, again.connectionData.sequence], [nonce, sequence]);
    assertStrictEquals(again.preparedPacket, prepared);
    assert(again.ws.sequence >= state.ws.sequence);
    assert(networking.dispatchAudio());
    await until(() => server.stats().accepted === 1);
    networking.destroy();
  }),
);

test("Networking takes Ready in answer to Resume for a new session", async () => {
  const played = new PlayedNetworking();
  played.reach(Ready);
  const before = played.networking.state;
  played.networking.prepareAudioPacket(OPUS);
  played.network.ws.handlers.close(4015, "");
  assertEquals(played.codes.at(-1), Resuming);
  await until(() => played.network.websockets.length === 2);
  played.network.ws.handlers.open();
  assertEquals(played.sent[0].op, VoiceOpcodes.Resume);
  assertEquals(played.sent[0].d.seq_ack, 0);
  played.states.length = 0;
  played.offer(8);
  assert(played.network.udps[0].closed);
  played.advance(8);
  played.advance(8);
  assertEquals(played.codes, [UdpHandshaking, SelectingProtocol, Ready]);
  const { state } = played.networking;
  assert(state.code === Ready && before.code === Ready);
  assertEquals(state.preparedPacket, undefined);
  assertEquals([state.connectionData.ssrc, before.connectionData.ssrc], [8, 7]);
  assertEquals(state.connectionData.packetsPlayed, 0);
  played.networking.destroy();
});

test("Networking drops the prepared packet where a new key comes", () => {
  const played = new PlayedNetworking();
  played.reach(Ready);
  played.networking.prepareAudioPacket(OPUS);
  const other = KEY.map((byte) => byte - 100);
  played.say(4, { mode: "aead_xchacha20_poly1305_rtpsize", secret_key: other });
  const data = played.data;
  assertEquals([...data.secretKey], other);
  assertEquals(data.encryptionMode, "aead_xchacha20_poly1305_rtpsize");
  assertEquals(data.nonceBuffer.length, 24);
  assertEquals(data.nonce, 1);
  assertEquals(played.networking.dispatchAudio(), false);
  // What is no session description changes nothing.
  played.say(4, { mode: "aead_aes256_gcm_rtpsize", secret_key: KEY.slice(1) });
  assertEquals([...data.secretKey], other);
  played.networking.destroy();
});

for (const code of [4014, 4022]) {
  test(
    `Networking ends at once with ${code}, which is for the main gateway`,
    within(LIMIT, async () => {
      await using server = await startVoiceServer();
      const watched = new Watched();
      const { networking } = await connect(server.url, ALICE, {
        transport: await watched.transport(),
      });
      const counts = count(networking, ["error", "stateChange", "close"]);
      server.closeClient({ userId: ALICE }, code);
      assertEquals(await next(networking, "close"), [code]);
      assertEquals(networking.state, { code: Closed });
      assertEquals(counts, { stateChange: 1, close: 1 });
      assertEquals(watched.open, 0);
      networking.destroy();
      assertEquals(counts, { stateChange: 1, close: 1 });
    }),
  );
}

test(
  "Networking tells error, then close, where the server refuses it",
  within(LIMIT, async () => {
    const events: ServerEvent[] = [];
    await using server = await startVoiceServer({ token: TOKEN, onEvent: (e) => events.push(e) });
    const networking = new Networking({ ...optionsFor(server.url), token: "wrong" });
    const order: string[] = [];
    const error = next<[Error]>(networking, "error");
    networking.on("error", () => order.push("error"));
    networking.on("close", () => order.push("close"));
    assertEquals(await next(networking, "close"), [4004]);
    assertEquals(order, ["error", "close"]);
    const [reason] = await error;
    assertInstanceOf(reason, VoiceConnectError);
    assertEquals([reason.code, reason.closeCode], ["closed", 4004]);
    assert(!inspect(reason).includes('wrong"'));
    assertEquals(networking.state.code, Closed);
    // The same, with nobody who listens.
    const unheard = new Networking({ ...optionsFor(server.url), token: "wrong" });
    await until(() => unheard.state.code === Closed);
  }),
);

test(
  "Networking ends with 1006 where a server never answers, within its deadlines",
  within(LIMIT, async () => {
    await withoutJitter(async () => {
      const timeouts = { connecting: 20, identifying: 20 };
      const played = new PlayedNetworking({ timeouts });
      const errors: Error[] = [];
      played.networking.on("error", (error) => errors.push(error));
      const closed = next(played.networking, "close");
      played.networking.on("stateChange", () => played.network.ws.handlers.open());
      played.network.ws.handlers.open();
      assertEquals(await closed, [1006]);
      assertEquals((errors.at(-1) as VoiceConnectError).code, "timeout");
      assert(played.network.websockets.length >= 3);
      assert(played.network.websockets.every(({ closedWith }) => closedWith !== undefined));
    });
  }),
);

test(
  "Networking ends with an error where UDP breaks",
  within(LIMIT, async () => {
    const played = new PlayedNetworking();
    played.reach(UdpHandshaking);
    const errors: string[] = [];
    played.networking.on("error", (error) => errors.push(error.message));
    const closed = next(played.networking, "close");
    played.network.udp.handlers.error(new Error("one datagram"));
    played.network.udp.handlers.close(new Error("no route"));
    assertEquals(await closed, [1006]);
    assertEquals(errors[0], "one datagram");
    assertStringIncludes(errors.join("\n"), "Cannot stay connected while discovering: no route");
    assertEquals(played.network.ws.closedWith, 1000);
  }),
);

test("Networking leaves what is malformed aside, in every state", () => {
  const played = new PlayedNetworking();
  const { networking, network } = played;
  const errors: Error[] = [];
  networking.on("error", (error) => errors.push(error));
  const noise = ["", "{", "null", '{"op":2,"d":null}', '{"op":4,"d":{"secret_key":7}}'];
  for (const code of [Identifying, UdpHandshaking, SelectingProtocol, Ready] as const) {
    played.reach(code);
    for (const text of noise) network.ws.handlers.message(text);
    network.ws.handlers.message(new Uint8Array(1));
    network.ws.handlers.message(Uint8Array.of(0, 1, 29, 5));
    for (const { handlers } of network.udps) {
      for (let size = 0; size < 100; size++) handlers.message(new Uint8Array(size).fill(0x80));
    }
    assertEquals(networking.state.code, code);
  }
  assertEquals(errors.length, 4 * 4);
  networking.destroy();
});

for (const code of [OpeningWs, Identifying, UdpHandshaking, SelectingProtocol, Ready] as const) {
  test(`Networking.destroy() in state ${code} frees everything, and is quiet afterwards`, () => {
    const played = new PlayedNetworking();
    played.reach(code);
    assertEquals(played.networking.state.code, code);
    const counts = count(played.networking, ["error", "close", "debug"]);
    const { ws } = played.network;
    played.networking.destroy();
    played.networking.destroy();
    assertEquals(ws.closedWith, 1000);
    assert(played.network.udps.every(({ closed }) => closed));
    assertEquals(played.networking.state, { code: Closed });
    ws.handlers.open();
    ws.handlers.message('{"op":2,"d":{}}');
    ws.handlers.close(4014, "late");
    for (const { handlers } of played.network.udps) {
      handlers.open();
      handlers.message(new Uint8Array(74));
      handlers.close(new Error("late"));
    }
    assertEquals(played.network.websockets.length, 1);
    assertEquals(counts, {});
    assertEquals(played.codes.filter((code) => code === Closed).length, 1);
  });

  test(`Networking.destroy() inside the stateChange to ${code} leaves no socket open`, async () => {
    const played = new PlayedNetworking();
    const { networking, network } = played;
    if (code === OpeningWs) networking.destroy();
    networking.on("stateChange", (_old, state) => state.code === code && networking.destroy());
    try {
      played.reach(Ready);
    } catch (error) {
      // There is no socket left to play with.
      assertInstanceOf(error, TypeError);
    }
    await Promise.resolve();
    assertEquals(networking.state, { code: Closed });
    assertEquals(network.websockets.map(({ closedWith }) => closedWith), [1000]);
    assert(network.udps.every(({ closed }) => closed));
  });
}

test("Networking.destroy() on the new WebSocket of a resume closes that one too", async () => {
  const played = new PlayedNetworking();
  const { networking, network } = played;
  played.reach(Ready);
  networking.on("stateChange", (old, state) => {
    if (old.code === Resuming && state.code === Resuming) networking.destroy();
  });
  network.ws.handlers.close(4015, "");
  await until(() => networking.state.code === Closed);
  assertEquals(network.websockets.map(({ closedWith }) => closedWith), [undefined, 1000]);
  assert(network.udp.closed);
});

test("Networking goes on where a listener throws", () => {
  const played = new PlayedNetworking();
  const thrown = caughtLater(() => {
    played.networking.on("stateChange", () => {
      throw new Error("of the listener");
    });
    played.reach(Ready);
    played.networking.destroy();
  });
  assertEquals(played.codes, [
    OpeningWs,
    Identifying,
    UdpHandshaking,
    SelectingProtocol,
    Ready,
    Closed,
  ]);
  assertEquals(thrown.map((error) => (error as Error).message), Array(5).fill("of the listener"));
});

test("Networking throws where the endpoint is malformed, and does not show the token", () => {
  for (const endpoint of ["", "http://host", "ws://voice.example", "host/path"]) {
    const { transport } = new Played();
    const error = assertThrows(
      () => new Networking(optionsFor(endpoint), { transport }),
      RangeError,
    );
    assert(!error.message.includes(TOKEN));
  }
});

test(
  "Networking debugs only where it was asked for",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    for (const debug of [false, true]) {
      const networking = new Networking(optionsFor(server.url), { debug });
      const lines: string[] = [];
      networking.on("debug", (line) => lines.push(line));
      await ready(networking);
      networking.destroy();
      assertEquals(lines.includes("[NW] OpeningWs -> Identifying"), debug);
      assertEquals(lines.some((line) => line.startsWith("[WS] << Ready")), debug);
      assertEquals(lines.some((line) => line.startsWith("[UDP] open")), debug);
      assertEquals(lines.length > 0, debug);
    }
  }),
);

test(
  "Networking measures the pings of both sockets",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ heartbeatInterval: 30 });
    const { networking, state } = await connect(server.url);
    await until(() => state.ws.ping !== undefined && state.udp.ping !== undefined);
    assert(state.ws.ping! >= 0 && state.ws.ping! < LIMIT);
    assert(state.udp.ping! >= 0 && state.udp.ping! < LIMIT);
    networking.destroy();
  }),
);

test(
  "Networking leaves the user the sockets of its states: packets, messages, own sends",
  within(LIMIT, async () => {
    await using server = await startScriptedServer();
    const { networking, state } = await connect(server.endpoint);
    const message = next<[Buffer]>(state.udp, "message");
    server.transmit(Uint8Array.of(0x80, 0x78, 1, 2));
    assertEquals([...(await message)[0]], [0x80, 0x78, 1, 2]);
    const packet = next<[VoiceReceivePayload]>(state.ws, "packet", ({ op }) => op === 18);
    server.tell(18, { user_id: BOB, flags: 1 });
    assertEquals((await packet)[0].d, { user_id: BOB, flags: 1 });
    state.udp.send(Buffer.from([0x80, 1, 2, 3]));
    await until(() => server.packetCount === 1);
    // To close a socket by hand is to end the connection.
    const closed = next(networking, "close");
    state.ws.destroy();
    assertEquals(await closed, [1000]);
    assertEquals(networking.state.code, Closed);
  }),
);

test(
  "Networking without daveEncryption offers no DAVE, and its states have none",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const { networking, state } = await connect(server.url, ALICE, { daveEncryption: false });
    assertEquals("dave" in state, false);
    assert(networking.prepareAudioPacket(Buffer.from(opusPackets(1)[0])) !== undefined);
    assert(networking.dispatchAudio());
    networking.destroy();
    const broken = { decryptionFailureTolerance: -1 };
    await assertRejects(() => connect(server.url, ALICE, broken), RangeError, "tolerate");
  }),
);

test(
  "two Networking objects hear each other bit-exactly, with what connectionData says",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const [alice, bob] = await Promise.all([
      connect(server.url, ALICE),
      connect(server.url, BOB),
    ]);
    const heard: Uint8Array[] = [];
    const { secretKey, encryptionMode } = bob.state.connectionData;
    const cipher = new PacketCipher(encryptionMode as EncryptionMode, secretKey, nativeAead);
    bob.state.udp.on("message", (message) => {
      const header = new RtpHeader();
      if (parseRtpHeader(message, header) !== undefined || header.payloadType !== 120) return;
      const into = new Uint8Array(message.length);
      const size = cipher.openRtp(message, header, into);
      assertEquals(header.ssrc, alice.state.connectionData.ssrc);
      const opus = bob.state.dave!.decrypt(into.subarray(0, size), ALICE);
      heard.push(Uint8Array.from(opus!));
    });
    const [ofAlice, ofBob] = [alice.state.dave!, bob.state.dave!];
    await until(() => ofAlice.ready && ofBob.voicePrivacyCode !== null);
    const packets = opusPackets(60);
    for (const packet of packets) {
      assert(alice.networking.prepareAudioPacket(Buffer.from(packet)) !== undefined);
      assert(alice.networking.dispatchAudio());
      await until(() => heard.length + 1 > packets.indexOf(packet));
    }
    await until(() => heard.length === packets.length);
    assertEquals(heard, packets);
    assertEquals(alice.state.connectionData.packetsPlayed, packets.length);
    assertEquals(ofAlice.voicePrivacyCode, ofBob.voicePrivacyCode);
    assertEquals([ofAlice.userId, ofAlice.channelId], [ALICE, CHANNEL]);
    assertEquals([ofAlice.protocolVersion, ofAlice.reinitializing], [1, false]);
    assertEquals(ofAlice.lastTransitionId, ofBob.lastTransitionId);
    assertEquals(
      await ofAlice.getVerificationCode(BOB),
      await ofBob.getVerificationCode(ALICE),
    );
    await assertRejects(() => ofAlice.getVerificationCode(ALICE), LocalProtocolError);
    const sealed = ofBob.encrypt(packets[0])!;
    assertEquals(ofAlice.decrypt(Uint8Array.of(1, 2, 3), BOB), null);
    assertEquals(Uint8Array.from(ofAlice.decrypt(sealed, BOB)!), packets[0]);
    assertEquals(ofAlice.decrypt(sealed, BOB), null);
    assertEquals([...bob.state.connectionData.connectedClients], [ALICE]);
    alice.networking.destroy();
    await until(() => bob.state.connectionData.connectedClients.size === 0);
    assertEquals(bob.networking.state.code, Ready);
    bob.networking.destroy();
  }),
);
