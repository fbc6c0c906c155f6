/**
 * Seed 000: where the names of the Networking API are here.
 *
 * @module
 */

import { absent, here, type Row } from "../model.ts";

/** A name that `./networking` has too, with the same meaning. */
function same(name: string, note?: string): Row {
  return here(name, `${name.replace(/\(.*\)$/, "")} of ./networking`, note);
}

/** The constructor of a class of the same name. */
function constructed(owner: string, parameters: string, note?: string): Row {
  return here(`${owner}.constructor(${parameters})`, `${owner} of ./networking`, note);
}

/** An event of a class of the same name. */
function event(owner: string, name: string, parameters = ""): Row {
  const target = `${owner}.on("${name}") of ./networking`;
  return here(`${owner} "${name}"${parameters === "" ? "" : `(${parameters})`}`, target);
}

/** The rows, in the order of the document. */
export const NETWORKING_ROWS: readonly Row[] = [
  here("@discordjs/voice", "./networking"),
  same("Networking"),
  here("VoiceConnection", "VoiceConnection", "what `joinVoice` gives; it is made of other parts"),
  same("Networking.state"),
  constructed("Networking", "connectionOptions, options"),
  same("Networking.destroy"),
  same("Networking.prepareAudioPacket(opusPacket)"),
  same("Networking.dispatchAudio", "sends what `prepareAudioPacket` returned, overridden or not"),
  same("Networking.setSpeaking(speaking)"),
  same("Networking.on"),
  event("Networking", "stateChange", "oldState, newState"),
  event("Networking", "error", "error"),
  event("Networking", "close"),
  same("ConnectionOptions"),
  same("ConnectionOptions.{channelId, endpoint, serverId, sessionId, token, userId}"),
  same("NetworkingOptions"),
  same("NetworkingOptions.debug"),
  same("NetworkingOptions.{daveEncryption, decryptionFailureTolerance}"),
  here("decryptionFailureTolerance 24", "DECRYPTION_FAILURE_TOLERANCE of ./dave"),
  same("NetworkingStatusCode", "a constant object, and a type of the same name"),
  same("NetworkingStatusCode.{OpeningWs, Identifying, UdpHandshaking, SelectingProtocol, Ready}"),
  same("NetworkingStatusCode.{Resuming, Closed}"),
  same("NetworkingState"),
  same("NetworkingOpeningWsState"),
  same("NetworkingOpeningWsState.{code, ws, connectionOptions}"),
  same("NetworkingIdentifyingState"),
  same("NetworkingIdentifyingState.{code, ws, connectionOptions}"),
  same("NetworkingUdpHandshakingState"),
  same("NetworkingUdpHandshakingState.{code, ws, udp, connectionData, connectionOptions}"),
  same("NetworkingSelectingProtocolState"),
  same("NetworkingSelectingProtocolState.{code, ws, udp, connectionData, connectionOptions}"),
  same("NetworkingReadyState"),
  same("NetworkingReadyState.{code, ws, udp, connectionData, connectionOptions, preparedPacket}"),
  same("NetworkingResumingState"),
  same("NetworkingResumingState.{code, ws, udp, connectionData, connectionOptions}"),
  same("NetworkingResumingState.preparedPacket"),
  same("NetworkingReadyState.dave", "absent where it is not offered"),
  same("NetworkingResumingState.dave", "absent where it is not offered"),
  same("DAVESession", "to look at, and to seal and open frames; the core does the handshake"),
  same("NetworkingClosedState"),
  same("NetworkingClosedState.code"),
  same("VoiceWebSocket"),
  same("VoiceWebSocket.{ping, sequence}"),
  constructed("VoiceWebSocket", "address, debug"),
  same("VoiceWebSocket.destroy"),
  same("VoiceWebSocket.onMessage(event)"),
  same("VoiceWebSocket.sendPacket(packet)"),
  same("VoiceWebSocket.sendBinaryMessage(opcode, payload)"),
  same("VoiceWebSocket.setHeartbeatInterval(ms)"),
  here(
    "heartbeat interval -1",
    "VoiceWebSocket.setHeartbeatInterval of ./networking",
    "ends the heartbeats, as in the document",
  ),
  same("VoiceWebSocket.on(event, listener)"),
  event("VoiceWebSocket", "error", "error"),
  event("VoiceWebSocket", "open"),
  event("VoiceWebSocket", "close", "code, reason"),
  event("VoiceWebSocket", "debug", "message"),
  event("VoiceWebSocket", "packet", "packet"),
  event("VoiceWebSocket", "binary", "message"),
  same("BinaryWebSocketMessage"),
  same("BinaryWebSocketMessage.{op, payload, seq}"),
  same("VoiceUDPSocket"),
  same("VoiceUDPSocket.ping"),
  constructed("VoiceUDPSocket", "remote"),
  same("VoiceUDPSocket.send(buffer)", "what is sent before the socket is open waits for it"),
  same("VoiceUDPSocket.destroy"),
  same("VoiceUDPSocket.performIPDiscovery(ssrc)", "a lost datagram is sent again"),
  same("VoiceUDPSocket.on(event, listener)"),
  event("VoiceUDPSocket", "error", "error"),
  event("VoiceUDPSocket", "close"),
  event("VoiceUDPSocket", "debug", "message"),
  event("VoiceUDPSocket", "message", "message"),
  same("SocketConfig"),
  same("SocketConfig.{ip, port}"),
  same("parseLocalPacket(message)", "exported, as the document says"),
  same("ConnectionData"),
  same("ConnectionData.{connectedClients, encryptionMode, nonce, nonceBuffer, packetsPlayed}"),
  same("ConnectionData.{secretKey, sequence, speaking, ssrc, timestamp}"),
  same("SUPPORTED_ENCRYPTION_MODES", "exported, as the document says; best first"),
  same("VoiceEncryptionMode"),
  here(
    "aead_aes256_gcm_rtpsize",
    '"aead_aes256_gcm_rtpsize" in SUPPORTED_ENCRYPTION_MODES of ./networking',
  ),
  same("VoiceOpcodes"),
  same("VoiceOpcodes.{Identify, SelectProtocol, Ready, SessionDescription, Speaking}"),
  same("VoiceSendPayload", "as on the wire: a token is a string; that of `./core` has a `Secret`"),
  same("VoiceReceivePayload", "as on the wire: a key is an array of bytes"),
  here("packet.{op, d}", "VoiceSendPayload.{op, d} of ./networking"),
  here(
    "Identify.{server_id, user_id, session_id, token}",
    "SendPayloads[0].{server_id, user_id, session_id, token} of ./networking",
  ),
  here("SelectProtocol.{protocol, data}", "SendPayloads[1].{protocol, data} of ./networking"),
  here("protocol udp", "UdpSelection of ./networking", "the only protocol that is ever selected"),
  here(
    "SelectProtocol.data.{address, port, mode}",
    "UdpSelection.{address, port, mode} of ./networking",
  ),
  here(
    "EventEmitter",
    "{Networking, VoiceWebSocket, VoiceUDPSocket}.on of ./networking",
    "they extend Node's own; an `error` that nobody hears is not thrown",
  ),
  here(
    "Buffer",
    "Networking.prepareAudioPacket of ./networking",
    "Node's own is what is given; any `Uint8Array` is taken",
  ),
  here("MessageEvent", "VoiceWebSocket.onMessage of ./networking", "the runtime's own type"),
  absent(
    [
      "CustomNetworking",
      "CustomNetworking.constructor(connectionOptions, options)",
      "CustomNetworking.prepareAudioPacket(opusPacket)",
      "CustomNetworking.addCustomHeaders(packet)",
      "CustomNetworking.setupCustomAudioProcessing",
    ],
    "the reader's own class in an example; `Networking` is extended in the same way",
  ),
];
