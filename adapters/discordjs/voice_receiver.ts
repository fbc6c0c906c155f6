/**
 * What a connection hears, by user.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { SessionEvent } from "../../lib/io.ts";
import type { ReceivedFrame } from "../../lib/receiver.ts";
import {
  AudioReceiveStream,
  type AudioReceiveStreamOptions,
  createDefaultAudioReceiveStreamOptions,
} from "./audio_receive_stream.ts";
import type { PlayingConnection } from "./connection_face.ts";
import { SpeakingMap } from "./speaking_map.ts";
import { SSRCMap } from "./ssrc_map.ts";

/**
 * Receives audio. Join with `selfDeaf: false`, or Discord sends none.
 *
 * @template T The connection.
 */
export class VoiceReceiver<T extends PlayingConnection = PlayingConnection> {
  /** Whose receiver it is. */
  readonly voiceConnection: T;
  /** Which SSRC is whose. */
  readonly ssrcMap: SSRCMap = new SSRCMap();
  /** The streams that are open, by user id. */
  readonly subscriptions: Map<string, AudioReceiveStream> = new Map();
  /** Who speaks. */
  readonly speaking: SpeakingMap = new SpeakingMap();

  /** Made by `VoiceConnection`. */
  constructor(voiceConnection: T) {
    this.voiceConnection = voiceConnection;
  }

  /**
   * Listens to a user.
   *
   * @param userId Whom.
   * @param options When the stream ends; only when destroyed by default.
   * @returns A stream of Opus packets; the same one while it is open. A packet that is broken does
   * not end it: that is counted by the connection.
   */
  subscribe(userId: string, options?: Partial<AudioReceiveStreamOptions>): AudioReceiveStream {
    const open = this.subscriptions.get(userId);
    if (open !== undefined) return open;
    const stream = new AudioReceiveStream({
      ...createDefaultAudioReceiveStreamOptions(),
      ...options,
    });
    stream.once("close", () => {
      if (this.subscriptions.get(userId) === stream) this.subscriptions.delete(userId);
    });
    this.subscriptions.set(userId, stream);
    return stream;
  }

  /** Called by the connection: a frame has come. */
  onFrame({ userId, opus }: ReceivedFrame): void {
    this.speaking.onPacket(userId);
    const { buffer, byteOffset, length } = opus;
    this.subscriptions.get(userId)?.push(Buffer.from(buffer, byteOffset, length));
  }

  /** Called by the connection: something was told of users. */
  onEvent(event: SessionEvent): void {
    if (event.type === "speaking") {
      this.ssrcMap.update({ userId: event.userId, audioSSRC: event.ssrc });
    } else if (event.type === "clientDisconnect") {
      this.ssrcMap.delete(event.userId);
    }
  }

  /** Called by the connection: it has ended. */
  close(): void {
    this.speaking.clear();
    for (const stream of [...this.subscriptions.values()]) stream.destroy();
  }
}
