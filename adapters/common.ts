/**
 * What every runtime's entry point offers besides its own `joinVoice`.
 *
 * @module
 */

export {
  type JitterComponent,
  LATENCY_COUNT,
  type RtpComponent,
  type UdpComponent,
  type WebSocketComponent,
} from "./components.ts";
export * from "./connection.ts";
export * from "./gateway_adapter.ts";
export type { Logger } from "./logger.ts";
export {
  type PacingStats,
  type PacketSource,
  type PlayOptions,
  type PlayResult,
  SILENCE_COUNT,
} from "./playback.ts";
export * from "./sources.ts";
export { FRAME_BUFFER_SIZE, type Speaker, SPEAKER_BUFFER_SIZE } from "./speakers.ts";
export * from "./transport.ts";
export {
  LocalProtocolError,
  VoiceConnectError,
  type VoiceConnectErrorCode,
} from "../lib/errors.ts";
export type { VoiceServer } from "../lib/gateway.ts";
export type { SessionEvent } from "../lib/io.ts";
export type { DropReason, MediaCounters } from "../lib/media.ts";
export { SpeakingFlags } from "../lib/speaking.ts";
export { ALL_ENCRYPTION_MODES, ENCRYPTION_MODES, type EncryptionMode } from "../lib/packet.ts";
export type { ReceivedFrame } from "../lib/receiver.ts";
export type { Secret } from "../lib/secret.ts";
export type { PhaseTimeouts } from "../lib/session.ts";
export type { State } from "../lib/state.ts";
export type { StreamStats } from "../lib/streams.ts";
