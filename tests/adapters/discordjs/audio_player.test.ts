import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Readable } from "node:stream";
import test from "node:test";
import {
  AudioPlayer,
  AudioPlayerError,
  createAudioPlayer,
  type CreateAudioPlayerOptions,
  PlayerSubscription,
} from "../../../adapters/discordjs/audio_player.ts";
import {
  type AudioPlayerState,
  AudioPlayerStatus,
  NoSubscriberBehavior,
} from "../../../adapters/discordjs/audio_player_states.ts";
import type { AudioResource } from "../../../adapters/discordjs/audio_resource.ts";
import { createAudioResource } from "../../../adapters/discordjs/create_audio_resource.ts";
import { ticker } from "../../../adapters/ticker.ts";
import { type FakeTime, inFakeTime } from "../fake_sockets.ts";
import { FakeConnection, packets, settle, SILENCE, streamOf } from "./fixtures.ts";

const HEX = packets(100).map((packet) => packet.toString("hex"));
const QUIET = SILENCE.toString("hex");
const FIVE_QUIET = Array(5).fill(QUIET);

function resourceOf(count: number, silencePaddingFrames?: number): AudioResource<null> {
  return createAudioResource(streamOf(packets(count)), { inputType: "opus", silencePaddingFrames });
}

/** A player and a connection that hears it. */
class Stage {
  readonly player: AudioPlayer;
  readonly connection = new FakeConnection();
  readonly subscription: PlayerSubscription<FakeConnection>;
  readonly states: string[] = [];
  readonly debug: string[] = [];
  readonly errors: AudioPlayerError[] = [];
  readonly #time: FakeTime;

  constructor(time: FakeTime, options?: CreateAudioPlayerOptions) {
    this.#time = time;
    this.player = createAudioPlayer(options);
    this.subscription = this.player.subscribe(this.connection);
    this.player.on("stateChange", (from, to) => this.states.push(`${from.status}>${to.status}`));
    this.player.on("debug", (message) => this.debug.push(message));
    this.player.on("error", (error) => this.errors.push(error));
  }

  get state(): AudioPlayerState & { readonly playbackDuration?: number } {
    return this.player.state;
  }

  /** Lets so many frames of time pass. */
  async frames(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await settle();
      this.#time.advance(20);
    }
    await settle();
  }
}

test(
  "AudioPlayer plays each packet at its time, then silence, then is idle",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const { player, connection } = stage;
    const resource = resourceOf(4);
    assertEquals(player.state, { status: AudioPlayerStatus.Idle });
    player.play(resource);
    assertStrictEquals(resource.audioPlayer, player);
    assertEquals(player.state, { status: AudioPlayerStatus.Buffering, resource });
    await settle();
    assertEquals(connection.speaking, [true], "Speaking goes ahead");
    const start = time.now;
    await stage.frames(12);
    assertEquals(connection.heard, [...HEX.slice(0, 4), ...FIVE_QUIET]);
    assertEquals(
      connection.sent.map(({ at }) => at - start),
      [20, 40, 60, 80, 100, 120, 140, 160, 180],
    );
    assertEquals(stage.states, ["idle>buffering", "buffering>playing", "playing>idle"]);
    assertEquals(stage.debug, stage.states.map((state) => state.replace(">", " -> ")));
    assertEquals(connection.speaking, [true, false]);
    assertEquals([resource.playbackDuration, resource.ended], [80, true]);
    assertEquals([resource.audioPlayer, time.armed.length, ticker.size], [undefined, 0, 0]);
  }),
);

test(
  "AudioPlayer follows the duration of packets and an absolute schedule",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const sixty = Array.from({ length: 4 }, (_, index) => Uint8Array.of(0x18, index)); // 60 ms
    const mixed = streamOf([...packets(2), ...sixty]);
    const resource = createAudioResource(mixed, { inputType: "opus" });
    stage.player.play(resource);
    await settle();
    const start = time.now;
    await stage.frames(3);
    time.now += 67; // the event loop was busy
    await stage.frames(14);
    const times = stage.connection.sent.map(({ at }) => at - start);
    assertEquals(times.slice(0, 4), [20, 40, 60, 127], "one is late");
    assertEquals(times[4], 180, "what was late is made good");
    assertEquals(resource.playbackDuration, 280);
  }),
);

test(
  "AudioPlayer pauses with silence, plays on, and pauses without",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const { player, connection } = stage;
    assert(!player.pause() && !player.unpause() && !player.stop());
    player.play(resourceOf(10));
    await stage.frames(3);
    assert(player.pause());
    assert(!player.pause());
    await stage.frames(20);
    assertEquals(connection.heard, [...HEX.slice(0, 3), ...FIVE_QUIET]);
    assertEquals(connection.speaking, [true, false]);
    assert(player.unpause());
    await stage.frames(2);
    assert(player.pause(false));
    await stage.frames(5);
    assertEquals(connection.heard.slice(8), HEX.slice(3, 5));
    assertEquals(stage.state.playbackDuration, 200);
    player.stop(true);
    assertEquals(stage.states.slice(2), [
      "playing>paused",
      "paused>playing",
      "playing>paused",
      "paused>idle",
    ]);
  }),
);

test(
  "AudioPlayer.stop() sends the silence, stop(true) does not",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    stage.player.play(resourceOf(10));
    await stage.frames(2);
    assert(stage.player.stop());
    assert(stage.player.stop());
    await stage.frames(7);
    assertEquals(stage.connection.heard, [...HEX.slice(0, 2), ...FIVE_QUIET]);
    stage.player.play(resourceOf(10));
    await stage.frames(1);
    stage.player.stop(true);
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);
    stage.player.play(resourceOf(10, 0));
    await stage.frames(1);
    stage.player.stop();
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);
  }),
);

test(
  "AudioPlayer.play() replaces a resource, refuses an ended or a foreign one",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const { player } = stage;
    const [first, second] = [resourceOf(10), resourceOf(10)];
    player.play(first);
    player.play(first);
    await stage.frames(2);
    player.on("playing", (from, to) => stage.states.push(`${from.status} then ${to.status}`));
    await settle();
    second.started = true;
    player.play(second);
    assertEquals([first.audioPlayer, first.playStream.destroyed], [undefined, true]);
    assertEquals(stage.states.slice(-2), ["playing>playing", "playing then playing"]);
    assertThrows(() => new AudioPlayer().play(second), Error, "another player has it");
    assertThrows(() => player.play(first), Error, "it has ended");
    player.stop(true);
  }),
);

test(
  "AudioPlayer fills what is missing with silence, and stops after maxMissedFrames",
  inFakeTime(async (time) => {
    const stage = new Stage(time, { behaviors: { maxMissedFrames: 3 } });
    const stream = new Readable({ objectMode: true, read: () => {} });
    const [first, second] = packets(2);
    stream.push(first);
    stage.player.play(createAudioResource(stream, { inputType: "opus", silencePaddingFrames: 1 }));
    await stage.frames(3);
    assertEquals((stage.player.state as { missedFrames: number }).missedFrames, 2);
    stream.push(second);
    await stage.frames(1);
    assertEquals((stage.player.state as { missedFrames: number }).missedFrames, 0);
    assertEquals(stage.connection.heard, [HEX[0], QUIET, QUIET, HEX[1]]);
    await stage.frames(5);
    assertEquals(stage.connection.heard.slice(4), [QUIET, QUIET, QUIET, QUIET]);
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);
  }),
);

test(
  "AudioPlayer waits for a connection, plays on without one, or stops",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    stage.connection.state = { status: "connecting" };
    assertEquals(stage.player.playable, []);
    stage.player.play(resourceOf(3));
    await stage.frames(10);
    assertEquals(stage.player.state.status, AudioPlayerStatus.AutoPaused);
    assert(!stage.player.unpause());
    stage.connection.state = { status: "ready" };
    await stage.frames(3);
    assertEquals(stage.connection.heard, HEX.slice(0, 2), "nothing was lost");
    stage.player.stop(true);

    const playing = new Stage(time, { behaviors: { noSubscriber: NoSubscriberBehavior.Play } });
    playing.connection.state = { status: "disconnected" };
    playing.player.play(resourceOf(3));
    await playing.frames(10);
    assertEquals([playing.player.state.status, playing.connection.sent], ["idle", []]);
    assert(!playing.states.includes("playing>autopaused"));

    const stopping = new Stage(time, { behaviors: { noSubscriber: NoSubscriberBehavior.Stop } });
    stopping.connection.state = { status: "disconnected" };
    stopping.player.play(resourceOf(3));
    await stopping.frames(2);
    assertEquals(stopping.states.at(-1), "playing>idle");
  }),
);

test(
  "AudioPlayer tells an error with its resource and is idle then",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const stream = new Readable({ objectMode: true, read: () => {} });
    stream.push(packets(1)[0]);
    const resource = createAudioResource(stream, { inputType: "opus", metadata: { title: "x" } });
    stage.player.play(resource);
    await stage.frames(1);
    stream.destroy(new Error("the disk is gone"));
    await stage.frames(1);
    const [error] = stage.errors;
    assertInstanceOf(error, AudioPlayerError);
    assertEquals(error.message, "the disk is gone");
    assertStrictEquals(error.resource, resource as AudioResource);
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);

    stage.player.play(createAudioResource(streamOf([Uint8Array.of(0xff)]), { inputType: "opus" }));
    await stage.frames(3);
    assertEquals(stage.errors.length, 2, "no Opus packet");
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);
  }),
);

test(
  "AudioPlayer that fails unheard throws nothing, and plays again",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    stage.player.removeAllListeners("error");
    const stream = new Readable({ objectMode: true, read: () => {} });
    stage.player.play(createAudioResource(stream, { inputType: "opus" }));
    stream.destroy(new Error("gone"));
    await settle();
    assertEquals(stage.player.state.status, AudioPlayerStatus.Idle);
    stage.player.on("idle", (from) => {
      if (from.status === AudioPlayerStatus.Playing) stage.player.play(resourceOf(1));
    });
    stage.player.play(resourceOf(1));
    await stage.frames(8);
    assertEquals(stage.player.state.status, AudioPlayerStatus.Playing, "the next one");
    stage.player.removeAllListeners("idle");
    stage.player.stop(true);
    assertEquals(ticker.size, 0);
  }),
);

test(
  "AudioPlayer has one subscription a connection, and tells of each",
  inFakeTime(async (time) => {
    const stage = new Stage(time);
    const { player, connection, subscription } = stage;
    const told: string[] = [];
    player.on("subscribe", (given) => told.push(`subscribe ${given === subscription}`));
    player.on("unsubscribe", (given) => told.push(`unsubscribe ${given === subscription}`));
    assertStrictEquals(player.subscribe(connection), subscription);
    assertInstanceOf(subscription, PlayerSubscription);
    assertStrictEquals(subscription.player, player);
    assertEquals(player.playable, [connection]);
    await settle();
    subscription.unsubscribe();
    subscription.unsubscribe();
    assertEquals(told, ["subscribe true", "unsubscribe true"]);
    assertEquals([player.playable, player.unsubscribe(subscription)], [[], false]);
    assertEquals(connection.removed, [subscription, subscription]);
  }),
);

test("AudioPlayer emits no debug where that is off", async () => {
  const player = createAudioPlayer({ debug: false });
  let count = 0;
  player.on("debug", () => count++);
  player.play(resourceOf(1));
  player.stop(true);
  await settle();
  assertEquals(count, 0);
});
