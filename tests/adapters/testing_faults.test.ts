import { assert, assertEquals, assertThrows } from "@std/assert";
import { createSocket } from "node:dgram";
import test from "node:test";

import {
  DATAGRAM_POINTS,
  type FaultRule,
  type RunningVoiceServer,
  type ServerEvent,
  startVoiceServer,
} from "../../adapters/testing/mod.ts";
import { discovery, GCM, identity } from "../lib/testing/rig.ts";
import { until } from "../tools/waiting.ts";
import { Inbox } from "./inbox.ts";

// Clients written by hand; what is awaited is an event of the server or of the socket.

/** A server, and what it has reported. */
class Stage implements AsyncDisposable {
  readonly server: RunningVoiceServer;
  readonly events: readonly ServerEvent[];

  constructor(server: RunningVoiceServer, events: readonly ServerEvent[]) {
    this.server = server;
    this.events = events;
  }

  static async start(options: Parameters<typeof startVoiceServer>[0] = {}): Promise<Stage> {
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => events.push(event);
    return new Stage(await startVoiceServer({ ...options, onEvent }), events);
  }

  get faults(): string[] {
    return this.events.flatMap((event) =>
      event.type === "fault" ? [`${event.on} ${event.fault}`] : []
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.close();
  }
}

/** A WebSocket client that keeps frames as they are. */
class Client {
  readonly socket: WebSocket;
  readonly frames: Inbox<string> = new Inbox();
  readonly opened: Promise<void>;
  readonly closed: Promise<number>;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.frames.put(data);
    this.opened = new Promise((resolve) => this.socket.onopen = () => resolve());
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code }) => resolve(code || 1006); // Deno says 0 for 1006
    });
  }

  send(op: number, d: unknown): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  // deno-lint-ignore no-explicit-any
  async next(): Promise<any> {
    return JSON.parse(await this.frames.take());
  }

  async close(): Promise<void> {
    this.socket.close(1000);
    await this.closed;
  }
}

async function identified({ server }: Stage, userId = "10"): Promise<Client> {
  const client = new Client(`${server.url}/?v=8`);
  assertEquals((await client.next()).op, 8);
  client.send(0, identity(userId));
  return client;
}

test("a running server loses, doubles, malforms and delays messages", async () => {
  const on = "HeartbeatAck";
  await using stage = await Stage.start({
    faults: [
      { on, fault: "lose", times: 1 },
      { on, fault: "double", times: 1 },
      { on, fault: "malform", times: 1 },
      { on, fault: { late: 30 }, times: 1 },
    ],
  });
  const client = await identified(stage);
  assertEquals((await client.next()).op, 2);
  for (const t of [1, 2, 3, 4, 5]) client.send(3, { t });
  const frames = [];
  for (let i = 0; i < 5; i++) frames.push(await client.frames.take());
  const ack = (t: number) => JSON.stringify({ op: 6, d: { t } });
  const half = ack(3).slice(0, ack(3).length >> 1);
  assertEquals(frames, [ack(2), ack(2), half, ack(5), ack(4)]);
  assertEquals(stage.faults, ["lose", "double", "malform", "late"].map((name) => `${on} ${name}`));
  await client.close();
});

test("a running server closes and cuts at every step", async () => {
  await using stage = await Stage.start();
  const reach: Record<string, (client: Client) => Promise<void> | void> = {
    open: () => {},
    identify: (client) => client.send(0, identity("10")),
    resume: (client) => {
      const { server_id, session_id, token } = identity("10") as Record<string, string>;
      client.send(7, { server_id, session_id, token, seq_ack: 0 });
    },
    select: async (client) => {
      client.send(0, identity("10"));
      await client.next();
      client.send(1, { protocol: "udp", data: { address: "127.0.0.1", port: 1, mode: GCM } });
    },
    heartbeat: (client) => client.send(3, { t: 1 }),
    connected: (client) => reach.select!(client),
  };
  for (const [step, act] of Object.entries(reach)) {
    for (const [fault, code] of [[{ close: 4015 }, 4015], ["cut", 1006]] as const) {
      const rule = { on: step, fault, times: 1 } as FaultRule;
      stage.server.setFaults([]);
      if (step === "resume") await leaveResumable(stage);
      stage.server.setFaults([rule]);
      const client = new Client(`${stage.server.url}/?v=8`);
      if (step !== "open") await client.next();
      await act(client);
      assertEquals(await client.closed, code, step);
    }
  }
  assertEquals(stage.faults.length, 12);
});

/** A session that waits for a Resume. */
async function leaveResumable(stage: Stage): Promise<void> {
  const client = await identified(stage);
  await client.next();
  stage.server.closeClient({ userId: "10" }, 4015);
  await client.closed;
}

test("a running server cuts a client off: 1006, and the session waits for a Resume", async () => {
  await using stage = await Stage.start();
  const [client, other] = [await identified(stage), await identified(stage, "20")];
  await Promise.all([client.next(), other.next()]);
  stage.server.cutClient({ userId: "10" });
  assertEquals(await client.closed, 1006);
  assertEquals(stage.server.stats().sessions, 2);
  assertThrows(() => stage.server.cutClient({ userId: "99" }), Error, "Cannot cut off a client");
  await other.close();
});

test("a WebSocket of a running server opens and stays silent", async () => {
  await using stage = await Stage.start({
    faults: [{ on: "open", fault: "lose", times: 1 }],
    heartbeatInterval: 10,
  });
  const mute = new Client(`${stage.server.url}/?v=8`);
  await mute.opened;
  mute.send(0, identity("10"));
  const witness = new Client(`${stage.server.url}/?v=8`);
  assertEquals(await witness.closed, 4009); // later than any answer to the other one
  assertEquals([mute.frames.size, stage.server.stats().websockets], [0, 0]);
  await mute.close();
});

test("a running server loses, doubles, malforms and delays datagrams", async () => {
  await using stage = await Stage.start();
  const client = await identified(stage);
  const { ssrc } = (await client.next()).d;
  const udp = createSocket("udp4");
  const sizes: Inbox<number> = new Inbox();
  udp.on("message", (datagram) => sizes.put(datagram.length));
  const ask = () => udp.send(discovery(ssrc), stage.server.udpPort, "127.0.0.1");
  const on = "IpDiscovery";
  stage.server.setFaults([{ on: DATAGRAM_POINTS, fault: "lose" }]);
  ask();
  await until(() => stage.faults.length === 1);
  for (
    const [fault, wanted] of [["double", [74, 74]], ["malform", [37]], [{ late: 20 }, [
      74,
    ]]] as const
  ) {
    stage.server.setFaults([{ on, fault, times: 1 }]);
    ask();
    for (const size of wanted) assertEquals(await sizes.take(), size);
  }
  assertEquals(sizes.size, 0);
  udp.close();
  await client.close();
});

// Gateway adapters

/** An adapter and what it hears. */
class Bot {
  readonly heard: string[] = [];
  // deno-lint-ignore no-explicit-any
  readonly data: any[] = [];
  readonly adapter: ReturnType<ReturnType<RunningVoiceServer["adapterCreator"]>>;

  constructor(server: RunningVoiceServer, userId = "10") {
    const hear = (name: string, data?: unknown) => {
      this.heard.push(name);
      this.data.push(data);
    };
    this.adapter = server.adapterCreator(userId)({
      onVoiceStateUpdate: (data) => hear(`state ${data.user_id}`, data),
      onVoiceServerUpdate: (data) => hear(`server ${data.endpoint === null ? "null" : ""}`, data),
      destroy: () => hear("destroy"),
    });
  }

  join(channel_id: string | null = "5"): boolean {
    const d = { guild_id: "1", channel_id, self_mute: false, self_deaf: false };
    return this.adapter.sendPayload({ op: 4, d });
  }

  /** What was heard, once there is so much of it; forgets it. */
  async take(count: number): Promise<string[]> {
    await until(() => this.heard.length >= count);
    this.data.length = 0;
    return this.heard.splice(0);
  }
}

test("a running server's adapters hear of updates late, in another order, doubled or not", async () => {
  await using stage = await Stage.start({
    faults: [{ on: "op4", fault: "lose", times: 1 }],
  });
  const bot = new Bot(stage.server);
  assertEquals(bot.join(), true);
  stage.server.setFaults([
    { on: "VOICE_STATE_UPDATE", fault: { late: 0 }, times: 1 },
    { on: "VOICE_STATE_UPDATE", fault: "double", times: 1 },
    { on: "VOICE_SERVER_UPDATE", fault: { nullFirst: 10 }, times: 1 },
  ]);
  bot.join("6");
  assertEquals(await bot.take(3), ["server null", "state 10", "server "]);
  bot.join("7");
  assertEquals(await bot.take(3), ["state 10", "state 10", "server "]);
  bot.adapter.destroy();
  assertEquals(stage.faults.map((fault) => fault.split(" ")[1]), [
    "lose",
    "late",
    "nullFirst",
    "double",
  ]);
});

test("an adapter hears of other users where the server is told so", async () => {
  for (const otherUsers of [false, true]) {
    await using stage = await Stage.start({ otherUsers });
    const [bot, other] = [new Bot(stage.server), new Bot(stage.server, "20")];
    bot.join();
    await bot.take(2);
    other.join();
    await other.take(2);
    assertEquals(bot.heard, otherUsers ? ["state 20"] : []);
    bot.adapter.destroy();
    other.adapter.destroy();
  }
});

test("an adapter whose channel is full hears nothing", async () => {
  await using stage = await Stage.start();
  const [bot, other] = [new Bot(stage.server), new Bot(stage.server, "20")];
  stage.server.setUserLimit("1", "5", 1);
  other.join();
  await other.take(2);
  assertEquals(bot.join(), true);
  assertEquals(stage.events.at(-1)?.type, "channel-full");
  stage.server.setUserLimit("1", "5");
  bot.join();
  assertEquals(await bot.take(2), ["state 10", "server "]);
  bot.adapter.destroy();
  other.adapter.destroy();
});

test("an adapter is cut off from the main gateway and comes back, resumed or anew", async () => {
  await using stage = await Stage.start();
  const bot = new Bot(stage.server);
  bot.join();
  await bot.take(2);
  stage.server.interruptGateway("10", { duration: 20, resumed: true, refuses: true });
  assertEquals(bot.join("6"), false);
  stage.server.moveUser("1", "10", "7");
  assertEquals(bot.heard, []);
  assertEquals(await bot.take(2), ["state 10", "server "]);
  assert(stage.events.some(({ type }) => type === "gateway-resumed"));
  stage.server.interruptGateway("10", { duration: 20, resumed: false });
  assertEquals(bot.join("8"), true);
  await until(() => stage.events.some(({ type }) => type === "gateway-ready"));
  assertEquals(bot.heard, []);
  bot.join("8");
  assertEquals(await bot.take(2), ["state 10", "server "]);
  bot.adapter.destroy();
});

test("an adapter is destroyed with its shard, and sends nothing any more", async () => {
  await using stage = await Stage.start();
  const [bot, second] = [new Bot(stage.server), new Bot(stage.server)];
  bot.join();
  await bot.take(2);
  stage.server.closeShard("10");
  assertEquals([bot.heard, bot.join()], [[], false]);
  assertEquals([await bot.take(1), await second.take(1)], [["destroy"], ["destroy"]]);
  bot.adapter.destroy();
  const next = new Bot(stage.server);
  assertEquals(next.join(), true);
  assertEquals(await next.take(2), ["state 10", "server "]);
  next.adapter.destroy();
});

test("closeShard closes a bot's WebSocket of the main gateway with the code", async () => {
  await using stage = await Stage.start();
  const bot = new Client(`${stage.server.gatewayUrl}/?v=10`);
  await bot.next();
  bot.send(2, { token: "MTIz.x.y" });
  await bot.next();
  stage.server.closeShard("123", 4014);
  assertEquals(await bot.closed, 4014);
  assertThrows(() => stage.server.closeShard("123"), Error, "there is none");
});

test("startVoiceServer() refuses faults that are none, and leaves nothing open", async () => {
  const faults = [{ on: "Ready", fault: "renew" }] as const;
  let port = 0;
  {
    await using stage = await Stage.start();
    assertThrows(() => stage.server.setFaults(faults), RangeError, "Cannot use fault on Ready");
    port = stage.server.port;
  }
  await startVoiceServer({ port, faults }).then(
    () => assert(false, "it has started"),
    (error) => assert(error instanceof RangeError, String(error)),
  );
  await (await startVoiceServer({ port })).close();
});
