/**
 * Bots on @discordjs/voice for `streams_bots.ts`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Readable } from "node:stream";
import { installPeer } from "../peers/install.ts";
import {
  type Fleet,
  type FleetBot,
  type FleetOptions,
  PACKET,
  type Place,
} from "./streams_fleet.ts";

/** What is used of the module. */
interface DiscordjsVoice {
  joinVoiceChannel(options: unknown): PeerConnection;
  entersState(target: PeerConnection, status: string, timeLimit: number): Promise<unknown>;
  createAudioPlayer(options: unknown): PeerPlayer;
  createAudioResource(stream: Readable, options: unknown): unknown;
}

interface PeerConnection {
  readonly state: {
    readonly networking?: {
      readonly state: { readonly connectionData?: { readonly encryptionMode: string } };
    };
  };
  readonly voicePrivacyCode: string | undefined;
  subscribe(player: PeerPlayer): void;
  playOpusPacket(packet: Buffer): void;
}

interface PeerPlayer {
  on(type: "error", listener: (error: Error) => void): void;
  play(resource: unknown): void;
  stop(force: boolean): void;
}

interface AdapterMethods {
  onVoiceStateUpdate(data: unknown): void;
  onVoiceServerUpdate(data: unknown): void;
}

/** It takes nothing but buffers. */
const BUFFER = Buffer.from(PACKET);
const JOIN_TIME_LIMIT = 30_000;

/** Loads the peer, which is installed where it is not there. */
export async function peerFleet({ dave }: FleetOptions): Promise<Fleet> {
  const require = createRequire(join(await installPeer("discordjs"), "package.json"));
  const voice = require("@discordjs/voice") as DiscordjsVoice;
  return {
    sent: 0,
    async join({ guildId, channelId, userId, endpoint }: Place): Promise<FleetBot> {
      const connection = voice.joinVoiceChannel({
        guildId,
        channelId,
        group: userId,
        selfDeaf: false,
        daveEncryption: dave,
        adapterCreator: (methods: AdapterMethods) => ({
          sendPayload() {
            queueMicrotask(() => {
              const session_id = userId;
              methods.onVoiceStateUpdate({
                guild_id: guildId,
                channel_id: channelId,
                user_id: userId,
                session_id,
              });
              methods.onVoiceServerUpdate({ guild_id: guildId, token: "token", endpoint });
            });
            return true;
          },
          destroy() {},
        }),
      });
      await voice.entersState(connection, "ready", JOIN_TIME_LIMIT);
      return new PeerBot(voice, connection);
    },
  };
}

class PeerBot implements FleetBot {
  /** It counts none. */
  readonly unsent = 0;
  readonly #voice: DiscordjsVoice;
  readonly #connection: PeerConnection;
  readonly #player: PeerPlayer;

  constructor(voice: DiscordjsVoice, connection: PeerConnection) {
    this.#voice = voice;
    this.#connection = connection;
    // A frame that is not there in time ends no stream.
    this.#player = voice.createAudioPlayer({
      behaviors: { noSubscriber: "play", maxMissedFrames: Infinity },
    });
    this.#player.on("error", (error) => {
      throw error;
    });
    connection.subscribe(this.#player);
  }

  get mode(): string | undefined {
    return this.#connection.state.networking?.state.connectionData?.encryptionMode;
  }

  get isSecure(): boolean {
    return this.#connection.voicePrivacyCode !== undefined;
  }

  play(): void {
    const stream = new Readable({
      objectMode: true,
      read() {
        this.push(BUFFER);
      },
    });
    this.#player.play(this.#voice.createAudioResource(stream, { inputType: "opus" }));
  }

  stop(): void {
    this.#player.stop(true);
  }

  send(): void {
    this.#connection.playOpusPacket(BUFFER);
  }
}
