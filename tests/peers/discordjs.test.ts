/**
 * An independent client in our voice server: @discordjs/voice 0.19.2 on Node, behind
 * TLS. It plays and hears bit for bit, beside its like and beside our own client, is
 * cut off and resumes. This test is never skipped: our server must not be the only
 * witness for our client, nor the reverse.
 *
 * What the peer is not held to:
 * - It drops packets that overtake Speaking, as UDP does when a machine is busy. So
 *   whoever is to be heard by the peer says Speaking first and plays when that has come:
 *   then nothing may be missing. Our own client holds such packets and needs no such care.
 * - Where ciphertext begins with BE DE it sees a header extension, though the X bit is
 *   clear, and hands out an empty packet: one in 65 536.
 *
 * @module
 */

import { assertEquals, assertGreater } from "@std/assert";
import { delay } from "@std/async";
import test from "node:test";
import { joinVoice, SpeakingFlags, type VoiceConnection } from "@sotto/voice";
import { ENCRYPTION_MODES, type EncryptionMode } from "@sotto/voice/core";
import { type RunningVoiceServer, type ServerEvent, startVoiceServer } from "@sotto/voice/testing";
import { startTlsFront, type TlsFront } from "../tools/tls_front.ts";
import { DiscordJsClient, toHex, Transmission } from "./discordjs_client.ts";
import { installPeer } from "./install.ts";

const GUILD = "41771983423143937";
const CHANNEL = "127121515262115840";
const ALICE = "100000000000000001";
const BOB = "100000000000000002";
const PACKET_COUNT = 100;
const TIME_LIMIT = 30_000;

await installPeer("discordjs");

for (const mode of ENCRYPTION_MODES) {
  test(`two @discordjs/voice bots hear each other bit for bit, ${mode}`, async () => {
    await using stage = await Stage.open([mode]);
    const [alice, bob] = await stage.peers(ALICE, BOB);
    await Promise.all([alice.hear(BOB), bob.hear(ALICE)]);
    alice.speak();
    bob.speak();
    await Promise.all([alice.knowsSpeaker(), bob.knowsSpeaker()]);
    const played = [opusPackets(1), opusPackets(2)];
    alice.play(played[0]);
    bob.play(played[1]);
    assertHeard(await bob.heard(ALICE), played[0]);
    assertHeard(await alice.heard(BOB), played[1]);
    for (const { ready, reports } of [alice, bob]) {
      assertEquals(ready.mode, mode);
      assertEquals(reports.filter(({ event }) => event === "error"), []);
      assertGreater(reports.filter(({ op }) => op === HEARTBEAT_ACK).length, 0);
    }
  });

  test(`@discordjs/voice and VoiceConnection hear each other bit for bit, ${mode}`, async () => {
    await using stage = await Stage.open([mode]);
    const [alice] = await stage.peers(ALICE);
    await using bob = await stage.ours(BOB);
    await alice.hear(BOB);
    bob.setSpeaking(SpeakingFlags.Microphone);
    await alice.knowsSpeaker();
    const played = [opusPackets(1), opusPackets(2)];
    alice.play(played[0]);
    const [byBob, byAlice, { packetsSent }] = await Promise.all([
      heardBy(bob, ALICE),
      alice.heard(BOB),
      bob.play(played[1]),
    ]);
    assertHeard(byBob, played[0]);
    assertHeard(byAlice, played[1]);
    assertEquals(packetsSent, PACKET_COUNT);
    assertEquals([alice.ready.mode, bob.mode], [mode, mode]);
    assertEquals(bob.stats().dropped, {});
  });
}

test("@discordjs/voice bots that are cut off resume, play on and hear on", async () => {
  await using stage = await Stage.open();
  const [alice, bob] = await stage.peers(ALICE, BOB);
  await bob.hear(ALICE);
  alice.speak();
  await bob.knowsSpeaker();
  const ssrcs = [alice.ready.ssrc, bob.ready.ssrc];
  const played = opusPackets(1, 150);
  alice.play(played);
  await bob.until(({ opus }) => opus === toHex(played[30]));
  const from = [alice.reports.length, bob.reports.length];
  assertEquals(stage.front.cut(), 2);
  const [, resumedAt] = await Promise.all([resumes(alice, from[0]), resumes(bob, from[1])]);
  await Promise.all([stage.resumes(ALICE, 1006), stage.resumes(BOB, 1006)]);
  assertEquals([alice.ready.ssrc, bob.ready.ssrc], ssrcs);
  assertHeard(await bob.heard(ALICE), played);
  assertGreater((await bob.heard(ALICE, resumedAt)).length, 50);
});

test("@discordjs/voice and VoiceConnection resume after 4015, play on and hear on", async () => {
  await using stage = await Stage.open();
  const [alice] = await stage.peers(ALICE);
  await using bob = await stage.ours(BOB);
  await alice.hear(BOB);
  bob.setSpeaking(SpeakingFlags.Microphone);
  await alice.knowsSpeaker();
  const ssrcs = [alice.ready.ssrc, bob.ssrc];
  const played = [opusPackets(1, 150), opusPackets(2, 150)];
  const breakdown = async (): Promise<number> => {
    await alice.until(({ opus }) => opus === toHex(played[1][30]));
    const from = alice.reports.length;
    for (const userId of [ALICE, BOB]) stage.server.closeClient({ userId }, 4015);
    const resumedAt = await resumes(alice, from);
    await Promise.all([stage.resumes(ALICE, 4015), stage.resumes(BOB, 4015)]);
    return resumedAt;
  };
  alice.play(played[0]);
  const [resumedAt, byBob, byAlice] = await Promise.all([
    breakdown(),
    heardBy(bob, ALICE),
    alice.heard(BOB),
    bob.play(played[1]),
  ]);
  assertEquals([alice.ready.ssrc, bob.ssrc], ssrcs);
  assertHeard(byBob, played[0]);
  assertHeard(byAlice, played[1]);
  assertGreater((await alice.heard(BOB, resumedAt)).length, 50);
});

/** Opcodes in the peer's report. */
const [HEARTBEAT_ACK, RESUME, RESUMED] = [6, 7, 9];

/** A voice server, TLS in front of it, who is in it, and a time limit for all of it. */
class Stage implements AsyncDisposable {
  readonly server: RunningVoiceServer;
  readonly front: TlsFront;
  readonly #events: ServerEvent[];
  readonly #peers: DiscordJsClient[] = [];
  readonly #limit = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  private constructor(server: RunningVoiceServer, front: TlsFront, events: ServerEvent[]) {
    this.server = server;
    this.front = front;
    this.#events = events;
    this.#timer = setTimeout(() => {
      console.error(`The test takes longer than ${TIME_LIMIT / 1000} s and is ended`);
      this.#limit.abort();
    }, TIME_LIMIT);
  }

  static async open(modes?: readonly EncryptionMode[]): Promise<Stage> {
    const events: ServerEvent[] = [];
    const front = await startTlsFront(() => server.port);
    const server = await startVoiceServer({
      modes,
      endpoint: `127.0.0.1:${front.port}`,
      heartbeatInterval: 1000,
      onEvent: (event) => events.push(event),
    });
    return new Stage(server, front, events);
  }

  /** Bots on @discordjs/voice join, each in a process of its own. */
  async peers(...userIds: string[]): Promise<DiscordJsClient[]> {
    return await Promise.all(userIds.map(async (userId) => {
      const peer = await DiscordJsClient.start(this.#limit.signal);
      this.#peers.push(peer);
      await peer.join({
        gateway: this.server.gatewayUrl,
        token: `${btoa(userId)}.peer`,
        guildId: GUILD,
        channelId: CHANNEL,
      });
      return peer;
    }));
  }

  /** A bot of our own joins, past the TLS, whose certificate it would not trust. */
  ours(userId: string): Promise<VoiceConnection> {
    const adapterCreator = this.server.adapterCreator(userId);
    return joinVoice({
      guildId: GUILD,
      channelId: CHANNEL,
      userId,
      adapterCreator: (methods) =>
        adapterCreator({
          destroy: () => methods.destroy(),
          onVoiceStateUpdate: (data) => methods.onVoiceStateUpdate(data),
          onVoiceServerUpdate: (data) =>
            methods.onVoiceServerUpdate({ ...data, endpoint: this.server.url }),
        }),
      signal: this.#limit.signal,
    });
  }

  /** Waits until the server has lost a user's WebSocket, taken op 7 and answered op 9. */
  async resumes(userId: string, code: number): Promise<void> {
    const signal = this.#limit.signal;
    const own = () => this.#events.filter((event) => event.userId === userId);
    while (!own().some(({ type }) => type === "resumed")) await delay(20, { signal });
    const { websocket } = own().find(({ type }) => type === "resumed")!;
    const wanted = ["session", "disconnect", "close", "resumed"];
    assertEquals(
      own().filter(({ type }) => wanted.includes(type)).map((event) =>
        "code" in event ? event.code : event.type
      ),
      ["session", code, "resumed"],
    );
    assertEquals(
      this.#events.filter((event) => event.websocket === websocket).map(({ type }) => type)
        .slice(0, 3),
      ["connect", "resume", "resumed"],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
    await this.front.close();
    await this.server[Symbol.asyncDispose]();
    clearTimeout(this.#timer);
  }
}

/**
 * Waits until a peer has sent op 7, got op 9 and is Ready again, and nothing else.
 *
 * @returns Index of the report of Ready.
 */
async function resumes(peer: DiscordJsClient, from: number): Promise<number> {
  await peer.until(({ event, state }) => event === "state" && state === "ready", from);
  const reports = peer.reports.slice(from);
  const networking = reports.filter(({ event }) => event === "networking");
  assertEquals(networking.map(({ state }) => state).slice(0, 1), ["Resuming"]);
  const signalling = reports.filter(({ op }) => op === RESUME || op === RESUMED);
  assertEquals(signalling.map(({ op, direction }) => `${direction} ${op}`), [
    "sent 7",
    "received 9",
  ]);
  return peer.reports.indexOf(peer.ready);
}

/** Hears a user through a connection of our own until he falls silent. */
async function heardBy(connection: VoiceConnection, userId: string): Promise<string[]> {
  const transmission = new Transmission();
  for await (const speaker of connection.speakers()) {
    assertEquals(speaker.userId, userId);
    for await (const { opus } of speaker) {
      if (transmission.push(toHex(opus))) return transmission.packets;
    }
  }
  return transmission.packets;
}

/** Everything was heard, in order and bit for bit; the peer may misread one packet, see above. */
function assertHeard(heard: string[], played: Uint8Array[]): void {
  const wanted = played.map(toHex);
  const misread = heard.indexOf("");
  assertEquals(misread < 0 ? heard : heard.with(misread, wanted[misread]), wanted);
}

/** Distinct packets of 20 ms, with the sizes of real ones; neither end decodes them. */
function opusPackets(speaker: number, count = PACKET_COUNT): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const packet = new Uint8Array(60 + index % 120).fill(index * 7 + speaker);
    packet.set([0xfc, speaker, index]);
    return packet;
  });
}
