/**
 * Payloads of the voice gateway, in one form for all versions: what differs on the
 * wire (see `gateway_version.ts`) is dealt with by `encodeSend`, `encodeReceive` and
 * the readers. Send is from client to server, receive from server to client, as in
 * Discord's documents. Tokens and keys are secrets: a payload that is printed shows none.
 *
 * @module
 */

import type { VoiceOpcodes } from "./opcodes.ts";
import type { Secret } from "./secret.ts";

/** Payload of Identify (op 0). */
export interface IdentifyPayload {
  /** Guild id; of a private call its channel id. */
  readonly server_id: string;
  /** Channel id; sent from version 9 on, and where DAVE is offered. */
  readonly channel_id?: string;
  /** The client's user id. */
  readonly user_id: string;
  /** Session id of the main gateway's voice state. */
  readonly session_id: string;
  /** Token of the voice server update. */
  readonly token: Secret<string>;
  /** Highest DAVE version that the client speaks; 0 or absent is none. */
  readonly max_dave_protocol_version?: number;
  /** Whether the client may send video. */
  readonly video?: boolean;
  /** Streams of video that the client may send. */
  readonly streams?: readonly StreamPayload[];
}

/** Payload of Select Protocol (op 1). */
export interface SelectProtocolPayload {
  /** `udp` or `webrtc`. */
  readonly protocol: string;
  /** With `udp` the client's own address and its choice of mode, else a fragment of SDP. */
  readonly data?: UdpSelection | string;
  /** With `webrtc`: the same fragment again. */
  readonly sdp?: string;
  /** Codecs of the client; without them Opus is 120 and there is no video. */
  readonly codecs?: readonly CodecPayload[];
  /** A UUID that names the attempt in the client's own reports. */
  readonly rtc_connection_id?: string;
  /** Names of experiments. */
  readonly experiments?: readonly string[];
}

/** What Select Protocol says for `udp`. */
export interface UdpSelection {
  /** IP address, as IP discovery found it. */
  readonly address: string;
  /** UDP port, as IP discovery found it. */
  readonly port: number;
  /** Encryption mode. */
  readonly mode: string;
}

/** A codec in Select Protocol and Session Update. */
export interface CodecPayload {
  /** For example `opus` or `H264`. */
  readonly name: string;
  /** `audio` or `video`. */
  readonly type?: string;
  /** Lower is preferred. */
  readonly priority?: number;
  /** RTP payload type. */
  readonly payload_type?: number;
  /** RTP payload type of retransmissions. */
  readonly rtx_payload_type?: number | null;
  /** Whether the client can encode it. */
  readonly encode?: boolean;
  /** Whether the client can decode it. */
  readonly decode?: boolean;
}

/** A stream of video in Identify, Ready and Video. */
export interface StreamPayload {
  /** `video`, `screen` or `test`. */
  readonly type?: string;
  /** Name of the layer, for example `100`. */
  readonly rid?: string;
  /** 0 to 100. */
  readonly quality?: number;
  /** Whether it is sent. */
  readonly active?: boolean;
  /** SSRC of the stream. */
  readonly ssrc?: number;
  /** SSRC of its retransmissions. */
  readonly rtx_ssrc?: number;
  /** Bits in a second. */
  readonly max_bitrate?: number;
  /** Frames in a second. */
  readonly max_framerate?: number;
  /** `type` (`fixed` or `source`), `width` and `height`. */
  readonly max_resolution?: Readonly<Record<string, unknown>>;
}

/** Payload of Ready (op 2). */
export interface ReadyPayload {
  /** The client's SSRC. */
  readonly ssrc: number;
  /** IP address of the UDP server; absent before 2018, when it was the endpoint's. */
  readonly ip?: string;
  /** Port of the UDP server. */
  readonly port: number;
  /** Encryption modes that the server offers. */
  readonly modes: readonly string[];
  /** Below version 4 only, and not to be relied on: Hello's interval counts. */
  readonly heartbeat_interval?: number;
  /** Names of experiments. */
  readonly experiments?: readonly string[];
  /** SSRCs for the client's video. */
  readonly streams?: readonly StreamPayload[];
}

/** Payload of Heartbeat (op 3) from a client. */
export interface HeartbeatPayload {
  /** Nonce: an integer, or the server closes with 4020. */
  readonly t: number;
  /** Last sequence number received; absent where none was. Sent from version 8 on. */
  readonly seq_ack?: number;
}

/** Payload of Session Description (op 4) for `udp`; that for `webrtc` has an SDP and is not read. */
export interface SessionDescriptionPayload {
  /** The encryption mode that was selected. */
  readonly mode: string;
  /** `KEY_SIZE` bytes. */
  readonly secret_key: Secret<Uint8Array>;
  /** DAVE version of the call; 0 or absent is none. */
  readonly dave_protocol_version?: number;
  /** The same under an older name. */
  readonly secure_frames_version?: number;
  /** For example `opus`. */
  readonly audio_codec?: string;
  /** For example `H264`. */
  readonly video_codec?: string;
  /** Names the session in Discord's own reports. */
  readonly media_session_id?: string;
  /** Milliseconds between key frames of video. */
  readonly keyframe_interval?: number;
}

/** Payload of Speaking (op 5) from a client. */
export interface SpeakingSendPayload {
  /** `SpeakingFlags`; below version 4 only whether there are any. */
  readonly speaking: number;
  /** 0 for bots. */
  readonly delay?: number;
  /** The client's SSRC. */
  readonly ssrc?: number;
}

/** Payload of Speaking (op 5) from a server. */
export interface SpeakingPayload {
  /** Who speaks. */
  readonly user_id: string;
  /** With which SSRC. */
  readonly ssrc: number;
  /** `SpeakingFlags`. */
  readonly speaking: number;
}

/** Payload of Heartbeat ACK (op 6). */
export interface HeartbeatAckPayload {
  /** Nonce of the heartbeat. */
  readonly t: number;
}

/** Payload of Resume (op 7). */
export interface ResumePayload {
  /** Guild id; of a private call its channel id. */
  readonly server_id: string;
  /** Channel id; sent from version 9 on. */
  readonly channel_id?: string;
  /** Session id of the main gateway's voice state. */
  readonly session_id: string;
  /** Token of the voice server update. */
  readonly token: Secret<string>;
  /** Last sequence number received; absent where none was. Sent from version 8 on. */
  readonly seq_ack?: number;
}

/** Payload of Hello (op 8). */
export interface HelloPayload {
  /** The version that the server speaks, where it says so. */
  readonly v?: number;
  /** Milliseconds between heartbeats; may be a fraction. */
  readonly heartbeat_interval: number;
}

/** Payload of Clients Connect (op 11). */
export interface ClientsConnectPayload {
  /** Users who are in the channel. */
  readonly user_ids: readonly string[];
}

/** Payload of Video (op 12) from a client; SSRCs of 0 are off. */
export interface VideoSendPayload {
  /** SSRC of the client's voice. */
  readonly audio_ssrc: number;
  /** SSRC of the client's video. */
  readonly video_ssrc: number;
  /** SSRC of the video's retransmissions. */
  readonly rtx_ssrc?: number;
  /** The layers of the video. */
  readonly streams?: readonly StreamPayload[];
}

/** Payload of Video (op 12) from a server; SSRCs of 0 are off. */
export interface VideoPayload {
  /** Whose streams. */
  readonly user_id: string;
  /** SSRC of the user's voice. */
  readonly audio_ssrc: number;
  /** SSRC of the user's video. */
  readonly video_ssrc?: number;
  /** The layers of the video. */
  readonly streams?: readonly StreamPayload[];
}

/** Payload of Client Disconnect (op 13). */
export interface ClientDisconnectPayload {
  /** Who has left. */
  readonly user_id: string;
}

/** Payload of Session Update (op 14) from a client. */
export interface SessionUpdateSendPayload {
  /** Codecs of the client. */
  readonly codecs: readonly CodecPayload[];
}

/** Payload of Session Update (op 14) from a server. */
export interface SessionUpdatePayload {
  /** For example `opus`. */
  readonly audio_codec?: string;
  /** For example `H264`. */
  readonly video_codec?: string;
  /** Names the session in Discord's own reports. */
  readonly media_session_id?: string;
  /** Milliseconds between key frames. */
  readonly keyframe_interval?: number;
}

/** Payload of Media Sink Wants (op 15): qualities of 0 to 100 by SSRC, and for `any`. */
export type MediaSinkWantsPayload = Readonly<Record<string, unknown>>;

/** Payload of Voice Backend Version (op 16) from a server. */
export interface VoiceBackendVersionPayload {
  /** Version of the voice server. */
  readonly voice?: string;
  /** Version of its media worker. */
  readonly rtc_worker?: string;
}

/** Payload of Client Flags (op 18). */
export interface ClientFlagsPayload {
  /** Whose flags. */
  readonly user_id: string;
  /** 1 clips, 2 allows recording, 4 any viewer clips; `null` for bots. */
  readonly flags?: number | null;
}

/** Payload of Client Platform (op 20). */
export interface ClientPlatformPayload {
  /** Whose platform. */
  readonly user_id: string;
  /** 0 desktop, 1 mobile, 2 Xbox, 3 PlayStation; `null` for bots. */
  readonly platform?: number | null;
}

/** Payload of DAVE Prepare Transition (op 21). */
export interface DavePrepareTransitionPayload {
  /** DAVE version after the change. */
  readonly protocol_version: number;
  /** Which change; 0 takes place at once. */
  readonly transition_id: number;
}

/** Payload of DAVE Execute Transition, Transition Ready and Invalid Commit Welcome (op 22, 23, 31). */
export interface DaveTransitionPayload {
  /** Which change. */
  readonly transition_id: number;
}

/** Payload of DAVE Prepare Epoch (op 24). */
export interface DavePrepareEpochPayload {
  /** DAVE version of the epoch. */
  readonly protocol_version: number;
  /** 1 where a new MLS group is made. */
  readonly epoch: number;
}

/** Payloads of a client's messages by opcode; those of binary ones are views of the frame. */
export interface SendPayloads {
  /** Op 0. */
  [VoiceOpcodes.Identify]: IdentifyPayload;
  /** Op 1. */
  [VoiceOpcodes.SelectProtocol]: SelectProtocolPayload;
  /** Op 3. */
  [VoiceOpcodes.Heartbeat]: HeartbeatPayload;
  /** Op 5. */
  [VoiceOpcodes.Speaking]: SpeakingSendPayload;
  /** Op 7. */
  [VoiceOpcodes.Resume]: ResumePayload;
  /** Op 10. */
  [VoiceOpcodes.Signal]: unknown;
  /** Op 12. */
  [VoiceOpcodes.Video]: VideoSendPayload;
  /** Op 14. */
  [VoiceOpcodes.SessionUpdate]: SessionUpdateSendPayload;
  /** Op 15. */
  [VoiceOpcodes.MediaSinkWants]: MediaSinkWantsPayload;
  /** Op 16. */
  [VoiceOpcodes.VoiceBackendVersion]: unknown;
  /** Op 23. */
  [VoiceOpcodes.DaveTransitionReady]: DaveTransitionPayload;
  /** Op 26. */
  [VoiceOpcodes.DaveMlsKeyPackage]: Uint8Array;
  /** Op 28. */
  [VoiceOpcodes.DaveMlsCommitWelcome]: Uint8Array;
  /** Op 31. */
  [VoiceOpcodes.DaveMlsInvalidCommitWelcome]: DaveTransitionPayload;
  /** Op 32. */
  [VoiceOpcodes.NoRoute]: unknown;
}

/** Payloads of a server's messages by opcode; those of binary ones are views of the frame. */
export interface ReceivePayloads {
  /** Op 2. */
  [VoiceOpcodes.Ready]: ReadyPayload;
  /** Op 3. */
  [VoiceOpcodes.Heartbeat]: unknown;
  /** Op 4. */
  [VoiceOpcodes.SessionDescription]: SessionDescriptionPayload;
  /** Op 5. */
  [VoiceOpcodes.Speaking]: SpeakingPayload;
  /** Op 6. */
  [VoiceOpcodes.HeartbeatAck]: HeartbeatAckPayload;
  /** Op 8. */
  [VoiceOpcodes.Hello]: HelloPayload;
  /** Op 9. */
  [VoiceOpcodes.Resumed]: unknown;
  /** Op 10. */
  [VoiceOpcodes.Signal]: unknown;
  /** Op 11. */
  [VoiceOpcodes.ClientsConnect]: ClientsConnectPayload;
  /** Op 12. */
  [VoiceOpcodes.Video]: VideoPayload;
  /** Op 13. */
  [VoiceOpcodes.ClientDisconnect]: ClientDisconnectPayload;
  /** Op 14. */
  [VoiceOpcodes.SessionUpdate]: SessionUpdatePayload;
  /** Op 15. */
  [VoiceOpcodes.MediaSinkWants]: MediaSinkWantsPayload;
  /** Op 16. */
  [VoiceOpcodes.VoiceBackendVersion]: VoiceBackendVersionPayload;
  /** Op 17. */
  [VoiceOpcodes.ChannelOptionsUpdate]: unknown;
  /** Op 18. */
  [VoiceOpcodes.ClientFlags]: ClientFlagsPayload;
  /** Op 19. */
  [VoiceOpcodes.SpeedTest]: unknown;
  /** Op 20. */
  [VoiceOpcodes.ClientPlatform]: ClientPlatformPayload;
  /** Op 21. */
  [VoiceOpcodes.DavePrepareTransition]: DavePrepareTransitionPayload;
  /** Op 22. */
  [VoiceOpcodes.DaveExecuteTransition]: DaveTransitionPayload;
  /** Op 24. */
  [VoiceOpcodes.DavePrepareEpoch]: DavePrepareEpochPayload;
  /** Op 25. */
  [VoiceOpcodes.DaveMlsExternalSender]: Uint8Array;
  /** Op 27. */
  [VoiceOpcodes.DaveMlsProposals]: Uint8Array;
  /** Op 29. */
  [VoiceOpcodes.DaveMlsAnnounceCommitTransition]: Uint8Array;
  /** Op 30. */
  [VoiceOpcodes.DaveMlsWelcome]: Uint8Array;
}

/** A message of a client. */
export type VoiceSendPayload = {
  [Op in keyof SendPayloads]: { readonly op: Op; readonly d: SendPayloads[Op] };
}[keyof SendPayloads];

/** A message of a server, with its sequence number where it has one. */
export type VoiceReceivePayload = {
  [Op in keyof ReceivePayloads]: {
    readonly op: Op;
    readonly d: ReceivePayloads[Op];
    readonly seq?: number;
  };
}[keyof ReceivePayloads];
