import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import test from "node:test";
import { type JoinVoiceOptions, VoiceConnection } from "../../adapters/connection.ts";
import { detectTransport } from "../../adapters/detect.ts";
import type {
  DiscordGatewayAdapterCreator,
  DiscordGatewayAdapterLibraryMethods,
} from "../../adapters/gateway_adapter.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../adapters/testing/mod.ts";
import type { Transport } from "../../adapters/transport.ts";
import { VoiceConnectError } from "../../lib/errors.ts";
import type { VoiceServer } from "../../lib/gateway.ts";
import { until, within } from "../tools/waiting.ts";
import { heapInUse } from "./heap.ts";
import { openResources, SocketWatch, TimerWatch, watchedSignal } from "./watch.ts";

/** Until runtimes have compiled what they will. */
const WARM_UP = 1200;
const CYCLES = 300;

/** Connections at a time. */
const LANES = 4;

/**
 * Bytes that a cycle may leave behind on average. 250 to 450 are measured, a part of which are the
 * old tokens that the server remembers, 4096 at most.
 */
const BYTES_A_CYCLE = 900;

const OPTIONS = { timeout: 60_000 };
const LIMIT = 60_000;
const CHANNEL = "127121515262115840";
const TOKEN = "voice-token-of-the-soak";
const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

/** A server on which bots join and leave, and the counts of what they hold. */
class Place implements AsyncDisposable {
  readonly server: RunningVoiceServer;
  readonly transport: Transport;
  readonly timers = new TimerWatch();
  readonly sockets: SocketWatch;
  readonly shared: ReturnType<typeof watchedSignal> = watchedSignal();
  readonly lanes: readonly Lane[];
  /** Gateway adapters that were made and not destroyed. */
  adapters = 0;

  private constructor(server: RunningVoiceServer, transport: Transport, sockets: SocketWatch) {
    this.server = server;
    this.transport = transport;
    this.sockets = sockets;
    this.lanes = Array.from({ length: LANES }, (_, index) => new Lane(this, index));
  }

  static async open(): Promise<Place> {
    const sockets = new SocketWatch();
    const transport = sockets.watch(await detectTransport());
    return new Place(await startVoiceServer({ token: TOKEN }), transport, sockets);
  }

  /** So many cycles, all kinds in turn, a few at a time. */
  async run(cycles: number): Promise<void> {
    let next = 0;
    await Promise.all(this.lanes.map(async (lane) => {
      while (next < cycles) await RUNS[next++ % RUNS.length]!(lane);
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.timers[Symbol.dispose]();
    await this.server.close();
  }
}

/** A guild of its own, in which one connection follows the other. */
class Lane {
  readonly place: Place;
  readonly guildId: string;
  readonly alice: string;
  readonly bob: string;
  readonly adapterCreator: DiscordGatewayAdapterCreator;
  /** What the last adapter was given. */
  methods: DiscordGatewayAdapterLibraryMethods | undefined;

  constructor(place: Place, index: number) {
    this.place = place;
    this.guildId = String(1000 + index);
    this.alice = String(2000 + index);
    this.bob = String(3000 + index);
    const creator = place.server.adapterCreator(this.alice);
    this.adapterCreator = (methods) => {
      const adapter = creator(methods);
      place.adapters++;
      this.methods = methods;
      return {
        sendPayload: (payload) => adapter.sendPayload(payload),
        destroy: () => {
          place.adapters--;
          adapter.destroy();
        },
      };
    };
  }

  async join(options: Partial<JoinVoiceOptions> = {}): Promise<VoiceConnection> {
    const { place, guildId } = this;
    const adapterCreator = options.server === undefined ? this.adapterCreator : undefined;
    return await VoiceConnection.join(place.transport, {
      guildId,
      channelId: CHANNEL,
      userId: this.alice,
      signal: place.shared.signal,
      adapterCreator,
      ...options,
    });
  }

  /** What `joinVoice` takes as `server`. */
  direct(sessionId: string, token = TOKEN): VoiceServer {
    return { endpoint: this.place.server.url, sessionId, token };
  }

  closeClient(code: number): void {
    this.place.server.closeClient({ userId: this.alice }, code);
  }
}

/** Ways in which a connection comes and goes. */
const CYCLES_BY_NAME: Readonly<Record<string, (lane: Lane) => Promise<void>>> = {
  "leaves": async (lane) => {
    await using _ = await lane.join();
  },
  "sends and receives": async (lane) => {
    await using bob = await lane.join({ userId: lane.bob, server: lane.direct("bob") });
    await using alice = await lane.join({ server: lane.direct("alice") });
    const speakers = alice.speakers().getReader();
    bob.setSpeaking(1);
    bob.sendOpus(OPUS);
    const { value: speaker } = await speakers.read();
    assertEquals(speaker?.userId, lane.bob);
    await speakers.cancel();
    alice.setSpeaking(1);
    alice.sendOpus(OPUS);
  },
  "plays, and is left in the middle": async (lane) => {
    const connection = await lane.join();
    const off = connection.on("heartbeat", () => {});
    const playing = connection.play(endless());
    playing.catch(() => {});
    await until(() => connection.stats().sent > 0);
    connection.leave();
    await assertRejects(() => playing, VoiceConnectError);
    off();
  },
  "is aborted": async (lane) => {
    const controller = new AbortController();
    const connection = await lane.join({ signal: controller.signal });
    controller.abort();
    await connection.closed;
  },
  "is aborted in the middle of the join": async (lane) => {
    const controller = new AbortController();
    const onEvent = ({ type }: { type: string }) => type === "connected" && controller.abort();
    await assertRejects(() => lane.join({ signal: controller.signal, onEvent }));
  },
  "is kicked": async (lane) => {
    const connection = await lane.join();
    lane.place.server.disconnectUser(lane.guildId, lane.alice);
    assertEquals((await connection.closed)?.code, "disconnected");
  },
  "is refused": async (lane) => {
    const server = lane.direct("alice", "another-token");
    await assertRejects(() => lane.join({ server }), VoiceConnectError);
  },
  "is closed with 4004": async (lane) => {
    const connection = await lane.join();
    lane.closeClient(4004);
    assertEquals((await connection.closed)?.closeCode, 4004);
  },
  "resumes": async (lane) => {
    await using connection = await lane.join();
    const resumed = new Promise((resolve) => connection.on("resumed", resolve));
    lane.closeClient(4015);
    await resumed;
  },
  "is closed by force": async (lane) => {
    const connection = await lane.join();
    connection.forceClose(4900);
    assertEquals(connection.state, "closed");
  },
  "is given up by the gateway library": async (lane) => {
    const connection = await lane.join();
    lane.methods!.destroy();
    await connection.closed;
  },
  "gets no gateway": async (lane) => {
    const adapterCreator: DiscordGatewayAdapterCreator = (methods) => {
      const { destroy } = lane.adapterCreator(methods);
      const sendPayload = () => {
        throw new Error("the shard is gone");
      };
      return { sendPayload, destroy };
    };
    await assertRejects(
      () => lane.join({ adapterCreator }),
      VoiceConnectError,
      "fails to send op 4",
    );
  },
};

const RUNS = Object.values(CYCLES_BY_NAME);

function* endless(): Generator<Uint8Array> {
  for (;;) yield OPUS;
}

/**
 * What is held while nobody is there. Sockets are closed by handshakes that both ends of this
 * process are in; some timers, of the server's log and of Node's WebSocket, end by themselves
 * within a second. So it waits for what is to be expected, and then tells what there is.
 */
async function held(place: Place, expected?: object): Promise<Record<string, unknown>> {
  const limit = performance.now() + 5_000;
  for (let last = "";;) {
    const figures = figuresOf(place);
    const now = JSON.stringify(figures);
    const isDone = expected === undefined
      ? now === last && figures.timers === 0 && figures.websockets === 0
      : now === JSON.stringify(expected);
    if (isDone || performance.now() > limit) return figures;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function figuresOf(place: Place): Record<string, unknown> {
  const { websockets, sessions, rooms } = place.server.stats();
  return {
    ...openResources(),
    timers: place.timers.live,
    sockets: place.sockets.open,
    listeners: place.shared.listeners(),
    adapters: place.adapters,
    websockets,
    sessions,
    rooms,
  };
}

for (const [name, run] of Object.entries(CYCLES_BY_NAME)) {
  test(
    `soak on real sockets: nothing stays of a connection that ${name}`,
    within(LIMIT, async () => {
      await using place = await Place.open();
      const lane = place.lanes[0]!;
      await run(lane);
      const before = await held(place);
      await run(lane);
      await run(lane);
      const after = await held(place, before);
      assertEquals(after, before);
      const { timers, sockets, listeners, adapters, sessions, rooms } = after;
      assertEquals([timers, sockets, listeners, adapters, sessions, rooms], [0, 0, 0, 0, 0, 0]);
      if (name !== "gets no gateway") assert(place.sockets.opened > 0);
    }),
  );
}

test(
  `soak on real sockets: ${CYCLES} join/leave cycles end where they began`,
  OPTIONS,
  within(LIMIT, async () => {
    await using place = await Place.open();
    await place.run(WARM_UP);
    const before = await held(place);
    const heap = await heapInUse();
    await place.run(CYCLES);
    const after = await held(place, before);
    const bytes = (await heapInUse() - heap) / CYCLES;
    assertEquals(after, before);
    assertLess(bytes, BYTES_A_CYCLE, `${bytes.toFixed(1)} bytes a cycle`);
  }),
);
