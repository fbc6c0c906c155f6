/**
 * The example programs, as child processes on the present runtime, against the embedded
 * server: what they send and write, the JSON line, the exit code.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join as joinPath, resolve } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { joinVoice, SILENCE_COUNT } from "@sotto/voice";
import { parseWav, readOggOpus, writeOggOpus } from "@sotto/voice/audio";
import { PacketCipher, pureAead, writeRtpHeader } from "@sotto/voice/core";
import {
  type RunningVoiceServer,
  type ServerEvent,
  type StartOptions,
  startVoiceServer,
} from "@sotto/voice/testing";
import { currentRuntime, runArguments, runtimePath } from "../../examples/demo/runtimes.ts";
import { type Child, type Ending, startChild } from "../tools/child.ts";
import { startScriptedServer } from "../tools/scripted_server.ts";
import { until, within } from "../tools/waiting.ts";

const LIMIT = 30_000;
const [GUILD, CHANNEL] = ["41771983423143937", "127121515262115840"];
const [BOT, BOB, CAROL] = ["100000000000000001", "100000000000000002", "100000000000000003"];
const TOKEN = "voice-token-of-the-test";
const PACKET_COUNT = 40;
const RECORDING_SECONDS = 3;

const TALK = readOggOpus(
  new Uint8Array(readFileSync(new URL("../audio/talk.ogg", import.meta.url))),
).packets.slice(0, PACKET_COUNT).map(({ packet }) => packet);

/** A folder that is gone after the test. */
function temporaryFolder(): { path: string } & Disposable {
  const path = mkdtempSync(joinPath(tmpdir(), "sotto-examples-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A folder with `talk.ogg` in it. */
function folderWithTalk(): { file: string } & Disposable {
  const folder = temporaryFolder();
  const file = joinPath(folder.path, "talk.ogg");
  writeFileSync(file, writeOggOpus(TALK));
  return { file, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** A server, and what it has told. */
async function startServer(
  options: StartOptions = {},
): Promise<{ server: RunningVoiceServer; told: ServerEvent[] } & AsyncDisposable> {
  const told: ServerEvent[] = [];
  const onEvent = (event: ServerEvent) => void told.push(event);
  const server = await startVoiceServer({ ...options, onEvent });
  return { server, told, [Symbol.asyncDispose]: () => server.close() };
}

/** Options that name a call; those in `without` are left out. */
function callOptions(url: string, without: readonly string[] = []): string[] {
  return Object.entries({
    url,
    "server-id": GUILD,
    "channel-id": CHANNEL,
    "user-id": BOT,
    "session-id": "session",
    token: TOKEN,
  }).flatMap(([name, value]) => without.includes(name) ? [] : [`--${name}`, value]);
}

async function start(name: "play" | "record", args: readonly string[]): Promise<Child> {
  const runtime = currentRuntime();
  const file = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
  return startChild(await runtimePath(runtime), runArguments(runtime, file, args));
}

async function run(name: "play" | "record", args: readonly string[]): Promise<Ending> {
  using child = await start(name, args);
  return await child.ended;
}

/** The one line on standard output. */
function lineOf({ stdout, stderr }: Ending): Record<string, unknown> {
  const lines = stdout.split("\n");
  assertEquals([lines.length, lines[1]], [2, ""], `${stdout}\n${stderr}`);
  return JSON.parse(lines[0]);
}

/** It failed as an example fails: the reason on both outputs, the token on none. */
function assertFailed(ending: Ending): Record<string, unknown> {
  const line = lineOf(ending);
  assertEquals(ending.code, 1);
  assertEquals(typeof line.error, "string");
  assertEquals(ending.stderr, `${line.error}\n`);
  assertEquals((ending.stdout + ending.stderr).includes(TOKEN), false);
  return line;
}

// play.ts

test(
  "play.ts sends each packet of the file, then silence, and leaves",
  within(LIMIT, async () => {
    using folder = folderWithTalk();
    await using stage = await startServer({ token: TOKEN });
    const ending = await run("play", [...callOptions(stage.server.url), folder.file]);
    assertEquals(lineOf(ending), {
      packetsSent: PACKET_COUNT,
      silenceSent: SILENCE_COUNT,
      mode: "aead_xchacha20_poly1305_rtpsize",
      dave: true,
      closeCodes: [],
      resumes: 0,
      error: null,
    });
    assertEquals([ending.code, ending.stderr], [0, ""]);
    const { accepted, dropped } = stage.server.stats();
    assertEquals([accepted, dropped], [PACKET_COUNT + SILENCE_COUNT, {}]);
    const left = stage.told.find(({ type }) => type === "leave");
    assertEquals(left?.type === "leave" && left.reason, "left");
  }),
);

for (const dave of ["on", "off"]) {
  test(
    `play.ts and record.ts talk with --dave ${dave}, and say whether the call was encrypted`,
    within(LIMIT, async () => {
      using folder = folderWithTalk();
      await using stage = await startServer();
      const { server, told } = stage;
      const out = joinPath(folder.file, "..", "recording");
      const options = [...callOptions(server.url, ["user-id"]), "--dave", dave];
      const seconds = String(RECORDING_SECONDS);
      const listening = ["--user-id", BOB, "--out", out, "--seconds", seconds];
      using recorder = await start("record", [...options, ...listening]);
      await until(() => told.some(({ type }) => type === "session"));
      const [played, recorded] = await Promise.all([
        run("play", [...options, "--user-id", BOT, folder.file]),
        recorder.ended,
      ]);
      const [play, record] = [played, recorded].map(lineOf);
      assertEquals([play.dave, record.dave], [dave === "on", dave === "on"]);
      assertEquals([play.error, record.error, play.packetsSent], [null, null, PACKET_COUNT]);
      const [speaker] = record.speakers as Record<string, unknown>[];
      assertEquals([speaker.userId, speaker.undecodable], [BOT, 0]);
      assertEquals(speaker.packetsReceived, PACKET_COUNT + SILENCE_COUNT);
      assertEquals(told.some(({ type }) => type === "dave-commit"), dave === "on");
    }),
  );
}

test(
  "play.ts --dave off exits with 1 where the server demands DAVE, and says what to do",
  within(LIMIT, async () => {
    using folder = folderWithTalk();
    await using stage = await startServer({ dave: "required" });
    const args = [...callOptions(stage.server.url), "--dave", "off", folder.file];
    const line = assertFailed(await run("play", args));
    assertEquals([line.closeCodes, line.dave], [[4017], false]);
    assertStringIncludes(line.error as string, "DAVE");
  }),
);

for (const [code, cut] of [[4015, 1], [4015, 2]]) {
  test(
    `play.ts resumes after ${cut} times ${code} and sends each packet once`,
    within(LIMIT, async () => {
      using folder = folderWithTalk();
      await using stage = await startServer();
      const { server, told } = stage;
      // The listener is in the channel first: it hears all there is.
      await using listener = await joinVoice({
        guildId: GUILD,
        channelId: CHANNEL,
        userId: BOB,
        server: { endpoint: server.url, sessionId: "listener", token: TOKEN },
      });
      const heard = (async () => {
        for await (const speaker of listener.speakers()) {
          return (await Array.fromAsync(speaker)).map(({ opus }) => opus);
        }
      })();
      using child = await start("play", [...callOptions(server.url), folder.file]);
      for (let i = 1; i <= cut; i++) {
        await until(() => server.stats().accepted >= 10 * i);
        server.closeClient({ userId: BOT }, code);
        await until(() => told.filter(({ type }) => type === "resumed").length === i);
      }
      const ending = await child.ended;
      const { packetsSent, closeCodes, resumes, error } = lineOf(ending);
      assertEquals([ending.code, packetsSent, resumes, error], [0, PACKET_COUNT, cut, null]);
      assertEquals(closeCodes, new Array(cut).fill(code));
      assertEquals(server.stats().accepted, PACKET_COUNT + SILENCE_COUNT);
      assertEquals((await heard)?.slice(0, PACKET_COUNT), TALK);
    }),
  );
}

test(
  "play.ts exits with 1 where the server closes 4006 in the middle",
  within(LIMIT, async () => {
    using folder = folderWithTalk();
    await using stage = await startServer();
    using child = await start("play", [...callOptions(stage.server.url), folder.file]);
    await until(() => stage.server.stats().accepted >= 10);
    stage.server.closeClient({ userId: BOT }, 4006);
    const line = assertFailed(await child.ended);
    assertEquals([line.closeCodes, line.resumes], [[4006], 0]);
    assertStringIncludes(line.error as string, "4006");
    const { accepted } = stage.server.stats();
    assertLess(accepted, PACKET_COUNT);
    // Datagrams that came after the close are counted by neither or by both.
    assertGreaterOrEqual(line.packetsSent as number, accepted);
  }),
);

test(
  "play.ts exits with 1 where the token is wrong, and shows no token",
  within(LIMIT, async () => {
    using folder = folderWithTalk();
    await using stage = await startServer({ token: "another-token" });
    const ending = await run("play", [...callOptions(stage.server.url), folder.file]);
    const line = assertFailed(ending);
    assertStringIncludes(line.error as string, "token");
    assertEquals([line.packetsSent, line.closeCodes], [0, [4004]]);
  }),
);

test(
  "play.ts exits with 1 where there is no such file, and has sent none of its packets",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await using stage = await startServer();
    const file = joinPath(folder.path, "missing.ogg");
    const line = assertFailed(await run("play", [...callOptions(stage.server.url), file]));
    assertStringIncludes(line.error as string, "missing.ogg");
    assertEquals(line.packetsSent, 0);
    assertEquals(stage.server.stats().sessions, 0);
  }),
);

test(
  "play.ts exits with 1 where the file is cut off, and tells how much it sent",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await using stage = await startServer();
    const file = joinPath(folder.path, "cut.ogg");
    writeFileSync(file, writeOggOpus(TALK.slice(0, 6), { packetsPerPage: 3 }).subarray(0, -10));
    const line = assertFailed(await run("play", [...callOptions(stage.server.url), file]));
    const { accepted } = stage.server.stats();
    assertEquals(line.packetsSent, accepted - SILENCE_COUNT);
    assertGreater(accepted, SILENCE_COUNT);
  }),
);

test(
  "play.ts interrupted leaves and tells what it sent",
  within(LIMIT, async () => {
    using folder = folderWithTalk();
    await using stage = await startServer();
    using child = await start("play", [...callOptions(stage.server.url), folder.file]);
    await until(() => stage.server.stats().accepted >= 5);
    child.interrupt();
    const line = assertFailed(await child.ended);
    assertStringIncludes(line.error as string, "interrupted");
    const left = stage.told.find(({ type }) => type === "leave");
    assertEquals(left?.type === "leave" && left.reason, "left");
    assertLess(line.packetsSent as number, PACKET_COUNT);
  }),
);

const MISTAKES: readonly (readonly [program: "play" | "record", string, readonly string[]])[] = [
  ["play", "--token", [...callOptions("ws://127.0.0.1:1", ["token"]), "x.ogg"]],
  ["play", "--url", [...callOptions("", ["url"]), "x.ogg"]],
  ["play", "argument", callOptions("ws://127.0.0.1:1")],
  ["play", "--volume", [...callOptions("ws://127.0.0.1:1"), "--volume", "9", "x.ogg"]],
  ["record", "--seconds", [...callOptions("ws://127.0.0.1:1"), "--out", "x"]],
  ["record", "--format", [
    ...callOptions("ws://127.0.0.1:1"),
    ...["--out", "x", "--seconds", "1", "--format", "mp3"],
  ]],
  ["record", "seconds", [...callOptions("ws://127.0.0.1:1"), "--out", "x", "--seconds", "soon"]],
];
for (const [program, named, args] of MISTAKES) {
  test(
    `${program}.ts exits with 2 and its usage on: ${
      args.slice(-4).join(" ").replaceAll(TOKEN, "TOKEN")
    }`,
    within(LIMIT, async () => {
      const { code, stdout, stderr } = await run(program, args);
      assertEquals([code, stdout], [2, ""], stderr);
      assertStringIncludes(stderr, named);
      assertStringIncludes(stderr, "Usage: ");
      assertEquals(stderr.includes(TOKEN), false);
      assertEquals(/^\s+at /m.test(stderr), false, stderr);
    }),
  );
}

// record.ts

interface Recording {
  readonly userId: string;
  readonly file: string;
  readonly packetsReceived: number;
  readonly undecodable: number;
  readonly seconds: number;
  readonly spoken: number;
}

/** Starts a recorder and waits until it hears. */
async function startRecorder(
  url: string,
  out: string,
  told: readonly ServerEvent[],
  seconds = RECORDING_SECONDS,
  more: readonly string[] = [],
): Promise<Child> {
  const args = [...callOptions(url), "--out", out, "--seconds", `${seconds}`, ...more];
  const child = await start("record", args);
  let ending: Ending | undefined;
  void child.ended.then((it) => ending = it);
  const speaks = () => told.some(({ type, userId }) => type === "speaking" && userId === BOT);
  await until(() => ending !== undefined || speaks());
  assertEquals(ending, undefined, "the recorder has ended already");
  return child;
}

/** Joins, plays, leaves. */
async function talk(userId: string, url: string, packets: readonly Uint8Array[]): Promise<void> {
  await using connection = await joinVoice({
    guildId: GUILD,
    channelId: CHANNEL,
    userId,
    server: { endpoint: url, sessionId: `session-of-${userId}`, token: TOKEN },
  });
  await connection.play(packets);
  // The message that the user has left may overtake the last datagrams.
  await delay(50);
}

/** All packets came; of the silence behind them, some may be late. */
function assertReceived(actual: number, packets: number, plays = 1): void {
  assertGreaterOrEqual(actual, packets);
  assertLessOrEqual(actual, packets + plays * SILENCE_COUNT);
}

/** The file is a WAV of the length that was told, with as much voice as there were packets. */
function assertWav({ file, seconds, spoken, packetsReceived }: Recording): ArrayLike<number> {
  const { samples, channels, sampleRate } = parseWav(new Uint8Array(readFileSync(file)));
  assertEquals([channels, sampleRate], [2, 48_000]);
  assertEquals(samples.length / channels / sampleRate, seconds);
  assertGreaterOrEqual(seconds, packetsReceived * 0.02 - 1e-9);
  // A machine that stalls while it sends loses time, not packets.
  assertGreaterOrEqual(spoken, packetsReceived * 0.02 - 0.1);
  assertLess(spoken, packetsReceived * 0.02 + 1);
  return samples;
}

test(
  "record.ts writes a WAV of each speaker",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    const out = joinPath(folder.path, "made", "on", "demand");
    await using stage = await startServer();
    const { url } = stage.server;
    using child = await startRecorder(url, out, stage.told);
    await Promise.all([talk(BOB, url, TALK.slice(0, 30)), talk(CAROL, url, TALK.slice(0, 10))]);
    const ending = await child.ended;
    const { speakers, error, mode, closeCodes, resumes } = lineOf(ending);
    assertEquals([ending.code, ending.stderr, error], [0, "", null]);
    assertEquals([mode, closeCodes, resumes], ["aead_xchacha20_poly1305_rtpsize", [], 0]);
    const recordings = (speakers as Recording[]).toSorted((a, b) => a.userId < b.userId ? -1 : 1);
    assertEquals(
      recordings.map(({ userId, undecodable, file }) => [userId, undecodable, file] as const),
      [[BOB, 0, joinPath(out, `${BOB}.wav`)], [CAROL, 0, joinPath(out, `${CAROL}.wav`)]],
    );
    assertEquals(recordings[0].seconds, recordings[1].seconds);
    assertReceived(recordings[0].packetsReceived, 30);
    assertReceived(recordings[1].packetsReceived, 10);
    const loudness = recordings.map((it) =>
      Array.from(assertWav(it)).reduce((a, b) => Math.max(a, b))
    );
    assertGreater(Math.max(...loudness), 500);
    assertEquals(readdirSync(out).toSorted(), [`${BOB}.wav`, `${CAROL}.wav`]);
  }),
);

test(
  "record.ts keeps what a user said before leaving and coming back",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await using stage = await startServer();
    const { url } = stage.server;
    using child = await startRecorder(url, folder.path, stage.told);
    await talk(BOB, url, TALK.slice(0, 20));
    await talk(BOB, url, TALK.slice(0, 5));
    const { speakers } = lineOf(await child.ended);
    const recordings = speakers as Recording[];
    const packetsReceived = recordings.reduce((sum, it) => sum + it.packetsReceived, 0);
    assertReceived(packetsReceived, 20 + 5, 2);
    const files = [...new Set(recordings.map(({ file }) => file))];
    const sampleCount = files.map((file) => parseWav(new Uint8Array(readFileSync(file))).samples)
      .reduce((sum, { length }) => sum + length, 0);
    assertGreaterOrEqual(sampleCount / 2, packetsReceived * 960);
  }),
);

test(
  "record.ts writes nothing outside its folder, whatever a user is called",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    const out = joinPath(folder.path, "a", "b");
    const userIds = ["../../x", "/tmp/x", "..", "", "1/../../x", "1\0", "9".repeat(300)];
    await using server = await startScriptedServer();
    const args = [...callOptions(server.endpoint), "--out", out, "--seconds", "1.5"];
    using child = await start("record", args);
    // Once it sends it also listens, with a key.
    await until(() => server.packetCount > 0);
    const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", server.key, pureAead);
    userIds.forEach((userId, i) => {
      server.tell(5, { user_id: userId, ssrc: 100 + i, speaking: 1 });
      for (let sequence = 0; sequence < 3; sequence++) {
        const datagram = new Uint8Array(12 + 3 + 20);
        writeRtpHeader(datagram, sequence, 960 * sequence, 100 + i);
        datagram.set([0xf8, 0xff, 0xfe], 12);
        cipher.seal(datagram, 12, 3);
        server.transmit(datagram);
      }
    });
    const ending = await child.ended;
    const { speakers, error } = lineOf(ending);
    assertEquals([ending.code, error], [0, null], ending.stderr);
    const recordings = speakers as Recording[];
    assertGreater(recordings.length, 0);
    for (const recording of recordings) {
      assert(resolve(recording.file).startsWith(resolve(out) + "/"), recording.file);
      assertWav(recording);
    }
    const files = readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((it) => it.isFile()).map((it) => it.parentPath);
    assertEquals(files, new Array(recordings.length).fill(out));
  }),
);

test(
  "record.ts writes other formats, and tells in plain lines who speaks",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await using stage = await startServer();
    const { url } = stage.server;
    const args = ["--format", "multichannel", "--view", "lines"];
    using child = await startRecorder(url, folder.path, stage.told, 2, args);
    await Promise.all([talk(BOB, url, TALK.slice(0, 30)), talk(CAROL, url, TALK.slice(0, 10))]);
    const ending = await child.ended;
    const speakers = lineOf(ending).speakers as (Recording & { channel: number })[];
    const file = joinPath(folder.path, "multichannel.wav");
    assertEquals(speakers.map((it) => [it.channel, it.file]), [[0, file], [1, file]]);
    assertEquals(parseWav(new Uint8Array(readFileSync(file))).channels, 2);
    for (const { userId } of speakers) assertStringIncludes(ending.stderr, userId);
    assertStringIncludes(ending.stderr, " dB ");
  }),
);

test(
  "record.ts exits with 1 where a file cannot be written",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await mkdir(joinPath(folder.path, `${BOB}.wav`));
    await using stage = await startServer();
    const { url } = stage.server;
    using child = await startRecorder(url, folder.path, stage.told, 1);
    await talk(BOB, url, TALK.slice(0, 3));
    const line = assertFailed(await child.ended);
    assertStringIncludes(line.error as string, "EISDIR");
  }),
);

test(
  "record.ts interrupted leaves and completes its files",
  within(LIMIT, async () => {
    using folder = temporaryFolder();
    await using stage = await startServer();
    const { url } = stage.server;
    using child = await startRecorder(url, folder.path, stage.told, 60);
    await talk(BOB, url, TALK.slice(0, 10));
    child.interrupt();
    const line = assertFailed(await child.ended);
    assertStringIncludes(line.error as string, "interrupted");
    const { samples } = parseWav(new Uint8Array(readFileSync(joinPath(folder.path, `${BOB}.wav`))));
    const { packetsReceived } = (line.speakers as Recording[])[0] ?? {};
    assertReceived(packetsReceived, 10);
    assertGreaterOrEqual(samples.length / 2, packetsReceived * 960);
    const left = stage.told.findLast(({ type }) => type === "leave");
    assertEquals([left?.userId, left?.type === "leave" && left.reason], [BOT, "left"]);
  }),
);
