import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import test from "node:test";
import { inspect } from "node:util";
import { type JoinVoiceOptions, VoiceConnection } from "../../adapters/connection.ts";
import { detectTransport } from "../../adapters/detect.ts";
import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterLibraryMethods,
  VoiceStatePayload,
} from "../../adapters/gateway_adapter.ts";
import { SILENCE_COUNT } from "../../adapters/player/player.ts";
import type { Speaker } from "../../adapters/receive/speakers.ts";
import type { Transport } from "../../adapters/transport.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../adapters/testing/mod.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import type { SessionEvent } from "../../lib/io.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import type { ServerEvent } from "../../lib/testing/server_events.ts";
import { startScriptedServer } from "../tools/scripted_server.ts";
import { startTcpProxy } from "../tools/tcp_proxy.ts";
import { until, within } from "../tools/waiting.ts";

const LIMIT = 20_000;
const [GUILD, CHANNEL] = ["41771983423143937", "127121515262115840"];
const [ALICE, BOB, CAROL] = ["100000000000000001", "100000000000000002", "100000000000000003"];
const TOKEN = "voice-token-of-the-test";
const ME = { guildId: GUILD, channelId: CHANNEL, userId: ALICE };
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);

/** The runtime's transport, with a count of what was opened and not closed. */
class Watched {
  opened = 0;
  open = 0;

  async transport(): Promise<Transport> {
    const real = await detectTransport();
    // A socket counts as closed once, by whoever closes it.
    const count = (): () => void => {
      this.opened++;
      this.open++;
      let closed = false;
      return () => {
        if (!closed) this.open--;
        closed = true;
      };
    };
    return {
      runtime: real.runtime,
      aead: real.aead,
      openWebSocket: (url, handlers) => {
        const done = count();
        const close = (code: number, reason: string) => (done(), handlers.close(code, reason));
        const socket = real.openWebSocket(url, { ...handlers, close });
        return { send: (data) => socket.send(data), close: (code) => (done(), socket.close(code)) };
      },
      openDatagram: (remote, handlers) => {
        const done = count();
        const close = (error: Error) => (done(), handlers.close(error));
        const socket = real.openDatagram(remote, { ...handlers, close });
        return {
          send: (datagram) => socket.send(datagram),
          get dropped() {
            return socket.dropped;
          },
          close: () => (done(), socket.close()),
        };
      },
    };
  }
}

async function join(options: JoinVoiceOptions, watched = new Watched()): Promise<VoiceConnection> {
  return await VoiceConnection.join(await watched.transport(), options);
}

/** Options that join as a user by the embedded server's gateway adapter. */
function as(userId: string, server: RunningVoiceServer): JoinVoiceOptions {
  return { ...ME, userId, adapterCreator: server.adapterCreator(userId) };
}

/** Options that join as a user with voice server data. */
function direct(userId: string, endpoint: string): JoinVoiceOptions {
  const server = { endpoint, sessionId: `session-of-${userId}`, token: TOKEN };
  return { ...ME, userId, server };
}

/** A gateway adapter that writes down how it is used. */
class Adapter {
  destroyed = 0;
  readonly payloads: VoiceStatePayload[] = [];
  methods!: DiscordGatewayAdapterLibraryMethods;
  readonly creator: DiscordGatewayAdapterCreator;

  /** Hands over to `inner`; without one nobody answers. */
  constructor(inner?: DiscordGatewayAdapterCreator) {
    this.creator = (methods) => {
      this.methods = methods;
      const adapter = inner?.(methods);
      return {
        sendPayload: (payload) => {
          this.payloads.push(payload);
          return adapter?.sendPayload(payload) ?? true;
        },
        destroy: () => {
          this.destroyed++;
          adapter?.destroy();
        },
      };
    };
  }

  /** Channel ids of the op 4 payloads. */
  get channels(): (string | null)[] {
    return this.payloads.map(({ d }) => d.channel_id);
  }
}

/** Packets that can be told apart. */
function packets(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => Uint8Array.of(0xf8, i >> 8, i & 0xff));
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield SILENCE;
}

/** All frames of the next speaker. */
async function hearNext(connection: VoiceConnection): Promise<ReceivedFrame[]> {
  const reader = connection.speakers().getReader();
  const { value } = await reader.read();
  const frames = await Array.fromAsync(value!);
  await reader.cancel();
  return frames;
}

// Joining

for (
  const [name, options] of [
    ["neither", ME],
    ["both", { ...direct(ALICE, "voice.example"), adapterCreator: new Adapter().creator }],
  ] as const
) {
  test(
    `VoiceConnection.join rejects ${name} of adapterCreator and server`,
    within(LIMIT, async () => {
      const watched = new Watched();
      const error = await assertRejects(() => join(options, watched), TypeError);
      assert(/adapterCreator.*server/.test(error.message), error.message);
      assertEquals(watched.opened, 0);
    }),
  );
}

for (
  const endpoint of [
    "",
    "two words",
    "voice.example:0",
    "voice.example:65536",
    "user@voice.example",
    "voice.example/path",
    "http://voice.example",
    "ws://voice.example",
    "ws://192.0.2.1:4000",
    "ws://127.0.0.1.voice.example",
    "ws://localhost.voice.example",
  ]
) {
  test(
    `VoiceConnection.join refuses the endpoint "${endpoint}" and leaks nothing`,
    within(LIMIT, async () => {
      const watched = new Watched();
      const signal = new AbortController().signal;
      let listeners = 0;
      const { addEventListener, removeEventListener } = signal;
      signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
        listeners++;
        addEventListener.apply(signal, args);
      };
      signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
        listeners--;
        removeEventListener.apply(signal, args);
      };
      const options = { ...direct(ALICE, endpoint), signal };
      const error = await assertRejects(() => join(options, watched), RangeError);
      assertEquals(error.message.includes(TOKEN), false);
      assertEquals([watched.opened, listeners], [0, 0]);
    }),
  );
}

test(
  "VoiceConnection.join with an aborted signal asks nobody for anything",
  within(LIMIT, async () => {
    const watched = new Watched();
    const adapter = new Adapter();
    const reason = new Error("too late");
    const signal = AbortSignal.abort(reason);
    const joining = () => join({ ...ME, adapterCreator: adapter.creator, signal }, watched);
    assertStrictEquals(await assertRejects(joining), reason);
    assertEquals([watched.opened, adapter.payloads, adapter.methods], [0, [], undefined as never]);
  }),
);

test(
  "VoiceConnection.join aborted rejects at once where the main gateway never answers",
  within(LIMIT, async () => {
    const adapter = new Adapter();
    const controller = new AbortController();
    const { signal } = controller;
    const joining = join({ ...ME, adapterCreator: adapter.creator, signal });
    const rejected = assertRejects(() => joining);
    await until(() => adapter.payloads.length === 1);
    const reason = new Error("changed my mind");
    const at = performance.now();
    controller.abort(reason);
    assertStrictEquals(await rejected, reason);
    assertLess(performance.now() - at, 1000);
    assertEquals([adapter.channels, adapter.destroyed], [[CHANNEL, null], 1]);
  }),
);

for (const name of ["accepts no WebSocket", "says no Hello", "answers no discovery"] as const) {
  test(
    `VoiceConnection.join aborted rejects at once where the voice server ${name}`,
    within(LIMIT, async () => {
      await using mute = await startTcpProxy();
      await using server = await startScriptedServer({ lostDiscoveries: Infinity });
      const endpoint = name === "accepts no WebSocket" ? mute.url : server.endpoint;
      const watched = new Watched();
      const controller = new AbortController();
      const events: SessionEvent[] = [];
      const joining = join({
        ...direct(ALICE, endpoint),
        signal: controller.signal,
        onEvent: (event) => events.push(event),
      }, watched);
      const rejected = assertRejects(() => joining);
      const reached = { "says no Hello": "identifying", "answers no discovery": "discovering" };
      if (name === "accepts no WebSocket") await until(() => mute.connectionCount === 1);
      else await until(() => events.some((it) => it.type === "state" && it.to === reached[name]));
      const reason = new Error("changed my mind");
      const at = performance.now();
      controller.abort(reason);
      assertStrictEquals(await rejected, reason);
      assertLess(performance.now() - at, 1000);
      assertEquals(watched.open, 0);
      assertEquals(events.at(-1), { type: "closed" });
    }),
  );
}

test(
  "VoiceConnection.join rejects where sendPayload throws, with that as the cause, and leaks nothing",
  within(LIMIT, async () => {
    const watched = new Watched();
    const reason = new Error("the shard is gone");
    let destroyed = 0;
    const adapterCreator: DiscordGatewayAdapterCreator = () => ({
      sendPayload: () => {
        throw reason;
      },
      destroy: () => void destroyed++,
    });
    const options = { ...ME, adapterCreator };
    const error = await assertRejects(() => join(options, watched), VoiceConnectError);
    assertEquals([error.code, error.phase], ["gateway-refused", "signalling"]);
    assertStringIncludes(error.message, "the gateway library fails to send op 4");
    assertStringIncludes(error.hint, "`sendPayload`");
    assertStrictEquals(error.cause, reason);
    assertEquals([watched.open, destroyed], [0, 1]);
  }),
);

test(
  "VoiceConnection.join rejects at its deadline where the gateway library refuses to send",
  within(LIMIT, async () => {
    const watched = new Watched();
    let [calls, destroyed] = [0, 0];
    const adapterCreator: DiscordGatewayAdapterCreator = () => ({
      sendPayload: () => ++calls < 0,
      destroy: () => void destroyed++,
    });
    const options = { ...ME, adapterCreator, timeouts: { signalling: 300 } };
    const error = await assertRejects(() => join(options, watched), VoiceConnectError);
    assertEquals([error.code, error.phase], ["gateway-refused", "signalling"]);
    assertStringIncludes(error.message, "the gateway library refuses to send op 4");
    // At once, twice again, and to leave.
    assertEquals([calls, watched.open, destroyed], [4, 0, 1]);
  }),
);

test(
  "VoiceConnection.play keeps the flags that were set before",
  within(LIMIT, async () => {
    const told: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => told.push(event) });
    await using connection = await join(as(ALICE, server));
    connection.setSpeaking(4);
    await connection.play(packets(1));
    await until(() => told.filter(({ type }) => type === "speaking").length === 3);
    const flags = told.flatMap((event) => event.type === "speaking" ? [event.flags] : []);
    assertEquals(flags, [4, 5, 4]);
  }),
);

test(
  "VoiceConnection.onEvent sees every state, in order",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const events: SessionEvent[] = [];
    const connection = await join({
      ...as(ALICE, server),
      onEvent: (event) => events.push(event),
    });
    connection.leave();
    const states = events.flatMap((event) => event.type === "state" ? [event] : []);
    assertEquals(states.map(({ to }) => to), [
      "signalling",
      "connecting",
      "identifying",
      "discovering",
      "selecting",
      "connected",
      "closed",
    ]);
    assertEquals(states.slice(1).map(({ from }) => from), states.slice(0, -1).map(({ to }) => to));
    assertEquals(events.at(-1), { type: "closed" });
  }),
);

test(
  "VoiceConnection tells who and where it is",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ modes: ["aead_xchacha20_poly1305_rtpsize"] });
    const ready = Promise.withResolvers<Extract<SessionEvent, { type: "ready" }>>();
    await using connection = await join({
      ...as(ALICE, server),
      onEvent: (event) => event.type === "ready" && ready.resolve(event),
    });
    const { ssrc, mode } = await ready.promise;
    assertEquals([connection.guildId, connection.state], [GUILD, "connected"]);
    assertEquals([connection.ssrc, connection.mode], [ssrc, mode]);
    assertEquals(mode, "aead_xchacha20_poly1305_rtpsize");
  }),
);

// Leaving

test(
  "VoiceConnection.leave twice, also from inside onEvent, does no harm",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const watched = new Watched();
    let inside = (): void => {};
    const connection = await join({ ...as(ALICE, server), onEvent: () => inside() }, watched);
    inside = () => connection.leave();
    connection.setSpeaking(1); // an event, and with it a first leave
    connection.leave();
    connection.leave();
    assertEquals([connection.state, watched.open], ["closed", 0]);
    assertEquals(await connection.closed, undefined);
  }),
);

test(
  "VoiceConnection.leave twice from one handler throws nothing at the network",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    let inside = (): void => {};
    const connection = await join({ ...as(ALICE, server), onEvent: () => inside() });
    inside = () => {
      inside = () => {};
      connection.leave();
      connection.leave();
    };
    connection.setSpeaking(1);
    assertEquals(connection.state, "closed");
    assertEquals(await connection.closed, undefined);
  }),
);

test(
  "VoiceConnection is left by await using, and the server hears of it",
  within(LIMIT, async () => {
    const events: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => events.push(event) });
    const watched = new Watched();
    const adapter = new Adapter(server.adapterCreator(ALICE));
    let kept: VoiceConnection;
    {
      await using connection = await join({ ...ME, adapterCreator: adapter.creator }, watched);
      kept = connection;
      assertEquals(watched.open, 2);
    }
    assertEquals([kept.state, watched.open], ["closed", 0]);
    assertEquals(adapter.channels, [CHANNEL, null]);
    await until(() => events.some(({ type }) => type === "leave"));
    assertEquals(server.stats().sessions, 0);
  }),
);

test(
  "VoiceConnection.leave frees everything where sendPayload throws",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const watched = new Watched();
    const inner = server.adapterCreator(ALICE);
    let broken = false;
    const adapterCreator: DiscordGatewayAdapterCreator = (methods) => {
      const adapter = inner(methods);
      return {
        destroy: () => adapter.destroy(),
        sendPayload: (payload) => {
          if (broken) throw new Error("the shard is gone");
          return adapter.sendPayload(payload);
        },
      };
    };
    const connection = await join({ ...ME, adapterCreator }, watched);
    broken = true;
    try {
      connection.leave();
    } catch {
      // Whether the caller hears of it is another matter.
    }
    const openAfter = watched.open;
    // Not to leave the sockets to the next test.
    if (openAfter > 0) connection.stats(), server.closeClient({ userId: ALICE }, 4017);
    assertEquals([connection.state, openAfter], ["closed", 0]);
  }),
);

test(
  "VoiceConnection leaves where its signal is aborted later",
  within(LIMIT, async () => {
    const events: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => events.push(event) });
    const watched = new Watched();
    const controller = new AbortController();
    const connection = await join({ ...as(ALICE, server), signal: controller.signal }, watched);
    const playing = assertRejects(() => connection.play(endless()), VoiceConnectError);
    controller.abort(new Error("enough"));
    assertEquals([connection.state, watched.open], ["closed", 0]);
    assertEquals(await connection.closed, undefined);
    assertEquals((await playing).code, "left");
    await until(() => events.some(({ type }) => type === "leave"));
  }),
);

test(
  "VoiceConnection.closed resolves with the error of a fatal close",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const watched = new Watched();
    const connection = await join(as(ALICE, server), watched);
    server.closeClient({ userId: ALICE }, 4017);
    const error = await connection.closed;
    assertInstanceOf(error, VoiceConnectError);
    assertEquals([error.closeCode, error.phase], [4017, "connected"]);
    assertEquals([connection.state, watched.open], ["closed", 0]);
    connection.leave();
    await connection[Symbol.asyncDispose]();
  }),
);

const ENDINGS: Readonly<
  Record<
    string,
    (it: {
      connection: VoiceConnection;
      server: RunningVoiceServer;
      adapter: Adapter;
      controller: AbortController;
    }) => void
  >
> = {
  "leave()": ({ connection }) => connection.leave(),
  "a fatal close": ({ server }) => server.closeClient({ userId: ALICE }, 4017),
  "an abort": ({ controller }) => controller.abort(),
  "the gateway library's destroy()": ({ adapter }) => adapter.methods.destroy(),
  "a disconnection by a moderator": ({ server }) => server.disconnectUser(GUILD, ALICE),
};
for (const [name, end] of Object.entries(ENDINGS)) {
  test(
    `VoiceConnection destroys its adapter once after ${name}`,
    within(LIMIT, async () => {
      await using server = await startVoiceServer();
      const watched = new Watched();
      const adapter = new Adapter(server.adapterCreator(ALICE));
      const controller = new AbortController();
      const connection = await join({
        ...ME,
        adapterCreator: adapter.creator,
        signal: controller.signal,
      }, watched);
      assertEquals(adapter.destroyed, 0);
      end({ connection, server, adapter, controller });
      await connection.closed;
      assertEquals(adapter.destroyed, 1);
      connection.leave();
      adapter.methods.destroy();
      controller.abort();
      adapter.methods.onVoiceStateUpdate({
        guild_id: GUILD,
        channel_id: CHANNEL,
        user_id: ALICE,
        session_id: "late",
      });
      const update = { guild_id: GUILD, endpoint: server.url, token: "late" };
      adapter.methods.onVoiceServerUpdate(update);
      assertEquals([adapter.destroyed, connection.state, watched.open], [1, "closed", 0]);
    }),
  );
}

test(
  "VoiceConnection ignores updates of other users and guilds",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const adapter = new Adapter(server.adapterCreator(ALICE));
    const watched = new Watched();
    await using connection = await join({ ...ME, adapterCreator: adapter.creator }, watched);
    const own = { guild_id: GUILD, channel_id: null, user_id: ALICE, session_id: "x" };
    adapter.methods.onVoiceStateUpdate({ ...own, user_id: BOB });
    adapter.methods.onVoiceStateUpdate({ ...own, guild_id: "2" });
    adapter.methods.onVoiceStateUpdate({ ...own, user_id: BOB, channel_id: "5" });
    adapter.methods.onVoiceServerUpdate({ guild_id: "2", endpoint: server.url, token: "x" });
    adapter.methods.onVoiceServerUpdate({ guild_id: "2", endpoint: null, token: "x" });
    assertEquals([connection.state, watched.opened], ["connected", 2]);
    // The same of its own ends it: the updates above were good enough to be heard.
    adapter.methods.onVoiceStateUpdate(own);
    assertEquals((await connection.closed)?.code, "disconnected");
  }),
);

// Listening

test(
  "VoiceConnection.speakers gives each reader all frames; cancelling one disturbs no other",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const [first, second] = [hearNext(alice), hearNext(alice)];
    const third = alice.speakers().getReader();
    const sent = packets(10);
    const cancelled = third.read().then(async ({ value }) => {
      assertEquals(value?.userId, BOB);
      await third.cancel();
    });
    await bob.play((async function* () {
      yield* sent.slice(0, 5);
      await cancelled;
      yield* sent.slice(5);
    })());
    await until(() => alice.stats().received === sent.length + SILENCE_COUNT);
    bob.leave();
    for (const frames of await Promise.all([first, second])) {
      assertEquals(frames.slice(0, 10).map(({ opus }) => opus), sent);
      assertEquals(frames.every(({ userId }) => userId === BOB), true);
    }
    assertEquals((await third.read()).done, true);
  }),
);

test(
  "VoiceConnection.speakers ends a Speaker whose user leaves; the stream goes on",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await join(as(ALICE, server));
    const speakers = alice.speakers().getReader();
    for (const userId of [BOB, CAROL, BOB]) {
      const other = await join(as(userId, server));
      await until(() => alice.users.has(userId));
      other.setSpeaking(1);
      other.sendOpus(SILENCE);
      const speaker = (await speakers.read()).value!;
      assertEquals(speaker.userId, userId);
      const frames = speaker.frames.getReader();
      assertEquals((await frames.read()).value?.opus, SILENCE);
      other.leave();
      assertEquals((await frames.read()).done, true);
      assertEquals(alice.users.has(userId), false);
    }
    alice.leave();
    assertEquals((await speakers.read()).done, true);
  }),
);

test(
  "VoiceConnection.speakers ends with the connection, and is empty after it",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const speakers = alice.speakers();
    const reader = speakers.getReader();
    bob.setSpeaking(1);
    bob.sendOpus(SILENCE);
    const speaker: Speaker = (await reader.read()).value!;
    alice.leave();
    assertEquals((await reader.read()).done, true);
    assertEquals((await Array.fromAsync(speaker)).length, 1);
    assertEquals(await Array.fromAsync(alice.speakers()), []);
  }),
);

// Playing

test(
  "VoiceConnection.play rejects a second source and leaves the first one alone",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using connection = await join(as(ALICE, server));
    const first = connection.play(packets(5));
    await assertRejects(() => connection.play(packets(5)), LocalProtocolError, "playing");
    assertEquals(await first, { packetsSent: 5, packetsSkipped: 0, silenceSent: SILENCE_COUNT });
    assertEquals((await connection.play([])).packetsSent, 0);
  }),
);

test(
  "VoiceConnection.play after leave rejects as documented",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const connection = await join(as(ALICE, server));
    connection.leave();
    const error = await assertRejects(() => connection.play(packets(5)), VoiceConnectError);
    assertEquals(error.code, "left");
  }),
);

test(
  "VoiceConnection says no to commands after leave",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const connection = await join(as(ALICE, server));
    connection.leave();
    assertEquals(connection.sendOpus(SILENCE), false);
    assertThrows(() => connection.setSpeaking(1), LocalProtocolError);
    assertEquals(connection.mode, undefined);
  }),
);

test(
  "VoiceConnection.play says that the bot speaks, and at its end that it does not",
  within(LIMIT, async () => {
    const events: ServerEvent[] = [];
    await using server = await startVoiceServer({ onEvent: (event) => events.push(event) });
    await using connection = await join(as(ALICE, server));
    await connection.play(packets(1));
    const stop = new AbortController();
    const playing = connection.play(endless(), { signal: stop.signal });
    stop.abort(new Error("enough"));
    await assertRejects(() => playing, Error, "enough");
    const flags = () => events.flatMap((event) => event.type === "speaking" ? [event.flags] : []);
    await until(() => flags().length === 4);
    assertEquals(flags(), [1, 0, 1, 0]);
  }),
);

test(
  "VoiceConnection.play after sendOpus does not turn the timestamp back",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const heard = hearNext(alice);
    bob.setSpeaking(1);
    for (const packet of packets(20)) bob.sendOpus(packet);
    await bob.play(packets(2));
    bob.sendOpus(SILENCE);
    await until(() => alice.stats().received === 20 + 2 + SILENCE_COUNT + 1);
    bob.leave();
    const frames = await heard;
    for (let i = 1; i < frames.length; i++) {
      const step = (frames[i].timestamp - frames[i - 1].timestamp) | 0;
      assertGreaterOrEqual(step, 960, `frame ${i}`);
    }
  }),
);

for (const cause of ["4015", "a cut"] as const) {
  test(
    `VoiceConnection.play goes on after ${cause}: every packet once and in order`,
    within(LIMIT, async () => {
      const told: ServerEvent[] = [];
      await using server = await startVoiceServer({ onEvent: (event) => told.push(event) });
      await using proxy = await startTcpProxy(server.port);
      const events: SessionEvent[] = [];
      const watched = new Watched();
      const alice = await join(direct(ALICE, server.url));
      await using bob = await join({
        ...direct(BOB, proxy.url),
        onEvent: (event) => events.push(event),
      }, watched);
      const heard = hearNext(alice);
      const sent = packets(50);
      const { ssrc } = bob;
      const playing = bob.play(sent);
      for (const [count, at] of [[1, 15], [2, 30]]) {
        await until(() => alice.stats().received >= at);
        if (cause === "4015") server.closeClient({ userId: BOB }, 4015);
        else proxy.cut();
        await until(() => events.filter(({ type }) => type === "resumed").length === count);
      }
      assertEquals(await playing, {
        packetsSent: 50,
        packetsSkipped: 0,
        silenceSent: SILENCE_COUNT,
      });
      await until(() => alice.stats().received === 50 + SILENCE_COUNT);
      bob.leave();
      const frames = await heard;
      assertEquals(frames.slice(0, 50).map(({ opus }) => opus), sent);
      assertEquals(frames.length, 50 + SILENCE_COUNT);
      for (let i = 1; i < frames.length; i++) {
        assertEquals((frames[i].sequence - frames[i - 1].sequence) & 0xffff, 1);
        assertGreaterOrEqual((frames[i].timestamp - frames[i - 1].timestamp) >>> 0, 960);
      }
      const codes = events.flatMap((it) => it.type === "disconnected" ? [it.code] : []);
      // The last one is its own, of leaving.
      const code = cause === "4015" ? 4015 : 1006;
      assertEquals(codes, [code, code, 1000]);
      assertEquals(new Set(frames.map((frame) => frame.ssrc)), new Set([ssrc]));
      assertEquals(proxy.connectionCount, 3);
      assertEquals([watched.opened, watched.open], [4, 0]);
      assertEquals(told.filter(({ type }) => type === "resumed").length, 2);
      alice.leave();
    }),
  );
}

// What it tells

test(
  "VoiceConnection.stats counts what is sent, received and measured",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ heartbeatInterval: 100 });
    await using alice = await join(as(ALICE, server));
    await using bob = await join(as(BOB, server));
    const none = bob.stats();
    assertEquals([none.sent, none.received, none.pacing.count, none.streams], [0, 0, 0, []]);
    for (const round of [1, 2]) {
      await bob.play(packets(4));
      bob.sendOpus(SILENCE);
      const { sent, pacing, dropped, unsent, socketErrors } = bob.stats();
      assertEquals(sent, round * (4 + SILENCE_COUNT + 1));
      assertEquals(pacing.count, round * (4 + SILENCE_COUNT));
      assert(pacing.p50 <= pacing.p99);
      assertEquals([dropped, unsent, socketErrors], [{}, 0, 0]);
      await until(() => alice.stats().received === sent);
      const { streams, users, remote, held, expired } = alice.stats();
      assertEquals(streams.map(({ ssrc, received, lost }) => [ssrc, received, lost]), [
        [bob.ssrc, sent, 0],
      ]);
      assertEquals(users.map(({ jitter: _, ...user }) => user), [{
        userId: BOB,
        ssrcs: [bob.ssrc],
        received: sent,
        lost: 0,
        late: 0,
        duplicates: 0,
        held: 0,
        undecryptable: {},
        playout: undefined,
      }]);
      assert(users[0].jitter >= 0);
      assertEquals([held, expired, remote], [0, 0, undefined]);
    }
    for (const connection of [alice, bob]) {
      await until(() => connection.stats().roundTrip.udp !== undefined);
      await until(() => connection.stats().roundTrip.websocket !== undefined);
      const { websocket, udp } = connection.stats().roundTrip;
      // 0 where a timer fired early: the session then lives up to a millisecond ahead.
      assert(websocket! >= 0 && websocket! < 5000, `${websocket}`);
      assert(udp! >= 0 && udp! < 5000, `${udp}`);
    }
  }),
);

test(
  "VoiceConnection shows its token nowhere",
  within(LIMIT, async () => {
    await using server = await startScriptedServer({ noise: [`{"op":2,"d":"${TOKEN}"}`] });
    const events: SessionEvent[] = [];
    const connection = await join({
      ...direct(ALICE, server.endpoint),
      onEvent: (event) => events.push(event),
    });
    const key = [...server.key].join(", ");
    const shown = () => [
      inspect(connection, { depth: 12, showHidden: true, getters: true }),
      JSON.stringify(connection),
      String(connection),
      inspect(connection.stats(), { depth: 12 }),
      inspect(events, { depth: 12 }),
    ];
    const before = shown();
    server.closeClient(4004);
    const error = await connection.closed;
    assertInstanceOf(error, VoiceConnectError);
    for (const text of [...before, ...shown(), inspect(error, { depth: 12, showHidden: true })]) {
      assertEquals(text.includes(TOKEN), false, text);
      assertEquals(text.includes(key), false, text);
    }
  }),
);
