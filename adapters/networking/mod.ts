/**
 * Direct access to one voice connection: the names and the behaviour of the @discordjs/voice
 * networking layer, on the core of this package. `Networking` does the whole life of a
 * connection; `VoiceWebSocket` and `VoiceUDPSocket` also work alone, for those who do the
 * handshake themselves.
 *
 * Three things are other than there. Secrets can be read, and are not shown: `secretKey`, the
 * token and op 4's `secret_key` are `[redacted]` in every print. All of `connectionData` is
 * read-only, because a nonce that somebody sets back gives the key away. An `error` that nobody
 * hears is not thrown.
 *
 * @example Send audio
 * ```ts
 * import { Buffer } from "node:buffer";
 * import { Networking, NetworkingStatusCode } from "@sotto/voice/networking";
 *
 * const networking = new Networking({
 *   channelId: "123456789012345678",
 *   endpoint: "discord-voice-server.discord.gg",
 *   serverId: "876543210987654321",
 *   sessionId: "session-id-of-the-voice-state",
 *   token: "token-of-the-voice-server",
 *   userId: "100000000000000001",
 * }, { debug: true });
 *
 * networking.on("close", (code) => console.log("closed with", code));
 * networking.on("error", (error) => console.log(error.message));
 * networking.on("stateChange", (_oldState, newState) => {
 *   if (newState.code !== NetworkingStatusCode.Ready) return;
 *   networking.prepareAudioPacket(Buffer.from([0xf8, 0xff, 0xfe]));
 *   networking.dispatchAudio();
 * });
 * ```
 *
 * @module
 */

export type { ConnectionData } from "./connection_data.ts";
export { DAVESession } from "./dave_session.ts";
export { parseLocalPacket, type SocketConfig } from "./local_packet.ts";
export { Networking, type NetworkingEvents } from "./networking.ts";
export type { ConnectionOptions, NetworkingOptions } from "./options.ts";
export type {
  NetworkingClosedState,
  NetworkingIdentifyingState,
  NetworkingOpeningWsState,
  NetworkingReadyState,
  NetworkingResumingState,
  NetworkingSelectingProtocolState,
  NetworkingState,
  NetworkingUdpHandshakingState,
} from "./states.ts";
export { NetworkingStatusCode } from "./status_code.ts";
export { UDP_QUEUE_LIMIT, VoiceUDPSocket, type VoiceUDPSocketEvents } from "./voice_udp_socket.ts";
export {
  VoiceWebSocket,
  type VoiceWebSocketEvents,
  WEBSOCKET_QUEUE_LIMIT,
} from "./voice_websocket.ts";
export type {
  BinaryWebSocketMessage,
  VoiceReceivePayload,
  VoiceSendPayload,
  WirePayload,
} from "./wire.ts";
export type * from "../transport.ts";
export type * from "../../lib/aead.ts";
export {
  LocalProtocolError,
  RemoteProtocolError,
  VoiceConnectError,
  type VoiceConnectErrorCode,
  type VoiceConnectErrorDetails,
} from "../../lib/errors.ts";
export { VoiceOpcodes } from "../../lib/opcodes.ts";
export {
  ENCRYPTION_MODES as SUPPORTED_ENCRYPTION_MODES,
  type EncryptionMode as VoiceEncryptionMode,
} from "../../lib/packet.ts";
export type * from "../../lib/payloads.ts";
export type { Secret } from "../../lib/secret.ts";
export type { PhaseTimeouts } from "../../lib/session.ts";
export type { State, STATES } from "../../lib/state.ts";
