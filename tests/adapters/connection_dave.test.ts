// End-to-end encrypted connections: calls on real sockets, and where nothing but time has to pass
// on fake ones. Whatever becomes of the group, nothing is lost of what is said once it is shared.

import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { delay } from "@std/async";
import test from "node:test";
import { type JoinVoiceOptions, VoiceConnection } from "../../adapters/connection.ts";
import type { DaveComponent } from "../../adapters/dave_component.ts";
import { detectTransport } from "../../adapters/detect.ts";
import { type RunningVoiceServer, startVoiceServer } from "../../adapters/testing/mod.ts";
import { LocalProtocolError, VoiceConnectError } from "../../lib/errors.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { RTP_HEADER_SIZE } from "../../lib/rtp_header.ts";
import { until, within } from "../tools/waiting.ts";
import { randomBytes, seededRandom } from "../tools/vectors.ts";
import { ADDRESS, Bench, MODE, REMOTE, SPEAKER, SSRC } from "./fake_connection.ts";
import { inFakeTime } from "./fake_sockets.ts";

const LIMIT = 20_000;
const [GUILD, CHANNEL, OTHER] = ["41771983423143937", "127121515262115840", "5"];
const [ALICE, BOB, CAROL] = ["100000000000000001", "100000000000000002", "100000000000000003"];
const SILENCE = Uint8Array.of(0xf8, 0xff, 0xfe);
const NOISE = seededRandom(41);
/** What was said in this file, by its bytes: number of the packet. */
const SAID = new Map<string, number>();
/** Opus of 10 ms, by its first byte. */
const TEN_MILLISECONDS = 0xf0;

const [PACKET] = speech(1);

/** Number of a packet, or what came instead. */
type Heard = number | string;

/** Options that join as a user by the embedded server's gateway adapter. */
function as(userId: string, server: RunningVoiceServer): JoinVoiceOptions {
  const adapterCreator = server.adapterCreator(userId);
  return { guildId: GUILD, channelId: CHANNEL, userId, adapterCreator };
}

/** A connection, what it tells, and what it hears of each other one. */
class Bot implements AsyncDisposable {
  readonly connection: VoiceConnection;
  readonly events: readonly SessionEvent[];
  /** Frames that came without a user while the call was encrypted. */
  unnamed = 0;
  readonly #heard = new Map<number, Heard[]>();

  private constructor(connection: VoiceConnection, events: readonly SessionEvent[]) {
    this.connection = connection;
    this.events = events;
    connection.on("rawAudioFrame", ({ userId, ssrc, frame }) => {
      const isEncrypted = (connection.dave?.protocolVersion ?? 0) > 0;
      this.unnamed += Number(isEncrypted && userId === undefined);
      this.#heardOf(ssrc).push(...numbers([frame.subarray(RTP_HEADER_SIZE)]));
    });
  }

  static async join(
    server: RunningVoiceServer,
    userId: string,
    options: Partial<JoinVoiceOptions> = {},
  ): Promise<Bot> {
    const events: SessionEvent[] = [];
    const connection = await VoiceConnection.join(await detectTransport(), {
      ...as(userId, server),
      ...options,
      onEvent: (event) => events.push(event),
    });
    return new Bot(connection, events);
  }

  get dave(): DaveComponent {
    return this.connection.dave!;
  }

  /** What was heard of another bot in its present session, in order. */
  heard({ connection: { ssrc } }: Bot): readonly Heard[] {
    return this.#heardOf(ssrc);
  }

  /** Says something new at once, and waits until all of these have heard just this. */
  async tell(...listeners: readonly Bot[]): Promise<void> {
    const said = speech(5);
    const before = listeners.map((listener) => listener.heard(this).length);
    this.connection.setSpeaking(1);
    for (const packet of said) assert(this.connection.sendOpus(packet), this.connection.userId);
    const heard = (i: number) => listeners[i].heard(this).slice(before[i]);
    await until(() => listeners.every((_, i) => heard(i).length >= said.length));
    for (const i of listeners.keys()) assertEquals(heard(i), numbers(said));
  }

  #heardOf(ssrc: number): Heard[] {
    const heard = this.#heard.get(ssrc) ?? [];
    this.#heard.set(ssrc, heard);
    return heard;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }
}

/** Opus packets of 10 ms, no two alike. */
function speech(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const packet = Uint8Array.of(TEN_MILLISECONDS, ...randomBytes(NOISE, 8 + NOISE() % 120));
    SAID.set(String(packet), SAID.size);
    return packet;
  });
}

/** Numbers of packets that were said bit for bit so; a word for anything else. */
function numbers(packets: readonly Uint8Array[]): Heard[] {
  return packets.map((packet) => {
    const bytes = String(packet);
    return bytes === String(SILENCE) ? "silence" : SAID.get(bytes) ?? `${packet.length} bytes`;
  });
}

/** What others hear of what `play` is given. */
function played(packets: readonly Uint8Array[]): Heard[] {
  return numbers([...packets, ...Array<Uint8Array>(5).fill(SILENCE)]);
}

/** Waits for the end of what was played: all of its last packets were heard, so many at least. */
async function assertTail(
  listener: Bot,
  speaker: Bot,
  all: Heard[],
  least: number,
): Promise<void> {
  const heard = listener.heard(speaker);
  await until(() => heard.filter((packet) => packet === "silence").length === 5);
  assertGreaterOrEqual(heard.length, least);
  assertEquals(heard, all.slice(all.length - heard.length));
}

/** All of these are in one group, and know it. */
function assertGroup(...bots: readonly Bot[]): void {
  const [{ dave: { privacyCode, identities, epoch } }] = bots;
  const members = bots.map(({ connection }) => connection.userId).sort();
  assertMatch(privacyCode!, /^\d{30}$/);
  assertEquals(identities.map(({ userId }) => userId).sort(), members);
  assert(identities.every(({ publicKey }) => publicKey.length === 65 && publicKey[0] === 4));
  for (const { dave } of bots) {
    assertEquals([dave.privacyCode, dave.identities, dave.epoch], [privacyCode, identities, epoch]);
    assertEquals([dave.state, dave.protocolVersion, dave.ready], ["established", 1, true]);
  }
}

/** Nothing came that could not be decrypted, and nothing waits for a key. */
function assertUnderstood(...bots: readonly Bot[]): void {
  for (const { connection, unnamed } of bots) {
    const { undecryptable, held, expired } = connection.stats();
    assertEquals([undecryptable, held, expired, unnamed], [{}, 0, 0, 0]);
  }
}

function count(events: readonly SessionEvent[], type: SessionEvent["type"]): number {
  return events.filter((event) => event.type === type).length;
}

/** Versions of the call and codes of the group, as they came. */
function versions(bot: Bot): number[] {
  return bot.events.flatMap((event) =>
    event.type === "daveEpochTransition" ? [event.protocolVersion] : []
  );
}

test(
  "joinVoice resolves once all who are there can decrypt: two bots, then three",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    await bob.tell(alice);
    await alice.connection.untilReady();
    await alice.tell(bob);
    assertGroup(alice, bob);
    const { privacyCode, epoch } = alice.dave;
    assertEquals(epoch, 1);
    await using carol = await Bot.join(server, CAROL);
    await carol.tell(alice, bob);
    await until(() => [alice, bob].every((bot) => count(bot.events, "daveEpochTransition") === 2));
    await alice.tell(bob, carol);
    await bob.tell(alice, carol);
    assertGroup(alice, bob, carol);
    assertEquals(carol.dave.epoch, 2);
    assertNotEquals(carol.dave.privacyCode, privacyCode);
    assertUnderstood(alice, bob, carol);
    for (const { dave } of [alice, bob, carol]) {
      assertEquals(dave.counters, { ignored: {}, recoveries: 0 });
    }
  }),
);

test(
  "bots that join at the same moment are in one group, and hear each other",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const users = [ALICE, BOB, CAROL, "104", "105"];
    const bots = await Promise.all(users.map((userId) => Bot.join(server, userId)));
    await until(() => new Set(bots.map(({ dave }) => dave.privacyCode)).size === 1);
    await until(() => bots.every(({ dave }) => dave.identities.length === users.length));
    for (const bot of bots) {
      await bot.connection.untilReady();
      await bot.tell(...bots.filter((other) => other !== bot));
    }
    assertGroup(...bots);
    assertUnderstood(...bots);
    for (const { dave } of bots) assertEquals(dave.counters.recoveries, 0);
    await Promise.all(bots.map((bot) => bot[Symbol.asyncDispose]()));
  }),
);

test(
  "DaveComponent.verificationCode is the same on both sides, and of members only",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await assertRejects(() => alice.dave.verificationCode(BOB), LocalProtocolError);
    await using bob = await Bot.join(server, BOB);
    await using carol = await Bot.join(server, CAROL);
    const code = await alice.dave.verificationCode(BOB);
    assertMatch(code, /^\d{45}$/);
    assertEquals(await bob.dave.verificationCode(ALICE), code);
    const others = [
      await carol.dave.verificationCode(ALICE),
      await carol.dave.verificationCode(BOB),
    ];
    assertEquals(await alice.dave.verificationCode(CAROL), others[0]);
    assertEquals(new Set([code, ...others]).size, 3);
    for (const userId of [ALICE, "104", "nobody"]) {
      await assertRejects(() => alice.dave.verificationCode(userId), LocalProtocolError);
    }
    const { dave } = bob;
    bob.connection.leave();
    assertEquals(bob.connection.dave, undefined);
    await assertRejects(() => dave.verificationCode(ALICE), LocalProtocolError);
  }),
);

test(
  "play goes on alone, and waits while others come who cannot decrypt: nothing is lost",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    assertEquals([alice.dave.ready, alice.dave.state], [true, "founded"]);
    assertEquals([alice.dave.privacyCode, alice.dave.epoch], [undefined, undefined]);
    assertEquals(alice.dave.identities, []);
    assertEquals(await alice.connection.play(speech(5)), {
      packetsSent: 5,
      packetsSkipped: 0,
      silenceSent: 5,
    });
    const sent: number[] = [];
    alice.connection.on("daveReady", () => sent.push(alice.connection.stats().sent));
    const said = speech(100);
    const start = alice.connection.stats().sent;
    const playing = alice.connection.play(said);
    await until(() => alice.connection.stats().sent - start >= 30);
    await using bob = await Bot.join(server, BOB);
    const least = start + 105 - alice.connection.stats().sent;
    assertGreater(least, 20);
    assertEquals(await playing, { packetsSent: 100, packetsSkipped: 0, silenceSent: 5 });
    await assertTail(bob, alice, played(said), least);
    // Between not ready and ready nothing was sent.
    assertEquals(sent.length, 2);
    assertEquals(sent[0], sent[1]);
    assertUnderstood(alice, bob);
  }),
);

test(
  "play is heard without a gap by who stays, while others come and leave; the last is alone again",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    const said = speech(120);
    const playing = alice.connection.play(said);
    const codes = new Set([bob.dave.privacyCode]);
    for (let epoch = 2; epoch <= 5; epoch += 2) {
      await using carol = await Bot.join(server, CAROL);
      await until(() => [alice, bob].every(({ dave }) => dave.epoch === epoch));
      assertGroup(alice, bob, carol);
      codes.add(bob.dave.privacyCode);
      await carol.tell(alice, bob);
      carol.connection.leave();
      await until(() => [alice, bob].every(({ dave }) => dave.epoch === epoch + 1));
      assertGroup(alice, bob);
      codes.add(bob.dave.privacyCode);
    }
    assertEquals(codes.size, 5);
    assertEquals(await playing, { packetsSent: 120, packetsSkipped: 0, silenceSent: 5 });
    await until(() => bob.heard(alice).length === 125);
    assertEquals(bob.heard(alice), played(said));
    assertUnderstood(alice, bob);
    bob.connection.leave();
    await until(() => alice.dave.state === "founded");
    assertEquals([alice.dave.ready, alice.dave.privacyCode], [true, undefined]);
    assertEquals(alice.dave.identities, []);
    assert(alice.connection.sendOpus(PACKET));
    assertEquals(alice.dave.counters, { ignored: {}, recoveries: 0 });
  }),
);

test(
  "play waits for who comes after the last one has left, as it does for the first",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    const bob = await Bot.join(server, BOB);
    bob.connection.leave();
    await until(() => alice.dave.state === "founded");
    const said = speech(100);
    const start = alice.connection.stats().sent;
    const playing = alice.connection.play(said);
    await until(() => alice.connection.stats().sent - start >= 30);
    await using carol = await Bot.join(server, CAROL);
    const least = start + 105 - alice.connection.stats().sent;
    await playing;
    await assertTail(carol, alice, played(said), least);
    assertUnderstood(carol);
  }),
);

test(
  "a resume in the middle of a talk keeps the group, and nothing is lost",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    const { privacyCode } = bob.dave;
    const [ofAlice, ofBob] = [speech(120), speech(120)];
    const playing = [alice.connection.play(ofAlice), bob.connection.play(ofBob)];
    await until(() => alice.heard(bob).length >= 20);
    await bob.connection.reconnect();
    await until(() => alice.heard(bob).length >= 40);
    const resumed = new Promise((resolve) => alice.connection.on("resumed", resolve));
    server.closeClient({ userId: ALICE }, 4015);
    await resumed;
    await alice.connection.untilReady();
    await Promise.all(playing);
    await until(() => alice.heard(bob).length >= 125 && bob.heard(alice).length >= 125);
    assertEquals(alice.heard(bob), played(ofBob));
    assertEquals(bob.heard(alice), played(ofAlice));
    assertGroup(alice, bob);
    assertEquals(alice.dave.privacyCode, privacyCode);
    assertUnderstood(alice, bob);
    for (const { dave, events } of [alice, bob]) {
      assertEquals(count(events, "resumed"), 1);
      assertEquals(dave.counters, { ignored: {}, recoveries: 0 });
    }
  }),
);

test(
  "a new session (4006) is in a new group, and goes on",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    await bob.tell(alice);
    const { privacyCode } = bob.dave;
    const lost = new Promise((resolve) => bob.connection.on("disconnected", resolve));
    server.closeClient({ userId: BOB }, 4006);
    await lost;
    await bob.connection.untilReady();
    await bob.tell(alice);
    await alice.connection.untilReady();
    await alice.tell(bob);
    assertGroup(alice, bob);
    assertNotEquals(bob.dave.privacyCode, privacyCode);
    assertUnderstood(alice, bob);
    assertEquals([alice.dave.counters.recoveries, bob.dave.counters.recoveries], [0, 0]);
  }),
);

test(
  "a move to another channel leads into its group",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    await using carol = await Bot.join(server, CAROL, { channelId: OTHER });
    await bob.tell(alice);
    const { privacyCode } = bob.dave;
    server.moveUser(GUILD, BOB, OTHER);
    await until(() => bob.connection.channelId === OTHER);
    await bob.connection.untilReady();
    await bob.tell(carol);
    await carol.connection.untilReady();
    await carol.tell(bob);
    assertGroup(bob, carol);
    assertNotEquals(bob.dave.privacyCode, privacyCode);
    await until(() => alice.dave.state === "founded");
    assert(alice.connection.sendOpus(PACKET));
    assertUnderstood(alice, bob, carol);
  }),
);

test(
  "joinVoice without DAVE is refused where it is required, with a hint",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "required" });
    await using alice = await Bot.join(server, ALICE);
    const error = await assertRejects(() => Bot.join(server, BOB, { daveEncryption: false }));
    assertInstanceOf(error, VoiceConnectError);
    assertEquals([error.closeCode, error.code], [4017, "closed"]);
    assertStringIncludes(error.hint, "daveEncryption");
    await using bob = await Bot.join(server, BOB);
    await bob.tell(alice);
    await alice.connection.untilReady();
    assertGroup(alice, bob);
  }),
);

test(
  "a server without DAVE has calls of version 0",
  within(LIMIT, async () => {
    await using server = await startVoiceServer({ dave: "off" });
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    await bob.tell(alice);
    await alice.tell(bob);
    for (const { dave } of [alice, bob]) {
      const { state, protocolVersion, ready, epoch, privacyCode, identities } = dave;
      assertEquals([state, protocolVersion, ready], ["off", 0, true]);
      assertEquals([epoch, privacyCode, identities], [undefined, undefined, []]);
      await assertRejects(() => dave.verificationCode(BOB), LocalProtocolError);
    }
  }),
);

test(
  "a bot without DAVE lets the call down while it is there; the talk goes on without a gap",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    const { privacyCode } = bob.dave;
    const [ofAlice, ofBob] = [speech(150), speech(150)];
    const playing = [alice.connection.play(ofAlice), bob.connection.play(ofBob)];
    await until(() => alice.heard(bob).length >= 20);
    await using carol = await Bot.join(server, CAROL, { daveEncryption: false });
    assertEquals(carol.connection.dave, undefined);
    await until(() => [alice, bob].every(({ dave }) => dave.protocolVersion === 0));
    for (const { dave } of [alice, bob]) {
      assertEquals([dave.state, dave.ready, dave.privacyCode], ["off", true, undefined]);
    }
    await carol.tell(alice, bob);
    const start = carol.heard(bob).length;
    await until(() => carol.heard(bob).length >= start + 10);
    carol.connection.leave();
    await until(() => [alice, bob].every(({ dave }) => dave.protocolVersion === 1));
    await Promise.all(playing);
    await until(() => alice.heard(bob).length >= 155 && bob.heard(alice).length >= 155);
    assertEquals(alice.heard(bob), played(ofBob));
    assertEquals(bob.heard(alice), played(ofAlice));
    const heard = carol.heard(bob).slice(start);
    const all = played(ofBob);
    const first = all.indexOf(heard[0]);
    assertEquals(heard, all.slice(first, first + heard.length));
    await bob.tell(alice);
    assertGroup(alice, bob);
    assertNotEquals(bob.dave.privacyCode, privacyCode);
    assertEquals([versions(alice), versions(bob)], [[1, 0, 1], [1, 0, 1]]);
    assertUnderstood(alice, bob);
  }),
);

test(
  "daveIdentityKey makes the same verification code in two calls, another key another one",
  within(LIMIT, async () => {
    const keys = [7, 8].map((seed) => randomBytes(seededRandom(seed), 32));
    const codes: string[] = [];
    for (const daveIdentityKey of [keys[0], keys[0], undefined]) {
      await using server = await startVoiceServer();
      await using alice = await Bot.join(server, ALICE, { daveIdentityKey });
      await using bob = await Bot.join(server, BOB, { daveIdentityKey: keys[1] });
      codes.push(await alice.dave.verificationCode(BOB));
      assertEquals(await bob.dave.verificationCode(ALICE), codes.at(-1));
    }
    assertEquals(codes[0], codes[1]);
    assertNotEquals(codes[0], codes[2]);
  }),
);

test(
  "joinVoice takes no key, id or tolerance that is none, and leaves nothing behind",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const wrong: Partial<JoinVoiceOptions>[] = [
      { daveIdentityKey: new Uint8Array(31).fill(1) },
      { daveIdentityKey: new Uint8Array(32) },
      { daveIdentityKey: new Uint8Array(32).fill(0xff) },
      { userId: "alice" },
      { userId: String(2n ** 64n) },
      { channelId: "lobby" },
      { channelId: "" },
      { decryptionFailureTolerance: -1 },
      { decryptionFailureTolerance: 1.5 },
      { decryptionFailureTolerance: NaN },
    ];
    for (const options of wrong) {
      await assertRejects(() => Bot.join(server, ALICE, options), RangeError, "Cannot");
      assertEquals(server.stats().websockets, 0);
    }
    const names = { userId: "alice", channelId: "lobby", daveEncryption: false };
    const adapterCreator = server.adapterCreator("alice");
    await using alice = await Bot.join(server, ALICE, { ...names, adapterCreator });
    assert(alice.connection.sendOpus(PACKET));
  }),
);

test(
  "speakers and rawAudioFrame hand out what is decrypted, also of who is not known yet",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    server.setFaults([{ on: "Speaking", fault: { late: 200 }, userId: ALICE }]);
    const speakers = alice.connection.speakers()[Symbol.asyncIterator]();
    const said = speech(10);
    bob.connection.setSpeaking(1);
    for (const packet of said) assert(bob.connection.sendOpus(packet));
    await until(() => alice.connection.stats().held === 10);
    assertEquals([alice.heard(bob), alice.unnamed], [[], 0]);
    const { value: speaker } = await speakers.next();
    assertEquals(speaker!.userId, BOB);
    const frames: Uint8Array[] = [];
    for await (const { opus } of speaker!) if (frames.push(opus) === said.length) break;
    assertEquals(frames, said);
    assertEquals(alice.heard(bob), numbers(said));
    assertUnderstood(alice);
  }),
);

test(
  "rawAudioFrame is no ciphertext where two clients change over at different moments",
  within(LIMIT, async () => {
    for (const slow of [ALICE, BOB]) {
      await using server = await startVoiceServer();
      await using alice = await Bot.join(server, ALICE);
      await using bob = await Bot.join(server, BOB);
      const said = speech(120);
      const playing = bob.connection.play(said);
      await until(() => alice.heard(bob).length >= 10);
      server.setFaults([{ on: "DaveExecuteTransition", fault: { late: 200 }, userId: slow }]);
      await using carol = await Bot.join(server, CAROL, { daveEncryption: false });
      await until(() => [alice, bob].every(({ dave }) => dave.protocolVersion === 0));
      carol.connection.leave();
      await until(() => [alice, bob].every(({ dave }) => dave.protocolVersion === 1));
      await playing;
      await until(() => alice.heard(bob).length >= 125);
      assertEquals(alice.heard(bob), played(said), slow);
      assertUnderstood(alice);
    }
  }),
);

test(
  "rawAudioFrame tells frames that were held over a downgrade",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    await using alice = await Bot.join(server, ALICE);
    await using bob = await Bot.join(server, BOB);
    server.setFaults([{ on: "Speaking", fault: { late: 400 }, userId: ALICE }]);
    const said = speech(5);
    bob.connection.setSpeaking(1);
    for (const packet of said) assert(bob.connection.sendOpus(packet));
    await until(() => alice.connection.stats().held === said.length);
    await using _carol = await Bot.join(server, CAROL, { daveEncryption: false });
    await until(() => alice.dave.protocolVersion === 0);
    assertEquals(alice.heard(bob), []);
    await until(() => alice.connection.stats().held === 0);
    assertUnderstood(alice);
    assertEquals(alice.heard(bob), numbers(said));
  }),
);

test(
  "events of encryption come in the order in which things are true, and the log has them",
  within(LIMIT, async () => {
    await using server = await startVoiceServer();
    const lines: string[] = [];
    const write = (line: string) => void lines.push(line);
    const logger = { debug: write, info: write, warn: write, error: write };
    await using alice = await Bot.join(server, ALICE);
    const seen: unknown[] = [];
    const note = ({ type }: SessionEvent) => {
      const dave = alice.connection.dave;
      seen.push([type, dave?.ready, dave?.epoch]);
    };
    alice.connection.on("daveReady", note);
    alice.connection.on("davePrivacyCode", note);
    alice.connection.on("daveEpochTransition", note);
    await using bob = await Bot.join(server, BOB, { logger });
    await alice.connection.untilReady();
    assertEquals(seen, [
      ["daveReady", false, undefined],
      ["davePrivacyCode", false, 1],
      ["daveEpochTransition", true, 1],
      ["daveReady", true, 1],
    ]);
    const told = bob.events.filter(({ type }) => type.startsWith("dave"));
    const code = bob.dave.privacyCode;
    const [, transition] = told;
    assertEquals(told, [
      { type: "davePrivacyCode", code },
      { ...transition, type: "daveEpochTransition", epoch: 1, protocolVersion: 1 } as SessionEvent,
      { type: "daveReady", ready: true },
    ]);
    const own = lines.filter((line) => /^(privacy|end-to-end)/.test(line));
    assertEquals(own, [
      `privacy code: ${code}`,
      "end-to-end encryption: version 1, epoch 1",
      "end-to-end encryption: ready",
    ]);
  }),
);

for (const userId of [undefined, ALICE, BOB]) {
  for (const on of ["DaveMlsWelcome", "DaveExecuteTransition"] as const) {
    test(
      `play loses nothing where ${on} is late, for ${userId ?? "both"}`,
      within(LIMIT, async () => {
        await using server = await startVoiceServer({
          faults: [{ on, fault: { late: 300 }, userId }],
        });
        await using alice = await Bot.join(server, ALICE);
        const [ofAlice, ofBob] = [speech(60), speech(40)];
        const start = alice.connection.stats().sent;
        const playing = alice.connection.play(ofAlice);
        await until(() => alice.connection.stats().sent - start >= 20);
        await using bob = await Bot.join(server, BOB);
        const least = start + 65 - alice.connection.stats().sent;
        await bob.connection.play(ofBob);
        await playing;
        await assertTail(alice, bob, played(ofBob), 45);
        await assertTail(bob, alice, played(ofAlice), least);
        assertUnderstood(alice, bob);
        assertEquals([alice.dave.counters.recoveries, bob.dave.counters.recoveries], [0, 0]);
      }),
    );
  }
}

test(
  "play waits where no key comes, until the connection ends",
  within(LIMIT, async () => {
    const never = ["DaveMlsWelcome", "DaveMlsAnnounceCommitTransition"] as const;
    await using server = await startVoiceServer({ faults: [{ on: never, fault: "lose" }] });
    await using alice = await Bot.join(server, ALICE);
    const joining = Bot.join(server, BOB);
    joining.catch(() => {});
    await until(() => !alice.dave.ready);
    assertEquals(alice.connection.sendOpus(PACKET), false);
    const { sent } = alice.connection.stats();
    const playing = alice.connection.play(speech(3));
    playing.catch(() => {});
    await delay(100);
    assertEquals(alice.connection.stats().sent, sent);
    alice.connection.leave();
    assertEquals((await assertRejects(() => playing) as VoiceConnectError).code, "left");
    // Nobody is there any more who could not decrypt.
    await using bob = await joining;
    assert(bob.connection.sendOpus(PACKET));
  }),
);

// In fake time, so last: it ends for a whole file where a runtime has `performance.now` by itself.

/** A bot that has joined a call in which another user is, whose key never comes. */
function lonely(bench: Bench): void {
  const { transport } = bench;
  bench.update();
  transport.websocket.handlers.open();
  transport.websocket.receive(8, { heartbeat_interval: 100_000 });
  const { address: ip, port } = REMOTE;
  transport.websocket.receive(2, { ssrc: SSRC, ip, port, modes: [MODE] });
  transport.websocket.receive(11, { user_ids: [SPEAKER] });
  transport.udp.handlers.open();
  transport.udp.handlers.message(discoveryResponse(SSRC, ADDRESS));
  bench.encrypt();
}

test(
  "joinVoice waits ten seconds for keys that never come, then nothing is sent",
  inFakeTime(async (time) => {
    const bench = new Bench(time);
    let joined = false;
    void bench.joining.then(() => joined = true);
    lonely(bench);
    time.advance(9_999);
    await null;
    await null;
    assert(!joined);
    time.advance(1);
    const connection = await bench.joining;
    assertEquals([connection.state, connection.dave?.ready], ["connected", false]);
    assertEquals(connection.sendOpus(PACKET), false);
    // It has asked to be added anew.
    assertEquals(connection.dave?.counters.recoveries, 1);
    await connection.untilReady();
    connection.leave();
    assertEquals([time.armed, bench.transport.openCount], [[], 0]);
    assertEquals(await connection.closed, undefined);
  }),
);

test(
  "VoiceConnection.untilReady waits for a recovery, also where keys were awaited in vain before",
  inFakeTime(async (time) => {
    const bench = new Bench(time);
    lonely(bench);
    time.advance(10_000);
    const connection = await bench.joining;
    bench.transport.websocket.lose(4015, "crashed");
    let ready = false;
    void connection.untilReady().then(() => ready = true, () => {});
    await null;
    await null;
    await null;
    assertEquals([connection.state, ready], ["reconnecting", false]);
    connection.leave();
    assertEquals(time.armed, []);
  }),
);
