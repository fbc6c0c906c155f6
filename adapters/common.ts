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
export type { DaveComponent } from "./dave_component.ts";
export * from "./gateway_adapter.ts";
export type { Logger } from "./logger.ts";
export type { EncodingOptions } from "./player/encoding.ts";
export type { PacketSource } from "./player/frame_queue.ts";
export {
  AudioPlayer,
  type Playable,
  type PlayerEvents,
  type PlayerOptions,
  type PlayerOutput,
  type PlayerState,
  type PlayOptions,
  type PlayResult,
  SILENCE_COUNT,
} from "./player/player.ts";
export * from "./sources/mod.ts";
export {
  FRAME_BUFFER_SIZE,
  type OrderedPacket,
  type Speaker,
  SPEAKER_BUFFER_SIZE,
} from "./receive/speakers.ts";
export type { OrderOptions, PcmOptions } from "./receive/voice.ts";
export * from "./transport.ts";
export type { PcmFrame, PcmOrigin } from "../lib/audio/pcm.ts";
export type { JitterStats } from "../lib/audio/jitter_buffer.ts";
export type { PlayoutStats } from "../lib/audio/playout.ts";
export type { SpeakingChange } from "../lib/audio/speaking_detector.ts";
export type { UserIdentity } from "../lib/dave/codes.ts";
export type { DaveIgnoreReason } from "../lib/dave/io.ts";
export type { MlsErrorCode } from "../lib/dave/mls/mod.ts";
export type { DaveCounters } from "../lib/dave/session.ts";
export type { DaveState } from "../lib/dave/transitions.ts";
export type { DaveEvent, DaveRecoveryReason, OpenFrameFault } from "../lib/end_to_end.ts";
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
export type { ReceivedFrame } from "../lib/received_frame.ts";
export type { UndecryptableReason } from "../lib/receiver.ts";
export type { Secret } from "../lib/secret.ts";
export type { PhaseTimeouts } from "../lib/session.ts";
export type { State } from "../lib/state.ts";
export type { StreamStats } from "../lib/streams.ts";
