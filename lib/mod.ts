/**
 * The pure core of Sotto: Discord's voice protocol without I/O. Bind it to any
 * transport: feed what arrives into a `VoiceSession`, do what it puts out.
 *
 * @example A packet of one's own
 * ```ts
 * import { PACKET_OVERHEAD, PacketCipher, pureAead, writeRtpHeader } from "@sotto/voice/core";
 *
 * const cipher = new PacketCipher("aead_aes256_gcm_rtpsize", new Uint8Array(32), pureAead);
 * const opus = Uint8Array.of(0xf8, 0xff, 0xfe);
 * const packet = new Uint8Array(12 + opus.length + PACKET_OVERHEAD);
 * writeRtpHeader(packet, 1, 960, 1234);
 * packet.set(opus, 12);
 * const size = cipher.seal(packet, 12, opus.length); // 35 bytes, ready to send
 * ```
 *
 * @module
 */

export { type Aead, type AeadFactory, type AeadProvider, TAG_SIZE } from "./aead.ts";
export * from "./close_codes.ts";
export type * from "./end_to_end.ts";
export { DAVE_VERSION, MAX_FRAME_OVERHEAD } from "./end_to_end.ts";
export * from "./endpoint.ts";
export * from "./errors.ts";
export * from "./gateway.ts";
export {
  GATEWAY_VERSION,
  GATEWAY_VERSIONS,
  type GatewayVersion,
  type VersionTraits,
  versionTraits,
} from "./gateway_version.ts";
export { Heartbeat } from "./heartbeat.ts";
export * from "./io.ts";
export {
  type DiscoveredAddress,
  DISCOVERY_FORMS,
  type DiscoveryFault,
  type DiscoveryForm,
  discoveryRequest,
  DiscoveryRetry,
  parseDiscoveryResponse,
} from "./ip_discovery.ts";
export { Keepalive, keepalive, type KeepaliveCodec, parseKeepaliveReply } from "./keepalive.ts";
export type { DropReason, MediaCounters } from "./media.ts";
export {
  decodeMessage,
  decodeServerBinary,
  encodeBinary,
  encodeMessage,
  encodeSend,
  type VoiceMessage,
} from "./messages.ts";
export { NonceCounter } from "./nonce.ts";
export * from "./opcodes.ts";
export {
  ALL_ENCRYPTION_MODES,
  chooseMode,
  ENCRYPTION_MODES,
  type EncryptionMode,
  isEncryptionMode,
  KEY_SIZE,
  MAX_PACKET_OVERHEAD,
  type OpenFault,
  PACKET_OVERHEAD,
  PacketCipher,
  packetOverhead,
  SEALING_MODES,
} from "./packet.ts";
export { Participants, type VideoKind } from "./participants.ts";
export { readReceivePayload } from "./payload_readers.ts";
export * from "./payloads.ts";
export { pureAead } from "./pure_aead.ts";
export { RECOVERY_ATTEMPTS, RecoveryBudget, type RetriedAction } from "./recovery.ts";
export {
  OPUS_PAYLOAD_TYPE,
  parseRtpHeader,
  readU32,
  RTP_HEADER_SIZE,
  type RtpFault,
  RtpHeader,
  writeRtpHeader,
  writeU32,
} from "./rtp_header.ts";
export * from "./secret.ts";
export { type Arrival, SequenceTracker } from "./sequence.ts";
export {
  PHASE_TIMEOUTS,
  type PhaseTimeouts,
  type SessionOptions,
  VoiceSession,
} from "./session.ts";
export type { VoiceServerData } from "./signalling.ts";
export * from "./speaking.ts";
export { type Signal, type State, transition, type TransitionRow, TRANSITIONS } from "./state.ts";
export type { ReceptionReport } from "./rtcp_reports.ts";
export { type ArrivalCounters, type HeardUser, Streams, type StreamStats } from "./streams.ts";
