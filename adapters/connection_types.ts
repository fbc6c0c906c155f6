/**
 * What a voice connection takes, and what it tells.
 *
 * @module
 */

import type { PcmFrame } from "../lib/audio/pcm.ts";
import type { PlayoutStats } from "../lib/audio/playout.ts";
import type { SpeakingChange } from "../lib/audio/speaking_detector.ts";
import type { VoiceServer } from "../lib/gateway.ts";
import type { GatewayVersion } from "../lib/gateway_version.ts";
import type { SessionEvent } from "../lib/io.ts";
import type { DiscoveryForm } from "../lib/ip_discovery.ts";
import type { MediaCounters } from "../lib/media.ts";
import type { EncryptionMode } from "../lib/packet.ts";
import type { UndecryptableCounters, UserFrames } from "../lib/receiver.ts";
import type { ReceptionReport } from "../lib/rtcp_reports.ts";
import type { PhaseTimeouts } from "../lib/session.ts";
import type { HeardUser } from "../lib/streams.ts";
import type { DiscordGatewayAdapterCreator } from "./gateway_adapter.ts";
import type { Logger } from "./logger.ts";
import type { PacingStats } from "./transport.ts";

/** What to join, and through whom. Either `adapterCreator` or `server` is given. */
export interface JoinVoiceOptions {
  /** Guild id. */
  readonly guildId: string;
  /** Channel id. */
  readonly channelId: string;
  /** The bot's own user id. */
  readonly userId: string;
  /** The gateway library's adapter, for example `guild.voiceAdapterCreator` of discord.js. */
  readonly adapterCreator?: DiscordGatewayAdapterCreator;
  /** The voice server, where the caller has asked the main gateway himself. */
  readonly server?: VoiceServer;
  /** Whether others see the bot as muted; not by default. */
  readonly selfMute?: boolean;
  /** Whether the bot does not listen; it listens by default. */
  readonly selfDeaf?: boolean;
  /** Encryption modes to take, best first; by default those of Discord, cheapest first here. */
  readonly modes?: readonly EncryptionMode[];
  /**
   * Whether packets are sent by a worker, which the connections of the process share: a main thread
   * that stands still for up to 120 ms then delays none of what plays. What is played is handed
   * over so much earlier, so that a pause or a stop is heard so much later. Not by default. Where
   * a worker cannot start, it is as without it.
   */
  readonly worker?: boolean;
  /** Version of the voice gateway to ask for; 8 by default. */
  readonly gatewayVersion?: GatewayVersion;
  /** Form of IP discovery; `74` by default. */
  readonly discovery?: DiscoveryForm;
  /** Milliseconds that states may take, by name; `PHASE_TIMEOUTS` of `./core` by default. */
  readonly timeouts?: PhaseTimeouts;
  /**
   * Whether end-to-end encryption (DAVE) is offered; it is by default. Discord closes calls
   * outside of stage channels with 4017 without it.
   */
  readonly daveEncryption?: boolean;
  /** Undecryptable frames in a row beyond which the group is joined anew; 24 by default. */
  readonly decryptionFailureTolerance?: number;
  /**
   * Private key of an identity that outlives the call, so that users need verify it once: 32 bytes,
   * a P-256 key. A new one for each call by default.
   */
  readonly daveIdentityKey?: Uint8Array;
  /** Ends the join, and later the connection. */
  readonly signal?: AbortSignal;
  /** Is told everything that happens, from the first step on. */
  readonly onEvent?: (event: SessionEvent) => void;
  /** Where the connection writes what it does; nowhere by default. */
  readonly logger?: Logger;
}

/**
 * A received packet without any encryption, told before anything else is done with it. Where
 * end-to-end encryption is offered, only packets of known users are told: before that they may be
 * ciphertext.
 */
export interface RawAudioFrame {
  /** Discriminator. */
  readonly type: "rawAudioFrame";
  /** Who speaks, where the server has told it. */
  readonly userId: string | undefined;
  /** With which SSRC. */
  readonly ssrc: number;
  /** An RTP header of 12 bytes, then one Opus packet. */
  readonly frame: Uint8Array;
}

/**
 * A piece of a user's voice, decoded, in order and in time; what is lost is made up. A decoder runs
 * for each user who speaks as long as somebody listens to it.
 */
export interface AudioFrame extends PcmFrame {
  /** Discriminator. */
  readonly type: "audioFrame";
}

/** A message of the voice WebSocket as it came, told before anything else is done with it. */
export interface RawMessage {
  /** Discriminator. */
  readonly type: "rawMessage";
  /** A text frame or a binary one; in place of the key stands `[redacted]`. */
  readonly data: string | Uint8Array;
}

/** What `VoiceConnection.on` can listen to: event by type. */
export type ConnectionEvents =
  & { readonly [T in SessionEvent["type"]]: Extract<SessionEvent, { readonly type: T }> }
  & {
    readonly audioFrame: AudioFrame;
    readonly speakingStart: SpeakingChange;
    readonly speakingStop: SpeakingChange;
    readonly rawAudioFrame: RawAudioFrame;
    readonly rawMessage: RawMessage;
  };

/** Figures of one user who was heard. */
export interface UserStats extends HeardUser, UserFrames {
  /** What became of the user's voice on its way to sound, while somebody listens to that. */
  readonly playout: PlayoutStats | undefined;
}

/** Figures of a connection. */
export interface ConnectionStats extends MediaCounters {
  /** What came of each user who was heard, also of those who have left. */
  readonly users: readonly UserStats[];
  /** What the server last told of the audio that it received from the bot, where it did. */
  readonly remote: ReceptionReport | undefined;
  /** Round-trip times in milliseconds, where one was measured. */
  readonly roundTrip: {
    readonly websocket: number | undefined;
    readonly udp: number | undefined;
  };
  /** How late frames were sent, in milliseconds. */
  readonly pacing: PacingStats;
  /** Frames that wait for a user or a key to become known. */
  readonly held: number;
  /** Frames that were held for an unknown user in vain and dropped. */
  readonly expired: number;
  /** Frames of known users that could not be decrypted end to end, by reason. */
  readonly undecryptable: UndecryptableCounters;
  /** Datagrams that the runtime could not send. */
  readonly unsent: number;
  /** Errors that the runtime reported for single datagrams (ICMP). */
  readonly socketErrors: number;
}
