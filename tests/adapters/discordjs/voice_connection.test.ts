// Every member and every event of a connection, against the embedded server on real sockets.

import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertMatch,
  assertNotMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Buffer } from "node:buffer";
import test from "node:test";
import { inspect } from "node:util";
import { createAudioPlayer } from "../../../adapters/discordjs/audio_player.ts";
import {
  VoiceConnectionDisconnectReason,
  VoiceConnectionStatus,
} from "../../../adapters/discordjs/connection_status.ts";
import { createAudioResource } from "../../../adapters/discordjs/create_audio_resource.ts";
import { entersState } from "../../../adapters/discordjs/enters_state.ts";
import { joinVoiceChannel } from "../../../adapters/discordjs/join_voice_channel.ts";
import type {
  CreateVoiceConnectionOptions,
  VoiceConnection,
} from "../../../adapters/discordjs/voice_connection.ts";
import type { DiscordGatewayAdapterLibraryMethods } from "../../../adapters/gateway_adapter.ts";
import { NetworkingStatusCode } from "../../../adapters/networking/status_code.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../../adapters/testing/mod.ts";
import { VoiceConnectError } from "../../../lib/errors.ts";
import type { VoiceStatePayload } from "../../../lib/gateway.ts";
import { until, within } from "../../tools/waiting.ts";
import { inFakeTime } from "../fake_sockets.ts";
import {
  ALICE,
  BOB,
  CHANNEL,
  GUILD,
  OTHER_CHANNEL,
  packets,
  settle,
  streamOf,
} from "./fixtures.ts";

const LIMIT = 20_000;
const WAIT = 10_000;
const { Ready, Disconnected, Destroyed } = VoiceConnectionStatus;
const Reason = VoiceConnectionDisconnectReason;

/** A connection whose events are written down. */
interface Watched {
  readonly connection: VoiceConnection;
  /** Each status that was entered. */
  readonly states: string[];
  readonly errors: Error[];
  readonly debug: string[];
}

let joinCount = 0;

function join(
  server: RunningVoiceServer,
  userId: string,
  options: Partial<CreateVoiceConnectionOptions> = {},
): Watched {
  const connection = joinVoiceChannel({
    guildId: GUILD,
    channelId: CHANNEL,
    group: `${++joinCount}`,
    selfDeaf: false,
    adapterCreator: server.adapterCreator(userId),
    ...options,
  });
  return watch(connection);
}

function watch(connection: VoiceConnection): Watched {
  const watched: Watched = { connection, states: [], errors: [], debug: [] };
  for (const status of Object.values(VoiceConnectionStatus)) {
    connection.on(status, (from, to) => {
      assertEquals(to.status, status);
      watched.states.push(`${from.status}>${to.status}`);
    });
  }
  connection.on("error", (error) => watched.errors.push(error));
  connection.on("debug", (message) => watched.debug.push(message));
  return watched;
}

test(
  "VoiceConnection joins, is looked at, and is destroyed",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ heartbeatInterval: 400, dave: "required" });
    const tokens: string[] = [];
    const creator = server.adapterCreator(ALICE);
    const { connection, states, debug } = join(server, ALICE, {
      debug: true,
      adapterCreator: (methods) =>
        creator({
          ...methods,
          onVoiceServerUpdate: (data) => {
            tokens.push(data.token);
            methods.onVoiceServerUpdate(data);
          },
        }),
    });
    const codes: number[] = [];
    connection.once("connecting", (_, state) => {
      assert(state.status === "connecting");
      codes.push(state.networking.state.code);
      state.networking.on("stateChange", (_, { code }) => codes.push(code));
    });
    assertEquals([connection.state.status, connection.rejoinAttempts], ["signalling", 0]);
    assertEquals(connection.ping, { ws: undefined, udp: undefined });
    assertEquals(connection.playOpusPacket(packets(1)[0]), undefined);
    assertEquals([connection.setSpeaking(true), connection.disconnect()], [false, false]);
    await assertRejects(() => connection.getVerificationCode(BOB), Error, "not end-to-end");
    assertStrictEquals(await entersState(connection, Ready, WAIT), connection);
    assertEquals(states, ["signalling>connecting", "connecting>ready"]);
    assertEquals(codes, Object.values(NetworkingStatusCode).slice(0, 5));
    await until(() => connection.ping.ws !== undefined && connection.ping.udp !== undefined);
    assertGreater(connection.ping.udp!, 0);

    const bob = join(server, BOB).connection;
    const transitions: number[] = [];
    connection.on("transitioned", (id) => transitions.push(id));
    await entersState(bob, Ready, WAIT);
    await until(() => connection.voicePrivacyCode === bob.voicePrivacyCode);
    assertMatch(connection.voicePrivacyCode!, /^\d{30}$/);
    assertGreater(transitions.length, 0);
    assertEquals(await connection.getVerificationCode(BOB), await bob.getVerificationCode(ALICE));
    await assertRejects(() => connection.getVerificationCode("7"));

    const { joinConfig, state } = connection;
    assert(state.status === "ready");
    const { connectionData, ws, udp, dave } = state.networking.state;
    await until(() => connectionData.connectedClients.has(BOB));
    assertEquals(connectionData.encryptionMode, "aead_xchacha20_poly1305_rtpsize");
    assertEquals([dave?.protocolVersion, ws.ping, udp.ping], [
      1,
      connection.ping.ws,
      connection.ping.udp,
    ]);
    assertGreater(ws.sequence, -1);
    assertEquals(joinConfig, {
      guildId: GUILD,
      channelId: CHANNEL,
      group: joinConfig.group,
      selfDeaf: false,
      selfMute: false,
    });
    assert(debug.some((line) => line.includes("Identify")));
    const shown = [inspect(connection, { depth: 9, showHidden: true }), ...debug].join("\n");
    assertEquals([tokens.length, tokens.filter((token) => shown.includes(token))], [1, []]);
    assertNotMatch(shown, /secret_key/);

    bob.destroy();
    connection.destroy();
    assertEquals(states.at(-1), "ready>destroyed");
    assertThrows(() => connection.destroy(), Error, "it was destroyed before");
    assertEquals([connection.rejoin(), connection.disconnect()], [false, false]);
    assertEquals(connection.subscribe(createAudioPlayer()), undefined);
    await until(() => server.stats().websockets === 0);
  }),
);

test(
  "VoiceConnection sends what is prepared, with timestamps that are true over a pause",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    const { connection } = join(server, ALICE);
    const bob = join(server, BOB).connection;
    await Promise.all([connection, bob].map((each) => entersState(each, Ready, WAIT)));
    const heard: string[] = [];
    bob.receiver.subscribe(ALICE).on(
      "data",
      (packet: Buffer) => heard.push(packet.toString("hex")),
    );
    const told: string[] = [];
    bob.receiver.ssrcMap.on("create", ({ userId }) => told.push(`create ${userId}`));
    bob.receiver.ssrcMap.on("delete", ({ userId }) => told.push(`delete ${userId}`));
    bob.receiver.speaking.on("start", (userId) => told.push(`start ${userId}`));
    bob.receiver.speaking.on("end", (userId) => told.push(`end ${userId}`));

    const [first, second, third] = packets(3);
    assert(connection.state.status === Ready);
    const { connectionData } = connection.state.networking.state;
    assertEquals(connection.dispatchAudio(), false, "nothing is prepared");
    assertThrows(() => connection.prepareAudioPacket(new Uint8Array()), SyntaxError);
    const before = connectionData.timestamp;
    const prepared = connection.prepareAudioPacket(first);
    assert(Buffer.isBuffer(prepared));
    assertEquals(connectionData.packetsPlayed, 0);
    assertEquals(connection.dispatchAudio(), true);
    assertEquals(connection.dispatchAudio(), false, "it is spent");
    assertEquals(connection.playOpusPacket(second), true);
    assertEquals([connectionData.packetsPlayed, connectionData.speaking], [2, true]);
    assertEquals((connectionData.timestamp - before) >>> 0, 2 * 960);
    await new Promise((resolve) => setTimeout(resolve, 250));
    assertEquals(connection.playOpusPacket(third), true);
    const passed = (connectionData.timestamp - before) >>> 0;
    assert(passed >= 250 * 48 && passed < 2000 * 48, `${passed} samples after 250 ms`);
    connection.setSpeaking(false);
    assertEquals(connectionData.speaking, false);
    await until(() => heard.length === 3);
    assertEquals(heard, packets(3).map((packet) => packet.toString("hex")));
    await until(() => told.includes(`end ${ALICE}`));
    connection.destroy();
    await until(() => told.includes(`delete ${ALICE}`));
    assertEquals(told.filter((line) => line.startsWith("create")), [`create ${ALICE}`]);
    assertEquals(told.find((line) => line.startsWith("start")), `start ${ALICE}`);
    const [stream] = bob.receiver.subscriptions.values();
    bob.destroy();
    assert(stream.destroyed);
  }),
);

test(
  "VoiceConnection is ready once others can decrypt: of what a player plays nothing is lost",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "required" });
    const bob = join(server, BOB).connection;
    await entersState(bob, Ready, WAIT);
    const heard: string[] = [];
    bob.receiver.subscribe(ALICE).on(
      "data",
      (packet: Buffer) => heard.push(packet.toString("hex")),
    );
    const { connection } = join(server, ALICE);
    const player = createAudioPlayer();
    connection.subscribe(player);
    player.play(createAudioResource(streamOf(packets(5)), { inputType: "opus" }));
    await until(() => heard.length === 10);
    assertEquals(heard.slice(0, 5), packets(5).map((packet) => packet.toString("hex")));
    connection.destroy();
    bob.destroy();
  }),
);

test(
  "VoiceConnection recovers by itself: resumes, rejoins, moves, changes servers",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    const { connection, states, errors } = join(server, ALICE);
    await entersState(connection, Ready, WAIT);
    const next = async (cause: () => void): Promise<string[]> => {
      states.length = 0;
      cause();
      await until(() => states.length > 0 && connection.state.status === Ready);
      return [...states];
    };
    const again = ["ready>connecting", "connecting>ready"];
    assertEquals(await next(() => server.closeClient({ userId: ALICE }, 4015)), again);
    assertEquals(await next(() => server.closeClient({ userId: ALICE }, 4006)), [
      "ready>signalling",
      "signalling>connecting",
      "connecting>ready",
    ]);
    assertEquals(connection.rejoinAttempts, 0, "it was successful");
    const moved = await next(() => server.moveUser(GUILD, ALICE, OTHER_CHANNEL));
    assertEquals(moved.at(-1), "connecting>ready");
    assertEquals(connection.joinConfig.channelId, OTHER_CHANNEL);
    const reasons: unknown[] = [];
    connection.on(Disconnected, (_, state) => {
      if (state.status === Disconnected) reasons.push(state.reason);
    });
    assertEquals(await next(() => server.reallocate(GUILD)), [
      "ready>disconnected",
      "disconnected>connecting",
      "connecting>ready",
    ]);
    assertEquals([reasons, errors], [[Reason.EndpointRemoved], []]);
    connection.destroy();
  }),
);

test(
  "VoiceConnection.rejoin() moves and mutes while Ready, and comes back after disconnect()",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    const { connection, states } = join(server, ALICE);
    await entersState(connection, Ready, WAIT);
    const player = createAudioPlayer();
    const subscription = connection.subscribe(player)!;
    assertStrictEquals(subscription.connection, connection);
    assert(connection.rejoin({ selfMute: true, channelId: CHANNEL, selfDeaf: true }));
    assertEquals(connection.state.status, Ready);
    assert(connection.rejoin({ channelId: OTHER_CHANNEL }));
    await until(() => connection.joinConfig.channelId === OTHER_CHANNEL);
    await entersState(connection, Ready, WAIT);
    assertEquals([connection.joinConfig.selfMute, connection.joinConfig.selfDeaf], [true, true]);

    states.length = 0;
    assert(connection.disconnect());
    const { state } = connection;
    assert(state.status === Disconnected);
    assertEquals([state.reason, state.subscription], [Reason.Manual, undefined]);
    assertEquals([player.playable, connection.joinConfig.channelId], [[], null]);
    assert(connection.rejoin({ channelId: CHANNEL }));
    assertEquals(connection.rejoinAttempts, 1);
    await entersState(connection, Ready, WAIT);
    assertEquals(states, [
      "ready>disconnected",
      "disconnected>signalling",
      "signalling>connecting",
      "connecting>ready",
    ]);
    connection.destroy();
  }),
);

test(
  "VoiceConnection ends as Disconnected where it is of no use to go on, and can be rejoined",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    const { connection, errors } = join(server, ALICE);
    await entersState(connection, Ready, WAIT);
    server.closeClient({ userId: ALICE }, 4016);
    await entersState(connection, Disconnected, WAIT).catch(() => {});
    assert(connection.state.status === Disconnected);
    assert(connection.state.reason === Reason.WebSocketClose);
    assertEquals(connection.state.closeCode, 4016);
    assertInstanceOf(errors[0], VoiceConnectError);
    assert(connection.rejoin());
    await entersState(connection, Ready, WAIT);
    server.disconnectUser(GUILD, ALICE);
    await entersState(connection, Disconnected, WAIT);
    assert(connection.state.reason === Reason.WebSocketClose);
    assertEquals([connection.state.closeCode, errors.length], [4014, 1]);
    assert(connection.rejoin());
    await entersState(connection, Ready, WAIT);
    connection.destroy();
  }),
);

test(
  "VoiceConnection knows itself where the adapter hears of everybody",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off", otherUsers: true });
    const bots = [ALICE, BOB].map((userId) => join(server, userId));
    await Promise.all(bots.map(({ connection }) => entersState(connection, Ready, WAIT)));
    server.closeClient({ userId: ALICE }, 4006);
    await until(() => bots[0].states.length > 4 && bots[0].connection.state.status === Ready);
    assertEquals(bots[1].states.length, 2);
    for (const { connection } of bots) connection.destroy();
  }),
);

test(
  "VoiceConnection is destroyed with its shard",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    const { connection } = join(server, ALICE);
    await entersState(connection, Ready, WAIT);
    server.closeShard(ALICE);
    await entersState(connection, Destroyed, WAIT);
    const next = join(server, ALICE).connection;
    assert(next !== connection);
    await entersState(next, Ready, WAIT);
    next.destroy();
  }),
);

/** A main gateway that never answers. */
class Gateway {
  readonly payloads: VoiceStatePayload["d"][] = [];
  methods!: DiscordGatewayAdapterLibraryMethods;
  answer: () => boolean = () => true;
  destroyed = 0;

  join(options: Partial<CreateVoiceConnectionOptions> = {}): Watched {
    return watch(joinVoiceChannel({
      guildId: GUILD,
      channelId: CHANNEL,
      adapterCreator: (methods) => {
        this.methods = methods;
        return {
          sendPayload: ({ d }) => {
            this.payloads.push(d);
            return this.answer();
          },
          destroy: () => void this.destroyed++,
        };
      },
      ...options,
    }));
  }
}

test("VoiceConnection sends op 4 at once, and is Disconnected where the adapter does not", () => {
  const gateway = new Gateway();
  const { connection } = gateway.join();
  assertEquals(gateway.payloads, [
    { guild_id: GUILD, channel_id: CHANNEL, self_deaf: true, self_mute: false },
  ]);
  gateway.answer = () => false;
  assertEquals(connection.rejoin(), false);
  assert(connection.state.status === Disconnected);
  assertEquals(connection.state.reason, Reason.AdapterUnavailable);
  gateway.answer = () => {
    throw new Error("the socket is gone");
  };
  assertEquals(connection.rejoin(), false);
  connection.destroy();
  assertEquals([gateway.payloads.at(-1)?.channel_id, gateway.destroyed], [null, 1]);
});

test(
  "VoiceConnection asks again where op 4 was lost, and gives up with a hint",
  inFakeTime((time) => {
    const gateway = new Gateway();
    const { connection, errors } = gateway.join();
    time.advance(14_999);
    assertEquals(gateway.payloads.map(({ channel_id }) => channel_id), [
      CHANNEL,
      ...[null, CHANNEL],
      ...[null, CHANNEL],
    ]);
    assertEquals(connection.state.status, "signalling");
    time.advance(1);
    assert(connection.state.status === Disconnected);
    assertEquals(connection.state.reason, Reason.AdapterUnavailable);
    assertMatch((errors[0] as VoiceConnectError).hint, /GuildVoiceStates/);
    connection.destroy();
    assertEquals(time.armed, []);
  }),
);

test(
  "VoiceConnection is asked to rejoin five times a minute at most",
  inFakeTime((time) => {
    const gateway = new Gateway();
    const { connection } = gateway.join();
    const tries = Array.from({ length: 7 }, () => connection.rejoin());
    assertEquals(tries, [true, true, true, true, true, false, false]);
    assertEquals([connection.rejoinAttempts, gateway.payloads.length], [7, 6]);
    assertEquals(connection.state.status, Disconnected);
    time.advance(60_000);
    assert(connection.rejoin());
    connection.destroy();
    assertEquals(time.armed, []);
  }),
);

test("VoiceConnection survives what a main gateway may say at any time", async () => {
  const gateway = new Gateway();
  const { connection, debug } = gateway.join({ debug: true });
  const { methods } = gateway;
  for (const broken of [undefined, null, {}, { user_id: 1 }] as never[]) {
    methods.onVoiceStateUpdate(broken);
    methods.onVoiceServerUpdate(broken);
  }
  assertEquals(debug.length, 8);
  methods.onVoiceServerUpdate({ guild_id: "1", token: "t", endpoint: "voice.example" });
  methods.onVoiceServerUpdate({ guild_id: GUILD, token: "t", endpoint: null });
  assert(connection.state.status === Disconnected);
  assertEquals(connection.state.reason, Reason.EndpointRemoved);
  connection.configureNetworking();
  assertEquals(connection.state.status, Disconnected, "there is nothing to connect to");
  methods.destroy();
  methods.destroy();
  assertEquals([connection.state.status, gateway.destroyed], [Destroyed, 1]);
  assertEquals(gateway.payloads.length, 1, "the main gateway is gone");
  methods.onVoiceServerUpdate({ guild_id: GUILD, token: "t", endpoint: "voice.example" });
  methods.onVoiceStateUpdate({
    guild_id: GUILD,
    channel_id: CHANNEL,
    user_id: ALICE,
    session_id: "s",
  });
  await settle();
  assertEquals<unknown>(connection.state, { status: Destroyed });
});

test("VoiceConnection that an adapter destroys while it is made", () => {
  let destroyed = 0;
  const connection = joinVoiceChannel({
    guildId: GUILD,
    channelId: CHANNEL,
    adapterCreator: (methods) => {
      methods.destroy();
      return { sendPayload: () => true, destroy: () => void destroyed++ };
    },
  });
  assertEquals([connection.state.status, destroyed], [Destroyed, 1]);
});
