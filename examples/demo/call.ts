/**
 * The call: a voice server on loopback, bot A who plays, bot B who records.
 *
 * @module
 */

import {
  type EncryptionMode,
  joinVoice,
  type MediaCounters,
  type PacingStats,
  type ReceivedFrame,
  type SessionEvent,
  SILENCE_COUNT,
  type VoiceConnection,
} from "@sotto/voice";
import { packetDuration, SAMPLE_RATE } from "@sotto/voice/audio";
import { type RunningVoiceServer, startVoiceServer } from "@sotto/voice/testing";
import { deadline } from "@std/async";
import type { Snapshot } from "./progress.ts";
import type { BotName, CallMessage } from "./sequence_diagram.ts";

const GUILD = "100000000000000000";
const CHANNEL = "100000000000000001";
const USERS: Readonly<Record<BotName, string>> = {
  A: "100000000000000002",
  B: "100000000000000003",
};

/** Milliseconds; short, so that there are several round trips to measure. */
const HEARTBEAT_INTERVAL = 1000;

/** Milliseconds after the last send in which packets may still come. */
const PATIENCE = 2000;

/** How to hold a call. */
export interface CallOptions {
  /** Encryption mode; the library's choice by default. */
  readonly mode?: EncryptionMode;
  /** Is told when playing begins, and how to look on; what it returns is called at its end. */
  readonly onPlay: (observe: () => Snapshot) => () => void;
}

/** What happened in a call. */
export interface CallRecord {
  /** Encryption mode. */
  readonly mode: EncryptionMode;
  /** Whether the call was encrypted end to end. */
  readonly dave: boolean;
  /** When each packet was sent, in monotonic milliseconds. */
  readonly sentAt: readonly number[];
  /** Frames of silence that were sent behind the packets. */
  readonly silenceSent: number;
  /** What bot B heard, in the order of arrival. */
  readonly frames: readonly ReceivedFrame[];
  /** What bot B's connection counted. */
  readonly counters: MediaCounters;
  /** How late bot A sent. */
  readonly pacing: PacingStats;
  /** Round trips of both bots, in milliseconds. */
  readonly roundTrip: { readonly websocket: readonly number[]; readonly udp: readonly number[] };
  /** Messages of both bots, and the audio as one more. */
  readonly messages: readonly CallMessage[];
}

/**
 * Holds a call.
 *
 * @param packets Opus packets that bot A plays.
 * @param options How.
 * @returns What happened, once every packet has come or patience has ended.
 * @throws {VoiceConnectError} A connection could not be made, or has ended.
 */
export async function holdCall(
  packets: readonly Uint8Array[],
  options: CallOptions,
): Promise<CallRecord> {
  const server = await startVoiceServer({ heartbeatInterval: HEARTBEAT_INTERVAL });
  try {
    return await new Call(server, packets, options).hold();
  } finally {
    await server.close();
  }
}

class Call {
  readonly #server: RunningVoiceServer;
  readonly #packets: readonly Uint8Array[];
  readonly #options: CallOptions;
  readonly #start = performance.now();
  readonly #messages: CallMessage[] = [];
  readonly #roundTrip = { websocket: [] as number[], udp: [] as number[] };
  readonly #sentAt: number[] = [];
  readonly #frames: ReceivedFrame[] = [];
  #sentDuration = 0;

  constructor(
    server: RunningVoiceServer,
    packets: readonly Uint8Array[],
    options: CallOptions,
  ) {
    this.#server = server;
    this.#packets = packets;
    this.#options = options;
  }

  async hold(): Promise<CallRecord> {
    const recorder = await this.#join("B");
    try {
      const player = await this.#join("A");
      try {
        return await this.#talk(player, recorder);
      } finally {
        player.leave();
      }
    } finally {
      recorder.leave();
    }
  }

  async #talk(player: VoiceConnection, recorder: VoiceConnection): Promise<CallRecord> {
    const mode = player.mode;
    if (mode === undefined) throw new Error("Cannot play: the connection has no key");
    const heard = this.#hear(recorder);
    const played = this.#options.onPlay(() => this.#observe(player, recorder));
    const { silenceSent } = await player.play(this.#source()).finally(played);
    await deadline(heard, PATIENCE).catch(ignoreTimeout);
    this.#noteAudio(silenceSent);
    return {
      mode,
      dave: [player, recorder].every(({ dave }) => dave?.epoch !== undefined),
      silenceSent,
      sentAt: this.#sentAt,
      frames: [...this.#frames],
      counters: recorder.stats(),
      pacing: player.stats().pacing,
      roundTrip: this.#roundTrip,
      messages: this.#messages,
    };
  }

  #join(bot: BotName): Promise<VoiceConnection> {
    const { mode } = this.#options;
    return joinVoice({
      guildId: GUILD,
      channelId: CHANNEL,
      userId: USERS[bot],
      adapterCreator: this.#server.adapterCreator(USERS[bot]),
      modes: mode === undefined ? undefined : [mode],
      onEvent: (event) => this.#note(bot, event),
    });
  }

  /** The player asks for the next packet as soon as it has sent one: that is the instant noted. */
  *#source(): Generator<Uint8Array, void> {
    for (const packet of this.#packets) {
      yield packet;
      this.#sentAt.push(performance.now());
      this.#sentDuration += packetDuration(packet);
    }
  }

  async #hear(recorder: VoiceConnection): Promise<void> {
    const expected = this.#packets.length + SILENCE_COUNT;
    for await (const speaker of recorder.speakers()) {
      if (speaker.userId !== USERS.A) continue;
      for await (const frame of speaker) {
        this.#frames.push(frame);
        if (this.#frames.length === expected) return;
      }
    }
  }

  #observe(player: VoiceConnection, recorder: VoiceConnection): Snapshot {
    const { roundTrip, pacing } = player.stats();
    const { streams } = recorder.stats();
    return {
      seconds: this.#sentDuration / SAMPLE_RATE,
      sent: this.#sentAt.length,
      received: Math.min(this.#frames.length, this.#packets.length),
      lost: streams.find(({ ssrc }) => ssrc === player.ssrc)?.lost ?? 0,
      roundTrip,
      pacing,
    };
  }

  #note(bot: BotName, event: SessionEvent): void {
    const at = performance.now() - this.#start;
    if (event.type === "heartbeat") this.#roundTrip.websocket.push(event.roundTrip);
    if (event.type === "keepalive") this.#roundTrip.udp.push(event.roundTrip);
    if (event.type !== "message") return;
    const { direction, channel, name } = event;
    this.#messages.push({ at, bot, direction, channel, name });
  }

  #noteAudio(silenceSent: number): void {
    const [first] = this.#frames;
    this.#noteStream("A", "sent", this.#sentAt[0], this.#sentAt.length + silenceSent);
    if (first !== undefined) this.#noteStream("B", "received", first.at, this.#frames.length);
  }

  #noteStream(bot: BotName, direction: "sent" | "received", at: number, count: number): void {
    const name = `${count} Opus packets`;
    this.#messages.push({ at: at - this.#start, bot, direction, channel: "udp", name });
  }
}

function ignoreTimeout(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "TimeoutError") throw error;
}
