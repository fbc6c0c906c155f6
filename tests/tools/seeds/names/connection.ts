/**
 * Seed 001: every name of the page of the Luau class `Connection`.
 *
 * @module
 */

import type { SeedNames } from "../model.ts";

/** The names, by kind. */
export const CONNECTION_NAMES: SeedNames = {
  class: ["Connection"],
  property: [
    "Connection.{webSocket, udp, rtp, dave, jitters, shard}",
    "Connection.{guildId, channelId, userId, sessionId, token, endpoint}",
    "Connection.logger",
  ],
  event: [
    "onConnected",
    "onDisconnected",
    "onReady",
    "onSpeaking",
    "onHeartbeat",
    "onRawMessage",
    "onClientConnect",
    "onClientDisconnect",
    "onDaveEpochTransition",
    "onRawAudioFrame",
    "onAudioFrame",
  ],
  field: [
    "onDisconnected.{number?, boolean?}",
    "onHeartbeat.number?",
    "onRawMessage.unknown",
    "onClientConnect.userId",
    "onClientDisconnect.userId",
    "onDaveEpochTransition.number",
    "onRawAudioFrame.{userId, ssrc, frame}",
    "onAudioFrame.{userId, ssrc, frame}",
  ],
  method: [
    "Connection:sendAsync(data)",
    "Connection:connectAsync",
    "Connection:forceClose(code)",
    "Connection:reconnectAsync",
    "Connection:requestVoiceAsync",
    "Connection:setSpeakingAsync(speakingFlags)",
    "Connection:sendOpusAsync(audioFrame)",
  ],
  type: [
    "WebSocketTransport",
    "UdpTransport",
    "RtpCrypto",
    "DaveManager",
    "voiceJitter.Jitter",
    "Shard",
    "Secret<string>",
    "Emitter",
    "Payload",
    "Logger",
    "buffer",
  ],
  opcode: ["Identify", "Resume", "SelectProtocol", "Speaking"],
  message: ["VOICE_STATE_UPDATE"],
  flag: ["Microphone", "Soundshare", "Priority"],
  part: [
    "WebSocket heartbeating",
    "UDP keepalive",
    "RTP encryption",
    "RTP {sequence, timestamp, nonce} counter",
    "12-byte RTP header",
    "opcode dispatch",
    "DAVE MLS session",
    "DAVE per-user key rotation",
    "Opus decoding",
  ],
};
