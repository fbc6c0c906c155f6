import { assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { createOpus } from "../../../adapters/opus.ts";
import { recordCall, RECORDING_FORMATS } from "../../../adapters/recording/mod.ts";
import { parseWav } from "../../../lib/audio/wav.ts";
import { readOggOpus } from "../../../lib/audio/ogg_opus.ts";
import { FakeCall, type FakeSpeaker, temporaryFolder } from "./fixtures.ts";

const [BOB, CAROL] = ["100000000000000002", "100000000000000003"];
const SECOND = 48_000;

/** The samples of one channel. */
function channelOf(path: string, channel = 0): Int16Array {
  const { samples, channels } = parseWav(new Uint8Array(readFileSync(path)));
  return Int16Array.from(
    { length: samples.length / channels },
    (_, i) => samples[i * channels + channel],
  );
}

/** Runs of equal samples: `[sample, how often]`. */
function runs(samples: Int16Array): number[][] {
  const found: number[][] = [];
  for (const sample of samples) {
    const last = found.at(-1);
    if (last?.[0] === sample) last[1]++;
    else found.push([sample, 1]);
  }
  return found;
}

/** Two speakers from second 1 to 4 of a call; the recording lasts from second 1 to 4. */
function talk(call: FakeCall): [FakeSpeaker, FakeSpeaker] {
  const [bob, carol] = [call.join(BOB), call.join(CAROL)];
  call.position = 4 * SECOND;
  bob.hold(SECOND + 4800, 9600, 100);
  bob.hold(3 * SECOND, 9600, 300);
  carol.hold(3 * SECOND + 4800, 9600, 20_000);
  return [bob, carol];
}

test("recordCall() writes a WAV of each user, all of one length, aligned", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  call.position = SECOND;
  const recording = recordCall(call, { to: join(folder.path, "new") });
  const [bob, carol] = talk(call);
  Object.assign(bob.stats, { received: 20, lost: 3, undecodable: 1 });
  carol.end();
  bob.end();
  const { seconds, users, usersLeftOut } = await recording.stop();
  assertEquals([seconds, usersLeftOut, call.isRead], [3, 0, false]);
  const [first, second] = [BOB, CAROL].map((id) => join(folder.path, "new", `${id}.wav`));
  const common = { channel: undefined, seconds: 3, late: 0, concealed: 0 };
  const [none, some] = [[0, 0, 0], [20, 3, 1]].map(([packetsReceived, lost, undecodable]) => ({
    packetsReceived,
    lost,
    undecodable,
  }));
  assertEquals(users, [
    { userId: BOB, file: first, spoken: 0.4, ...common, ...some },
    { userId: CAROL, file: second, spoken: 0.2, ...common, ...none },
  ]);
  for (const channel of [0, 1]) {
    assertEquals(runs(channelOf(first, channel)), [
      [0, 4800],
      [100, 9600],
      [0, 2 * SECOND - 14_400],
      [300, 9600],
      [0, SECOND - 9600],
    ]);
    assertEquals(runs(channelOf(second, channel)), [
      [0, 2 * SECOND + 4800],
      [20_000, 9600],
      [0, SECOND - 14_400],
    ]);
  }
});

for (const name of ["", "call.wav"]) {
  test(`recordCall() writes one WAV with a channel a user, to ${name || "a folder"}`, async () => {
    using folder = temporaryFolder();
    const call = new FakeCall();
    call.position = SECOND;
    const to = join(folder.path, name);
    const recording = recordCall(call, { to, format: "multichannel" });
    talk(call).forEach((speaker) => speaker.end());
    call.join("not a number").end();
    const { users } = await recording.stop();
    const file = join(folder.path, name || "multichannel.wav");
    assertEquals(users.map((user) => [user.userId, user.channel, user.file]), [
      [BOB, 0, file],
      [CAROL, 1, file],
      ["not a number", 2, file],
    ]);
    assertEquals(readdirSync(folder.path), [name || "multichannel.wav"]);
    assertEquals(parseWav(new Uint8Array(readFileSync(file))).channels, 3);
    assertEquals(runs(channelOf(file, 0)).slice(0, 2), [[0, 4800], [100, 9600]]);
    assertEquals(runs(channelOf(file, 1)).slice(0, 2), [[0, 2 * SECOND + 4800], [20_000, 9600]]);
    assertEquals(runs(channelOf(file, 2)), [[0, 3 * SECOND]]);
  });
}

test("recordCall() writes one WAV of all voices together", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  call.position = SECOND;
  const to = join(folder.path, "call.wav");
  const recording = recordCall(call, { to, format: "mix" });
  talk(call).forEach((speaker) => speaker.end());
  const { users } = await recording.stop();
  assertEquals(users.map(({ file, spoken, late }) => [file, spoken, late]), [
    [to, 0.4, 0],
    [to, 0.2, 0],
  ]);
  assertEquals(readdirSync(folder.path), ["call.wav"]);
  for (const channel of [0, 1]) {
    assertEquals(runs(channelOf(to, channel)), [
      [0, 4800],
      [100, 9600],
      [0, 2 * SECOND - 14_400],
      [300, 4800],
      [20_300, 4800],
      [20_000, 4800],
      [0, SECOND - 14_400],
    ]);
  }
});

test("recordCall() mixes voices that come seconds late, and counts what comes later than that", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path, format: "mix" });
  const [bob, carol] = [call.join(BOB), call.join(CAROL)];
  for (let second = 0; second < 20; second++) {
    call.position = (second + 1) * SECOND;
    bob.hold(second * SECOND, SECOND, 10);
    await until(() => recording.users[0]?.spoken === second + 1);
    if (second === 10) carol.hold(7 * SECOND, SECOND, 100);
    if (second === 15) carol.hold(8 * SECOND, SECOND, 100);
    if (second === 15) carol.hold(12 * SECOND, SECOND, 100);
  }
  call.end();
  const { users } = await recording.finished;
  assertEquals(users.map(({ late }) => late), [0, 1]);
  assertEquals(runs(channelOf(join(folder.path, "mix.wav"))), [
    [10, 7 * SECOND],
    [110, SECOND],
    [10, 4 * SECOND],
    [110, SECOND],
    [10, 7 * SECOND],
  ]);
});

test("recordCall() writes Ogg Opus of each user without decoding, as long as WAV and aligned", async () => {
  using folder = temporaryFolder();
  using encoder = await createOpus({ channels: 2 });
  using decoder = await createOpus({ channels: 2 });
  const [call, twin] = [new FakeCall(), new FakeCall()];
  const recording = recordCall(call, { to: folder.path, format: "ogg" });
  const wav = recordCall(twin, { to: folder.path, format: "wav" });
  const [bob, heard] = [call.join(BOB), twin.join(BOB)];
  call.position = twin.position = 10 * SECOND + 77;
  const sent: Uint8Array[] = [];
  for (const start of [4321, 5 * SECOND]) {
    for (let i = 0; i < 30; i++) {
      const position = start + i * 960;
      const opus = encoder.encode(sine(i));
      sent.push(opus);
      bob.opus.push({ position, duration: 960, opus: i === 10 ? undefined : opus });
      heard.say(position, i === 10 ? decoder.conceal(960) : decoder.decode(opus));
    }
  }
  bob.opus.push({ position: 6 * SECOND, duration: 960, opus: new Uint8Array(0) });
  for (const speaker of [bob, heard]) speaker.end();
  const [{ users: [user] }] = await Promise.all([recording.stop(), wav.stop()]);
  assertEquals([user.seconds, user.spoken, user.concealed], [10 + 77 / SECOND, 58 * 0.02, 2]);
  const { packets, head } = readOggOpus(new Uint8Array(readFileSync(user.file)));
  assertEquals([head.channels, head.preSkip], [2, 0]);
  const voice = packets.map(({ packet }) => packet).filter(({ length }) => length > 3);
  assertEquals(voice, sent.filter((_, i) => i % 30 !== 10));
  const expected = channelOf(join(folder.path, `${BOB}.wav`));
  const length = packets.reduce((sum, { duration }) => sum + duration, 0);
  assertLess(length - expected.length, 120);
  const actual = decodeAll(await createOpus({ channels: 2 }), packets.map((it) => it.packet));
  for (const start of [4321, 5 * SECOND]) {
    const lag = bestLag(expected.subarray(start, start + 9600), actual, start, 960);
    assertLess(Math.abs(lag), 120);
  }
});

test("recordCall() goes on in the same track when a user comes back", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  for (const second of [1, 2, 3]) {
    const bob = call.join(BOB);
    call.position = (second + 1) * SECOND;
    bob.hold(second * SECOND, 4800, second);
    bob.stats.received = 5;
    bob.end();
  }
  call.end();
  const { users } = await recording.finished;
  assertEquals(users.map((it) => [it.userId, it.packetsReceived, it.seconds]), [[BOB, 15, 4]]);
  assertEquals(runs(channelOf(users[0].file)), [
    [0, SECOND],
    [1, 4800],
    [0, SECOND - 4800],
    [2, 4800],
    [0, SECOND - 4800],
    [3, 4800],
    [0, SECOND - 4800],
  ]);
});

test("recordCall() ends with the call", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  call.position = SECOND;
  call.end();
  assertEquals(await recording.finished, { seconds: 1, users: [], usersLeftOut: 0 });
  assertEquals(await recording.stop(), await recording.finished);
});

test("CallRecording.stop() waits for what was said before, and takes nothing that was said after", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  const [bob, carol] = [call.join(BOB), call.join(CAROL)];
  carol.hold(0, 960, 1);
  await until(() => recording.users.length === 2);
  call.position = SECOND;
  const stopped = recording.stop();
  bob.hold(SECOND - 9600, 9120 + 960, 7); // crosses the end
  bob.hold(SECOND + 960, 960, 8);
  const { users } = await stopped;
  assertEquals(runs(channelOf(users[0].file)), [[0, SECOND - 9600], [7, 9600]]);
  assertEquals(runs(channelOf(users[1].file)), [[1, 960], [0, SECOND - 960]]);
});

test("recordCall() is stopped by its signal, and lets go of it", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const controller = new AbortController();
  const recording = recordCall(call, { to: folder.path, signal: controller.signal });
  call.position = SECOND;
  controller.abort();
  assertEquals((await recording.finished).seconds, 1);
  const { signal } = controller;
  assertThrows(() => recordCall(call, { to: folder.path, signal }), DOMException);
});

test("recordCall() writes nothing outside of its folder, whatever a user is called", async () => {
  using folder = temporaryFolder();
  const to = join(folder.path, "a", "b");
  for (const format of RECORDING_FORMATS) {
    const call = new FakeCall();
    const recording = recordCall(call, { to: join(to, format), format });
    for (const id of ["../../x", "/tmp/x", "..", "", "1/../../x", "1\0", "9".repeat(300)]) {
      call.join(id).end();
    }
    await until(() => recording.users.length === 7);
    await recording.stop();
  }
  assertEquals(readdirSync(folder.path), ["a"]);
  assertEquals(readdirSync(join(folder.path, "a")), ["b"]);
  assertEquals(readdirSync(to).toSorted(), [...RECORDING_FORMATS].toSorted());
  const names = [1, 2, 3, 4, 5, 6, 7].map((i) => `speaker-${i}`);
  assertEquals(readdirSync(join(to, "wav")).toSorted(), names.map((it) => `${it}.wav`));
  assertEquals(readdirSync(join(to, "ogg")).toSorted(), names.map((it) => `${it}.ogg`));
  assertEquals(readdirSync(join(to, "mix")), ["mix.wav"]);
  assertEquals(readdirSync(join(to, "multichannel")), ["multichannel.wav"]);
});

test("recordCall() ends as soon as a file cannot be written, and keeps the others", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, `${CAROL}.wav`));
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  call.position = SECOND;
  const bob = call.join(BOB);
  bob.hold(0, 9600, 7);
  await until(() => recording.users[0]?.spoken === 0.2);
  call.join(CAROL).hold(0, 960, 1);
  await assertRejects(() => recording.finished, Error, "EISDIR");
  await assertRejects(() => recording.stop(), Error, "EISDIR");
  assertEquals([call.isRead, bob.frames.isOpen], [false, false]);
  await until(() => existsSync(join(folder.path, `${BOB}.wav`)));
  await until(() =>
    readFileSync(join(folder.path, `${BOB}.wav`)).toString("latin1", 0, 4) === "RIFF"
  );
  assertEquals(runs(channelOf(join(folder.path, `${BOB}.wav`))), [[7, 9600]]);
});

test("recordCall() tells in time that a mix cannot be written, though nobody speaks", async () => {
  using folder = temporaryFolder();
  mkdirSync(join(folder.path, "mix.wav"));
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path, format: "mix" });
  await assertRejects(() => recording.finished, Error, "EISDIR");
});

test("recordCall() bounds a track to the time that has passed, whatever the positions are", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  const bob = call.join(BOB);
  call.position = SECOND;
  for (const position of [1e15, NaN, Infinity, -1e15, 2 ** 53]) bob.hold(position, 960, 1);
  for (let i = 0; i < 200; i++) bob.say(i * 960, new Int16Array(1920));
  bob.end();
  call.end();
  const { seconds, users } = await recording.finished;
  assertLess(seconds, 2.1);
  assertGreater(users[0].late, 0);
});

test("CallRecording.takePeaks() tells how loud a user was since the last time", async () => {
  using folder = temporaryFolder();
  const call = new FakeCall();
  const recording = recordCall(call, { to: folder.path });
  call.position = SECOND;
  const bob = call.join(BOB);
  bob.hold(0, 960, 100);
  bob.hold(960, 960, -16_384);
  await until(() => recording.users[0]?.spoken === 0.04);
  assertEquals([...recording.takePeaks()], [[BOB, 0.5]]);
  assertEquals([...recording.takePeaks()], [[BOB, 0]]);
  bob.end();
  await recording[Symbol.asyncDispose]();
});

test("recordCall() knows no other format", () => {
  const format = "mp3" as "wav";
  assertThrows(
    () => recordCall(new FakeCall(), { to: "x", format }),
    RangeError,
    'Cannot record: the format is "mp3", want one of wav, ogg, multichannel, mix',
  );
});

/** Lets work go on until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i === 5000) throw new Error("Cannot wait any longer");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function sine(frame: number): Int16Array {
  return Int16Array.from({ length: 1920 }, (_, i) => {
    const at = frame * 960 + (i >> 1);
    return 9000 * Math.sin(at * (0.02 + at / 2e6));
  });
}

function decodeAll(
  codec: { decode(packet: Uint8Array): Int16Array } & Disposable,
  packets: readonly Uint8Array[],
): Int16Array {
  using decoder = codec;
  const pieces = packets.map((packet) => decoder.decode(packet).filter((_, i) => i % 2 === 0));
  const whole = new Int16Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** By how many samples `signal` lies behind `at`, at most `range`, by correlation. */
function bestLag(wanted: Int16Array, signal: Int16Array, at: number, range: number): number {
  let best = [-Infinity, 0];
  for (let lag = -range; lag <= range; lag++) {
    let sum = 0;
    for (let i = 0; i < wanted.length; i += 3) sum += wanted[i] * (signal[at + lag + i] ?? 0);
    if (sum > best[0]) best = [sum, lag];
  }
  return best[1];
}
