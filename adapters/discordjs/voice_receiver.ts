/**
 * What a connection hears, by user.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { VoiceOpcodes, type VoiceReceivePayload } from "../networking/mod.ts";
import type { SessionEvent } from "../../lib/io.ts";
import type { ReceivedFrame } from "../../lib/received_frame.ts";
import {
  AudioReceiveStream,
  type AudioReceiveStreamOptions,
  createDefaultAudioReceiveStreamOptions,
} from "./audio_receive_stream.ts";
import type { PlayingConnection } from "./connection_face.ts";
import type { ConnectionNetworkingData } from "./connection_networking.ts";
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

  /** What is known of the voice session; nothing where there is none. */
  get connectionData(): Partial<ConnectionNetworkingData> {
    return this.voiceConnection.state.networking?.state.connectionData ?? {};
  }

  /**
   * Learns from a message of the voice WebSocket which SSRC is whose. The connection does so by
   * itself.
   *
   * @param packet Any message; those that say nothing of SSRCs have no effect.
   */
  onWsPacket(packet: VoiceReceivePayload): void {
    if (packet.op === VoiceOpcodes.Speaking) {
      this.ssrcMap.update({ userId: packet.d.user_id, audioSSRC: packet.d.ssrc });
    } else if (packet.op === VoiceOpcodes.Video) {
      const { user_id: userId, audio_ssrc: audioSSRC, video_ssrc } = packet.d;
      this.ssrcMap.update({ userId, audioSSRC, videoSSRC: video_ssrc || undefined });
    } else if (packet.op === VoiceOpcodes.ClientDisconnect) {
      this.ssrcMap.delete(packet.d.user_id);
    }
  }

  /**
   * Takes a datagram as if the voice server had sent it. The connection does so by itself.
   *
   * @param message Any bytes; what cannot be opened is counted.
   */
  onUdpMessage(message: Uint8Array): void {
    this.voiceConnection.receiveDatagram(message);
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
