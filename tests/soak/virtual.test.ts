import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import test from "node:test";
import { heapInUse } from "./heap.ts";
import { GUILD, SoakClient, World } from "./world.ts";

/**
 * Until what is kept has its size: the server remembers 4096 old tokens, and runtimes keep code
 * and shapes of what has run often.
 */
const WARM_UP = 10_000;
const CYCLES = 10_000;

/** Bytes that a cycle may leave behind on average; at most 30 are measured. */
const BYTES_A_CYCLE = 256;

/** The time limit where nobody else sets one: Bun's is 5 seconds. */
const OPTIONS = { timeout: 60_000 };

const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

type Cycle = (world: World, client: SoakClient, listener: SoakClient) => void;

/** What a client does between its first join and its end. */
const CYCLES_BY_NAME: Readonly<Record<string, Cycle>> = {
  "leaves": (_, client) => {
    client.join();
    client.feed({ type: "leave" });
  },
  "speaks and is heard": (_, client, listener) => {
    client.join();
    for (const speaker of [client, listener]) speaker.feed({ type: "speak", flags: 1 });
    const heard = listener.heard;
    client.send(OPUS);
    client.send(OPUS);
    listener.send(OPUS);
    assertEquals([listener.heard - heard, client.heard], [2, 1]);
    client.feed({ type: "leave" });
  },
  "resumes": (world, client) => {
    client.join();
    client.cut();
    world.run(2_000);
    assertEquals(client.session.state, "connected");
    client.feed({ type: "leave" });
  },
  "joins anew after 4006": (world, client) => {
    client.join();
    world.feedServer({ type: "closeClient", userId: client.userId, code: 4006 });
    world.run(5_000);
    assertEquals(client.session.state, "connected");
    client.feed({ type: "leave" });
  },
  "is refused with 4004": (world, client) => {
    client.join();
    world.feedServer({ type: "closeClient", userId: client.userId, code: 4004 });
    world.settle();
    assertEquals(client.closed?.error?.closeCode, 4004);
  },
  "is kicked": (world, client) => {
    client.join();
    world.feedGateway({ type: "disconnectUser", guildId: GUILD, userId: client.userId });
    world.run(30_000);
    assertEquals(client.closed?.error?.code, "disconnected");
  },
  "is moved": (world, client) => {
    client.join();
    const { userId } = client;
    world.feedGateway({ type: "moveUser", guildId: GUILD, userId, channelId: "3" });
    world.run(5_000);
    assertEquals(client.session.state, "connected");
    client.feed({ type: "leave" });
  },
  "moves by itself": (world, client) => {
    client.join();
    client.join("3");
    world.run(1_000);
    assertEquals(client.session.state, "connected");
    client.feed({ type: "leave" });
  },
  "gives up at once": (_, client) => {
    client.feed({ type: "join", channelId: "2" });
    client.feed({ type: "leave" });
  },
  "gets no datagram through": (world, client) => {
    world.udpWorks = false;
    client.join();
    world.run(200_000);
    world.udpWorks = true;
    assert(client.closed?.error !== undefined);
  },
};

const RUNS = Object.values(CYCLES_BY_NAME);

/** One client's life; the rare kinds, which take much time of the clock, come rarely. */
function cycle(world: World, index: number, listener: SoakClient): void {
  const isRare = index % 100 === 99;
  const kinds = isRare ? RUNS.length : RUNS.length - 1;
  const client = new SoakClient(world, String(1_000_000 + index));
  RUNS[isRare ? kinds - 1 : index % kinds]!(world, client, listener);
  client.detach();
}

for (const [name, run] of Object.entries(CYCLES_BY_NAME)) {
  test(`soak on the virtual clock: nothing stays of a client that ${name}`, () => {
    const world = new World();
    const listener = new SoakClient(world, "7");
    listener.join();
    const client = new SoakClient(world, "8");
    run(world, client, listener);
    client.detach();
    world.run(100_000); // past the window in which a session can be resumed
    assertEquals(listener.session.users.size, 0);
    if (listener.session.state !== "closed") listener.feed({ type: "leave" });
    listener.detach();
    assertEmpty(world);
  });
}

test(
  `soak on the virtual clock: ${CYCLES} join/leave cycles end where they began`,
  OPTIONS,
  async () => {
    const world = new World();
    const listener = new SoakClient(world, "7");
    listener.join();
    for (let i = 0; i < WARM_UP; i++) cycle(world, i, listener);
    const before = await heapInUse();
    for (let i = 0; i < CYCLES; i++) cycle(world, WARM_UP + i, listener);
    const bytes = (await heapInUse() - before) / CYCLES;
    assertLess(bytes, BYTES_A_CYCLE, `${bytes.toFixed(1)} bytes a cycle`);
    assertGreater(listener.heard, 0);
    world.run(100_000);
    assertEquals(listener.session.users.size, 0);
    assertEquals(listener.session.state, "connected");
    listener.feed({ type: "leave" });
    listener.detach();
    assertEmpty(world);
  },
);

function assertEmpty(world: World): void {
  world.run(100_000);
  const { websockets, sessions, rooms } = world.server.stats();
  assertEquals({ websockets, sessions, rooms }, { websockets: 0, sessions: 0, rooms: 0 });
  assertEquals(world.timeout(), undefined);
  assertEquals([world.clients.size, world.websockets.size, world.ports.size], [0, 0, 0]);
  // What is remembered of the clients would make it refuse one of them.
  const again = new SoakClient(world, "8");
  again.join();
  assertEquals(again.session.state, "connected");
  again.feed({ type: "leave" });
  again.detach();
}
