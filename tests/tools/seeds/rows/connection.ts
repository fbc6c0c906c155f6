/**
 * Seed 001: where the names of the Luau class `Connection` are here.
 *
 * @module
 */

import { absent, here, type Row } from "../model.ts";

/** The rows, in the order of the document. */
export const CONNECTION_ROWS: readonly Row[] = [
  here("Connection", "VoiceConnection"),
  here("Connection.webSocket", "VoiceConnection.webSocket"),
  here("WebSocketTransport", "WebSocketComponent", "to look at; the connection itself acts"),
  here("WebSocket heartbeating", "Heartbeat of ./core"),
  here("Connection.udp", "VoiceConnection.udp"),
  here("UdpTransport", "UdpComponent", "to look at; the connection itself acts"),
  here("UDP keepalive", ["Keepalive of ./core", "UdpComponent.roundTrip"]),
  here("Connection.rtp", "VoiceConnection.rtp"),
  here("RtpCrypto", "RtpComponent", "the key is not shown"),
  here("RTP encryption", "PacketCipher of ./core"),
  here("RTP {sequence, timestamp, nonce} counter", "RtpComponent.{sequence, timestamp, nonce}"),
  here("Connection.dave", "VoiceConnection.dave"),
  here("DaveManager", "DaveComponent", "to look at; the connection itself acts"),
  here("DAVE MLS session", ["DaveSession of ./dave", "MlsMember of ./dave"]),
  here("DAVE per-user key rotation", "FrameOpener of ./dave"),
  here(
    "Connection.jitters",
    "VoiceConnection.jitters",
    "a map by SSRC; what each user says is in `speakers`",
  ),
  here(
    "voiceJitter.Jitter",
    "JitterComponent",
    "counts what was lost, late and doubled; frames are handed out as they come",
  ),
  here("Connection.shard", "VoiceConnection.shard"),
  here("Shard", "DiscordGatewayAdapterImplementerMethods", "any gateway library can be behind it"),
  here(
    "Connection.{guildId, channelId, userId, sessionId, endpoint}",
    "VoiceConnection.{guildId, channelId, userId, sessionId, endpoint}",
  ),
  here("Connection.token", "VoiceConnection.token"),
  here("Secret<string>", "Secret of ./core", "has no text form; `reveal` gives the value"),
  here("opcode dispatch", "VoiceSession.handleInput of ./core"),
  here("Identify", "VoiceOpcodes.Identify of ./core"),
  here("Resume", "VoiceOpcodes.Resume of ./core"),
  here("SelectProtocol", "VoiceOpcodes.SelectProtocol of ./core"),
  here("Speaking", "VoiceOpcodes.Speaking of ./core"),
  here("Emitter", "VoiceConnection.on", "returns the function that ends the listening"),
  here("onConnected", 'VoiceConnection.on("connected")'),
  here("onDisconnected", 'VoiceConnection.on("disconnected")'),
  here("onDisconnected.{number?, boolean?}", 'VoiceConnection.on("disconnected").{code, bySelf}'),
  here("onReady", 'VoiceConnection.on("ready")'),
  here("onSpeaking", 'VoiceConnection.on("speaking")'),
  here("onHeartbeat", 'VoiceConnection.on("heartbeat")'),
  here("onHeartbeat.number?", 'VoiceConnection.on("heartbeat").roundTrip', "in milliseconds"),
  here("onRawMessage", 'VoiceConnection.on("rawMessage")'),
  here(
    ["Payload", "onRawMessage.unknown"],
    'VoiceConnection.on("rawMessage").data',
    "the message as it came, a string or bytes, its key redacted; `./core` reads it",
  ),
  here("onClientConnect", 'VoiceConnection.on("clientConnect")'),
  here("onClientConnect.userId", 'VoiceConnection.on("clientConnect").userId'),
  here("onDaveEpochTransition", 'VoiceConnection.on("daveEpochTransition")'),
  here("onDaveEpochTransition.number", 'VoiceConnection.on("daveEpochTransition").epoch'),
  here("onClientDisconnect", 'VoiceConnection.on("clientDisconnect")'),
  here("onClientDisconnect.userId", 'VoiceConnection.on("clientDisconnect").userId'),
  here(
    "onRawAudioFrame",
    'VoiceConnection.on("rawAudioFrame")',
    "all encryption is taken off; in an encrypted call of known users only",
  ),
  here(
    "onRawAudioFrame.{userId, ssrc, frame}",
    'VoiceConnection.on("rawAudioFrame").{userId, ssrc, frame}',
  ),
  here("12-byte RTP header", ["RTP_HEADER_SIZE of ./core", "parseRtpHeader of ./core"]),
  here(
    "onAudioFrame",
    'VoiceConnection.on("audioFrame")',
    "decoded, in order and in time; what is lost is made up",
  ),
  here(
    "onAudioFrame.{userId, ssrc, frame}",
    'VoiceConnection.on("audioFrame").{userId, ssrc, samples}',
    "interleaved 16-bit samples",
  ),
  here("Opus decoding", "OpusCodec.decode of ./opus", "called by the reader of the frames"),
  here("Connection.logger", "JoinVoiceOptions.logger", "given with the options of `joinVoice`"),
  here("Logger", "Logger"),
  here(
    "Connection:sendAsync(data)",
    "VoiceConnection.send",
    "a string is a text frame, bytes are a binary one; waits for nothing",
  ),
  absent("buffer", "a type of Luau; bytes are `Uint8Array` here"),
  here(
    "Connection:connectAsync",
    "VoiceConnection.connect",
    "`joinVoice` opens the first one; this makes the next attempt of a recovery at once",
  ),
  here(
    "Connection:forceClose(code)",
    "VoiceConnection.forceClose",
    "listed twice in the document; here WebSocket and everything else end in the same call",
  ),
  here(
    "Connection:reconnectAsync",
    "VoiceConnection.reconnect",
    "a second call throws while one is not done",
  ),
  here("Connection:requestVoiceAsync", "VoiceConnection.requestVoice"),
  here("VOICE_STATE_UPDATE", "VoiceStatePayload", "op 4 of the main gateway"),
  here("Connection:setSpeakingAsync(speakingFlags)", "VoiceConnection.setSpeaking"),
  here("Microphone", "SpeakingFlags.Microphone"),
  here("Soundshare", "SpeakingFlags.Soundshare"),
  here("Priority", "SpeakingFlags.Priority"),
  here(
    "Connection:sendOpusAsync(audioFrame)",
    "VoiceConnection.sendOpus",
    "sends at once; `play` keeps the time",
  ),
];
