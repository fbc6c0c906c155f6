import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { type RunningVoiceServer, startVoiceServer } from "../../adapters/testing/mod.ts";
import { discovery, GCM, identity, openGcm, rtpHeader, sealGcm } from "../lib/testing/rig.ts";
import { Inbox } from "./inbox.ts";

// The clients here are written by hand on WebSocket and node:dgram, so that the
// server is not checked against the library's own idea of the protocol.

const OPUS = Uint8Array.of(0xf8, 0xff, 0xfe);

// deno-lint-ignore no-explicit-any
type Message = any;

/** A WebSocket client. */
class Client {
  readonly socket: WebSocket;
  readonly messages: Inbox<Message> = new Inbox();
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly opened: Promise<void>;

  constructor(url: string) {
    this.socket = new WebSocket(url);
    this.socket.onmessage = ({ data }) => this.messages.put(JSON.parse(data));
    this.opened = new Promise((resolve) => this.socket.onopen = () => resolve());
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
  }

  send(op: number, d: unknown): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  /** The next message with that opcode; others are passed over. */
  async expect(op: number, name?: string): Promise<Message> {
    for (;;) {
      const message = await this.messages.take();
      if (message.op === op && (name === undefined || message.t === name)) return message;
    }
  }
}

/** A voice client with its UDP socket. */
class VoiceClient extends Client {
  readonly udp: Socket = createSocket("udp4");
  readonly datagrams: Inbox<Uint8Array> = new Inbox();
  ssrc = 0;
  key: Uint8Array = new Uint8Array();
  #counter = 0;

  constructor(server: RunningVoiceServer) {
    super(`${server.url}/?v=8`);
    this.udp.on("message", (data) => this.datagrams.put(Uint8Array.from(data)));
    this.udp.connect(server.udpPort, "127.0.0.1");
  }

  async join(userId: string, fields: Record<string, unknown> = {}): Promise<void> {
    await this.expect(8);
    this.send(0, identity(userId, fields));
    this.ssrc = (await this.expect(2)).d.ssrc;
    await this.#connected();
    this.udp.send(discovery(this.ssrc));
    const reply = await this.datagrams.take();
    assertEquals([reply.length, reply[1]], [74, 2]);
    const port = reply[72]! << 8 | reply[73]!;
    assertEquals(port, this.udp.address().port);
    this.send(1, { protocol: "udp", data: { address: "127.0.0.1", port, mode: GCM } });
    this.key = Uint8Array.from((await this.expect(4)).d.secret_key);
  }

  sendAudio(sequence: number): void {
    const packet = sealGcm(this.key, ++this.#counter, rtpHeader(this.ssrc, sequence), 12, OPUS);
    this.udp.send(packet);
  }

  close(): void {
    this.socket.close(1000);
    this.udp.close();
  }

  #connected(): Promise<void> {
    return new Promise((resolve) => {
      try {
        this.udp.remoteAddress();
        resolve();
      } catch {
        this.udp.once("connect", () => resolve());
      }
    });
  }
}

test("startVoiceServer() relays speaking and audio between two clients", async () => {
  const events: string[] = [];
  await using server = await startVoiceServer({ onEvent: ({ type }) => events.push(type) });
  const [alice, bob] = [new VoiceClient(server), new VoiceClient(server)];
  await alice.join("10");
  await bob.join("20");
  assertEquals((await alice.expect(11)).d, { user_ids: ["20"] });
  alice.send(5, { speaking: 1, delay: 0, ssrc: alice.ssrc });
  assertEquals((await bob.expect(5)).d, { user_id: "10", ssrc: alice.ssrc, speaking: 1 });
  for (let sequence = 1; sequence <= 100; sequence++) alice.sendAudio(sequence);
  for (let sequence = 1; sequence <= 100; sequence++) {
    const packet = await bob.datagrams.take();
    assertEquals(packet.subarray(0, 12), rtpHeader(alice.ssrc, sequence));
    assertEquals(openGcm(bob.key, packet), OPUS);
  }
  alice.send(3, { t: 1, seq_ack: 1 });
  assertEquals((await alice.expect(6)).d, { t: 1 });
  alice.close();
  assertEquals((await bob.expect(13)).d, { user_id: "10" });
  bob.close();
  const { relayed, dropped } = server.stats();
  assertEquals([relayed, dropped], [100, {}]);
  for (const type of ["identify", "ready", "select", "session", "speaking", "discovery", "leave"]) {
    assert(events.includes(type), type);
  }
});

test("startVoiceServer() speaks DAVE in binary frames, and not where it is off", async () => {
  for (const dave of ["optional", "off"] as const) {
    const rejected = new Inbox<unknown>();
    await using server = await startVoiceServer({
      dave,
      onEvent: (event) => event.type === "dave-rejected" && rejected.put(event.reason),
    });
    const socket = new WebSocket(`${server.url}/?v=8`);
    socket.binaryType = "arraybuffer";
    const messages = new Inbox<string | ArrayBuffer>();
    socket.onmessage = ({ data }) => messages.put(data);
    await messages.take();
    const d = identity("10", { max_dave_protocol_version: 1 });
    socket.send(JSON.stringify({ op: 0, d }));
    await messages.take();
    if (dave === "optional") {
      socket.send(Uint8Array.of(26, 0, 1));
      assertEquals(await rejected.take(), "too-early");
      assertEquals(server.stats().daveRejected, { "too-early": 1 });
      const data = { address: "127.0.0.1", port: 9, mode: "aead_aes256_gcm_rtpsize" };
      socket.send(JSON.stringify({ op: 1, d: { protocol: "udp", data } }));
      assertEquals(JSON.parse(await messages.take() as string).op, 4);
      const frame = new Uint8Array(await messages.take() as ArrayBuffer);
      assertEquals([...frame.subarray(0, 3), frame.length], [0, 1, 25, 74]);
    } else {
      socket.send(Uint8Array.of(26, 0, 1));
      socket.send(JSON.stringify({ op: 3, d: { t: 1 } }));
      assertEquals(JSON.parse(await messages.take() as string).op, 6);
      assertEquals(server.stats().daveRejected, {});
    }
    const closed = new Promise((resolve) => socket.onclose = resolve);
    socket.close(1000);
    await closed;
  }
});

test("startVoiceServer() resumes a client whose WebSocket was closed with 4015", async () => {
  await using server = await startVoiceServer();
  const [alice, bob] = [new VoiceClient(server), new VoiceClient(server)];
  await alice.join("10");
  await bob.join("20");
  server.closeClient({ userId: "10" }, 4015, "Crashed.");
  assertEquals(await alice.closed, { code: 4015, reason: "Crashed." });
  bob.send(5, { speaking: 1, delay: 0, ssrc: 0 });
  bob.send(3, { t: 1 });
  await bob.expect(6);
  const again = new Client(`${server.url}/?v=8`);
  await again.expect(8);
  const { server_id, session_id, token } = identity("10") as Record<string, string>;
  again.send(7, { server_id, session_id, token, seq_ack: 4 });
  assertEquals((await again.messages.take()).op, 9);
  const { op, seq, d } = await again.messages.take();
  assertEquals([op, seq, d.user_id], [5, 5, "20"]);
  again.socket.close(1000);
  alice.close();
  bob.close();
});

test("startVoiceServer() closes a client that does not beat with 4009", async () => {
  await using server = await startVoiceServer({ heartbeatInterval: 20 });
  const client = new Client(`${server.url}/?v=8`);
  assertEquals((await client.closed).code, 4009);
});

test("RunningVoiceServer.closeClient() throws for nobody, also from inside an event", async () => {
  const thrown: unknown[] = [];
  await using server: RunningVoiceServer = await startVoiceServer({
    onEvent: () => thrown.push(assertThrows(() => server.closeClient({ userId: "1" }, 4000))),
  });
  const client = new Client(`${server.url}/?v=8`);
  await client.expect(8);
  assertEquals(thrown.length, 1);
  client.socket.close(1000);
  await client.closed;
});

test("RunningVoiceServer: a bot on the main gateway's WebSocket gets into a channel", async () => {
  await using server = await startVoiceServer({ token: "only-granted-ones" });
  const bot = new Client(`${server.gatewayUrl}/?v=10&encoding=json`);
  await bot.expect(10);
  bot.send(2, { token: "MTIz.x.y", intents: 128, properties: {} });
  const { d: { user, session_id } } = await bot.expect(0, "READY");
  assertEquals(user.id, "123");
  bot.send(4, { guild_id: "1", channel_id: "5", self_mute: false, self_deaf: false });
  await bot.expect(0, "VOICE_STATE_UPDATE");
  const { d: { token, endpoint } } = await bot.expect(0, "VOICE_SERVER_UPDATE");
  assertEquals(endpoint, server.url);
  const voice = new VoiceClient(server);
  await voice.join("123", { session_id, token });
  server.moveUser("1", "123", "6");
  assertEquals((await voice.closed).code, 4014);
  assertEquals((await bot.expect(0, "VOICE_STATE_UPDATE")).d.channel_id, "6");
  server.disconnectUser("1", "123");
  assertEquals((await bot.expect(0, "VOICE_STATE_UPDATE")).d.channel_id, null);
  bot.socket.close(1000);
  voice.close();
});

test("RunningVoiceServer.adapterCreator() is a gateway adapter like discord.js'", async () => {
  await using server = await startVoiceServer();
  const heard: Inbox<[string, Message]> = new Inbox();
  const make = (userId: string) =>
    server.adapterCreator(userId)({
      onVoiceStateUpdate: (data) => heard.put(["state", data]),
      onVoiceServerUpdate: (data) => heard.put(["server", data]),
      destroy: () => {},
    });
  const [adapter, otherGuild, otherUser] = [make("10"), make("10"), make("20")];
  const join = (guild_id: string, channel_id: string | null) => ({
    op: 4,
    d: { guild_id, channel_id, self_mute: false, self_deaf: false },
  });
  let called = heard.size;
  assertEquals(adapter.sendPayload(join("1", "5")), true);
  assertEquals(heard.size, called);
  const [state, updated] = [await heard.take(), await heard.take()];
  assertEquals([state[0], state[1].channel_id, updated[0]], ["state", "5", "server"]);
  assertEquals(updated[1].endpoint, server.url);
  assertEquals(otherUser.sendPayload(join("2", "5")), true);
  assertEquals((await heard.take())[1].user_id, "20");
  assertEquals((await heard.take())[0], "server");
  assertEquals(adapter.sendPayload({ op: 8, d: {} }), false);
  assertEquals(adapter.sendPayload(join("1", null)), true);
  assertEquals((await heard.take())[1].channel_id, null);
  adapter.destroy();
  adapter.destroy();
  assertEquals(adapter.sendPayload(join("1", "5")), false);
  called = heard.size;
  assertEquals(called, 0);
  otherGuild.destroy();
  otherUser.destroy();
  await server.close();
  assertEquals(make("10").sendPayload(join("1", "5")), false);
});

test("startVoiceServer() rejects a taken port and leaves nothing open", async () => {
  const server = await startVoiceServer();
  const { port, udpPort, gatewayPort } = server;
  for (const taken of [{ port }, { udpPort }, { gatewayPort }]) {
    const error = await assertRejects(() => startVoiceServer(taken));
    assertMatch((error as Error).message, /^Cannot listen on 127\.0\.0\.1, (TCP|UDP) port \d+: /);
  }
  await Promise.all([server.close(), server.close()]);
  const again = await startVoiceServer({ port, udpPort, gatewayPort });
  assertEquals([again.port, again.udpPort, again.gatewayPort], [port, udpPort, gatewayPort]);
  await again.close();
});

// The program

const CLI = fileURLToPath(new URL("../../adapters/testing/cli.ts", import.meta.url));
const RUN = "Deno" in globalThis
  ? ["run", "--no-check", "--allow-net", "--allow-read", "--allow-write", CLI]
  : [CLI];

interface Running extends Disposable {
  readonly child: ChildProcess;
  readonly firstLine: Promise<string>;
  readonly exit: Promise<{ code: number | null; output: string; errors: string }>;
}

function run(...args: string[]): Running {
  const child = spawn(process.execPath, [...RUN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = [[] as string[], [] as string[]];
  child.stderr!.on("data", (data) => errors.push(String(data)));
  const firstLine = new Promise<string>((resolve) =>
    child.stdout!.on("data", (data) => {
      output.push(String(data));
      const [line, rest] = output.join("").split("\n");
      if (rest !== undefined) resolve(line!);
    })
  );
  const exit = new Promise<{ code: number | null; output: string; errors: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, output: output.join(""), errors: errors.join("") }))
  );
  return { child, firstLine, exit, [Symbol.dispose]: () => void child.kill("SIGKILL") };
}

// After `child.kill()` Deno reports no exit code, whatever it was.
function kill({ child }: Running, signal: "SIGINT" | "SIGTERM"): void {
  process.kill(child.pid!, signal);
}

test("cli prints its ports, serves, logs events as they happen and ends with 0", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sotto-"));
  try {
    const log = join(folder, "events.log");
    using program = run("--port", "0", "--token", "hidden-token", "--log", log);
    const ports = JSON.parse(await program.firstLine);
    assertEquals(Object.keys(ports), ["port", "udpPort", "gatewayPort"]);
    const client = new Client(`ws://127.0.0.1:${ports.port}/?v=8`);
    await client.expect(8);
    client.send(0, identity("10", { token: "hidden-token" }));
    await client.expect(2);
    const lines = readFileSync(log, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ type }) => type), ["connect", "identify", "ready"]);
    assertEquals([lines[1].userId, lines[1].guildId, lines[2].ssrc], ["10", "1", 1]);
    assertMatch(lines[0].time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert(!readFileSync(log, "utf8").includes("hidden-token"));
    using second = run("--port", `${ports.port}`);
    const { code, errors } = await second.exit;
    assertEquals(code, 1);
    assertStringIncludes(errors, `TCP port ${ports.port}`);
    kill(program, "SIGTERM");
    const ending = await program.exit;
    assertEquals([ending.code, ending.output.split("\n").length], [0, 2]);
    await client.closed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("cli ends with 0 on SIGINT", async () => {
  using program = run();
  await program.firstLine;
  kill(program, "SIGINT");
  assertEquals((await program.exit).code, 0);
});

test("cli announces the endpoint that it is given", async () => {
  using program = run("--endpoint", "wss://voice.example:2087");
  const { gatewayPort } = JSON.parse(await program.firstLine);
  const bot = new Client(`ws://127.0.0.1:${gatewayPort}/?v=10`);
  await bot.expect(10);
  bot.send(2, { token: "MTIz.x.y" });
  bot.send(4, { guild_id: "1", channel_id: "5" });
  const { d } = await bot.expect(0, "VOICE_SERVER_UPDATE");
  assertEquals(d.endpoint, "wss://voice.example:2087");
  kill(program, "SIGTERM");
  assertEquals((await program.exit).code, 0);
  await bot.closed;
});

test("cli speaks as it is told: version 4 without ?v=, modes in its order, a form of discovery", async () => {
  const modes = ["xsalsa20_poly1305_lite", "aead_aes256_gcm_rtpsize"];
  using program = run("--modes", modes.join(","), "--discovery", "70le");
  const { port, udpPort } = JSON.parse(await program.firstLine);
  const client = new Client(`ws://127.0.0.1:${port}/`);
  assertEquals((await client.expect(8)).d, { v: 4, heartbeat_interval: 13750 });
  client.send(3, 1501184119561);
  assertEquals((await client.expect(6)).d, 1501184119561);
  client.send(0, identity("10"));
  const { ssrc, modes: offered } = (await client.expect(2)).d;
  assertEquals(offered, modes);
  const udp = createSocket("udp4");
  const reply = new Promise<Uint8Array>((resolve) => udp.once("message", resolve));
  udp.send(discovery(ssrc), udpPort, "127.0.0.1");
  const response = await reply;
  assertEquals(response.length, 70);
  assertEquals(response[68]! | response[69]! << 8, udp.address().port);
  udp.close();
  kill(program, "SIGTERM");
  assertEquals((await program.exit).code, 0);
  await client.closed;
});

test("cli closes with 4017 who cannot do DAVE where it is required", async () => {
  using program = run("--dave", "required");
  const { port } = JSON.parse(await program.firstLine);
  const client = new Client(`ws://127.0.0.1:${port}/?v=8`);
  await client.expect(8);
  client.send(0, identity("10"));
  assertEquals(await client.closed, { code: 4017, reason: "E2EE/DAVE protocol required" });
  kill(program, "SIGTERM");
  assertEquals((await program.exit).code, 0);
});

test("cli commits the faults that it is told to commit", async () => {
  using program = run("--fault", "heartbeat:close=4015", "--fault", "HeartbeatAck:lose*1");
  const { port } = JSON.parse(await program.firstLine);
  const client = new Client(`ws://127.0.0.1:${port}/?v=8`);
  await client.expect(8);
  client.send(3, { t: 1 });
  assertEquals((await client.closed).code, 4015);
  kill(program, "SIGTERM");
  assertEquals((await program.exit).code, 0);
});

test("cli refuses bad arguments with a clear message and 2", async () => {
  const cases: [string[], string][] = [
    [["--port", "65536"], "Cannot use --port 65536: a port is an integer of 0 to 65535"],
    [["--udp-port", "x"], "Cannot use --udp-port x"],
    [["--gateway-port=-1"], "Cannot use --gateway-port -1"],
    [["--unknown"], "--unknown"],
    [["extra"], "extra"],
    [["--token", ""], "Cannot use --token"],
    [["--endpoint", "http://x/y"], "Cannot use the endpoint"],
    [["--modes", "aead_aes256_gcm,plain"], "Cannot use --modes plain: it is one of aead_aes256"],
    [["--modes", ""], "Cannot use --modes : it is one of"],
    [["--discovery", "72"], "Cannot use --discovery 72: it is one of 74, 70be, 70le"],
    [["--dave", "on"], "Cannot use --dave on: it is one of off, optional, required"],
    [["--fault", "Ready"], "Cannot use --fault Ready: it is ON:FAULT, ON:FAULT=N or"],
    [["--fault", "Redy:lose"], "Cannot use fault point Redy: it is one of open, identify"],
    [["--fault", "open:lose*0"], "Cannot use times 0: it must be an integer of at least 1"],
  ];
  await Promise.all(cases.map(async ([args, message]) => {
    const { code, output, errors } = await run(...args).exit;
    assertEquals([code, output], [2, ""], args.join(" "));
    assertStringIncludes(errors, message);
    assertStringIncludes(errors, "Usage: server");
  }));
});

test("cli ends with 1 where the log cannot be opened", async () => {
  const { code, errors } = await run("--log", join(tmpdir(), "no-such-folder", "x")).exit;
  assertEquals(code, 1);
  assertStringIncludes(errors, "no-such-folder");
});
