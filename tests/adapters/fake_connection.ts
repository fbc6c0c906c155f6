/**
 * A `VoiceConnection` on fake sockets, and all that can happen to it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  type ConnectionEvents,
  type JoinVoiceOptions,
  VoiceConnection,
} from "../../adapters/connection.ts";
import type {
  DiscordGatewayAdapterLibraryMethods,
  VoiceStatePayload,
} from "../../adapters/gateway_adapter.ts";
import { nobleAead } from "../../lib/aead.ts";
import type { SessionEvent } from "../../lib/io.ts";
import { discoveryResponse } from "../../lib/ip_discovery.ts";
import { keepaliveReply } from "../../lib/keepalive.ts";
import { PacketCipher } from "../../lib/packet.ts";
import { buildReceiverReport, sealRtcp } from "../../lib/rtp/rtcp.ts";
import { writeRtpHeader } from "../../lib/rtp_header.ts";
import { DaveInviter } from "../tools/dave_inviter.ts";
import { type FakeTime, FakeTransport } from "./fake_sockets.ts";

export const GUILD = "41771983423143937";
export const CHANNEL = "127121515262115840";
export const USER = "104694319306248192";
export const SPEAKER = "852892297661906993";
export const TOKEN = "voice-token-of-the-test";
export const SESSION_ID = "session-id-of-the-test";
export const ENDPOINT = "voice.example:443";
export const MODE = "aead_aes256_gcm_rtpsize";
export const KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 200 + i);
export const SSRC = 7;
export const SPEAKER_SSRC = 9;
export const OPUS: Uint8Array = Uint8Array.of(0xf8, 0xff, 0xfe);
export const ADDRESS = { address: "203.0.113.9", port: 50_000 };
export const REMOTE = { address: "192.0.2.1", port: 4000 };

/** A packet of the other user, under the session's key. */
export function packet(sequence: number, opus: Uint8Array = OPUS): Uint8Array {
  const datagram = new Uint8Array(12 + opus.length + 20);
  writeRtpHeader(datagram, sequence, 960 * sequence, SPEAKER_SSRC);
  datagram.set(opus, 12);
  new PacketCipher(MODE, KEY, nobleAead).seal(datagram, 12, opus.length);
  return datagram;
}

/** A report of the server about the bot's audio. */
export function receptionReport(): Uint8Array {
  const block = {
    ssrc: SSRC,
    fractionLost: 64,
    cumulativeLost: 3,
    highestSequence: 9,
    jitter: 96,
    lastSenderReport: 0,
    delaySinceLastSenderReport: 0,
  };
  return sealRtcp(new PacketCipher(MODE, KEY, nobleAead), buildReceiverReport(0, [block]));
}

/** A connection whose network, main gateway and time are the test's. */
export class Bench {
  readonly transport: FakeTransport = new FakeTransport();
  readonly payloads: VoiceStatePayload[] = [];
  readonly events: SessionEvent[] = [];
  /** What the gateway library says to op 4. */
  sendPayload: (payload: VoiceStatePayload) => boolean = () => true;
  destroyed = 0;
  methods!: DiscordGatewayAdapterLibraryMethods;
  connection!: VoiceConnection;
  readonly joining: Promise<VoiceConnection>;
  readonly #time: FakeTime;

  /** Joins; the test does the rest. */
  constructor(time: FakeTime, options: Partial<JoinVoiceOptions> = {}) {
    this.#time = time;
    this.joining = VoiceConnection.join(this.transport, {
      guildId: GUILD,
      channelId: CHANNEL,
      userId: USER,
      adapterCreator: options.server !== undefined ? undefined : (methods) => {
        this.methods = methods;
        return {
          sendPayload: (payload) => {
            this.payloads.push(payload);
            return this.sendPayload(payload);
          },
          destroy: () => void this.destroyed++,
        };
      },
      ...options,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
      },
    });
    this.joining.catch(() => {});
  }

  /** A connection that is ready. */
  static async connected(time: FakeTime, options: Partial<JoinVoiceOptions> = {}): Promise<Bench> {
    const bench = new Bench(time, options);
    if (options.server === undefined) bench.update();
    bench.shakeHands();
    bench.connection = await bench.joining;
    assertEquals(bench.connection.state, "connected");
    return bench;
  }

  /** Channel ids of op 4. */
  get channels(): (string | null)[] {
    return this.payloads.map(({ d }) => d.channel_id);
  }

  /** Both updates of the main gateway. */
  update(
    token: string = TOKEN,
    endpoint: string | null = ENDPOINT,
    channel_id: string = CHANNEL,
  ): void {
    const state = { guild_id: GUILD, channel_id, user_id: USER, session_id: SESSION_ID };
    this.methods.onVoiceStateUpdate(state);
    this.methods.onVoiceServerUpdate({ guild_id: GUILD, token, endpoint });
  }

  /** From an opening WebSocket to the key. */
  shakeHands(): void {
    const { transport } = this;
    const { websocket } = transport;
    websocket.handlers.open();
    websocket.receive(8, { heartbeat_interval: 13_750 });
    websocket.receive(2, { ssrc: SSRC, ip: REMOTE.address, port: REMOTE.port, modes: [MODE] });
    transport.udp.handlers.open();
    transport.udp.handlers.message(discoveryResponse(SSRC, ADDRESS));
    websocket.receive(4, { mode: MODE, secret_key: [...KEY] });
  }

  /** The call is end-to-end encrypted from now on. */
  encrypt(): void {
    const d = { mode: MODE, secret_key: [...KEY], dave_protocol_version: 1 };
    this.transport.websocket.receive(4, d);
  }

  /** The bot is in a group with the speaker. */
  secure(): void {
    const { websocket } = this.transport;
    const inviter = new DaveInviter(CHANNEL, SPEAKER);
    this.encrypt();
    websocket.handlers.message(inviter.externalSender());
    const frame = websocket.sent.findLast((data) => data instanceof Uint8Array && data[0] === 26);
    websocket.handlers.message(inviter.welcome((frame as Uint8Array).subarray(1), 1));
    websocket.receive(22, { transition_id: 1 });
  }

  /** A resumable close, and the Resume. */
  resume(): void {
    this.transport.websocket.lose(4015, "crashed");
    this.#time.advance(0);
    this.transport.websocket.handlers.open();
    this.transport.websocket.receive(9, null);
  }

  /** Makes an event of a type happen, after others perhaps. */
  provoke(type: keyof ConnectionEvents): void {
    const { websocket, udp } = this.transport;
    switch (type) {
      case "ready":
        return websocket.receive(4, { mode: MODE, secret_key: [...KEY] });
      case "state":
      case "disconnected":
        return websocket.lose(4015, "crashed");
      case "connected":
      case "resumed":
        return this.resume();
      case "closed":
        return this.connection.leave();
      case "speaking":
      case "clientConnect":
        return websocket.receive(5, { user_id: SPEAKER, ssrc: SPEAKER_SSRC, speaking: 1 });
      case "video":
        return websocket.receive(12, { user_id: SPEAKER, audio_ssrc: 9, video_ssrc: 10 });
      case "clientDisconnect":
        websocket.receive(18, { user_id: SPEAKER, flags: 0 });
        return websocket.receive(13, { user_id: SPEAKER });
      case "heartbeat":
        return websocket.receive(6, { t: 1 });
      case "highLatency":
        this.#time.now += 16_000;
        return websocket.receive(6, { t: 1 });
      case "keepalive":
        this.#time.advance(0);
        return udp.handlers.message(keepaliveReply(1));
      case "receptionReport":
        return udp.handlers.message(receptionReport());
      case "daveEpochTransition":
        return websocket.receive(21, { protocol_version: 0, transition_id: 0 });
      case "davePrivacyCode":
      case "daveReady":
        return this.secure();
      case "daveRecovery": {
        const inviter = new DaveInviter(CHANNEL, SPEAKER);
        this.encrypt();
        for (const frame of [inviter.externalSender(), inviter.garbage()]) {
          if (this.connection.state !== "closed") websocket.handlers.message(frame);
        }
        return;
      }
      case "daveIgnored":
        return websocket.receive(22, { transition_id: 5 });
      case "malformed":
        return websocket.handlers.message("{");
      case "message":
      case "rawMessage":
        return websocket.receive(99, {});
      case "rawAudioFrame":
      case "speakingStart":
        this.provoke("speaking");
        return udp.handlers.message(packet(1, Uint8Array.of(0xf8, 1, 2)));
    }
  }

  /** All that sockets and gateway could still call, after the end. */
  callLate(): void {
    for (const { handlers } of this.transport.websockets) {
      handlers.open();
      for (const op of [2, 3, 4, 8, 9]) handlers.message(JSON.stringify({ op, d: null }));
      handlers.message("{");
      handlers.close(4006, "late");
    }
    for (const { handlers } of this.transport.udps) {
      handlers.open();
      handlers.message(packet(500));
      handlers.error(new Error("late"));
      handlers.close(new Error("late"));
    }
    this.methods?.destroy();
    this.update("late");
    this.#time.advance(600_000);
  }
}
